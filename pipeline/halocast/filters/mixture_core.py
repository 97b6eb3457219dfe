"""One core for the paper's filters: regions, an estimate of each, and members.

In each region (`halocast.filters.regions`) the target (paper, eqs 4.3 and 4.5) is the mixture over
ancestors j

    pi(z, j) ~ p(j) prod_c N(z_c; mu_jc, q_c) prod_i g_i(y_i | z_c(i)),    mu_j noise-free forecasts

with the errors of observations inflated to sd / sqrt(w) by the taper (eq. 4.6). It is sampled
exactly (`halocast.filters.conditioning`) or by Markov chains (`halocast.samplers.chains`) over the
observed scalars, those of the halo included, everything else being integrated out. Then

    estimate   ancestors' weights (exact, or their share of the samples); mean and spread of every
               scalar that is not observed follow from them (Rao-Blackwell), those of the observed
               ones are the exact mixture's, or the samples' (`halocast.filters.estimates`)
    members    by a reduction (`halocast.filters.reductions`)

and every scalar of an updated block is shifted so that the members' mean is the estimate. A block
of a region that sees nothing keeps its forecast. Chains that did not mix are replaced by the exact
sampler where the settings say so, and the block's health says that they were.

With a known initial state all members are equal at the first cycle, which needs no special case:
the mixture is then one Gaussian (paper, eqs 3.3 and 4.1).

Cost per group: 8 ns per member and scalar of state, and what conditioning or chains cost.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.errors import ConfigError, RunError
from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.conditioning import draw_scalars
from halocast.filters.estimates import Estimate, estimate_by_chains, estimate_exactly
from halocast.filters.mixing import mix_blocks
from halocast.filters.reductions.group_means import (
    average_groups,
    average_members,
    main_ancestor,
    stretch,
)
from halocast.filters.reductions.quantile import map_members, map_own
from halocast.filters.reductions.systematic import systematic_ancestors
from halocast.filters.reductions.thinning import match_spread, thin
from halocast.filters.regions import Regions
from halocast.filters.samples import sample_address
from halocast.filters.sampling import ExactSettings, MixtureSettings
from halocast.samplers.quadrature import BUILT_IN, Sampler


def analyse(
    group: BlockGroup, regions: Regions, settings: MixtureSettings, sampler: Sampler = BUILT_IN
) -> BlockUpdate:
    """Update a group, region by region.

    Parameters
    ----------
    sampler
        Kernels for operators and densities that are not built in, see
        `halocast.samplers.quadrature.compile_sampler`.

    Raises
    ------
    ConfigError
        When fewer samples are asked for than there are members.
    RunError
        When a block's analysis is not finite: a forecast, an observation or its error is not,
        or no ancestor can explain the observations at all.
    """
    settings.require_samples(group.members)
    estimate = estimate_exactly if isinstance(settings.sampler, ExactSettings) else (
        estimate_by_chains
    )  # fmt: skip
    found = estimate(group, regions, settings, sampler)
    _refuse(group, found.lost[regions.of_block])
    update, drawn = _REDUCE[settings.chosen_reduction](group, regions, found, settings, sampler)
    _refuse(group, _not_finite(group, update.mean))
    seen = regions.seen
    _place_own(
        group.field[seen.first[seen.own_scalar]], seen.own_cell, found.mean, found.spread, drawn,
        update.members, update.mean, update.spread,
    )  # fmt: skip
    health = {name: values[regions.of_block] for name, values in found.health.items()}
    return update._replace(health=health, trace=found.trace)


def require_independent_noise(group: BlockGroup, method: str) -> None:
    """Raise ConfigError when the model noise correlates."""
    if group.correlated:
        raise ConfigError(
            f"{method} needs model noise that is independent from scalar to scalar",
            where="ensemble.model_noise",
            remedy="set correlation: white without layers or balance, or filter.method: bridge",
        )


def _mix(group: BlockGroup, regions: Regions, found: Estimate, ancestor: np.ndarray) -> BlockUpdate:
    """Fill what is not observed: members from their ancestors (m, R), mean and spread."""
    members = np.empty_like(group.forecast)
    mean, spread = np.empty_like(group.noise_sd), np.empty_like(group.noise_sd)
    of_block = regions.of_block
    mine = np.ascontiguousarray(ancestor[:, of_block])
    mix_blocks(
        group.forecast, group.noise_sd, group.noise, group.cell_start, found.weight[of_block],
        mine, regions.updated[of_block], members, mean, spread,
    )  # fmt: skip
    return BlockUpdate(members, mean, spread, mine, {})


def _own_of(values: np.ndarray, group: BlockGroup, regions: Regions) -> np.ndarray:
    """Return the group's values (m, F, c) at its own scalars, shape (O, m)."""
    seen = regions.seen
    field = group.field[seen.first[seen.own_scalar]]
    return np.ascontiguousarray(values[:, field, seen.own_cell].T)


def _reduce_systematically(
    group: BlockGroup, regions: Regions, found: Estimate, settings: MixtureSettings,
    sampler: Sampler,
) -> tuple[BlockUpdate, np.ndarray]:  # fmt: skip
    assert found.known is not None
    ancestor = systematic_ancestors(regions, found.weight, group.seed, group.cycle)
    update = _mix(group, regions, found, ancestor)
    noise = _own_of(group.noise, group, regions)
    sd = found.known.scalars.noise_sd[regions.seen.own_scalar][:, None]
    normal = np.divide(noise, sd, out=np.zeros_like(noise), where=sd > 0)
    own = np.arange(regions.seen.own_scalar.size)
    theirs = np.ascontiguousarray(update.ancestor[:, regions.seen.own_block].T)
    drawn = draw_scalars(
        found.known, regions.seen, own, theirs, normal, settings.quadrature_step, sampler
    )
    return update, drawn


def _reduce_by_quantiles(
    group: BlockGroup, regions: Regions, found: Estimate, settings: MixtureSettings,
    sampler: Sampler,
) -> tuple[BlockUpdate, np.ndarray]:  # fmt: skip
    assert found.known is not None
    update = _mix(group, regions, found, _themselves(group.members, regions))
    for b in np.flatnonzero(regions.updated[regions.of_block]):
        map_members(
            group.forecast, group.noise, group.noise_sd, group.cell_start, b,
            found.weight[regions.of_block[b]], update.mean, update.members,
        )  # fmt: skip
    mapped = _own_of(update.members, group, regions)
    map_own(
        found.known, regions, found.weight, _own_of(group.forecast, group, regions),
        _own_of(group.noise, group, regions), mapped, settings.quadrature_step, sampler,
    )  # fmt: skip
    return update, mapped


def _reduce_by_thinning(
    group: BlockGroup, regions: Regions, found: Estimate, settings: MixtureSettings,
    sampler: Sampler,
) -> tuple[BlockUpdate, np.ndarray]:  # fmt: skip
    ancestor = _themselves(group.members, regions)
    drawn = np.empty((regions.seen.own_scalar.size, group.members))
    for r, samples in found.samples.items():
        address = sample_address(group.seed, group.cycle, int(regions.address[r]))
        thinned = thin(samples, group.members, address)
        ancestor[:, r], drawn[samples.own] = thinned.ancestor, thinned.drawn
    match_spread(drawn, found.mean, found.spread)
    return _mix(group, regions, found, ancestor), drawn


def _reduce_to_group_means(
    group: BlockGroup, regions: Regions, found: Estimate, settings: MixtureSettings,
    sampler: Sampler,
) -> tuple[BlockUpdate, np.ndarray]:  # fmt: skip
    rescaled = settings.chosen_reduction == "rescaled-group-means"
    ancestor = _themselves(group.members, regions)
    drawn = np.empty((regions.seen.own_scalar.size, group.members))
    grouped = {}
    for r, samples in found.samples.items():
        address = sample_address(group.seed, group.cycle, int(regions.address[r]))
        root = np.sqrt(samples.ancestor.size // group.members)
        share, own = average_groups(samples, group.members, address)
        ancestor[:, r] = main_ancestor(share)
        drawn[samples.own] = stretch(own, root) if rescaled else own
        grouped[r] = (share, root if rescaled else 1.0, 1.0 if rescaled else 1.0 / root)
    update = _mix(group, regions, found, ancestor)
    for b in range(group.n_blocks):
        if regions.of_block[b] in grouped:
            average_members(
                group.forecast, group.noise, group.cell_start, b, *grouped[regions.of_block[b]],
                update.mean, update.members,
            )  # fmt: skip
    return update, drawn


_REDUCE = {
    "systematic": _reduce_systematically,
    "quantile": _reduce_by_quantiles,
    "thinning": _reduce_by_thinning,
    "group-means": _reduce_to_group_means,
    "rescaled-group-means": _reduce_to_group_means,
}


def _themselves(members: int, regions: Regions) -> np.ndarray:
    """Return each member as its own ancestor in every region, int32 (m, R)."""
    return np.repeat(np.arange(members, dtype=np.int32)[:, None], regions.address.size, axis=1)


def _not_finite(group: BlockGroup, mean: np.ndarray) -> np.ndarray:
    """Return which blocks have a mean that is not finite, bool (B,)."""
    lost = np.zeros(group.n_blocks, dtype=bool)
    cells = np.flatnonzero(~np.isfinite(mean).all(axis=0))
    lost[np.searchsorted(group.cell_start, cells, side="right") - 1] = True
    return lost


def _refuse(group: BlockGroup, lost: np.ndarray) -> None:
    if lost.any():
        raise RunError(
            f"{lost.sum()} blocks have no finite analysis",
            where=f"cycle {group.cycle}, block {group.block[lost][0]} (first of them)",
            remedy="look for forecasts, observations or errors there that are not finite, or "
            "observations that no member can explain",
        )


@njit(cache=True, nogil=True, error_model="numpy")
def _place_own(field, cell, own_mean, own_spread, drawn, members, mean, spread):
    """Put the draws (O, m) of own scalars in their cells, shifted to their mean."""
    for o in range(cell.size):
        f, c = field[o], cell[o]
        mean[f, c], spread[f, c] = own_mean[o], own_spread[o]
        offset = 0.0
        for i in range(drawn.shape[1]):
            offset += drawn[o, i] - own_mean[o]
        for i in range(drawn.shape[1]):
            members[i, f, c] = drawn[o, i] - offset / drawn.shape[1]
