"""Samples of a region: states of its own scalars with their ancestors, exact or by chains.

What is not observed is no part of a sample: given its ancestor j it is N(mu_j, q), and members add
their own noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.errors import RunError
from halocast.filters.conditioning import Conditioned, draw_scalars
from halocast.filters.regions import Regions, scalar_of_row
from halocast.filters.sighting import Sighting
from halocast.samplers.chains import Chains, ChainTarget
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import Sampler
from halocast.samplers.resampling import draw_ancestors

# elements of a region's address: the ancestors' uniform, the uniforms that sort samples into
# groups, the one that picks states; then the normals, a row of samples a scalar
ANCESTOR, PICK, GROUPING, _NORMALS = 0, 1, 2, 2**32
_LAST = 2**33


class Samples(NamedTuple):
    """N samples of a region: ancestor (N,), and the values (N, k) of its own scalars ``own``."""

    ancestor: np.ndarray
    value: np.ndarray
    own: np.ndarray


def sample_address(seed: int, cycle: int, region: int) -> Address:
    """The address of what is random in a region's samples and their reduction."""
    return Address(seed, cycle, Purpose.SAMPLES, region)


def scalars_seen(seen: Sighting, region: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scalars a region sees, increasing, and their taper weights."""
    row = seen.pair_row[seen.pair_start[region] : seen.pair_start[region + 1]]
    return scalar_of_row(seen)[row], seen.row_weight[row]


def target_of(scalars: ObservedScalars, seen: Sighting, region: int) -> ChainTarget:
    """Return what chains sample in a region: all scalars it sees, those of the halo included."""
    scalar, weight = scalars_seen(seen, region)
    count = scalars.start[scalar + 1] - scalars.start[scalar]
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    column = np.arange(start[-1]) + np.repeat(scalars.start[scalar] - start[:-1], count)
    return ChainTarget(
        mean=np.ascontiguousarray(scalars.forecast[scalar].T),
        sd=scalars.noise_sd[scalar],
        factor=np.empty((0, 0)),
        log_prior=np.zeros(scalars.forecast.shape[1]),
        start=start,
        value=scalars.value[column],
        error=scalars.error[column],
        operator=scalars.operator[column],
        center=scalars.center[column],
        scale=scalars.scale[column],
        noise_kind=scalars.noise_kind[column],
        df=scalars.df[column],
        weight=weight,
    )


def chain_samples(chains: Chains, regions: Regions, region: int) -> Samples:
    """Return the states of chains one after the other, of the group's own scalars."""
    scalar, _ = scalars_seen(regions.seen, region)
    own = np.flatnonzero(regions.of_own == region)
    place = np.searchsorted(scalar, regions.seen.own_scalar[own])
    states = chains.samples.reshape(-1, scalar.size)
    return Samples(chains.ancestor.ravel(), np.ascontiguousarray(states[:, place]), own)


def exact_samples(
    known: Conditioned,
    regions: Regions,
    region: int,
    weight: np.ndarray,
    count: int,
    address: Address,
    step: float,
    sampler: Sampler,
) -> Samples:
    """Draw ``count`` samples: systematic ancestors from the weights (m,), independent states."""
    scalar, _ = scalars_seen(regions.seen, region)
    own = np.flatnonzero(regions.of_own == region)
    place = np.searchsorted(scalar, regions.seen.own_scalar[own])
    if _NORMALS + scalar.size * count > _LAST:
        raise RunError(
            f"{count} samples of {scalar.size} scalars exceed a region's random numbers",
            where=f"region {address.index}",
            remedy="ask for fewer samples",
        )
    ancestor = draw_ancestors(weight, uniforms(address, 1, ANCESTOR)[0], count)
    normal = np.empty((own.size, count))
    for k, at in enumerate(place):
        normal[k] = normals(address, count, _NORMALS + int(at) * count)
    drawn = draw_scalars(
        known, regions.seen, own, np.tile(ancestor, (own.size, 1)), normal, step, sampler
    )
    return Samples(ancestor, np.ascontiguousarray(drawn.T), own)
