"""The free run: the forecast with its model noise, no observation used.

Members are mu + noise; mean and spread are those of the equal-weight mixture of the
N(mu_j, q), not of the noisy members (see `halocast.filters.mixing`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.mixing import mix_blocks
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, Incidence
from halocast.settings import Settings


class FreeRunSettings(Settings):
    """A run without assimilation."""

    method: Literal["free-run"] = Field("free-run", description="No assimilation.")


def sees_nothing(
    settings: FreeRunSettings, blocks: Blocks, cells: np.ndarray, grid: Grid
) -> Incidence:
    """Let no block see any observation."""
    return Incidence(np.zeros(blocks.n_blocks + 1, np.int64), np.empty(0, np.int64), np.empty(0))


def update(group: BlockGroup, settings: FreeRunSettings | None = None) -> BlockUpdate:
    """Add each member's noise to its forecast."""
    m, blocks = group.members, group.n_blocks
    members = np.empty_like(group.forecast)
    mean, spread = np.empty_like(group.noise_sd), np.empty_like(group.noise_sd)
    ancestor = np.repeat(np.arange(m, dtype=np.int32)[:, None], blocks, axis=1)
    mix_blocks(
        group.forecast, group.noise_sd, group.noise, group.cell_start,
        np.full((blocks, m), 1.0 / m), ancestor, np.zeros(blocks, dtype=bool),
        members, mean, spread,
    )  # fmt: skip
    health = {
        "ess": np.full(blocks, float(m)),
        "observations": np.zeros(blocks),
        "mass_log": np.zeros(blocks),
    }
    return BlockUpdate(members, mean, spread, ancestor, health)
