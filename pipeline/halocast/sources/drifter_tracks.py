"""Drifter tracks in SI units, and what is computed along them: hourly positions, velocities.

Between two fixes positions follow the cubic Hermite polynomial that has the reported velocities
as its slopes (in metres on the local plane, so nothing happens at 180 degrees); velocities follow
a cubic spline, temperature a straight line. Without reported velocities they are centred
differences of positions over at least a given span.
Cost: linear in the number of reports, with a Python loop over drifters.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicHermiteSpline, CubicSpline

from halocast.grid import EARTH_RADIUS
from halocast.sources.rows import Fate
from halocast.sources.sphere import wrap_longitude

HOUR = np.timedelta64(3600, "s")
_METRES_A_DEGREE = np.radians(1.0) * EARTH_RADIUS


class Tracks(NamedTuple):
    """Reports of drifters, all of length n, sorted by ``platform`` and ``time``.

    ``u``, ``v`` in m s-1, ``t`` in K, ``position_error`` in m, ``gap`` (since the last fix) in s;
    NaN where a product does not tell. ``error_u``, ``error_v``, ``error_t`` are standard
    deviations, NaN where not told. ``fate`` is what is said of the report as a whole.
    """

    platform: np.ndarray
    time: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    u: np.ndarray
    v: np.ndarray
    t: np.ndarray
    error_u: np.ndarray
    error_v: np.ndarray
    error_t: np.ndarray
    position_error: np.ndarray
    gap: np.ndarray
    drogue: np.ndarray
    fate: np.ndarray
    interpolated: np.ndarray

    def at(self, keep: np.ndarray) -> Tracks:
        """Return the reports a mask or an index array selects."""
        return Tracks(*(column[keep] for column in self))

    def each(self) -> Iterator[slice]:
        """Yield the reports of each drifter."""
        edges = np.flatnonzero(np.diff(self.platform)) + 1
        bounds = [0, *edges.tolist(), self.platform.size]
        for first, last in pairwise(bounds):
            if last > first:
                yield slice(first, last)


def sort_tracks(tracks: Tracks) -> Tracks:
    """Sort by drifter and time; repeats of a drifter's time get the fate FLAGGED_DUPLICATE.

    Of several reports of one time the first by place, then velocity, is kept, whatever order they
    came in.
    """
    order = np.lexsort(
        [tracks.t, tracks.v, tracks.u, tracks.lon, tracks.lat, tracks.fate, tracks.time,
         tracks.platform]
    )  # fmt: skip
    tracks = tracks.at(order)
    repeated = np.zeros(tracks.time.size, bool)
    repeated[1:] = (np.diff(tracks.platform) == 0) & (np.diff(tracks.time) == np.timedelta64(0))
    fate = np.where(repeated & (tracks.fate == Fate.CANDIDATE), Fate.FLAGGED_DUPLICATE, tracks.fate)
    return tracks._replace(fate=fate.astype(np.int16))


def join_tracks(parts: list[Tracks]) -> Tracks:
    """Put tracks together in order of drifter and time; fates stay as they are."""
    joined = Tracks(*(np.concatenate(columns) for columns in zip(*parts)))
    return joined.at(np.lexsort([joined.interpolated, joined.fate, joined.time, joined.platform]))


def median_interval(tracks: Tracks) -> np.timedelta64:
    """The usual time between reports of one drifter; NaT where no drifter has two."""
    same = np.diff(tracks.platform) == 0
    steps = np.diff(tracks.time)[same]
    steps = steps[steps > np.timedelta64(0)]
    return np.median(steps.astype(np.int64)).astype("m8[ns]") if steps.size else np.timedelta64(
        "NaT", "ns"
    )  # fmt: skip


def to_hourly(tracks: Tracks, longest_gap: np.timedelta64 = 12 * HOUR) -> Tracks:
    """Add reports at every whole hour between the fixes of each drifter.

    Parameters
    ----------
    tracks
        Usually six-hourly. Reports set aside are kept but not interpolated from.
    longest_gap
        Nothing is interpolated between fixes farther apart than this.

    Returns
    -------
    The same reports and, marked ``interpolated``, those of the hours in between. These take drogue
    and errors from the fix before them, the larger position error and gap of both.
    """
    parts = [tracks]
    usable = tracks.at(_usable(tracks))
    for drifter in usable.each():
        fixes = usable.at(np.arange(drifter.start, drifter.stop))
        breaks = np.flatnonzero(np.diff(fixes.time) > longest_gap) + 1
        for segment in np.split(np.arange(fixes.time.size), breaks):
            if segment.size > 1:
                parts.append(_hours_between(fixes.at(segment)))
    return join_tracks(parts)


def velocity_from_positions(
    tracks: Tracks,
    span: np.timedelta64 = 6 * HOUR,
    longest_span: np.timedelta64 = 12 * HOUR,
    position_sd: float = 300.0,
) -> Tracks:
    """Fill in velocities by centred differences of positions.

    Parameters
    ----------
    tracks
        Positions rounded to 0.01 degrees make a one-hour difference worthless (0.3 m/s).
    span, longest_span
        Least and greatest time between the two positions. A report without such neighbours gets
        no velocity (NaN).
    position_sd
        Standard deviation of a position in one direction, m, which gives the velocity's error.
    """
    u, v = tracks.u.copy(), tracks.v.copy()
    error_u, error_v = tracks.error_u.copy(), tracks.error_v.copy()
    index = np.flatnonzero(_usable(tracks))
    usable = tracks.at(index)
    for drifter in usable.each():
        time = usable.time[drifter]
        before = np.searchsorted(time, time - span // 2, side="right") - 1
        after = np.searchsorted(time, time + span // 2, side="left")
        here = np.flatnonzero((before >= 0) & (after < time.size))
        before, after = before[here] + drifter.start, after[here] + drifter.start
        elapsed = usable.time[after] - usable.time[before]
        short = elapsed <= longest_span
        here, before, after = here[short], before[short], after[short]
        seconds = elapsed[short] / np.timedelta64(1, "s")
        turn = wrap_longitude(usable.lon[after] - usable.lon[before])
        middle = np.radians(0.5 * (usable.lat[after] + usable.lat[before]))
        at = index[here + drifter.start]
        u[at] = turn * _METRES_A_DEGREE * np.cos(middle) / seconds
        v[at] = (usable.lat[after] - usable.lat[before]) * _METRES_A_DEGREE / seconds
        error_u[at] = error_v[at] = np.sqrt(2.0) * position_sd / seconds
    return tracks._replace(u=u, v=v, error_u=error_u, error_v=error_v)


def _usable(tracks: Tracks) -> np.ndarray:
    placed = np.isfinite(tracks.lat) & np.isfinite(tracks.lon) & (np.abs(tracks.lat) <= 90.0)
    return (tracks.fate == Fate.CANDIDATE) & placed


def _hours_between(fixes: Tracks) -> Tracks:
    """Interpolate a gapless segment of one drifter to the whole hours that are not fixes."""
    first, last = fixes.time[0], fixes.time[-1]
    hours = np.arange(first.astype("M8[h]"), last.astype("M8[h]") + 1).astype("M8[ns]")
    hours = hours[(hours > first) & (hours < last)]
    hours = hours[~np.isin(hours, fixes.time)]
    node = (fixes.time - first) / np.timedelta64(1, "s")
    at = (hours - first) / np.timedelta64(1, "s")
    before = np.searchsorted(fixes.time, hours, side="right") - 1
    lat, lon = _positions(fixes, node, at)
    return fixes.at(before)._replace(
        time=hours,
        lat=lat,
        lon=wrap_longitude(lon),
        u=_smooth(node, fixes.u, at),
        v=_smooth(node, fixes.v, at),
        t=np.interp(at, node, fixes.t),
        position_error=np.maximum(fixes.position_error[before], fixes.position_error[before + 1]),
        gap=np.maximum(fixes.gap[before], fixes.gap[before + 1]),
        interpolated=np.ones(hours.size, bool),
    )


def _positions(fixes: Tracks, node: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lon = np.unwrap(fixes.lon, period=360.0)
    if np.isfinite(fixes.u).all() and np.isfinite(fixes.v).all():
        north = fixes.v / _METRES_A_DEGREE
        east = fixes.u / (_METRES_A_DEGREE * np.cos(np.radians(fixes.lat)))
        return (
            CubicHermiteSpline(node, fixes.lat, north)(at),
            CubicHermiteSpline(node, lon, east)(at),
        )
    return _smooth(node, fixes.lat, at), _smooth(node, lon, at)


def _smooth(node: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Cubic where there are four fixes, else linear; a missing value spoils its neighbourhood."""
    if node.size < 4 or not np.isfinite(values).all():
        return np.interp(at, node, values)
    return CubicSpline(node, values)(at)
