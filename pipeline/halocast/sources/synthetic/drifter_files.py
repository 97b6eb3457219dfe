"""Writes synthetic drifters in the formats of the Global Drifter Program and of OSMC.

Reports tell the drifter's own velocity (ocean, unresolved motion, wind slip) and the ocean's
temperature with the noise of their instruments: 22 m of position, 0.015 m s-1, 0.05 K. Drogues are
in all three states: two fifths attached (no date, or one to come), one in twenty uncertain
(1970-01-01), the others lost. Cost: 2 s for 120 drifters over two days.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.errors import InputError
from halocast.sources.sphere import Box, wrap_longitude
from halocast.sources.synthetic.drifter_motion import STEP, STREAM, Motion, drift
from halocast.sources.synthetic.swot_scene import Ocean

Layout = Literal["csv", "csvp", "netcdf", "ragged", "realtime"]

_SOURCE = "Simulated by halocast from a synthetic ocean; not a measurement"
_FILL = -1e34
_HOUR = np.timedelta64(3600, "s")
_DAY = np.timedelta64(86400, "s")
_UNCERTAIN = np.datetime64("1970-01-01", "ns")
_NEVER = np.datetime64("NaT", "ns")
_METRES_A_DEGREE = 111.2e3
_POSITION_NOISE, _VELOCITY_NOISE, _TEMPERATURE_NOISE = 22.0, 0.015, 0.05


class _Fleet(NamedTuple):
    """Who the drifters are; arrays (drifters,). ``lost`` is what happens, ``told`` what is told."""

    identifier: np.ndarray
    lost: np.ndarray
    told: np.ndarray


def write_drifters(
    directory: str | Path,
    ocean: Ocean,
    box: Box,
    start: np.datetime64,
    stop: np.datetime64,
    *,
    count: int = 120,
    interval_hours: int = 1,
    layout: Layout = "csv",
    seed: int = 0,
    unresolved: float = 0.03,
) -> list[Path]:
    """Write the reports of drifters carried by an ocean.

    Parameters
    ----------
    directory
        Where to write; made if it does not exist.
    ocean
        ``u``, ``v`` (m s-1) and ``t`` (K) are sampled in the box and between the times; NaN is
        land.
    box
        (west, east, south, north) in degrees.
    start, stop
        Reports fall on whole hours (six-hourly ones on 00, 06, 12 and 18 UTC) in [start, stop].
    count
        Drifters in the box at any time; those that leave are replaced.
    interval_hours
        1 or 6, as the two quality-controlled products.
    layout
        ``csv`` and ``csvp`` as ERDDAP answers, ``netcdf`` one file a drifter, ``ragged`` one
        file, ``realtime`` OSMC reports: up to three an hour, some twice, positions rounded to
        0.01 degrees, no velocities.
    unresolved
        Standard deviation of motion the ocean does not have, m s-1.

    Raises
    ------
    InputError
        The interval is not 1 or 6, or no report falls between the times.
    """
    if interval_hours not in (1, 6):
        raise InputError(
            f"no drifter product has an interval of {interval_hours} hours", remedy="use 1 or 6"
        )
    first = -((-start.astype("M8[s]").astype(np.int64)) // 3600) * _HOUR
    times = np.arange(np.datetime64(0, "s") + first, stop.astype("M8[s]") + STEP, STEP)
    times = times[times <= stop].astype("M8[ns]")
    reported = _reported(times, interval_hours, layout)
    if not reported.any():
        raise InputError(f"no drifter reports between {start} and {stop}")
    fleet = _fleet(4 * count, times[0], seed)
    motion = drift(ocean, box, times, fleet.lost, seed, unresolved)
    reports = _reports(ocean, motion, reported, fleet, box, seed)
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    kind = "hourly" if interval_hours == 1 else "6hour"
    if layout == "realtime":
        return [_write_realtime(folder / "OSMC_RealTime_synthetic.csv", reports, seed)]
    if layout == "netcdf":
        return _write_each(folder, reports, fleet, interval_hours)
    if layout == "ragged":
        return [_write_ragged(folder / f"gdp_{kind}_ragged_synthetic.nc", reports, interval_hours)]
    path = folder / f"drifter_{kind}_qc_synthetic.{layout}"
    return [_write_table(path, reports, interval_hours)]


def _reported(times: np.ndarray, interval_hours: int, layout: Layout) -> np.ndarray:
    if layout == "realtime":
        return np.ones(times.size, bool)
    return times.astype(np.int64) % (interval_hours * 3600 * 10**9) == 0


def _fleet(size: int, start: np.datetime64, seed: int) -> _Fleet:
    number = np.arange(size)
    kind, state, when = uniforms(
        Address(seed, STREAM, Purpose.SYNTHETIC_FILES, 3), 3 * size
    ).reshape(3, size)
    identifier = np.where(
        kind < 0.6,
        300234060000000 + 1010 * number,
        np.where(kind < 0.85, 116000 + number, 71000 + number),
    )
    days = (1.0 + 400.0 * when) * (_DAY / np.timedelta64(1, "ns"))
    span = days.astype(np.int64).astype("m8[ns]")
    past, future = _whole_days(start - span), _whole_days(start + span)
    lost = np.where(state < 0.4, future, past)
    told = np.where(state < 0.2, _NEVER, lost)
    told = np.where(state > 0.95, _UNCERTAIN, told)
    return _Fleet(identifier, lost, told)


def _whole_days(time: np.ndarray) -> np.ndarray:
    return time.astype("M8[D]").astype("M8[ns]")


def _reports(
    ocean: Ocean, motion: Motion, reported: np.ndarray, fleet: _Fleet, box: Box, seed: int
) -> pd.DataFrame:
    """One row a report, sorted by drifter and time, in SI units."""
    shape = (int(reported.sum()), motion.lat.shape[1])
    time = np.broadcast_to(motion.time[reported, None], shape).ravel()
    drifter, lat, lon, u, v = (column[reported].ravel() for column in motion[1:])
    west, east, south, north = box
    inside = (lat > south) & (lat < north) & (lon > west) & (lon < east)
    noise = normals(Address(seed, STREAM, Purpose.SYNTHETIC_FILES, 4), 6 * time.size)
    noise = noise.reshape(6, time.size)
    t = np.full(time.size, np.nan)
    t[inside] = ocean.sample("t", time[inside], lat[inside], lon[inside])
    north_noise = _POSITION_NOISE * noise[0] / _METRES_A_DEGREE
    east_noise = _POSITION_NOISE * noise[1] / (_METRES_A_DEGREE * np.cos(np.radians(lat)))
    told = fleet.told[drifter]
    table = pd.DataFrame(
        {
            "ID": fleet.identifier[drifter],
            "time": time,
            "latitude": lat + north_noise,
            "longitude": wrap_longitude(lon + east_noise),
            "ve": u + _VELOCITY_NOISE * noise[2],
            "vn": v + _VELOCITY_NOISE * noise[3],
            "sst": t + _TEMPERATURE_NOISE * noise[4],
            "gap": np.round(np.exp(np.log(200.0) + 0.5 * noise[5])),
            "drogue_lost_date": told,
            "attached": np.isnat(told) | (time < told),
        }
    )
    # a slot none is left to fill keeps its last drifter outside the box
    usable = inside & np.isfinite(u) & np.isfinite(v)
    return table[usable].sort_values(["ID", "time"], ignore_index=True)


def _write_table(path: Path, reports: pd.DataFrame, interval_hours: int) -> Path:
    hourly = interval_hours == 1
    columns: dict[str, tuple[str, list[str]]] = {
        "ID": ("", [str(i) for i in reports["ID"]]),
        "time": ("UTC", _iso(reports["time"])),
        "latitude": ("degrees_north", _decimals(reports["latitude"], 5)),
        "longitude": ("degrees_east", _decimals(reports["longitude"], 5)),
        "ve": ("m/s", _decimals(reports["ve"], 4)),
        "vn": ("m/s", _decimals(reports["vn"], 4)),
    }
    size = len(reports)
    if hourly:
        columns["gap"] = ("seconds", _decimals(reports["gap"], 1))
        columns["err_ve"] = ("m/s", _decimals(np.full(size, 1.96 * _VELOCITY_NOISE), 4))
        columns["err_vn"] = columns["err_ve"]
        columns["sst"] = ("Kelvin", _decimals(reports["sst"], 3))
    else:
        columns["err_lat"] = ("km", _decimals(np.full(size, 1e-3 * _POSITION_NOISE), 4))
        columns["err_lon"] = columns["err_lat"]
        columns["sst"] = ("degree_C", _decimals(reports["sst"] - 273.15, 3))
    columns["drogue_lost_date"] = ("UTC", _iso(reports["drogue_lost_date"]))
    columns["typebuoy"] = ("", ["SVP"] * size)
    return _write_erddap(path, columns)


def _write_realtime(path: Path, reports: pd.DataFrame, seed: int) -> Path:
    """OSMC reports: up to three an hour at quarter hours, every tenth told twice."""
    chance = uniforms(Address(seed, STREAM, Purpose.SYNTHETIC_FILES, 5), 2 * len(reports))
    chance = chance.reshape(2, len(reports))
    heard = reports[chance[0] < 0.4]
    again = heard[chance[1][chance[0] < 0.4] < 0.1]
    told = pd.concat([heard, again]).sort_values(["ID", "time"], kind="stable")
    codes = {identifier: 4400500 + i for i, identifier in enumerate(sorted(set(told["ID"])))}
    columns = {
        "platform_code": ("", [str(codes[i]) for i in told["ID"]]),
        "platform_type": ("", ["DRIFTING BUOYS (GENERIC)"] * len(told)),
        "time": ("UTC", _iso(told["time"])),
        "latitude": ("degrees_north", _decimals(told["latitude"], 2)),
        "longitude": ("degrees_east", _decimals(told["longitude"], 2)),
        "sst": ("degree_C", _decimals(told["sst"] - 273.15, 1)),
    }
    return _write_erddap(path, columns)


def _write_erddap(path: Path, columns: dict[str, tuple[str, list[str]]]) -> Path:
    """Write a table as ERDDAP does, grouped by the identifier's text; .csvp has units in names."""
    texts = [values for _, values in columns.values()]
    identifiers, times = texts[0], columns["time"][1]
    order = sorted(range(len(times)), key=lambda i: (identifiers[i], times[i]))
    units = [unit for unit, _ in columns.values()]
    if path.suffix == ".csvp":
        head = [",".join(f"{n} ({u})" if u else n for n, u in zip(columns, units))]
    else:
        head = [",".join(columns), ",".join(units)]
    lines = [",".join(row) for row in zip(*texts)]
    path.write_text("\n".join(head + [lines[i] for i in order]) + "\n", encoding="utf-8")
    return path


def _write_each(
    folder: Path, reports: pd.DataFrame, fleet: _Fleet, interval_hours: int
) -> list[Path]:
    kind = "hourly" if interval_hours == 1 else "6h"
    paths = []
    for identifier, told in reports.groupby("ID"):
        columns = _netcdf_columns(told, interval_hours)
        ds = xr.Dataset(
            {name: (("traj", "obs"), _filled(values)[None, :], attrs)
             for name, (values, attrs) in columns.items()},
            attrs={"source": _SOURCE, "title": f"drifter {identifier}"},
        )  # fmt: skip
        text = np.array([str(identifier)], "S15").view("S1").reshape(1, 15)
        ds["ID"] = (("traj", "id_strlen"), text)
        lost = _seconds(told["drogue_lost_date"].iloc[:1].to_numpy())
        ds["drogue_lost_date"] = (("traj",), _filled(lost), _time_attrs("drogue loss date"))
        paths.append(folder / f"drifter_{kind}_{identifier}.nc")
        ds.to_netcdf(paths[-1], engine="h5netcdf")
    return paths


def _write_ragged(path: Path, reports: pd.DataFrame, interval_hours: int) -> Path:
    starts = np.flatnonzero(np.diff(reports["ID"], prepend=-1))
    columns = _netcdf_columns(reports, interval_hours)
    names = {"latitude": "lat", "longitude": "lon"}
    ds = xr.Dataset(
        {names.get(name, name): (("obs",), _filled(values), attrs)
         for name, (values, attrs) in columns.items()},
        attrs={"source": _SOURCE, "title": "drifters, ragged array"},
    )  # fmt: skip
    ds["rowsize"] = (("traj",), np.diff(starts, append=len(reports)).astype(np.int64))
    ds["ID"] = (("traj",), reports["ID"].to_numpy(np.int64)[starts])
    lost = _seconds(reports["drogue_lost_date"].to_numpy()[starts])
    ds["drogue_lost_date"] = (("traj",), _filled(lost), _time_attrs("drogue loss date"))
    ds["drogue_status"] = (("obs",), reports["attached"].to_numpy(np.int8))
    ds.to_netcdf(path, engine="h5netcdf")
    return path


def _netcdf_columns(
    reports: pd.DataFrame, interval_hours: int
) -> dict[str, tuple[np.ndarray, dict[str, object]]]:
    """What both netCDF layouts hold of each report; temperature in kelvin, errors in km."""
    speed = {"units": "m/s", "_FillValue": _FILL}
    kilometres = {"units": "km", "_FillValue": _FILL}
    size = len(reports)
    columns: dict[str, tuple[np.ndarray, dict[str, object]]] = {
        "time": (_seconds(reports["time"].to_numpy()), _time_attrs("time")),
        "latitude": (reports["latitude"].to_numpy(), {"units": "degrees_north"}),
        "longitude": (reports["longitude"].to_numpy(), {"units": "degrees_east"}),
        "ve": (reports["ve"].to_numpy(), dict(speed)),
        "vn": (reports["vn"].to_numpy(), dict(speed)),
        "err_lat": (np.full(size, 1e-3 * _POSITION_NOISE), dict(kilometres)),
        "err_lon": (np.full(size, 1e-3 * _POSITION_NOISE), dict(kilometres)),
    }
    name = "sst" if interval_hours == 1 else "temp"
    columns[name] = (reports["sst"].to_numpy(), {"units": "Kelvin", "_FillValue": _FILL})
    if interval_hours == 1:
        columns["gap"] = (reports["gap"].to_numpy(), {"units": "seconds", "_FillValue": _FILL})
    return columns


def _time_attrs(name: str) -> dict[str, object]:
    return {"long_name": name, "units": "seconds since 1970-01-01 00:00:00", "_FillValue": _FILL}


def _seconds(time: np.ndarray) -> np.ndarray:
    missing = np.isnat(time)
    seconds = (time.astype("M8[ns]") - _UNCERTAIN) / np.timedelta64(1, "s")
    return np.where(missing, np.nan, seconds)


def _filled(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), _FILL, values)


def _iso(times: pd.Series) -> list[str]:
    stamps = np.datetime_as_string(times.to_numpy("M8[s]"), unit="s")
    return ["" if stamp == "NaT" else f"{stamp}Z" for stamp in stamps]


def _decimals(values: np.ndarray | pd.Series, places: int) -> list[str]:
    """Numbers as Java prints them, which ERDDAP is written in: 0.25, 4.0E-4, NaN."""
    return [_java(round(float(v), places)) for v in np.asarray(values)]


def _java(value: float) -> str:
    if value != value:
        return "NaN"
    if value == 0.0 or 1e-3 <= abs(value) < 1e7:
        return repr(value + 0.0)
    digits, exponent = np.format_float_scientific(value, trim="0").split("e")
    return f"{digits}E{int(exponent)}"
