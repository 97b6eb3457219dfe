"""Filters: each updates a group of blocks (see `halocast.filters.base`).

``FILTERS`` maps the name in the run file, ``filter.method``, to ``update(group, settings)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from halocast.filters import free_run, lsmcmc_v2
from halocast.filters.base import BlockGroup, BlockUpdate
from halocast.filters.free_run import FreeRunSettings
from halocast.filters.lsmcmc_v2 import LsmcmcV2Settings

FILTERS: dict[str, Callable[[BlockGroup, Any], BlockUpdate]] = {
    "lsmcmc-v2": lsmcmc_v2.update,
    "free-run": free_run.update,
}

__all__ = ["FILTERS", "BlockGroup", "BlockUpdate", "FreeRunSettings", "LsmcmcV2Settings"]
