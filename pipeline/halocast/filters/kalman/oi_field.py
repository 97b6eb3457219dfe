"""Optimal interpolation of fields: static, univariate covariances, given by functions of distance.

    x_a = x_f + B H' (H B H' + R)^-1 (y - H x_f),   B_ij = s_i s_j rho(d_ij / L) rho(z_ij / L_z)

and B is 0 between fields and between basins (Daley 1991, ch. 4; the specification is MIKE FM's).
Only B H' (n, p) and H B H' (p, p) are formed, from the places of the cells that each observation
interpolates between. Groups of measurements have their own standard deviations, lengths and
functions; they are taken one after another, each from the analysis the one before left.

Innovations beyond ``largest_innovation`` are cut to it. Where the background's error is a field,
``sd_factor`` carries it.

Cost of a group whose p measurements lie between c cells: about 40 ns (n + c) c for distances and
functions, p^3 / 3 multiplications, p c of memory; refused beyond ``MOST`` measurements.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydantic import Field
from scipy.ndimage import label

from halocast.errors import ConfigError
from halocast.filters.kalman.checks import require_errors
from halocast.filters.kalman.correlations import Function, Places, between
from halocast.filters.kalman.oi import cap
from halocast.filters.kalman.update import gain
from halocast.grid import Grid
from halocast.settings import Settings

MOST = 4000
_STRETCH = 2**21  # distances at a time, 16 MB


class OiGroup(Settings):
    """Measurements of a field, and what their errors of background are like."""

    field: str = Field(description="The field that is measured and updated.")
    sd: float = Field(gt=0, allow_inf_nan=False, description="The background's error.")
    length_km: float = Field(gt=0, allow_inf_nan=False, description="Horizontal length L.")
    vertical_length_m: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Vertical length; null: all depths alike."
    )
    function: Function = Field("gaussian", description="Correlation as a function of distance.")
    largest_innovation: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Innovations are cut to this; null: none."
    )


class Measurements(NamedTuple):
    """Measurements of a group: p of them, each a weighted sum of k cells of its field.

    Attributes
    ----------
    cell, weight
        The cells, and their weights, (p, k); cells count within the field.
    value, error
        What was measured, and the standard deviations of its errors, (p,).
    """

    cell: np.ndarray
    weight: np.ndarray
    value: np.ndarray
    error: np.ndarray


def interpolate(
    fields: dict[str, np.ndarray],
    places: dict[str, Places],
    grid: Grid,
    groups: list[tuple[OiGroup, Measurements]],
    sd_factor: dict[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Analyse fields with groups of measurements.

    Parameters
    ----------
    fields
        Backgrounds, each (n,).
    places
        Where the scalars of each field are.
    grid
        Its geometry: great circles or the plane.
    groups
        What was measured, in the order it is taken.
    sd_factor
        Factors on the groups' ``sd`` where the background's error is a field, (n,).

    Returns
    -------
    The analyses; a field without measurements is the array that was given.

    Raises
    ------
    ConfigError
        An unknown field, too many measurements, a measurement without an error or off the field.
    """
    analysed = dict(fields)
    for group, seen in groups:
        _require(group, seen, fields)
        if seen.value.size == 0:
            continue
        factor = None if sd_factor is None else sd_factor.get(group.field)
        step = _increment(analysed[group.field], places[group.field], grid, group, seen, factor)
        analysed[group.field] = analysed[group.field] + step
    return analysed


def _require(group: OiGroup, seen: Measurements, fields: dict[str, np.ndarray]) -> None:
    where = f"optimal interpolation of {group.field}"
    if group.field not in fields:
        raise ConfigError(
            f"there is no field {group.field}", where=where, remedy=f"use one of {list(fields)}"
        )
    if seen.value.size > MOST:
        raise ConfigError(
            f"{seen.value.size} measurements at once are too many: their covariance is a dense "
            f"matrix, which stops at {MOST}",
            where=where,
            remedy="thin them, average them cell by cell, or analyse the sea in parts",
        )
    n = fields[group.field].size
    if seen.cell.size and not (seen.cell.min() >= 0 and seen.cell.max() < n):
        raise ConfigError(
            f"a measurement is of cell {seen.cell.min()} or {seen.cell.max()}, the field has {n}",
            where=where,
            remedy="leave out what lies outside the domain",
        )
    require_errors(seen.error, where)


def _increment(
    background: np.ndarray,
    places: Places,
    grid: Grid,
    group: OiGroup,
    seen: Measurements,
    factor: np.ndarray | None,
) -> np.ndarray:
    """Return what a group adds to its field, (n,)."""
    sd = group.sd * (np.ones(background.size) if factor is None else factor)
    cells, inverse = np.unique(seen.cell, return_inverse=True)
    operator = np.zeros((seen.value.size, cells.size))  # H on the cells it sees
    rows = np.repeat(np.arange(seen.value.size), seen.cell.shape[1])
    np.add.at(operator, (rows, inverse.ravel()), seen.weight.ravel())
    scaled = operator * sd[cells]
    touched = places.take(cells)

    def correlations(ones: Places) -> np.ndarray:
        return between(
            ones, touched, grid, 1e3 * group.length_km, group.vertical_length_m, group.function
        )

    innovation = cap(seen.value - operator @ background[cells], group.largest_innovation)
    spread = np.diag(np.square(seen.error))
    for part in _stretches(cells.size, cells.size):
        spread += scaled[:, part] @ (correlations(touched.take(part)) @ scaled.T)
    weights = scaled.T @ gain(innovation[None], spread, f"oi of {group.field}")[0]
    step = np.empty(background.size)
    for part in _stretches(background.size, cells.size):
        step[part] = sd[part] * (correlations(places.take(part)) @ weights)
    return step


def _stretches(rows: int, columns: int) -> list[np.ndarray]:
    """Cut rows so that an array of a stretch of them stays small."""
    length = max(_STRETCH // columns, 1)
    return [np.arange(k, min(k + length, rows)) for k in range(0, rows, length)]


def basins(grid: Grid, wet: np.ndarray) -> np.ndarray:
    """Return the number of the sea each cell (ny, nx) belongs to, -1 on land.

    Cells of a sea touch along an edge; a periodic axis joins its ends.
    """
    number, _ = label(wet)
    for axis in (0, 1):
        for k in range(grid.shape[1 - axis] if grid.periodic[axis] else 0):
            one, other = np.take(number, k, 1 - axis)[[0, -1]]
            if one > 0 and other > 0:
                number[number == other] = one
    return number - 1
