"""HYCOM files as the servers give them: packing, axes, gaps and all, showing a synthetic ocean.

The axes are those of the products (GLBy: 0.08° by 0.04°; GLBv: 0.08° within 40° of the equator),
with their float32 noise; a stride thins them and leaves the values as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr

from halocast.draws import Address, Purpose, uniforms
from halocast.errors import InputError
from halocast.sources.regrid import interpolate
from halocast.sources.sphere import Box
from halocast.sources.synthetic.ocean import Ocean
from halocast.sources.times import Time, as_time

Family = Literal["GLBv0.08", "GLBy0.08", "ESPC-D-V02"]
Layout = Literal["hindcast", "subset", "variables"]

DEPTHS = np.array(
    [0, 2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100, 125, 150, 200,
     250, 300, 350, 400, 500, 600, 700, 800, 900, 1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000.0]
)  # fmt: skip

_STREAM = 1_000_001  # the "cycle" of this module's addresses
_FILL = np.int16(-30000)
_SCALE = np.float32(0.001)
_STEP = np.timedelta64(3 * 3600, "s")
_REFERENCE = np.datetime64("2000-01-01T00:00:00", "s")
_THERMOCLINE = 700.0  # metres over which currents and warmth fall by e, where levels are written

# name: (variable of the ocean, standard name, long name, units, NAVO code, offset)
_VARIABLES: dict[str, tuple[str, str, str, str, int, float]] = {
    "surf_el": ("ssh", "sea_surface_elevation", "Water Surface Elevation", "m", 32, 0.0),
    "water_u": ("u", "eastward_sea_water_velocity", "Eastward Water Velocity", "m/s", 17, 0.0),
    "water_v": ("v", "northward_sea_water_velocity", "Northward Water Velocity", "m/s", 18, 0.0),
    "water_temp": ("t", "sea_water_temperature", "Water Temperature", "degC", 15, 20.0),
}
_PARTS = {"ssh": ("surf_el",), "uv3z": ("water_u", "water_v"), "ts3z": ("water_temp",)}
_DATASETS = {"ssh": "surf_el", "u3z": "water_u", "v3z": "water_v", "t3z": "water_temp"}


def write_hycom(
    directory: str | Path,
    ocean: Ocean,
    start: Time,
    stop: Time,
    *,
    box: Box = (-60.0, -20.0, 10.0, 45.0),
    seed: int = 0,
    family: Family = "GLBy0.08",
    layout: Layout = "hindcast",
    stride: tuple[int, int] = (1, 1),
    missing: int = 0,
    levels: int = 1,
    bathymetry: xr.Dataset | None = None,
) -> list[Path]:
    """Write a 3-hourly HYCOM analysis of an ocean over a box and a period.

    Parameters
    ----------
    directory
        Where the files go; made if it is not there.
    ocean
        What they show; where it gives NaN, the files have their fill value.
    start, stop
        The period; the 3-hourly steps that bracket it are written.
    box
        (west, east, south, north) in degrees; one point beyond each side comes along.
    seed
        Chooses the steps that are missing.
    family
        Which axes and names.
    layout
        ``"hindcast"``: netCDF-4, a file for each step and part (ssh, uv3z, ts3z); ``"subset"``: one
        netCDF-3 file with everything, as NCSS gives; ``"variables"``: a netCDF-4 file for each
        variable, as ESPC gives.
    stride
        Take every n-th point in latitude and longitude.
    missing
        How many of the inner steps are left out.
    levels
        How many of the 40 depths.
    bathymetry
        ``elevation(lat, lon)`` in metres: points at or above 0 are filled.

    Returns
    -------
    The files written.
    """
    lat, lon = product_axes(family, box, stride)
    times = _times(as_time(start), as_time(stop), seed, missing)
    land = _land(bathymetry, lat, lon)
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)

    def dataset(names: Sequence[str], chosen: np.ndarray, shown: list) -> xr.Dataset:
        return _dataset(shown, names, chosen, lat, lon, DEPTHS[:levels], land, family)

    if layout == "hindcast":
        paths = []
        for time in times:
            shown = [ocean.surface(time, lat[:, None], lon)]
            for part, names in _PARTS.items():
                path = folder / _hindcast_name(time, part, family)
                paths.append(_write(dataset(names, np.array([time]), shown), path))
        return paths
    shown = [ocean.surface(time, lat[:, None], lon) for time in times]
    period = f"{_stamp(times[0])}_{_stamp(times[-1])}"
    if layout == "subset":
        path = folder / f"{family}_expt_93.0_{period}.nc"
        dataset(list(_VARIABLES), times, shown).to_netcdf(path, engine="scipy")
        return [path]
    return [
        _write(dataset([name], times, shown), folder / f"{family}_{part}_{period}.nc")
        for part, name in _DATASETS.items()
    ]


def product_axes(
    family: Family, box: Box, stride: tuple[int, int] = (1, 1)
) -> tuple[np.ndarray, np.ndarray]:
    """Return the product's latitudes and longitudes (0…360) over a box, one point beyond it."""
    if family == "GLBv0.08":
        lat = np.concatenate(
            [
                -80 + 0.04 * np.arange(1000),
                -40 + 0.08 * np.arange(1000),
                40 + 0.04 * np.arange(1251),
            ]
        )
    else:
        lat = -80 + 0.04 * np.arange(4251)
    lon = 0.08 * np.arange(4500)
    west, east, south, north = box
    east = west % 360.0 + (east - west)
    west = west % 360.0
    if east > lon[-1]:
        raise InputError(
            f"the box {box} crosses Greenwich, where a subset of the product breaks",
            remedy="write the two sides by themselves",
        )
    lat, lon = _over(lat[:: stride[0]], south, north), _over(lon[:: stride[1]], west, east)
    return lat.astype("f4").astype("f8"), lon.astype("f4").astype("f8")


def _over(axis: np.ndarray, low: float, high: float) -> np.ndarray:
    first = max(int(np.searchsorted(axis, low, "right")) - 1, 0)
    return axis[first : int(np.searchsorted(axis, high, "left")) + 1]


def _times(first: np.datetime64, last: np.datetime64, seed: int, missing: int) -> np.ndarray:
    zero = (first - _REFERENCE) // _STEP
    end = -((_REFERENCE - last) // _STEP)
    times = _REFERENCE + np.arange(zero, end + 1) * _STEP
    if missing > max(times.size - 2, 0):
        raise InputError(f"{missing} of {times.size} steps cannot be missing: the ends must stay")
    order = np.argsort(uniforms(Address(seed, _STREAM, Purpose.SYNTHETIC_FILES, 0), times.size - 2))
    return np.delete(times, 1 + order[:missing]) if missing else times


def _land(bathymetry: xr.Dataset | None, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    if bathymetry is None:
        return np.zeros((lat.size, lon.size), bool)
    from_lat, from_lon = bathymetry["lat"].values, bathymetry["lon"].values
    wrapped = from_lon[0] + np.mod(lon - from_lon[0] + 1.0, 360.0) - 1.0
    elevation = bathymetry["elevation"].transpose("lat", "lon").values.astype(float)
    return interpolate(elevation, from_lat, from_lon, lat, wrapped) >= 0.0


def _dataset(
    surfaces: list[dict[str, np.ndarray]],
    names: Sequence[str],
    times: np.ndarray,
    lat: np.ndarray,
    lon: np.ndarray,
    depth: np.ndarray,
    land: np.ndarray,
    family: Family,
) -> xr.Dataset:
    decay = np.exp(-depth / _THERMOCLINE)[:, None, None]
    data: dict[str, tuple] = {}
    for name in names:
        key, standard_name, long_name, units, code, offset = _VARIABLES[name]
        fields = np.stack([surface[key] for surface in surfaces])
        dims: tuple[str, ...] = ("time", "lat", "lon")
        if name == "water_temp":
            fields = 4.0 + (fields[:, None] - 277.15) * decay
        elif name != "surf_el":
            fields = fields[:, None] * decay
        if name != "surf_el":
            dims = ("time", "depth", "lat", "lon")
        packed = np.rint((fields - offset) / 0.001)
        attrs = {
            "standard_name": standard_name, "long_name": long_name, "units": units,
            "NAVO_code": np.int32(code), "_FillValue": _FILL, "missing_value": _FILL,
            "scale_factor": _SCALE, "add_offset": np.float32(offset),
        }  # fmt: skip
        data[name] = (dims, np.where(land | np.isnan(packed), _FILL, packed).astype("i2"), attrs)
    if len(names) > 1 or "surf_el" not in names:
        data["depth"] = _depth_axis(depth)
    hours = (times - _REFERENCE) / np.timedelta64(3600, "s")
    data["tau"] = _tau(times)
    coords = {"time": _time_axis(hours), "lat": _axis(lat, "lat"), "lon": _axis(lon, "lon")}
    experiment = {"GLBv0.08": "93.0", "GLBy0.08": "93.0", "ESPC-D-V02": "03.1"}[family]
    attrs = {
        "classification_level": "UNCLASSIFIED",
        "distribution_statement": "Approved for public release. Distribution unlimited.",
        "downgrade_date": "not applicable",
        "classification_authority": "not applicable",
        "institution": "Naval Oceanographic Office",
        "source": f"HYCOM archive file, simulated: an analytic ocean in the format of {family}",
        "history": "archv2ncdf3z",
        "field_type": "instantaneous",
        "Conventions": "CF-1.6 NAVO_netcdf_v1.1",
        "experiment": experiment,
    }
    return xr.Dataset(data, coords, attrs)


def _axis(values: np.ndarray, name: Literal["lat", "lon"]) -> tuple[str, np.ndarray, dict]:
    whole = {"lat": ("latitude", "Latitude", "degrees_north", 1, "Y"),
             "lon": ("longitude", "Longitude", "degrees_east", 2, "X")}[name]  # fmt: skip
    standard_name, long_name, units, code, axis = whole
    attrs = {"standard_name": standard_name, "long_name": long_name, "units": units,
             "point_spacing": "even", "axis": axis, "NAVO_code": np.int32(code)}  # fmt: skip
    if name == "lon":
        attrs["modulo"] = "360 degrees"
    return name, values, attrs


def _depth_axis(depth: np.ndarray) -> tuple[str, np.ndarray, dict]:
    attrs = {"standard_name": "depth", "long_name": "Depth", "units": "m", "positive": "down",
             "axis": "Z", "NAVO_code": np.int32(5)}  # fmt: skip
    return "depth", depth, attrs


def _time_axis(hours: np.ndarray) -> tuple[str, np.ndarray, dict]:
    attrs = {"long_name": "Valid Time", "units": "hours since 2000-01-01 00:00:00",
             "time_origin": "2000-01-01 00:00:00", "calendar": "gregorian", "axis": "T",
             "NAVO_code": np.int32(13)}  # fmt: skip
    return "time", hours.astype("f8"), attrs


def _tau(times: np.ndarray) -> tuple[str, np.ndarray, dict]:
    hours = (times - times.astype("M8[D]")) / np.timedelta64(3600, "s")
    attrs = {"long_name": "Tau", "units": "hours since analysis",
             "time_origin": "analysis", "NAVO_code": np.int32(56)}  # fmt: skip
    return "time", np.mod(hours - 12.0, 24.0), attrs


def _write(ds: xr.Dataset, path: Path) -> Path:
    packed = {n: {"zlib": True, "complevel": 1} for n in ds.data_vars if n in _VARIABLES}
    ds.to_netcdf(path, engine="h5netcdf", encoding=packed)
    return path


def _hindcast_name(time: np.datetime64, part: str, family: Family) -> str:
    since_noon = time - np.timedelta64(12 * 3600, "s")
    run = since_noon.astype("M8[D]")
    hours = int((since_noon - run) / np.timedelta64(3600, "s"))
    day = str(run).replace("-", "")
    if family == "ESPC-D-V02":
        return f"US058GCOM-OPSnce.espc-d-031-hycom_fcst_glby008_{day}12_t{hours:04d}_{part}.nc"
    return f"hycom_{family[:4].lower()}_930_{day}12_t{hours:03d}_{part}.nc"


def _stamp(time: np.datetime64) -> str:
    return str(time.astype("M8[h]")).replace("-", "")
