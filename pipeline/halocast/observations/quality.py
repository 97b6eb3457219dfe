"""Quality control: which rows can be observations, and which observations the forecast denies.

Rows are screened in this order, and the first reason is the one that stays: set aside at ingest;
not finite, without a positive error, or so large or small that squares of it leave the range of
doubles; outside the time window; a variable this run does not use; outside the region; on land;
the same measurement again.

The gross-error check compares an observation with the forecast. With N(mu_j, q) the mixture of
noise-free members and their noise, and h the operator, an observation of Gaussian error sd r is
rejected where

    |y - E h| > k sqrt(Var h + r²)

The moments of h are exact for the identity; elsewhere each component is integrated by the
three-point Gauss-Hermite rule. Student-t and Laplace errors are not checked: their densities know
how little a far observation says. Cost: 3 m operator evaluations an observation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.errors import InputError
from halocast.grid import Grid
from halocast.observations.operators import GAUSSIAN, apply_operator
from halocast.observations.settings import ObservationSettings
from halocast.observations.table import VARIABLES, ObservationTable
from halocast.sources.rows import Fate, set_aside
from halocast.state import StateLayout

Window = tuple[np.datetime64, np.datetime64]

_EXTREME = 1e150  # sums of squares of numbers within it neither overflow nor vanish
_SAME_MEASUREMENT = ("time", "variable", "platform", "lat", "lon")
_MIXERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


class FateCount(NamedTuple):
    """How many raw rows, and how many observations of the table, met a fate."""

    rows: int
    observations: int


def screen(
    rows: dict[str, np.ndarray],
    grid: Grid,
    layout: StateLayout,
    settings: ObservationSettings,
    window: Window,
) -> tuple[np.ndarray, np.ndarray]:
    """Set aside the rows that cannot be observations of this cycle.

    Parameters
    ----------
    rows
        Columns of r raw rows, and their global numbers ``id``.
    grid, layout, settings
        Where the state is, what it holds, and what of it is observed.
    window
        Start (not included) and stop (included) of the cycle.

    Returns
    -------
    Fate of each row (r,), CANDIDATE where it passed, and the flat cell (r,) of the point where its
    variable lives that is nearest to it; -1 where there is none.
    """
    fate = rows["fate"].copy()
    set_aside(fate, _invalid(rows), Fate.FLAGGED_INVALID)
    set_aside(fate, ~_within(rows["time"], window, settings.window), Fate.WINDOW)
    set_aside(fate, ~_used(layout, settings)[rows["variable"]], Fate.UNUSED)
    cell, wet = _nearest(rows, fate, grid, layout, settings)
    set_aside(fate, cell < 0, Fate.OUTSIDE)
    set_aside(fate, ~wet, Fate.LAND)
    candidates = np.flatnonzero(fate == Fate.CANDIDATE)
    fate[candidates[_repeated(rows, candidates)]] = Fate.FLAGGED_DUPLICATE
    return fate, cell


def _invalid(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Mark rows without a number, place, time or usable error; comparisons with NaN are false."""
    placed = np.isfinite(rows["lat"]) & np.isfinite(rows["lon"]) & ~np.isnat(rows["time"])
    error = rows["error"]
    usable = (error >= 1 / _EXTREME) & (error <= _EXTREME)
    return ~(placed & usable & (np.abs(rows["value"]) <= _EXTREME))


def _within(time: np.ndarray, window: Window, oldest: float | None) -> np.ndarray:
    start, stop = (edge.astype("datetime64[ns]") for edge in window)
    if not start < stop:
        raise InputError(
            f"an observation window from {start} to {stop} is empty",
            remedy="give its start, then a later stop",
        )
    if oldest is not None:
        start = max(start, stop - np.timedelta64(round(oldest * 1e9), "ns"))
    return (time > start) & (time <= stop)


def _used(layout: StateLayout, settings: ObservationSettings) -> np.ndarray:
    """Whether this run uses each variable, by its code."""
    return np.array(
        [
            settings.of(name).assimilate and settings.field_of(name) in layout.names
            for name in VARIABLES
        ]
    )


def _nearest(
    rows: dict[str, np.ndarray],
    fate: np.ndarray,
    grid: Grid,
    layout: StateLayout,
    settings: ObservationSettings,
) -> tuple[np.ndarray, np.ndarray]:
    cell = np.full(fate.shape, -1, dtype=np.int64)
    wet = np.zeros(fate.shape, bool)
    candidate = fate == Fate.CANDIDATE
    for code, name in enumerate(VARIABLES):
        mine = np.flatnonzero(candidate & (rows["variable"] == code))
        if mine.size:
            place = layout.fields[layout.index(settings.field_of(name))].place
            cell[mine] = grid.nearest(place, rows["lat"][mine], rows["lon"][mine])
            wet[mine] = grid.wet_at(place).reshape(-1)[cell[mine]]
    return cell, wet


def _repeated(rows: dict[str, np.ndarray], candidates: np.ndarray) -> np.ndarray:
    """Mark candidates that repeat a measurement; of equal ones the smallest id is the first."""
    keys = [rows[name][candidates] for name in _SAME_MEASUREMENT]
    fingerprint = _fingerprint(keys)
    in_order = np.sort(fingerprint)
    twice = in_order[1:][in_order[1:] == in_order[:-1]]
    repeated = np.zeros(candidates.size, bool)
    if not twice.size:  # by far the usual case, and it costs no stable sort of five keys
        return repeated
    suspects = np.flatnonzero(np.isin(fingerprint, twice))
    keys = [key[suspects] for key in keys]
    order = np.lexsort((rows["id"][candidates[suspects]], *keys))
    same = np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)
    repeated[suspects[order[1:][same]]] = True
    return repeated


def _fingerprint(keys: list[np.ndarray]) -> np.ndarray:
    """One 64-bit number a row; equal rows have equal ones, others hardly ever."""
    mixed = np.zeros(keys[0].shape, np.uint64)
    for key in keys:
        bits = key + 0.0 if key.dtype.kind == "f" else key.astype(np.int64)  # -0.0 is 0.0
        mixed ^= bits.view(np.uint64)
        for mixer in _MIXERS:
            mixed *= np.uint64(mixer)
            mixed ^= mixed >> np.uint64(31)
    return mixed


def check_gross_errors(
    table: ObservationTable,
    observed: np.ndarray,
    noise_sd: np.ndarray,
    settings: ObservationSettings,
) -> ObservationTable:
    """Reject observations that are too far from the forecast.

    Parameters
    ----------
    table
        Observations, p rows.
    observed
        Noise-free forecasts of the scalars behind them, shape (m, p).
    noise_sd
        Model-noise standard deviation of these scalars, shape (p,).
    settings
        ``gross_error`` is k; None rejects nothing.

    Returns
    -------
    The table with the fate GROSS_ERROR where an assimilated observation was rejected.
    """
    if settings.gross_error is None:
        return table
    mean, sd = forecast_moments(table, observed, noise_sd)
    far = np.abs(table.value - mean) > settings.gross_error * np.hypot(sd, table.error)
    rejected = far & (table.noise == GAUSSIAN) & (table.fate == Fate.ASSIMILATED)
    return table.with_fate(np.where(rejected, Fate.GROSS_ERROR, table.fate))


def forecast_moments(
    table: ObservationTable, observed: np.ndarray, noise_sd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of what the forecast, with its noise, expects to be observed, shape (p,).

    Arguments as for `check_gross_errors`; errors of the observations are not included.

    Raises
    ------
    InputError
        The forecasts do not fit the table.
    """
    if observed.ndim != 2 or observed.shape[1:] != table.id.shape or not len(observed):
        raise InputError(
            f"forecasts of shape {observed.shape} for {table.size} observations",
            remedy="give one value a member and observation, shape (m, p)",
        )
    noise_sd = np.ascontiguousarray(np.broadcast_to(noise_sd, table.id.shape), dtype=float)
    return _moments(
        np.ascontiguousarray(observed, dtype=float),
        noise_sd,
        table.operator,
        table.operator_center,
        table.operator_scale,
    )


@njit(cache=True, nogil=True)
def _moments(observed, noise_sd, operator, center, scale):  # pragma: no cover - compiled
    members, count = observed.shape
    mean, sd = np.empty(count), np.empty(count)
    for i in range(count):
        step = np.sqrt(3.0) * noise_sd[i]
        first = second = 0.0
        for j in range(members):
            s = observed[j, i]
            at = apply_operator(operator[i], s, center[i], scale[i])
            below = apply_operator(operator[i], s - step, center[i], scale[i])
            above = apply_operator(operator[i], s + step, center[i], scale[i])
            if j == 0:
                origin = at  # deviations from it keep the digits of a small spread
            at, below, above = at - origin, below - origin, above - origin
            first += (4.0 * at + below + above) / 6.0
            second += (4.0 * at * at + below * below + above * above) / 6.0
        first /= members
        mean[i] = origin + first
        sd[i] = np.sqrt(max(second / members - first * first, 0.0))
    return mean, sd


def settle_fates(raw_fates: np.ndarray, row: np.ndarray, table: ObservationTable) -> np.ndarray:
    """Carry the table's fates back to the raw rows that are observations by themselves.

    Rows merged into super-observations stay MERGED.

    Parameters
    ----------
    raw_fates
        Fates of the raw rows as prepared, shape (r,).
    row
        Their global numbers, shape (r,), in any order.
    table
        The table after the gross-error check.

    Returns
    -------
    Fates (r,), a new array.
    """
    settled = raw_fates.copy()
    single = np.flatnonzero((raw_fates == Fate.ASSIMILATED) | (raw_fates == Fate.WITHHELD))
    by_id = np.argsort(table.id)
    settled[single] = table.fate[by_id[np.searchsorted(table.id, row[single], sorter=by_id)]]
    return settled


def observation_counts_by_fate(
    table: ObservationTable, raw_fates: np.ndarray
) -> dict[Fate, FateCount]:
    """Count raw rows and observations by their fate, for every fate that occurs."""
    counts = {}
    for code in np.unique(np.concatenate([table.fate, raw_fates])):
        rows, observations = (raw_fates == code).sum(), (table.fate == code).sum()
        counts[Fate(int(code))] = FateCount(int(rows), int(observations))
    return counts
