"""The free run: the forecast with its model noise, no observation used.

Members are mu + sqrt(q) noise; mean and spread are those of the equal-weight mixture of the
N(mu_j, q), not of the noisy members. Cost: about 3 ns per member and scalar.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.settings import Settings


class FreeRunSettings(Settings):
    """A run without assimilation."""

    method: Literal["free-run"] = Field("free-run", description="No assimilation.")


def update(group: BlockGroup, settings: FreeRunSettings | None = None) -> BlockUpdate:
    """Add each member's noise to its forecast."""
    m, blocks = group.members, group.n_blocks
    members = np.empty_like(group.forecast)
    mean, spread = np.empty_like(group.noise_sd), np.empty_like(group.noise_sd)
    forecast_cells(
        group.forecast, group.noise_sd, group.noise, 0, group.cells.size, members, mean, spread
    )
    return BlockUpdate(
        members=members,
        mean=mean,
        spread=spread,
        ancestor=np.repeat(np.arange(m, dtype=np.int32)[:, None], blocks, axis=1),
        health={
            "ess": np.full(blocks, float(m)),
            "observations": np.zeros(blocks),
            "mass_log": np.zeros(blocks),
        },
    )


@njit(cache=True, nogil=True)
def forecast_cells(forecast, noise_sd, noise, start, stop, members, mean, spread):
    """Fill members, mean and spread of the cells start…stop (local) from the forecast alone."""
    m, n_fields = forecast.shape[0], forecast.shape[1]
    first, between = np.empty(stop - start), np.empty(stop - start)
    for f in range(n_fields):
        first[:] = 0.0
        between[:] = 0.0
        for j in range(m):
            for c in range(start, stop):
                mu = forecast[j, f, c]
                first[c - start] += mu - forecast[0, f, c]
                members[j, f, c] = mu + noise_sd[f, c] * noise[j, f, c]
        for j in range(m):
            for c in range(start, stop):
                d = forecast[j, f, c] - forecast[0, f, c] - first[c - start] / m
                between[c - start] += d * d
        for c in range(start, stop):
            mean[f, c] = forecast[0, f, c] + first[c - start] / m
            q = noise_sd[f, c] * noise_sd[f, c]
            spread[f, c] = np.sqrt(q + between[c - start] / m)
