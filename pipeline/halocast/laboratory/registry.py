"""Every method by its name, as one that the laboratory can cycle.

Three kinds: analyses of a window, of the whole state, of every scalar's surroundings
(``localization: observations``) or with tapered covariances (``covariances``); block filters of the
big engines; and methods with a cycle of their own. Dense methods are refused beyond the size at
which they stop, with the reason.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

import numpy as np
from pydantic import Field, PositiveInt, ValidationError

from halocast.errors import ConfigError
from halocast.filters.kalman.climate import climate_of
from halocast.filters.window_methods import LABORATORY, WINDOW_METHODS
from halocast.laboratory.block_filters import BlockFilterMethod
from halocast.laboratory.local import LocalMethod, schur
from halocast.laboratory.methods import EnsembleMethod, Method
from halocast.laboratory.problem import Problem
from halocast.settings import Settings

_FILTERS = "halocast.filters"
# window methods that cannot run on blocks; name: module, settings
WINDOW_ONLY = {"smoothed-esrf": ("operation.smoothed_esrf", "SmoothedEsrfSettings")}
# windows that mix the members' covariance with that of states of a free run
HYBRIDS = {
    "hybrid-covariance": ("analyse_covariance", "HybridCovarianceSettings"),
    "hybrid-gain": ("analyse_gain", "HybridGainSettings"),
}
_STATIC_STATES = 100
# name: module, settings
BLOCK_FILTERS = {
    "lsmcmc-v2": ("lsmcmc_v2", "LsmcmcV2Settings"),
    "bridge": ("bridge", "BridgeSettings"),
    "letkf": ("letkf", "LetkfSettings"),
}
# name: module, class, settings
OWN_CYCLES = {
    "kf": ("kalman.kf", "Kf", "KfSettings"),
    "ekf": ("kalman.ekf", "Ekf", "EkfSettings"),
    "oi": ("kalman.oi", "Oi", "OiSettings"),
    "enoi": ("kalman.enoi", "EnOi", "EnOiSettings"),
    "3dvar": ("kalman.var3d", "Var3d", "Var3dSettings"),
    "4dvar": ("kalman.var4d", "Var4d", "Var4dSettings"),
    "4denvar": ("kalman.envar4d", "EnVar4d", "EnVar4dSettings"),
    "ukf": ("sigma_point.ukf", "Ukf", "UkfSettings"),
    "cdkf": ("sigma_point.cdkf", "Cdkf", "CdkfSettings"),
    "svd-ukf": ("sigma_point.svd", "SvdUkf", "SvdUkfSettings"),
    "cdsm": ("score.method", "ScoreFilter", "CdsmSettings"),
}


class MethodEntry(Settings):
    """A method and how it is used, as boards have it."""

    method: str = Field(description="Its name")
    settings: dict[str, Any] = Field(default_factory=dict, description="Its own settings")
    members: PositiveInt | None = Field(None, description="Number of members, where it has any")
    localization: Literal["none", "observations", "covariances"] = Field(
        "none", description="What a method of a window tapers"
    )
    radius: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="loc_rad of the taper, in cells"
    )
    jitter: float = Field(
        0.0, ge=0, allow_inf_nan=False,
        description="Kernel width of filters that need model noise, as a share of the forecast's "
        "spread",
    )  # fmt: skip
    inflation: float = Field(
        1.0, gt=0, allow_inf_nan=False,
        description="Factor on the anomalies after the analysis of a block filter",
    )  # fmt: skip


def names() -> list[str]:
    """Return the names of all methods."""
    return sorted(
        {*WINDOW_METHODS, *WINDOW_ONLY, *HYBRIDS, *BLOCK_FILTERS, *OWN_CYCLES} - {"python"}
    )


def build(entry: MethodEntry, problem: Problem) -> Method:
    """Return an entry's method, for a problem.

    Raises
    ------
    ConfigError
        There is no such method, its settings are wrong, or the problem is too large for it.
    """
    name = entry.method
    if name in OWN_CYCLES:
        _require_size(name, problem)
        return _own_cycle(entry)
    if entry.members is None:
        raise ConfigError(f"{name} has members", where=name, remedy="say how many: members")
    if name in BLOCK_FILTERS:
        module, settings = BLOCK_FILTERS[name]
        return BlockFilterMethod(
            _settings(name, _find(module, settings), entry.settings),
            entry.members, entry.jitter, entry.inflation,
        )  # fmt: skip
    return _window_method(entry, entry.members)


def _own_cycle(entry: MethodEntry) -> Method:
    module, method, settings = OWN_CYCLES[entry.method]
    given = dict(entry.settings)
    if entry.members is not None:
        given["members"] = entry.members
    return _find(module, method)(_settings(entry.method, _find(module, settings), given))


def _hybrid(entry: MethodEntry, members: int) -> Method:
    module, (analyse, settings) = "ensemble.hybrid", HYBRIDS[entry.method]
    return EnsembleMethod(
        _find(module, analyse),
        _settings(entry.method, _find(module, settings), entry.settings),
        members,
        first_memory=static_states,
    )


def static_states(problem: Problem, seed: int) -> np.ndarray:
    """Return states of a free run, evenly from all of it, (100, n)."""
    states = climate_of(problem, seed).states
    return states[:: states.shape[0] // _STATIC_STATES]


def _window_method(entry: MethodEntry, members: int) -> Method:
    if entry.method in HYBRIDS:
        return _hybrid(entry, members)
    if entry.method in WINDOW_ONLY:
        module, name = WINDOW_ONLY[entry.method]
        analyse, kind = _find(module, "analyse"), _find(module, name)
    elif entry.method in WINDOW_METHODS:
        analyse, kind = WINDOW_METHODS[entry.method][:2]
    else:
        raise ConfigError(f"no method {entry.method!r}", remedy=f"one of {', '.join(names())}")
    chosen = _settings(entry.method, kind, entry.settings)
    if entry.localization == "none":
        return EnsembleMethod(analyse, chosen, members, jitter=entry.jitter)
    if entry.radius is None:
        raise ConfigError(
            "a localization needs its radius", where=entry.method, remedy="give radius, in cells"
        )
    if entry.localization == "observations":
        return LocalMethod(analyse, chosen, members, entry.radius, entry.jitter)
    return EnsembleMethod(analyse, chosen, members, schur(entry.radius), entry.jitter)


def _require_size(name: str, problem: Problem) -> None:
    known = LABORATORY.get(name)
    if known is not None and known.stops_at is not None and problem.dimension > known.stops_at:
        raise ConfigError(
            f"{name} stops at {known.stops_at:,} scalars, {problem.name} has "
            f"{problem.dimension:,}: it needs {known.reason}",
            remedy="use an ensemble with localization",
        )


def _find(module: str, name: str) -> Any:
    return getattr(import_module(f"{_FILTERS}.{module}"), name)


def _settings(name: str, kind: type[Settings], given: dict[str, Any]) -> Settings:
    try:
        return kind.model_validate(given)
    except ValidationError as problem:
        raise ConfigError(str(problem), where=name, remedy="see the method's settings") from problem
