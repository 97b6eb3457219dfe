"""The window methods that run on blocks: their names in a run file, and what engines must know.

A line here makes a method of `halocast.filters.ensemble`, `.particle` and `.quantile` one of the
run file's (``filter.method``), with blocks, halos, engines and checkpoints.

``LABORATORY`` are the methods that do not scale, or are no update of members at an observation
time. A run file that names one is refused with the reason; `halocast.laboratory` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from halocast.filters import own, static_states
from halocast.filters.blockwise import WindowMethod
from halocast.filters.ensemble import denkf, enkf, etkf, serial
from halocast.filters.ensemble.settings import SpreadSettings
from halocast.filters.kalman import enoi
from halocast.filters.local_settings import Localization, LocalSettings, localized
from halocast.filters.operation import tail_smoothing
from halocast.filters.particle import enkpf, equivalent, proposal, sir
from halocast.filters.particle import localized as lpf
from halocast.filters.quantile import filter as quantile
from halocast.filters.window import Analysis, Window
from halocast.settings import Settings

_BOTH: tuple[Localization, ...] = ("observations", "covariances")


def _adapts(settings: SpreadSettings) -> bool:
    return settings.adaptive is not None


def _weighted(analyse: Callable[[Window, Any], Analysis], settings: type[Settings]) -> WindowMethod:
    """A particle filter whose proposal is of its block's own scalars, and which keeps weights."""
    return WindowMethod(
        analyse, settings, own_only=True, remembers=lambda s: True, remembers_members=True
    )


WINDOW_METHODS: dict[str, WindowMethod] = {
    "enkf": WindowMethod(enkf.analyse, enkf.EnkfSettings, _BOTH, remembers=_adapts, paired=True),
    "ensrf": WindowMethod(
        serial.analyse, serial.EnsrfSettings, _BOTH, remembers=_adapts, paired=True
    ),
    "potter": WindowMethod(
        serial.analyse, serial.PotterSettings, _BOTH, remembers=_adapts, paired=True
    ),
    "eakf": WindowMethod(
        serial.analyse, serial.EakfSettings, _BOTH, remembers=_adapts, paired=True
    ),
    "etkf": WindowMethod(etkf.analyse, etkf.EtkfSettings, remembers=_adapts, paired=True),
    "denkf": WindowMethod(
        denkf.analyse, denkf.DenkfSettings, _BOTH, remembers=_adapts, paired=True
    ),
    "hybrid-covariance": WindowMethod(
        static_states.analyse_covariance,
        static_states.HybridCovarianceBlocks,
        paired=True,
    ),
    "hybrid-gain": WindowMethod(
        static_states.analyse_gain, static_states.HybridGainBlocks, paired=True
    ),
    "enoi": WindowMethod(enoi.analyse, static_states.EnOiBlocks, _BOTH, fewest=1, paired=True),
    "sir": WindowMethod(
        sir.analyse, sir.SirSettings, remembers=lambda s: True, remembers_members=True
    ),
    "enkpf": WindowMethod(enkpf.analyse, enkpf.EnkpfSettings, _BOTH, health=("gamma",)),
    "lpf": WindowMethod(lpf.analyse, lpf.LocalizedSettings, ("covariances",)),
    "wenkf": _weighted(proposal.analyse_wenkf, proposal.WenkfSettings),
    "optimal-proposal": _weighted(proposal.analyse_optimal, proposal.OptimalSettings),
    "ewpf": _weighted(equivalent.analyse, equivalent.EwpfSettings),
    "rhf": WindowMethod(quantile.analyse_rhf, quantile.RhfSettings, _BOTH, paired=True),
    "qceff": WindowMethod(quantile.analyse_qceff, quantile.QceffSettings, _BOTH, paired=True),
    "tail-etkf": WindowMethod(
        tail_smoothing.analyse,
        tail_smoothing.TailEtkfSettings,
        own_only=True,
        remembers=lambda s: True,
        paired=True,
    ),
    "python": WindowMethod(
        own.analyse,
        own.PythonFilterSettings,
        _BOTH,
        remembers=lambda s: True,
        remembers_members=True,  # for all that is known of it
    ),
}

WINDOW_SETTINGS: dict[str, type[LocalSettings]] = {
    name: localized(method.settings, method.localization, method.own_only)
    for name, method in WINDOW_METHODS.items()
}


class Refused(NamedTuple):
    """Why a method is in the laboratory only; ``stops_at`` scalars of the state, None: at none."""

    reason: str
    stops_at: int | None


LABORATORY: dict[str, Refused] = {
    "kf": Refused("an n x n covariance, and n + 1 runs of the model a cycle", 1500),
    "ekf": Refused("an n x n covariance, and a derivative of the model", 1500),
    "oi": Refused("an n x n covariance of the model's climate", 4000),
    "3dvar": Refused("a root, n x n, of the climate's covariance", 4000),
    "4dvar": Refused("dense modes, and the model within a window of time", 1500),
    "4denvar": Refused("the model within a window of time", None),
    "ukf": Refused("2 n + 1 runs of the model a cycle", 1000),
    "cdkf": Refused("2 n + 1 runs of the model a cycle", 1000),
    "svd-ukf": Refused("sigma points of the whole state, twice as many as it keeps modes", None),
    "smoothed-esrf": Refused("stations that stay where they are", None),
    "steady": Refused("stations that stay where they are, and one state", None),
    "cdsm": Refused("a long run to be trained with, of the whole state", None),
}


def refusal(name: str) -> str:
    """Say why a run file cannot have a method of the laboratory, and what it can have."""
    found = LABORATORY[name]
    size = "" if found.stops_at is None else f", and stops at {found.stops_at:,} scalars"
    return (
        f"{name} needs {found.reason}{size}: it is for small problems, `halocast scoreboard`; "
        "on blocks use etkf, letkf or lsmcmc-v2"
    )
