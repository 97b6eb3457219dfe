"""Particles nudged towards the next observations, before their weights are made equal.

In the last part of an interval each step f gets, beside its noise q ~ N(0, Q), a pull towards the
observations to come (van Leeuwen 2010; Browne & van Leeuwen 2015, QJRMS),

    x <- f(x) + a + q,   a = b t Q H' R^-1 (y - H x),   t the fraction of the interval that passed,

and the weight pays for it: -log w += a' Q^-1 a / 2 + a' Q^-1 q. At the observation time
`halocast.filters.particle.equivalent` takes over. The model must be known step by step, with
noise in every scalar. Cost O(m n) a step beside the model's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from pydantic import Field

from halocast.draws import Address, Purpose, normals
from halocast.errors import ConfigError
from halocast.filters.particle.equivalent import EwpfSettings, analyse
from halocast.laboratory.methods import Ensemble, Outcome, window_of
from halocast.laboratory.problem import Problem


class NudgedSettings(EwpfSettings):
    """The equivalent-weights particle filter with nudging between observations."""

    nudging: float = Field(
        1.0,
        ge=0,
        allow_inf_nan=False,
        description="Strength b of the nudging at the end of an interval; 0: none.",
    )
    free_share: float = Field(
        0.6, ge=0, le=1, description="Share of the interval that passes before any nudging."
    )


class Steps(NamedTuple):
    """An interval's model, step by step.

    ``step`` (members (m, n), cycle, which) -> members a step later, without noise; ``number``
    steps an interval; ``noise_sd`` of the noise of a step, (n,).
    """

    step: Callable[[np.ndarray, int, int], np.ndarray]
    number: int
    noise_sd: np.ndarray


class Nudged:
    """Equivalent weights with the nudging before: a method with a cycle of its own.

    Parameters
    ----------
    settings
        The filter's.
    members
        Number of particles.
    steps
        The model between observations. The last step's noise is the analysis's own.
    """

    def __init__(self, settings: NudgedSettings, members: int, steps: Steps) -> None:
        if members < 2:
            raise ConfigError(
                f"{members} particles have no spread", where="members", remedy="use 2 or more"
            )
        if steps.number < 1 or not (steps.noise_sd > 0).all():
            raise ConfigError(
                "the equivalent-weights filter needs a step or more with noise in every scalar",
                where="steps",
                remedy="give every scalar model noise",
            )
        self._settings, self._members, self._steps = settings, members, steps

    def start(self, problem: Problem, seed: int) -> Ensemble:
        """Draw the first particles."""
        return Ensemble(problem.first_states(Purpose.INITIAL_STATE, self._members, seed), None)

    def cycle(
        self, problem: Problem, state: Ensemble, value: np.ndarray, seed: int, cycle: int
    ) -> tuple[Ensemble, Outcome]:
        """Step and nudge all particles to the observation time, and analyse them."""
        members, log_weight = state.members, np.zeros(self._members)
        for s in range(1, self._steps.number):
            members, paid = self._step(problem, members, value, seed, cycle, s)
            log_weight -= paid
        quiet = self._steps.step(members, cycle, self._steps.number)
        silent = np.zeros_like(quiet)
        window = window_of(
            problem, quiet, silent, value, (None, None), seed, cycle, log_weight
        )._replace(noise_sd=self._steps.noise_sd)
        analysis = analyse(window, self._settings)
        outcome = Outcome(
            quiet.mean(axis=0), quiet.std(axis=0, ddof=1),
            analysis.mean, analysis.spread, analysis.members,
        )  # fmt: skip
        return Ensemble(analysis.members, None), outcome

    def _step(
        self,
        problem: Problem,
        members: np.ndarray,
        value: np.ndarray,
        seed: int,
        cycle: int,
        s: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Make one nudged step; return members, and what -log w pays for it, (m,)."""
        sd, count = self._steps.noise_sd, self._steps.number
        n = sd.size
        drawn = np.array([
            normals(Address(seed, cycle, Purpose.PROPOSAL, i), n, start=s * n)
            for i in range(self._members)
        ])  # fmt: skip
        pull = np.zeros_like(members)
        if s / count > self._settings.free_share:
            strength = self._settings.nudging * s / count
            misfit = (value - problem.predict(members)) / np.square(problem.error)
            np.add.at(pull.T, problem.scalar, strength * misfit.T)
            pull *= sd  # in units of the noise's deviation
        paid = 0.5 * np.square(pull).sum(axis=1) + (pull * drawn).sum(axis=1)
        return self._steps.step(members, cycle, s) + sd * (pull + drawn), paid
