"""Filters: each updates a group of blocks (see `halocast.filters.base`).

``FILTERS`` maps the name in the run file, ``filter.method``, to its `Filter`.
"""

from __future__ import annotations

from halocast.filters import bridge, free_run, letkf, lsmcmc_v1, lsmcmc_v2, smcmc
from halocast.filters.base import BlockGroup, BlockUpdate, Filter
from halocast.filters.bridge import BridgeSettings
from halocast.filters.free_run import FreeRunSettings
from halocast.filters.letkf import LetkfSettings
from halocast.filters.lsmcmc_v1 import LsmcmcV1Settings
from halocast.filters.lsmcmc_v2 import LsmcmcV2Settings
from halocast.filters.smcmc import SmcmcSettings

FILTERS: dict[str, Filter] = {
    "lsmcmc-v2": Filter(lsmcmc_v2.update),
    "lsmcmc-v1": Filter(lsmcmc_v1.update, lsmcmc_v1.sees_own, sees_all=True),
    "smcmc": Filter(smcmc.update, lsmcmc_v1.sees_own, sees_all=True),
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
    "LsmcmcV1Settings",
    "LsmcmcV2Settings",
    "SmcmcSettings",
]
