"""The bridge's settings, and its update of a group: each block by what its observations are."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from halocast.draws import Purpose, normal_quantile, uniform_at
from halocast.ensemble import mean_and_spread
from halocast.errors import ConfigError, RunError
from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.bridge.blocks import (
    Analysis,
    Ladder,
    Tile,
    keep_forecasts,
    update_closed,
    update_heavy,
)
from halocast.filters.bridge.chains import update_pointwise
from halocast.filters.bridge.heavy import Draws
from halocast.filters.bridge.view import View, view_group
from halocast.filters.relaxation import relax_to_prior_spread
from halocast.filters.sighting import Sighting, sight
from halocast.grid import Grid
from halocast.localization.adaptive import AdaptiveLocalization, adaptive_problem
from halocast.localization.blocks import Blocks, Incidence, incidence
from halocast.localization.taper import halo_problem
from halocast.samplers.densities import GAUSSIAN, IDENTITY, LAPLACE, STUDENT_T
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import BUILT_IN, Sampler
from halocast.samplers.scale_mixture import draw_scales
from halocast.settings import Settings

_OBSERVATION_NOISE = int(Purpose.OBSERVATION_NOISE)
LADDER = np.arange(9) / 8


class BridgeSettings(Settings):
    """LSMCMC with a kernel between the model noise's and the ensemble's."""

    method: Literal["bridge"] = Field("bridge", description="The filter.")
    block: tuple[int, int] = Field((3, 3), description="Rows and columns of a block, in cells.")
    halo: float = Field(
        8.0, ge=0, allow_inf_nan=False, description="Radius of a block's halo, in cells."
    )
    taper: Literal["none", "continuous", "paper"] = Field(
        "none",
        description="Whether errors grow with distance: none (the covariance radius localizes), "
        "continuous (to infinity at the halo's edge) or paper.",
    )
    adaptive: AdaptiveLocalization | None = Field(
        None, description="Blocks and halos that follow the observations; replaces block and halo."
    )
    covariance_radius: float = Field(
        6.0,
        gt=0,
        description="Localization of the ensemble covariance: Gaspari-Cohn half-width in cells; "
        ".inf for none.",
    )
    bridge: Annotated[float, Field(ge=0, le=1)] | Literal["adaptive"] = Field(
        1.0,
        description="Share of the likelihood in the ensemble's stage: 0 is the paper's kernel, 1 "
        "one kernel; adaptive: as little as keeps enough ancestors, block by block.",
    )
    ess_target: float = Field(
        0.5, gt=0, le=1, description="Effective ancestors that adaptive keeps, as a share."
    )
    sweeps: int = Field(
        6, ge=2, le=15, description="Sweeps of the chains where observations are not Gaussian."
    )
    rtps: float = Field(
        0.0, ge=0, le=1.2, description="Relaxation to prior spread: share given back, cell by cell."
    )

    @model_validator(mode="after")
    def _halo_fits(self) -> BridgeSettings:
        if min(self.block) < 1:
            raise ValueError(f"block {list(self.block)} has no cells: give 1 or more each way")
        problem = halo_problem(
            self.block, self.halo, "paper" if self.taper == "paper" else "continuous"
        )
        problem = problem or adaptive_problem(self.adaptive, self.taper)
        if problem:
            raise ValueError(problem)
        return self


def sees(settings: BridgeSettings, blocks: Blocks, cells: np.ndarray, grid: Grid) -> Incidence:
    """Let each block see the observations in its halo, all alike unless a taper is asked for."""
    found = incidence(
        blocks,
        cells,
        halo=settings.halo if blocks.halo is None else blocks.halo,
        taper="paper" if settings.taper == "paper" else "continuous",
        periodic=grid.periodic,
    )
    if settings.taper == "none":
        return found._replace(weight=np.ones_like(found.weight))
    return found


def update(group: BlockGroup, settings: BridgeSettings, sampler: Sampler = BUILT_IN) -> BlockUpdate:
    """Sample the analysis of each block of a group, see `bridge_kernels`; relax its spread."""
    drawn = bridge_kernels(
        group,
        bridge=settings.bridge,
        covariance_radius=settings.covariance_radius,
        ess_target=settings.ess_target,
        sweeps=settings.sweeps,
        sampler=sampler,
    )
    if settings.rtps > 0 and group.members > 1:
        relax_to_prior_spread(group.forecast + group.noise, settings.rtps, drawn.members)
        _, spread = mean_and_spread(drawn.members)
        spread *= np.sqrt(group.members / (group.members - 1))
        return drawn._replace(spread=spread)
    return drawn


def bridge_kernels(
    group: BlockGroup,
    *,
    bridge: float | Literal["adaptive"] = 0.0,
    covariance_radius: float = 1.0,
    ess_target: float = 0.5,
    sweeps: int = 6,
    sampler: Sampler = BUILT_IN,
) -> BlockUpdate:
    """Sample the analysis of each block of a group.

    Parameters
    ----------
    group
        The group.
    bridge, covariance_radius, ess_target, sweeps
        As in `BridgeSettings`. With ``bridge`` 0 this is the paper's variant 2 for model noise of
        any covariance, and the radius means nothing.
    sampler
        Kernels for operators and densities that are not built in, see
        `halocast.samplers.quadrature.compile_sampler`.

    Raises
    ------
    ConfigError
        When 0 < bridge < 1 meets an operator other than the identity.
    RunError
        When a covariance cannot be factorised or an analysis is not finite.
    """
    seen = sight(group)
    view = view_group(group, seen, covariance_radius)
    tile = Tile(
        group.forecast, group.noise_sd, group.noise, group.cells, group.cell_start, group.terms(),
        group.block, np.uint64(group.seed), group.cycle,
    )  # fmt: skip
    rungs = LADDER if bridge == "adaptive" else np.array([float(bridge)])
    ladder = Ladder(rungs, ess_target * group.members)
    out = _empty_analysis(group)
    number = group.id[seen.observation]
    empty, closed, heavy, pointwise = _kinds(group)
    keep_forecasts(tile, empty, out)
    if closed.size:
        update_closed(view, tile, closed, _normals(tile, number, 2), ladder, out)
    if heavy.size:
        _update_heavy(view, tile, heavy, number, ladder, sweeps, out)
    if pointwise.size:
        _refuse_middle(bridge, group.block[pointwise[0]])
        scalars = _observed_scalars(group, seen, view)
        first = group.id[seen.first]
        update_pointwise(view, tile, pointwise, scalars, first, ladder, sweeps, sampler, out)
    _refuse_lost_blocks(group, out)
    health = {
        "ess": out.ess,
        "observations": np.diff(group.obs_start).astype(float),
        "bridge": out.bridge,
    }
    return BlockUpdate(out.members, out.mean, out.spread, out.ancestor, health)


def _empty_analysis(group: BlockGroup) -> Analysis:
    m, blocks = group.members, group.n_blocks
    return Analysis(
        members=np.empty_like(group.forecast),
        mean=np.empty_like(group.noise_sd),
        spread=np.empty_like(group.noise_sd),
        ancestor=np.repeat(np.arange(m, dtype=np.int32)[:, None], blocks, axis=1),
        weight=np.full((blocks, m), 1.0 / m),
        ess=np.full(blocks, float(m)),
        bridge=np.zeros(blocks),
        fine=np.ones(blocks, dtype=bool),
    )


def _kinds(group: BlockGroup) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the blocks without observations, closed, heavy and pointwise."""
    block = np.repeat(np.arange(group.n_blocks), np.diff(group.obs_start))
    mixed = np.isin(group.noise_kind, (GAUSSIAN, STUDENT_T, LAPLACE))
    known = mixed & (group.operator == IDENTITY)
    hardest = np.where(known, np.where(group.noise_kind == GAUSSIAN, 1, 2), 3)
    kind = np.zeros(group.n_blocks, dtype=int)
    np.maximum.at(kind, block, hardest[group.obs_index])
    empty, closed, heavy, pointwise = (np.flatnonzero(kind == k) for k in range(4))
    return empty, closed, heavy, pointwise


def _update_heavy(
    view: View,
    tile: Tile,
    blocks: np.ndarray,
    number: np.ndarray,
    ladder: Ladder,
    sweeps: int,
    out: Analysis,
) -> None:
    m, most = tile.forecast.shape[0], sweeps + max(sweeps // 2, 1)
    normal = _normals(tile, number, 2 + 2 * most)
    scale = draw_scales(
        number, view.noise_kind, view.df, members=m, sweeps=most, seed=int(tile.seed),
        cycle=tile.cycle,
    )  # fmt: skip
    update_heavy(view, tile, blocks, Draws(normal, scale), sweeps, ladder, out)


def _normals(tile: Tile, number: np.ndarray, sweeps: int) -> np.ndarray:
    """Draw the members' standard normals of every observation, (sweeps, O, m)."""
    out = np.empty((sweeps, number.size, tile.forecast.shape[0]))
    _fill_normals(number, tile.seed, tile.cycle, out)
    return out


@njit(cache=True, nogil=True)
def _fill_normals(number, seed, cycle, out):
    for t in range(out.shape[0]):
        for o in range(out.shape[1]):
            for i in range(out.shape[2]):
                out[t, o, i] = normal_quantile(
                    uniform_at(seed, cycle, _OBSERVATION_NOISE, i * 64 + t, number[o])
                )


def _observed_scalars(group: BlockGroup, seen: Sighting, view: View) -> ObservedScalars:
    """Return the group's observations scalar after scalar, in the types the kernels know."""

    operator = group.operator[seen.observation].astype(np.int32, copy=False)
    center = group.center[seen.observation].astype(np.float64, copy=False)
    scale = group.scale[seen.observation].astype(np.float64, copy=False)
    return ObservedScalars(
        view.forecast, np.empty(0), view.start, view.value, view.error, operator, center, scale,
        view.noise_kind, view.df,
    )  # fmt: skip


def _refuse_middle(bridge: float | str, block: int) -> None:
    if isinstance(bridge, float | int) and 0 < bridge < 1:
        raise ConfigError(
            f"a bridge of {bridge:g} needs observations of the state itself; block {block} sees "
            "an operator that is not the identity",
            where="filter.bridge",
            remedy="set bridge to 0, 1 or adaptive",
        )


def _refuse_lost_blocks(group: BlockGroup, out: Analysis) -> None:
    if not out.fine.all():
        raise RunError(
            f"{np.sum(~out.fine)} blocks see observations whose covariance cannot be factorised",
            where=f"cycle {group.cycle}, block {group.block[~out.fine][0]} (first of them)",
            remedy="look for forecasts, observations or errors there that are not finite, or "
            "errors that are nothing beside the spread of the members",
        )
    bad = np.flatnonzero(~(np.isfinite(out.mean).all(axis=0) & np.isfinite(out.spread).all(axis=0)))
    if bad.size:
        block = np.searchsorted(group.cell_start, bad[0], side="right") - 1
        raise RunError(
            f"{bad.size} cells have no finite analysis",
            where=f"cycle {group.cycle}, block {group.block[block]} (first of them)",
            remedy="look for forecasts, observations or errors there that are not finite",
        )
