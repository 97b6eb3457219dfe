"""The paper's three filters on one case: settings, update and groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from filter_cases import Case, random_case
from halocast.filters import BlockGroup, BlockUpdate, LsmcmcV2Settings, lsmcmc_v1, lsmcmc_v2, smcmc
from halocast.filters.lsmcmc_v1 import LsmcmcV1Settings
from halocast.filters.sampling import MixtureSettings
from halocast.filters.smcmc import SmcmcSettings
from halocast.localization.blocks import incidence

Update = Callable[[BlockGroup, MixtureSettings], BlockUpdate]
UPDATE: dict[str, Update] = {
    "lsmcmc-v1": lsmcmc_v1.update, "lsmcmc-v2": lsmcmc_v2.update, "smcmc": smcmc.update,
}  # fmt: skip
METHODS = tuple(UPDATE)
SHORT = {"kernel": "pcn", "chains": 2, "burn_in": 40, "samples": 80}


def settings_of(method: str, **given: object) -> MixtureSettings:
    """Settings of a method, blocks of 2 x 3 cells."""
    if method == "lsmcmc-v2":
        return LsmcmcV2Settings(**{"block": (2, 3), "halo": 2.5, **given})
    kind = LsmcmcV1Settings if method == "lsmcmc-v1" else SmcmcSettings
    return kind(**{"block": (2, 3), **given})


def case_of(method: str, **given: object) -> Case:
    """A random case whose blocks see what the method's do."""
    case = random_case(**given)
    if method == "lsmcmc-v2":
        return case
    return case._replace(
        incidence=incidence(case.blocks, case.observations.cell, halo=0.0), sees_all=True
    )


def analyse(method: str, case: Case, **given: object) -> BlockUpdate:
    """Update the whole domain in one group."""
    return UPDATE[method](case.group(), settings_of(method, **given))


def cells_of(group: BlockGroup, blocks: np.ndarray) -> np.ndarray:
    """The local cells of some blocks of a group."""
    return np.concatenate(
        [np.arange(group.cell_start[b], group.cell_start[b + 1]) for b in blocks]
    ).astype(int)
