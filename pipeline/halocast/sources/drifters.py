"""Drifters to observation rows: GDP six-hourly and hourly, and real-time reports without velocity.

Each report gives a row of ``u`` and ``v`` (m s-1) and, where the product measures it, of ``t``
(K, at the drifter's depth of a few decimetres). Six-hourly tracks are interpolated to whole hours;
without reported velocities these are centred differences of positions over at least six hours.

A drifter without its drogue is pushed by the wind (about 1 % of its speed); where the drogue's
state is uncertain it may be. Both get a larger error:

    error**2 = instrument**2 + slip**2 + interpolation**2
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from pydantic import Field

from halocast.settings import Settings
from halocast.sources.drifter_columns import Columns, has_temperature, has_velocity, to_tracks
from halocast.sources.drifter_csv import read_csv
from halocast.sources.drifter_netcdf import read_netcdf
from halocast.sources.drifter_tracks import (
    HOUR,
    Tracks,
    median_interval,
    to_hourly,
    velocity_from_positions,
)
from halocast.sources.rows import (
    DROGUE_LOST,
    DROGUE_UNCERTAIN,
    Fate,
    empty_rows,
    make_rows,
    product_code,
    set_aside,
    variable_code,
)
from halocast.sources.sphere import Box, inside_box

__all__ = ["DrifterSelection", "read_drifters", "to_hourly", "velocity_from_positions"]

_HDF5, _NETCDF3 = b"\x89HDF", b"CDF"


class DrifterSelection(Settings):
    """Which drifter reports are candidates, and with what error."""

    hourly: bool = Field(default=True, description="interpolate six-hourly tracks to whole hours")
    largest_position_error: float = Field(
        default=5e3, gt=0.0, description="greatest error of latitude and longitude, m"
    )
    longest_gap: float = Field(
        default=21600.0, gt=0.0, description="greatest time since the last fix, s"
    )
    fastest: float = Field(default=3.0, gt=0.0, description="greatest speed, m s-1")
    coldest: float = Field(default=270.15, description="lowest temperature, K")
    warmest: float = Field(default=318.15, description="highest temperature, K")
    velocity_error: float = Field(
        default=0.02, gt=0.0, description="error of u and v where the product tells none, m s-1"
    )
    temperature_error: float = Field(default=0.1, gt=0.0, description="error of t, K")
    slip_error: float = Field(
        default=0.07, ge=0.0, description="error of u and v by wind slip without a drogue, m s-1"
    )
    uncertain_slip_error: float = Field(
        default=0.05, ge=0.0, description="the same where the drogue's state is uncertain, m s-1"
    )
    interpolation_error: float = Field(
        default=0.03,
        ge=0.0,
        description="error added to velocities between six-hourly fixes, m s-1",
    )
    position_sd: float = Field(
        default=300.0, gt=0.0, description="error of a real-time position, m, for differences"
    )


def read_drifters(
    path: str | Path,
    *,
    box: Box | None = None,
    start: np.datetime64 | None = None,
    stop: np.datetime64 | None = None,
    settings: DrifterSelection | None = None,
) -> xr.Dataset:
    """Read one file of drifter reports into observation rows.

    Parameters
    ----------
    path
        An ERDDAP table (``.csv`` with its row of units, or ``.csvp``), a ragged netCDF file
        (clouddrift) or the archive's netCDF file of one drifter.
    box
        (west, east, south, north) in degrees, either longitude convention; default: everywhere.
    start, stop
        Keep reports with start < time <= stop; default: all. Interpolation and differences use
        the whole file.
    settings
        Which reports are candidates.

    Returns
    -------
    Rows of u, v and t. Reports set aside carry the reason as their fate; attributes count, as
    ``dropped_*``, reports without time, outside the box, and outside the window.

    Raises
    ------
    InputError
        The file is damaged or empty, lacks a column or a unit, or has an unknown one.
    """
    settings = settings or DrifterSelection()
    columns = read_netcdf(path) if _is_netcdf(Path(path)) else read_csv(path)
    tracks, untimed = to_tracks(columns)
    attrs: dict[str, object] = {"source_file": Path(path).name, "dropped_no_time": untimed}
    if tracks.time.size == 0:
        return empty_rows(attrs)
    product = _product(columns, tracks)
    tracks = _screened(tracks, settings)
    if not has_velocity(columns):
        tracks = velocity_from_positions(tracks, position_sd=settings.position_sd)
    if product == "gdp-6hourly" and settings.hourly:
        tracks = to_hourly(tracks)
    tracks, dropped = _cropped(tracks, box, start, stop)
    return _to_rows(tracks, product, settings, columns, attrs | dropped)


def _is_netcdf(path: Path) -> bool:
    if not path.is_file():
        return path.suffix in (".nc", ".nc4")
    with path.open("rb") as file:
        head = file.read(4)
    return head.startswith((_HDF5, _NETCDF3)) or path.suffix in (".nc", ".nc4")


def _product(columns: Columns, tracks: Tracks) -> str:
    if "platform_code" in columns.values:
        return "drifter-realtime"
    interval = median_interval(tracks)
    named_so = np.isnat(interval) and "hourly" in Path(columns.where).name
    if "gap" in columns.values or named_so or interval < 3 * HOUR:
        return "gdp-hourly"
    return "gdp-6hourly"


def _screened(tracks: Tracks, settings: DrifterSelection) -> Tracks:
    """Set aside whole reports: place unknown or uncertain, or too long since the last fix."""
    fate = tracks.fate.copy()
    placed = np.isfinite(tracks.lat) & np.isfinite(tracks.lon) & (np.abs(tracks.lat) <= 90.0)
    set_aside(fate, ~placed, Fate.FLAGGED_INVALID)
    with np.errstate(invalid="ignore"):
        far = tracks.position_error > settings.largest_position_error
        set_aside(fate, far, Fate.FLAGGED_POSITION)
        set_aside(fate, tracks.gap > settings.longest_gap, Fate.FLAGGED_GAP)
    return tracks._replace(fate=fate)


def _cropped(
    tracks: Tracks, box: Box | None, start: np.datetime64 | None, stop: np.datetime64 | None
) -> tuple[Tracks, dict[str, int]]:
    # a report without a place is kept, with its reason
    inside = np.ones(tracks.time.size, bool)
    if box is not None:
        inside = inside_box(box, tracks.lat, tracks.lon) | (tracks.fate == Fate.FLAGGED_INVALID)
    timely = np.ones(tracks.time.size, bool)
    if start is not None:
        timely &= tracks.time > start
    if stop is not None:
        timely &= tracks.time <= stop
    dropped = {
        "dropped_outside_window": int((~timely).sum()),
        "dropped_outside_box": int((timely & ~inside).sum()),
    }
    return tracks.at(inside & timely), dropped


def _to_rows(
    tracks: Tracks,
    product: str,
    settings: DrifterSelection,
    columns: Columns,
    attrs: dict[str, object],
) -> xr.Dataset:
    moving = tracks.fate.copy()
    if not has_velocity(columns):
        set_aside(moving, np.isnan(tracks.u) | np.isnan(tracks.v), Fate.FLAGGED_GAP)
    speed = np.hypot(tracks.u, tracks.v)
    set_aside(moving, np.isfinite(speed) & (speed > settings.fastest), Fate.FLAGGED_SPEED)
    parts = [
        ("u", tracks.u, _velocity_error(tracks.error_u, tracks, settings), moving),
        ("v", tracks.v, _velocity_error(tracks.error_v, tracks, settings), moving),
    ]
    if has_temperature(columns):
        warm = tracks.fate.copy()
        with np.errstate(invalid="ignore"):
            credible = (tracks.t > settings.coldest) & (tracks.t < settings.warmest)
        set_aside(warm, np.isfinite(tracks.t) & ~credible, Fate.FLAGGED_TEMPERATURE)
        error = np.full(tracks.t.size, settings.temperature_error)
        parts.append(("t", tracks.t, error, warm))
    names, values, errors, fates = zip(*parts)
    count = tracks.time.size
    return make_rows(
        {
            "time": np.tile(tracks.time, len(parts)),
            "lat": np.tile(tracks.lat, len(parts)),
            "lon": np.tile(tracks.lon, len(parts)),
            "variable": np.repeat([variable_code(name) for name in names], count),
            "value": np.concatenate(values),
            "error": np.concatenate(errors),
            "product": product_code(product),
            "platform": np.tile(tracks.platform, len(parts)),
            "fate": np.concatenate(fates),
            "detail": np.tile(tracks.drogue, len(parts)),
        },
        attrs,
    )


def _velocity_error(told: np.ndarray, tracks: Tracks, settings: DrifterSelection) -> np.ndarray:
    """Total error; one the product tells as zero or negative stays so, and flags its row."""
    instrument = np.where(np.isnan(told), settings.velocity_error, told)
    slip = np.zeros(told.size)
    slip[tracks.drogue == DROGUE_LOST] = settings.slip_error
    slip[tracks.drogue == DROGUE_UNCERTAIN] = settings.uncertain_slip_error
    between = np.where(tracks.interpolated, settings.interpolation_error, 0.0)
    total = np.sqrt(instrument**2 + slip**2 + between**2)
    return np.where(instrument > 0.0, total, instrument)
