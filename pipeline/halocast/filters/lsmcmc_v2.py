"""LSMCMC, variant 2 (paper, Algorithm 2), sampled exactly: no Markov chain.

Within a block the target (paper, eq. 4.5) is the mixture over ancestors j

    pi(z, j) ~ prod_c N(z_c; mu_jc, q_c) prod_i g_i(y_i | z_c(i)),    mu_j the noise-free forecast

with every observation in the halo, its error inflated to sd / sqrt(w) by the taper (eq. 4.6). As
the model noise is independent between scalars and each observation is of one scalar, it
factorises: with I_jc the integral of N(z; mu_jc, q_c) times the likelihood of scalar c,

    P(j | y) ~ prod_c I_jc,    and given j the scalars are independent,

so an exact sample costs an ancestor and one-dimensional draws. Halo scalars that are not in the
block act through I_jc alone. I_jc and the draws are Gaussian in closed form for identity +
Gaussian observations (`halocast.samplers.mixture`) and come from one-dimensional quadrature for
any other (`halocast.samplers.quadrature`).

Members: systematic ancestors, survivors in their slots; every scalar of a block (all fields) comes
from the ancestor, an unobserved one as mu_j + the member's own model noise, an observed one at the
quantile of that same noise, which keeps members coherent across blocks. Then
every scalar is shifted so that the members' mean is the mixture's mean (Rao-Blackwell). A block
without observations keeps its forecast.

Cost per group of p observed scalars, m members, n scalars of state: about 8 ns per member and
scalar of state; per (scalar, distance) row m x 2 ns in closed form or about 5 microseconds by
quadrature.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from halocast.draws import Purpose, uniform_at
from halocast.errors import RunError
from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.mixing import mix_blocks
from halocast.filters.sighting import Sighting, sight
from halocast.localization.adaptive import AdaptiveLocalization, adaptive_problem
from halocast.localization.taper import Taper, halo_problem
from halocast.samplers.densities import is_closed_form
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.mixture import (
    gaussian_conditionals,
    gaussian_log_weights,
    merge_gaussian,
    mixture_moments,
    normalise_log_weights,
)
from halocast.samplers.quadrature import BUILT_IN, Sampler
from halocast.samplers.resampling import fill_ancestors
from halocast.settings import Settings

_ANCESTORS = int(Purpose.ANCESTORS)


class LsmcmcV2Settings(Settings):
    """LSMCMC with one ancestor a block, blocks with halos (paper, variant 2)."""

    method: Literal["lsmcmc-v2"] = Field("lsmcmc-v2", description="The filter.")
    block: tuple[int, int] = Field((2, 2), description="Rows and columns of a block, in cells.")
    halo: float = Field(
        2.5, ge=0, allow_inf_nan=False, description="Radius of a block's halo, in cells."
    )
    taper: Taper = Field(
        "continuous",
        description="Edge of the observations' taper: continuous (0 at the halo's edge) or paper.",
    )
    adaptive: AdaptiveLocalization | None = Field(
        None,
        description="Blocks and halos that follow the observations, instead of block and halo.",
    )
    quadrature_step: float = Field(
        0.1,
        gt=0,
        le=0.25,
        description="Coarsest quadrature step, in standard deviations of the model noise.",
    )

    @model_validator(mode="after")
    def _halo_fits(self) -> LsmcmcV2Settings:
        if min(self.block) < 1:
            raise ValueError(f"block {list(self.block)} has no cells: give 1 or more each way")
        problem = halo_problem(self.block, self.halo, self.taper)
        problem = problem or adaptive_problem(self.adaptive, self.taper)
        if problem:
            raise ValueError(problem)
        return self


class _Conditioned(NamedTuple):
    """What the observations say: of every row, and of the blocks' own scalars."""

    scalars: ObservedScalars
    closed: np.ndarray  # (S,) identity + Gaussian only
    log_weight: np.ndarray  # (R, m) log I_j
    mean: np.ndarray  # (S, m) of an own scalar given each ancestor
    variance: np.ndarray  # (S, m)
    resolution: np.ndarray  # (S, 2) of the quadrature


def update(
    group: BlockGroup, settings: LsmcmcV2Settings, sampler: Sampler = BUILT_IN
) -> BlockUpdate:
    """Sample the analysis of each block of a group.

    ``sampler`` holds the kernels for operators and densities that are not built in, see
    `halocast.samplers.quadrature.compile_sampler`.

    Raises
    ------
    RunError
        When a block's analysis is not finite: a forecast, an observation or its error is not,
        or no ancestor can explain the observations at all.
    """
    seen = sight(group)
    known = _condition(group, seen, settings.quadrature_step, sampler)
    m, blocks = group.members, group.n_blocks
    members = np.empty_like(group.forecast)
    mean, spread = np.empty_like(group.noise_sd), np.empty_like(group.noise_sd)
    ancestor = np.empty((m, blocks), dtype=np.int32)
    weight = np.empty((blocks, m))
    ess, mass_log = np.empty(blocks), np.empty(blocks)
    _choose_ancestors(
        group.block, seen.pair_start, seen.pair_row, known.log_weight, np.uint64(group.seed),
        group.cycle, ancestor, weight, ess, mass_log,
    )  # fmt: skip
    mix_blocks(
        group.forecast, group.noise_sd, group.noise, group.cell_start, weight, ancestor,
        np.diff(seen.pair_start) > 0, members, mean, spread,
    )  # fmt: skip
    _refuse_lost_blocks(group, mass_log, mean)
    drawn = _draw_own(group, seen, known, ancestor, settings.quadrature_step, sampler)
    _place_own(
        group.field[seen.first], seen.own_block, seen.own_scalar, seen.own_cell,
        known.mean, known.variance, weight, drawn, members, mean, spread,
    )  # fmt: skip
    health = {
        "ess": ess,
        "observations": np.diff(group.obs_start).astype(float),
        "mass_log": mass_log,
    }
    return BlockUpdate(members, mean, spread, ancestor, health)


def _refuse_lost_blocks(group: BlockGroup, mass_log: np.ndarray, mean: np.ndarray) -> None:
    lost = ~np.isfinite(mass_log)
    cells = np.flatnonzero(~np.isfinite(mean).all(axis=0))
    lost[np.searchsorted(group.cell_start, cells, side="right") - 1] = True
    if lost.any():
        raise RunError(
            f"{lost.sum()} blocks have no finite analysis",
            where=f"cycle {group.cycle}, block {group.block[lost][0]} (first of them)",
            remedy="look for forecasts, observations or errors there that are not finite, or "
            "observations that no member can explain",
        )


def _observed_scalars(group: BlockGroup, seen: Sighting) -> ObservedScalars:
    """Return the group's observations scalar after scalar, in the types the kernels know."""

    def sort(column: np.ndarray, kind: type) -> np.ndarray:
        return column[seen.observation].astype(kind, copy=False)

    return ObservedScalars(
        forecast=np.ascontiguousarray(group.observed[:, seen.first].T),
        noise_sd=group.observed_noise_sd[seen.first],
        start=seen.scalar_start,
        value=sort(group.value, np.float64),
        error=sort(group.error, np.float64),
        operator=sort(group.operator, np.int8),
        center=sort(group.center, np.float64),
        scale=sort(group.scale, np.float64),
        noise_kind=sort(group.noise_kind, np.int8),
        df=sort(group.df, np.float64),
    )


def _condition(group: BlockGroup, seen: Sighting, step: float, sampler: Sampler) -> _Conditioned:
    scalars = _observed_scalars(group, seen)
    m, count = group.members, seen.first.size
    closed = np.zeros(count, dtype=bool)
    if count:
        simple = is_closed_form(scalars.operator, scalars.noise_kind)
        closed = np.logical_and.reduceat(simple, seen.scalar_start[:-1])
    log_weight = np.empty((seen.row_weight.size, m))
    mean, variance = np.empty((count, m)), np.empty((count, m))
    resolution = np.empty((count, 2))
    own_row = np.full(count, -1, dtype=np.int64)
    own_row[seen.own_scalar] = seen.own_row
    rows = (seen.row_start, seen.row_weight, own_row)
    if closed.any():
        _condition_gaussian(scalars, closed, *rows, log_weight, mean, variance)
    if not closed.all():
        sampler.condition_scalars(
            scalars, ~closed, *rows, step, log_weight, mean, variance, resolution
        )
    return _Conditioned(scalars, closed, log_weight, mean, variance, resolution)


def _draw_own(
    group: BlockGroup,
    seen: Sighting,
    known: _Conditioned,
    ancestor: np.ndarray,
    step: float,
    sampler: Sampler,
) -> np.ndarray:
    """Draw the blocks' own observed scalars for every member, shape (O, m)."""
    scalar = seen.own_scalar
    own_ancestor = np.ascontiguousarray(ancestor[:, seen.own_block].T)
    field, sd = group.field[seen.first[scalar]], known.scalars.noise_sd[scalar][:, None]
    noise = np.ascontiguousarray(group.noise[:, field, seen.own_cell].T)
    normal = np.divide(noise, sd, out=np.zeros_like(noise), where=sd > 0)
    drawn = np.take_along_axis(known.mean[scalar], own_ancestor.astype(np.int64), axis=1)
    drawn += np.sqrt(known.variance[scalar][:, :1]) * normal
    numeric = np.flatnonzero(~known.closed[scalar])
    if numeric.size:
        out = np.empty((numeric.size, group.members))
        sampler.draw_scalars(
            known.scalars, scalar[numeric], seen.row_weight[seen.own_row[numeric]],
            own_ancestor[numeric], normal[numeric], step, known.resolution, out,
        )  # fmt: skip
        drawn[numeric] = out
    return drawn


@njit(cache=True, nogil=True, error_model="numpy")
def _condition_gaussian(
    obs, closed, row_start, row_weight, own_row, log_weight, mean, variance
):  # the closed-form counterpart of `condition_scalars`
    for s in range(closed.size):
        if not closed[s]:
            continue
        these = slice(obs.start[s], obs.start[s + 1])
        merged = merge_gaussian(obs.value[these], obs.error[these])
        mu, sd = obs.forecast[s], obs.noise_sd[s]
        for r in range(row_start[s], row_start[s + 1]):
            gaussian_log_weights(merged, row_weight[r], mu, sd, log_weight[r])
        if own_row[s] >= 0:
            weight = row_weight[own_row[s]]
            variance[s] = gaussian_conditionals(merged, weight, mu, sd, mean[s])


@njit(cache=True, nogil=True, error_model="numpy")
def _choose_ancestors(
    block, pair_start, pair_row, log_weight, seed, cycle, ancestor, weight, ess, mass_log
):
    """Fill ancestor (m, B), weight (B, m), ess and mass_log (B,) from the rows' log weights."""
    m = weight.shape[1]
    total, slots, chosen = np.empty(m), np.empty(m, np.int64), np.empty(m, np.int32)
    for b in range(block.size):
        total[:] = 0.0
        for p in range(pair_start[b], pair_start[b + 1]):
            for j in range(m):
                total[j] += log_weight[pair_row[p], j]
        mass_log[b], ess[b] = normalise_log_weights(total, weight[b])
        if not np.isfinite(mass_log[b]):  # refused by the caller, once all are known
            weight[b] = 1.0 / m
        uniform = uniform_at(seed, cycle, _ANCESTORS, block[b], 0)
        fill_ancestors(weight[b], uniform, chosen, slots)
        for i in range(m):
            ancestor[i, b] = chosen[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _place_own(
    field, own_block, own_scalar, own_cell, conditional_mean, conditional_variance, weight, drawn,
    members, mean, spread,
):  # fmt: skip
    """Put the draws (O, m) of own scalars in their cells, with the mixture's mean and spread."""
    for o in range(own_scalar.size):
        s, c = own_scalar[o], own_cell[o]
        f = field[s]
        mean[f, c], spread[f, c] = _settle(
            weight[own_block[o]], conditional_mean[s], conditional_variance[s], drawn[o]
        )
        for i in range(drawn.shape[1]):
            members[i, f, c] = drawn[o, i]


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(weight, conditional_mean, conditional_variance, drawn):
    """Shift draws (m,) to the mixture's mean; return the mixture's mean and standard deviation."""
    mean, variance = mixture_moments(weight, conditional_mean)
    for j in range(weight.size):
        variance += weight[j] * conditional_variance[j]
    offset = 0.0
    for i in range(drawn.size):
        offset += drawn[i] - mean
    for i in range(drawn.size):
        drawn[i] -= offset / drawn.size
    return mean, np.sqrt(variance)
