"""The local ensemble transform Kalman filter (Hunt, Kostelich & Szunyogh 2007).

Every cell has an analysis of its own, of the observations within twice the radius, their error
variances divided by the Gaspari-Cohn taper of their distance (R-localization), which is in cells,
or in km by great circle or by water. The transform, in `halocast.filters.letkf.transform`, is the
same for all fields of a cell, so every layer is updated, and a factor between variables has no
place. The ensemble is that of the members *with* their model noise. Student-t errors are taken for
Gaussian ones of the same scale, as the field does; what they make of outliers is left to the
background check. Blocks only share out the work: the answer does not depend on them.

Cost per cell with p observations: see `halocast.filters.letkf.transform`; about 15 microseconds for
p = 8, m = 25, 12 fields.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from halocast.ensemble import mean_and_spread
from halocast.errors import ConfigError, RunError
from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.letkf.points import (
    Local,
    predict,
    update_cells,
    update_cells_between,
)
from halocast.filters.relaxation import relax_to_prior_perturbations, relax_to_prior_spread
from halocast.grid import EARTH_RADIUS, Grid
from halocast.localization.blocks import Blocks, Incidence, incidence
from halocast.localization.distances import Distance
from halocast.localization.kilometres import METRES, short_halo
from halocast.localization.water import NO_WAYS, waters_of
from halocast.settings import Settings


class LetkfSettings(Settings):
    """The local ensemble transform Kalman filter."""

    method: Literal["letkf"] = Field("letkf", description="The filter.")
    block: tuple[int, int] = Field(
        (8, 8), description="Rows and columns of a block: how the work is shared out, no more."
    )
    radius: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Localization: half-width of the Gaspari-Cohn taper in cells; its weight is 0 "
        "from twice that on.",
    )
    radius_km: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="The same in km, instead of radius."
    )
    halo: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Twice the radius, instead of it: how far an observation acts, as other "
        "filters are told. In cells, or in km where distance is.",
    )
    distance: Distance = Field(
        "cells",
        description="How far apart places are, where a halo is given: cells; or, in km, "
        "great-circle or water, which is great circles made longer by the land between.",
    )
    inflation: float = Field(
        1.0,
        ge=1,
        le=2,
        description="Factor on the forecast's anomalies (its square on covariance).",
    )
    rtps: float = Field(
        0.0, ge=0, le=1.2, description="Relaxation to prior spread: share given back, cell by cell."
    )
    rtpp: float = Field(
        0.0, ge=0, le=1.2, description="Relaxation to prior perturbations: share of theirs."
    )
    background_check: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Observations further from the forecast than this many standard deviations of "
        "spread and error together get no weight, whatever their errors' density; null: none.",
    )
    weight_stride: int = Field(
        1, ge=1, le=8, description="Transforms at every n-th cell, interpolated between."
    )

    @model_validator(mode="after")
    def _choices_agree(self) -> LetkfSettings:
        if min(self.block) < 1:
            raise ValueError(f"block {list(self.block)} has no cells: give 1 or more each way")
        if [self.radius, self.radius_km, self.halo].count(None) != 2:
            raise ValueError("give the localization once: radius (cells), radius_km or halo")
        if self.distance != "cells" and self.halo is None:
            raise ValueError(f"distance {self.distance} needs a halo in km, instead of a radius")
        if self.distance == "water" and self.weight_stride > 1:
            raise ValueError(
                f"weight_stride {self.weight_stride} would take transforms across land, where "
                "distance is water: use 1"
            )
        if self.rtps > 0 and self.rtpp > 0:
            raise ValueError("rtps and rtpp both relax the spread: use one of them")
        return self

    @property
    def cells(self) -> float | None:
        """The radius in cells, where it is not given in km."""
        if self.halo is None:
            return self.radius
        return 0.5 * self.halo if self.distance == "cells" else None

    @property
    def metres(self) -> float:
        """The radius in metres, where it is given in km."""
        if self.radius_km is not None:
            return METRES * self.radius_km
        assert self.halo is not None
        return 0.5 * METRES * self.halo


def sees(settings: LetkfSettings, blocks: Blocks, cells: np.ndarray, grid: Grid) -> Incidence:
    """Let each block see what any of its cells, or of the points round them, may use.

    Raises
    ------
    ConfigError
        The points the transforms are computed at are too far apart for the radius; or a halo in km
        is too short for the grid.
    """
    if settings.distance != "cells" and settings.halo is not None:
        problem = short_halo(settings.halo, grid)
        if problem:
            raise ConfigError(problem, where="filter.halo")
    reach = reach_in_cells(settings, grid)
    if settings.weight_stride > max(reach, 1.0):
        raise ConfigError(
            f"between points {settings.weight_stride} cells apart observations that act only "
            f"{reach:.3g} cells far would be lost",
            where="filter.weight_stride",
            remedy=f"use {max(int(reach), 1)} or less, or a larger radius",
        )
    # a point lies up to stride - 1 rows and columns away from the cell that asks for it
    halo = min(reach + 1.5 * (settings.weight_stride - 1), 2.0 * sum(grid.shape)) + 2.0
    found = incidence(blocks, cells, halo=halo, periodic=grid.periodic)
    return found._replace(weight=np.ones_like(found.weight))


def reach_in_cells(settings: LetkfSettings, grid: Grid) -> float:
    """Return an upper bound of how many cells away an observation acts: twice the radius.

    On the sphere the way between two points leads through higher latitudes, where cells are
    narrower, by at most half its length.
    """
    if settings.cells is not None:
        return 2.0 * settings.cells
    reach = 2.0 * settings.metres
    width = float(grid.dx.min())
    if grid.geometry == "sphere":
        highest = np.deg2rad(np.abs(grid.y).max()) + 0.5 * reach / EARTH_RADIUS
        if highest >= 0.5 * np.pi:
            return float(sum(grid.shape))
        width = EARTH_RADIUS * np.cos(highest) * np.deg2rad(grid.spacing[1])
    return min(reach / min(grid.dy, width), float(sum(grid.shape)))


def update(group: BlockGroup, settings: LetkfSettings) -> BlockUpdate:
    """Update every cell of a group.

    In this order: anomalies of the forecast are inflated, wherever they are; cells with
    observations are transformed; the analysis is relaxed towards the forecast as it was before
    inflation. Where nothing is observed and nothing inflated members stay what they are, bit by
    bit.

    Returns
    -------
    Members, their mean and their standard deviation (with m - 1). ``health``: ``observations`` seen
    by each block, how many of them were ``rejected`` by the background check, and ``signal``, the
    degrees of freedom for signal, a mean over the block's cells; ``ess`` is the number of members.

    Raises
    ------
    ConfigError
        There is one member.
    RunError
        A member or an observation is not finite.
    """
    m, blocks = group.members, group.n_blocks
    if m < 2:
        raise ConfigError(
            "the LETKF takes its covariance from the ensemble, and there is one member",
            where="ensemble.members",
            remedy="use 2 or more",
        )
    before = group.forecast + group.noise
    local, rejected = _local(group, settings)
    members = _inflated(before, settings.inflation)
    start, index = _kept(group, rejected)
    arguments = (group.cells, group.cell_start, start, index, members)
    if settings.weight_stride == 1:
        signal = update_cells(local, *arguments)
    else:
        signal = update_cells_between(local, settings.weight_stride, *arguments)
    if settings.rtps > 0:
        relax_to_prior_spread(before, settings.rtps, members)
    if settings.rtpp > 0:
        relax_to_prior_perturbations(before, settings.rtpp, members)
    mean, spread = mean_and_spread(members)
    _refuse_non_finite(group, mean)
    block = np.repeat(np.arange(blocks), np.diff(group.obs_start))
    health = {
        "ess": np.full(blocks, float(m)),
        "observations": np.diff(group.obs_start).astype(float),
        "rejected": np.bincount(block[rejected[group.obs_index]], minlength=blocks).astype(float),
        "signal": signal,
    }
    ancestor = np.repeat(np.arange(m, dtype=np.int32)[:, None], blocks, axis=1)
    return BlockUpdate(members, mean, np.sqrt(m / (m - 1)) * spread, ancestor, health)


def _inflated(before: np.ndarray, inflation: float) -> np.ndarray:
    if inflation == 1.0:
        return before.copy()
    deviation = before - before[0]  # so that members that are all alike stay what they are
    mean, _ = mean_and_spread(deviation)
    return before + (inflation - 1.0) * (deviation - mean)


def _local(group: BlockGroup, settings: LetkfSettings) -> tuple[Local, np.ndarray]:
    """Return the scaled observations of a group, and which of them the check rejects."""
    m = group.members
    predicted = group.observed + group.observed_noise
    predict(predicted, group.operator, group.center, group.scale)
    mean, spread = mean_and_spread(predicted)
    departure, anomaly = group.value - mean, predicted - mean
    rejected = np.zeros(group.value.size, dtype=bool)
    if settings.background_check is not None:
        variance = m / (m - 1) * np.square(spread) + np.square(group.error)
        rejected = np.square(departure) > settings.background_check**2 * variance
    grid = group.grid
    row, column = np.divmod(group.cell, grid.shape[1])
    origin, step, metric, radius, ways = np.zeros(2), np.ones(2), 0, settings.cells, NO_WAYS
    if radius is None:
        radius, metric = settings.metres, 1 if grid.geometry == "plane" else 2
        origin, step = np.array([grid.y[0], grid.x[0]]), np.array(grid.spacing)
    if settings.distance == "water":
        metric, ways = 3, waters_of(grid, 2.0 * radius).around(group.cell)
    local = Local(
        anomaly=np.ascontiguousarray(
            (settings.inflation / np.sqrt(m - 1) * anomaly / group.error).T
        ),
        departure=departure / group.error,
        row=row.astype(float),
        column=column.astype(float),
        radius=float(radius),
        metric=metric,
        origin=origin,
        step=step,
        shape=np.array(grid.shape),
        periodic=np.array(grid.periodic),
        ways=ways,
        source=np.searchsorted(ways.source, group.cell),
    )
    return local, rejected


def _kept(group: BlockGroup, rejected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the blocks' observations, in the table's order, without the rejected ones."""
    keep = ~rejected[group.obs_index]
    count = np.concatenate([[0], np.cumsum(keep)])
    return count[group.obs_start].astype(np.int64), group.obs_index[keep]


def _refuse_non_finite(group: BlockGroup, mean: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(mean).all(axis=0))
    if bad.size:
        raise RunError(
            f"{bad.size} cells have no finite analysis",
            where=f"cycle {group.cycle}, cell {group.cells[bad[0]]} (first of them)",
            remedy="look for forecasts, observations or errors there that are not finite",
        )
