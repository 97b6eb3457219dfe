"""Denoising score matching: noise goes onto the training states, and the network takes it off.

    loss = E |F - (x - skip x~) / out|²,    x~ = x + s e,    ln s uniform

which is E |D - x|² weighted by 1 / out² (Vincent 2011; weights of Karras et al. 2022). Its minimum
is the conditional mean of x, whatever the density of the pairs (x, c). Adam (Kingma & Ba 2015)
with a rate that falls as a cosine to 0.

Deterministic: single precision, one thread, every draw addressed by its step. Cost: 1.2 ms a step
of 256 states and 5000 weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.blas import one_thread
from halocast.draws import Address, Purpose, normals, uniforms
from halocast.errors import RunError
from halocast.filters.score.denoiser import Denoiser
from halocast.filters.score.network import (
    Network,
    backward,
    first_weights,
    forward_keeping,
)
from halocast.filters.score.settings import CdsmSettings

_FORGET, _FORGET_SQUARE, _TINY = 0.9, 0.999, 1e-8  # Adam's, as published
_WEIGHTS, _STATES, _ERRORS, _LEVELS, _NOISE = range(5)  # indices of the random addresses


class Pairs(NamedTuple):
    """What is learned from: states and what is known when they are sought.

    Attributes
    ----------
    state
        True states, (N, n).
    predicted
        What they predict for the observations, (N, p).
    background
        Forecasts of them, (N, n); None where nothing is known but the observations.
    error
        Draws of the observations' errors, (N, p), each as likely with any of the states.
    """

    state: np.ndarray
    predicted: np.ndarray
    background: np.ndarray | None
    error: np.ndarray

    def condition(self, which: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Return the conditions of states ``which`` with draws ``error`` of the errors, (k, c)."""
        observed = self.predicted[which] + self.error[error]
        if self.background is None:
            return observed
        return np.concatenate([observed, self.background[which]], axis=1)


def train(pairs: Pairs, settings: CdsmSettings, seed: int) -> Denoiser:
    """Train a denoiser of the states of ``pairs`` under their conditions.

    Raises
    ------
    RunError
        The loss is not finite.
    """
    everything = np.arange(len(pairs.state))
    condition = pairs.condition(everything, everything)
    blank = Denoiser(
        Network((), ()),
        pairs.state.mean(axis=0), _spread(pairs.state),
        condition.mean(axis=0), _spread(condition),
    )  # fmt: skip
    n, c = pairs.state.shape[1], condition.shape[1]
    sizes = (n + c + 1, settings.width, settings.width, n)
    network = first_weights(sizes, Address(seed, 0, Purpose.TRAINING, _WEIGHTS))
    with one_thread():
        return blank._replace(network=_descend(network, blank, pairs, settings, seed))


def _spread(values: np.ndarray) -> np.ndarray:
    sd = values.std(axis=0)
    return np.where(sd > 0, sd, 1.0)  # a scalar that never changes is known without scaling


def _descend(
    network: Network, units: Denoiser, pairs: Pairs, settings: CdsmSettings, seed: int
) -> Network:
    """Take the steps of Adam."""
    first = [np.zeros_like(part) for part in network.parameters]
    second = [np.zeros_like(part) for part in network.parameters]
    for step in range(1, settings.training_steps + 1):
        loss, slopes = _loss(network, *_batch(units, pairs, settings, seed, step))
        if not np.isfinite(loss):
            raise RunError(
                "the loss of the score's training is not finite",
                where=f"step {step} of {settings.training_steps}",
                remedy="lower training_rate",
            )
        along = 0.5 * (1 + np.cos(np.pi * step / settings.training_steps))
        rate = settings.training_rate * along
        rate *= np.sqrt(1 - _FORGET_SQUARE**step) / (1 - _FORGET**step)
        for part, slope, m, v in zip(network.parameters, slopes, first, second):
            m += np.float32(1 - _FORGET) * (slope - m)
            v += np.float32(1 - _FORGET_SQUARE) * (slope * slope - v)
            part -= np.float32(rate) * m / (np.sqrt(v) + np.float32(_TINY))
    return network


def _batch(
    units: Denoiser, pairs: Pairs, settings: CdsmSettings, seed: int, step: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw states, conditions, noise levels and noise of a step, float32."""

    def at(index: int) -> Address:
        return Address(seed, step, Purpose.TRAINING, index)

    k, n = settings.batch, pairs.state.shape[1]
    which = (uniforms(at(_STATES), k) * len(pairs.state)).astype(np.int64)
    error = (uniforms(at(_ERRORS), k) * len(pairs.error)).astype(np.int64)
    low, high = settings.training_noise
    sd = low * (high / low) ** uniforms(at(_LEVELS), k)[:, None]
    clean = (pairs.state[which] - units.centre) / units.scale
    condition = (pairs.condition(which, error) - units.condition_centre) / units.condition_scale
    noise = normals(at(_NOISE), k * n).reshape(k, n)
    return tuple(part.astype(np.float32) for part in (clean, condition, sd, noise))  # type: ignore[return-value]


def _loss(
    network: Network, clean: np.ndarray, condition: np.ndarray, sd: np.ndarray, noise: np.ndarray
) -> tuple[float, tuple[np.ndarray, ...]]:
    """Return the loss of a batch and its derivatives by the parameters."""
    noisy = clean + sd * noise
    grown = np.sqrt(1 + sd * sd)
    wanted = (clean - noisy / (grown * grown)) * grown / sd
    inputs = np.concatenate([noisy / grown, condition, np.log(sd) / 4], axis=1)
    found, passed = forward_keeping(network, inputs)
    apart = found - wanted
    slopes = backward(network, passed, apart * np.float32(2 / apart.size))
    return float(np.mean(apart * apart)), slopes
