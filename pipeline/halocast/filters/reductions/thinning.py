"""m of N samples, their moments matched.

Samples are ordered by ancestor, then as they came, and every (N / m)-th is taken from a random
start: each sample is as likely as any, ancestors are resampled systematically, and what follows
each other in a chain is spread out. Survivors keep their slots. Observed scalars are then shifted
and stretched so that mean and (population) standard deviation of the members are the samples'.

Spread is the samples', shape too: what lies between two modes stays empty. Observed scalars keep
what they have in common within a region; to the next region they are coherent only as far as
ancestors are. Cost: sorting N a region.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.draws import Address, uniforms
from halocast.filters.samples import PICK, Samples
from halocast.samplers.resampling import seat_survivors


class Thinned(NamedTuple):
    """Ancestor of each member, (m,), and the values of own scalars, (k, m)."""

    ancestor: np.ndarray
    drawn: np.ndarray


def thin(samples: Samples, members: int, address: Address) -> Thinned:
    """Take one sample a member; ``address`` is the region's, see `sample_address`."""
    count = samples.ancestor.size
    order = np.argsort(samples.ancestor, kind="stable")
    start = uniforms(address, 1, PICK)[0]
    picked = order[((np.arange(members) + start) * (count / members)).astype(np.int64)]
    seat = picked[seat_survivors(samples.ancestor[picked], members)]
    return Thinned(samples.ancestor[seat], np.ascontiguousarray(samples.value[seat].T))


def match_spread(drawn: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> None:
    """Shift and stretch draws (k, m) in place to mean and standard deviation (k,).

    Draws that are all alike are shifted only.
    """
    for k in range(drawn.shape[0]):
        deviation = drawn[k] - drawn[k].mean()
        sd = np.sqrt(np.mean(deviation**2))
        drawn[k] = mean[k] + deviation * (spread[k] / sd if sd > 0 else 1.0)
