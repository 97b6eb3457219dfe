"""Filters: each updates a group of blocks (see `halocast.filters.base`).

``FILTERS`` maps the name in the run file, ``filter.method``, to its `Filter`.
"""

from __future__ import annotations

from halocast.filters import bridge, free_run, letkf, lsmcmc_v2
from halocast.filters.base import BlockGroup, BlockUpdate, Filter
from halocast.filters.bridge import BridgeSettings
from halocast.filters.free_run import FreeRunSettings
from halocast.filters.letkf import LetkfSettings
from halocast.filters.lsmcmc_v2 import LsmcmcV2Settings

FILTERS: dict[str, Filter] = {
    "lsmcmc-v2": Filter(lsmcmc_v2.update),
    "bridge": Filter(bridge.update, bridge.sees, carries_layers=True),
    "letkf": Filter(letkf.update, letkf.sees, carries_layers=True),
    "free-run": Filter(free_run.update, free_run.sees_nothing),
}

__all__ = [
    "FILTERS",
    "BlockGroup",
    "BlockUpdate",
    "BridgeSettings",
    "Filter",
    "FreeRunSettings",
    "LetkfSettings",
    "LsmcmcV2Settings",
]
