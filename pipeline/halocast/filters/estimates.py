"""What is known of each region before there are members: weights, moments, and perhaps samples.

Exactly: ancestors' weights and the moments of own scalars are those of the mixture. By chains: an
ancestor's weight is its share of the samples, moments are the samples'. Regions whose chains did
not mix may be estimated exactly instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from halocast.ensemble import mean_and_spread
from halocast.errors import ConfigError
from halocast.filters.base import BlockGroup
from halocast.filters.conditioning import (
    Conditioned,
    Weighed,
    condition,
    observed_scalars,
    own_moments,
    weigh_ancestors,
)
from halocast.filters.regions import Regions
from halocast.filters.samples import (
    Samples,
    chain_samples,
    exact_samples,
    sample_address,
    target_of,
)
from halocast.filters.sampling import DIRECT, MixtureSettings
from halocast.samplers.chains import (
    Chains,
    ChainSettings,
    ChainTarget,
    ChainTrace,
    mixed,
    run_chains,
    trace_of,
)
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import BUILT_IN, Sampler


class Estimate(NamedTuple):
    """What is known of a group's regions.

    Attributes
    ----------
    weight
        Normalised weights of the ancestors, (R, m).
    mean, spread
        Of the own scalars, (O,).
    lost
        Regions without a finite analysis, bool (R,).
    known
        Own scalars conditioned on their observations; None where only chains ran.
    samples
        Samples of the regions that have any.
    health
        Diagnostics by name, (R,).
    trace
        Chains of the busiest region.
    """

    weight: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    lost: np.ndarray
    known: Conditioned | None
    samples: dict[int, Samples]
    health: dict[str, np.ndarray]
    trace: ChainTrace | None = None


def estimate_exactly(
    group: BlockGroup, regions: Regions, settings: MixtureSettings, sampler: Sampler
) -> Estimate:
    """Condition and weigh; draw samples if the reduction needs them."""
    known, weighed = _weigh(observed_scalars(group, regions.seen), regions, settings, sampler)
    mean, spread = own_moments(known, regions.seen, weighed.weight[regions.of_own])
    found = Estimate(
        weighed.weight, mean, spread, ~np.isfinite(weighed.mass_log), known, {},
        {
            "ess": weighed.ess,
            "observations": regions.observations(),
            "mass_log": weighed.mass_log,
        },
    )  # fmt: skip
    if settings.chosen_reduction not in DIRECT:
        wanted = np.flatnonzero(regions.updated & ~found.lost)
        _sample_exactly(found, group, regions, wanted, settings, sampler)
    return found


def estimate_by_chains(
    group: BlockGroup, regions: Regions, settings: MixtureSettings, sampler: Sampler
) -> Estimate:
    """Run chains in every region that sees anything.

    Raises
    ------
    ConfigError
        When ``sampler`` is for operators or densities that the chains do not know.
    """
    if sampler is not BUILT_IN:
        raise ConfigError(
            "chains know the built-in operators and densities only",
            where="filter.sampler.kernel",
            remedy="use the exact sampler for others",
        )
    scalars = observed_scalars(group, regions.seen)
    found = _nothing_seen(group.members, regions)
    observations = found.health["observations"]
    busiest = int(np.argmax(observations)) if observations.any() else -1
    refused, trace = [], None
    for r in np.flatnonzero(regions.updated).tolist():
        target = target_of(scalars, regions.seen, r)
        if not _finite(target):
            found.lost[r] = True
            continue
        chains = run_chains(
            target, _chain_settings(settings), group.seed, group.cycle, int(regions.address[r])
        )
        if r == busiest:
            trace = trace_of(chains, int(np.argmax(np.diff(target.start))))
        _describe(found, r, chains)
        if settings.fallback == "exact" and not mixed(chains):
            refused.append(r)
        else:
            _use_samples(found, r, chain_samples(chains, regions, r))
    if refused:
        _fall_back(found, group, scalars, regions, np.array(refused), settings, sampler)
    return found._replace(trace=trace)


def _chain_settings(settings: MixtureSettings) -> ChainSettings:
    assert isinstance(settings.sampler, ChainSettings)
    return settings.sampler


def _finite(target: ChainTarget) -> bool:
    columns: Iterable[np.ndarray] = (target.mean, target.value, target.error)
    return all(bool(np.isfinite(column).all()) for column in columns)


def _nothing_seen(members: int, regions: Regions) -> Estimate:
    n, own = regions.address.size, regions.seen.own_scalar.size
    unknown = ("acceptance", "r_hat", "chain_ess", "distinct")
    health = {name: np.full(n, np.nan) for name in unknown}
    health |= {
        "ess": np.full(n, float(members)),
        "observations": regions.observations(),
        "fallback": np.zeros(n),
    }
    weight = np.full((n, members), 1.0 / members)
    lost = np.zeros(n, dtype=bool)
    return Estimate(weight, np.empty(own), np.empty(own), lost, None, {}, health)


def _describe(found: Estimate, r: int, chains: Chains) -> None:
    found.health["acceptance"][r] = chains.acceptance.mean()
    found.health["r_hat"][r] = chains.r_hat
    found.health["chain_ess"][r] = chains.ess
    found.health["distinct"][r] = chains.distinct


def _use_samples(found: Estimate, r: int, samples: Samples) -> None:
    """Let the samples of a region be its estimate."""
    members = found.weight.shape[1]
    found.samples[r] = samples
    share = np.bincount(samples.ancestor, minlength=members) / samples.ancestor.size
    found.weight[r] = share
    found.health["ess"][r] = 1.0 / float(np.sum(share**2))
    found.mean[samples.own], found.spread[samples.own] = mean_and_spread(samples.value)


def _weigh(
    scalars: ObservedScalars, regions: Regions, settings: MixtureSettings, sampler: Sampler
) -> tuple[Conditioned, Weighed]:
    known = condition(scalars, regions.seen, settings.quadrature_step, sampler)
    return known, weigh_ancestors(regions.seen, known.log_weight)


def _fall_back(
    found: Estimate,
    group: BlockGroup,
    scalars: ObservedScalars,
    regions: Regions,
    refused: np.ndarray,
    settings: MixtureSettings,
    sampler: Sampler,
) -> None:
    """Replace what chains found in some regions by the exact answer."""
    known, weighed = _weigh(scalars, regions, settings, sampler)
    found.weight[refused] = weighed.weight[refused]
    found.health["ess"][refused] = weighed.ess[refused]
    found.health["fallback"][refused] = 1.0
    found.lost[refused] = ~np.isfinite(weighed.mass_log[refused])
    mean, spread = own_moments(known, regions.seen, weighed.weight[regions.of_own])
    theirs = np.isin(regions.of_own, refused)
    found.mean[theirs], found.spread[theirs] = mean[theirs], spread[theirs]
    wanted = refused[~found.lost[refused]]
    _sample_exactly(found._replace(known=known), group, regions, wanted, settings, sampler)


def _sample_exactly(
    found: Estimate,
    group: BlockGroup,
    regions: Regions,
    wanted: np.ndarray,
    settings: MixtureSettings,
    sampler: Sampler,
) -> None:
    assert found.known is not None
    for r in wanted:
        address = sample_address(group.seed, group.cycle, int(regions.address[r]))
        found.samples[int(r)] = exact_samples(
            found.known, regions, int(r), found.weight[r], settings.sampler.samples, address,
            settings.quadrature_step, sampler,
        )  # fmt: skip
