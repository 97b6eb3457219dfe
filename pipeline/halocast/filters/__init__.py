"""Filters: each updates a group of blocks (see `halocast.filters.base`).

``FILTERS`` maps the name in the run file, ``filter.method``, to its `Filter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from halocast.filters import bridge, free_run, letkf, lsmcmc_v1, lsmcmc_v2, smcmc
from halocast.filters.base import BlockGroup, BlockUpdate, Filter
from halocast.filters.blockwise import block_filter
from halocast.filters.bridge import BridgeSettings
from halocast.filters.free_run import FreeRunSettings
from halocast.filters.letkf import LetkfSettings
from halocast.filters.local_settings import LocalSettings
from halocast.filters.lsmcmc_v1 import LsmcmcV1Settings
from halocast.filters.lsmcmc_v2 import LsmcmcV2Settings
from halocast.filters.smcmc import SmcmcSettings
from halocast.filters.window_methods import (
    LABORATORY,
    WINDOW_METHODS,
    WINDOW_SETTINGS,
    refusal,
)

FILTERS: dict[str, Filter] = {
    "lsmcmc-v2": Filter(
        lsmcmc_v2.update, paired=lambda settings: settings.chosen_reduction == "quantile"
    ),
    "lsmcmc-v1": Filter(lsmcmc_v1.update, lsmcmc_v1.sees_own, sees_all=True),
    "smcmc": Filter(smcmc.update, lsmcmc_v1.sees_own, sees_all=True),
    "bridge": Filter(bridge.update, bridge.sees, carries_layers=True),
    "letkf": Filter(letkf.update, letkf.sees, carries_layers=True, paired=lambda settings: True),
    "free-run": Filter(free_run.update, free_run.sees_nothing, paired=lambda settings: True),
    **{name: block_filter(method) for name, method in WINDOW_METHODS.items()},
}

if TYPE_CHECKING:
    FilterSettings = (
        LsmcmcV2Settings
        | LsmcmcV1Settings
        | SmcmcSettings
        | BridgeSettings
        | LetkfSettings
        | FreeRunSettings
        | LocalSettings
    )
else:
    # the section ``filter`` of a run file: one of these, by its ``method``
    FilterSettings = Union[
        LsmcmcV2Settings,
        LsmcmcV1Settings,
        SmcmcSettings,
        BridgeSettings,
        LetkfSettings,
        FreeRunSettings,
        *WINDOW_SETTINGS.values(),
    ]

__all__ = [
    "FILTERS",
    "LABORATORY",
    "BlockGroup",
    "BlockUpdate",
    "BridgeSettings",
    "Filter",
    "FilterSettings",
    "FreeRunSettings",
    "LetkfSettings",
    "LocalSettings",
    "LsmcmcV1Settings",
    "LsmcmcV2Settings",
    "SmcmcSettings",
    "refusal",
]
