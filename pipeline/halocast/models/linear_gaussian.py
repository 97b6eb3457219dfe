"""The linear-Gaussian model: every cell decays on its own (paper, section 5.1).

    Z_{k+1} = a Z_k + sigma W_k,    W_k standard normal, a = 0.25, sigma = 0.05

``advance`` is the noise-free part, a Z a step; the noise sigma W is the ensemble's model noise,
which the cycle adds. No cell knows another, so the exact filter is diagonal
(`halocast.models.kalman_reference`). Cost: one multiplication a cell and step.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, PositiveInt

from halocast.draws import Address, Purpose, uniforms
from halocast.errors import ConfigError, ModelError
from halocast.grid import Grid
from halocast.models.base import ForcingWindow
from halocast.settings import Settings
from halocast.state import Field as StateField
from halocast.state import StateLayout


class LinearGaussianSettings(Settings):
    """Independent cells that decay towards zero (paper, section 5.1)."""

    kind: Literal["linear-gaussian"] = "linear-gaussian"
    decay: float = Field(
        default=0.25, allow_inf_nan=False, description="Factor a of the state from step to step"
    )
    initial_amplitude: float = Field(
        default=0.15, ge=0, allow_inf_nan=False, description="Greatest depth of the initial trough"
    )
    initial_seed: int = Field(
        default=42,
        ge=0,
        lt=2**64,
        description="Seed of the initial state, which every filter knows",
    )
    time_step: PositiveInt = Field(
        default=3600, description="Seconds; the analysis interval must be a multiple of it"
    )


class LinearGaussian:
    """The linear-Gaussian model on a grid of any kind; one field, ``z``.

    The initial state is -amplitude · U(0, 1) in the first third of the flat cells and 0 elsewhere
    (public reference code); members start from it without a perturbation.
    """

    name = "linear-Gaussian"
    layout = StateLayout((StateField("z", None, "1", "state of the linear-Gaussian model"),))
    needs_forcing = False

    def __init__(self, settings: LinearGaussianSettings, grid: Grid) -> None:
        self.settings = settings
        self.grid = grid

    def initial_state(self, forcing: ForcingWindow | None = None) -> np.ndarray:
        """State (1, ny, nx) at the start; no forcing is used."""
        address = Address(self.settings.initial_seed, 0, Purpose.INITIAL_STATE, 0)
        state = np.zeros(self.grid.n_cells)
        third = self.grid.n_cells // 3
        state[:third] = -self.settings.initial_amplitude * uniforms(address, third)
        return np.where(self.grid.sea, state.reshape(self.grid.shape), 0.0)[None]

    def initial_perturbation(self, seed: int, member: int) -> np.ndarray:
        """Zeros (1, ny, nx): the initial state is known."""
        return np.zeros((1, *self.grid.shape))

    def apply_perturbation(self, state: np.ndarray, increment: np.ndarray) -> np.ndarray:
        """Add the increment, at sea."""
        return state + np.where(self.grid.sea, increment, 0.0)

    def prepare_forcing(self, window: ForcingWindow | None) -> None:
        """No forcing is used."""

    def steps(self, start: np.datetime64, stop: np.datetime64) -> int:
        """Count the steps from ``start`` to ``stop``; ConfigError unless it is a whole number."""
        seconds = (stop - start) / np.timedelta64(1, "s")
        steps, rest = divmod(seconds, self.settings.time_step)
        if rest or steps < 0:
            raise ConfigError(
                f"{seconds:g} s are not a whole number of steps of {self.settings.time_step} s",
                where=f"model.time_step, {start} to {stop}",
                remedy="choose an analysis interval that is a multiple of the time step",
            )
        return int(steps)

    def advance(
        self, state: np.ndarray, start: np.datetime64, stop: np.datetime64, forcing: None = None
    ) -> np.ndarray:
        """Multiply by a, once a step (so that a restart in between changes no bit).

        Raises
        ------
        ModelError
            The result is not finite.
        ConfigError
            ``stop`` is not a whole number of steps after ``start``.
        """
        result = np.array(state, dtype=float)
        for _ in range(self.steps(start, stop)):
            result *= self.settings.decay
        self._refuse_non_finite(result, stop)
        return result

    def _refuse_non_finite(self, state: np.ndarray, time: np.datetime64) -> None:
        bad = np.argwhere(~np.isfinite(state))
        if bad.size:
            _, j, i = bad[0]
            raise ModelError(
                f"{len(bad)} values of z are not finite",
                where=f"field z, cell ({j}, {i}), at {time}",
                remedy="look at the state it started from; |decay| > 1 grows without bound",
            )

    def complete(self, drawn: np.ndarray, ancestor: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Nothing lies below: what was drawn is complete."""
        return drawn.copy()

    def surface_response(self) -> None:
        """There is no height, and nothing to balance."""

    def check(self) -> list[str]:
        """Say whether the state can grow without bound."""
        if abs(self.settings.decay) <= 1:
            return []
        return [f"model.decay is {self.settings.decay}: beyond ±1 the state grows without bound"]
