"""Denoising score matching: noise goes onto the training states, and the network takes it off.

    loss = E |F - (x - skip x~) / out|²,    x~ = x + s e,    ln s uniform

which is E |D - x|² weighted by 1 / out² (Vincent 2011; weights of Karras et al. 2022). Its minimum
is the conditional mean of x, whatever the density of the pairs (x, c). Adam (Kingma & Ba 2015)
with a rate that falls as a cosine to 0.

Deterministic: single precision, one thread, every draw addressed by its step. Cost: 0.5 ms a step
of 256 states and 5000 weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from halocast.blas import one_thread
from halocast.draws import Address, Purpose
from halocast.errors import ConfigError
from halocast.filters.score.batches import Batch, batch_of, known_wholly, posed
from halocast.filters.score.conditions import spread, units_of
from halocast.filters.score.denoiser import Denoiser
from halocast.filters.score.network import (
    Network,
    backward,
    first_weights,
    forward_keeping,
)
from halocast.filters.score.pairs import Pairs
from halocast.filters.score.schedule import FORGET, FORGET_SQUARE, TINY, rate_at, require_finite
from halocast.filters.score.settings import CdsmSettings

_MORE_STEPS = 3000
_WEIGHTS = 0  # index of a random address; the batches' are above

Descend = Callable[[Network, Iterable[Batch], CdsmSettings], Network]


def descend_with(backend: str) -> Descend:
    """Return what takes the steps of a training.

    Raises
    ------
    ConfigError
        The backend is not installed.
    """
    if backend == "numpy":
        return descend
    try:
        from halocast.filters.score import torch_training
    except ImportError:
        raise ConfigError(
            "backend torch, and torch is not installed",
            where="cdsm",
            remedy="pip install 'halocast[score]', or backend: numpy, which trains the same",
        ) from None
    return torch_training.descend


def train(pairs: Pairs, error: np.ndarray, settings: CdsmSettings, seed: int) -> Denoiser:
    """Train a denoiser of the states of ``pairs`` under their conditions.

    Parameters
    ----------
    error
        Standard deviations of the observations' errors, (s,).

    Raises
    ------
    ConfigError
        The backend is not installed.
    RunError
        The loss is not finite.
    """
    take_steps = descend_with(settings.backend)
    everything = np.arange(len(pairs.state))
    units = units_of(known_wholly(pairs, everything, everything, error), error, settings.masked)
    blank = Denoiser(Network((), ()), pairs.state.mean(axis=0), spread(pairs.state), units)

    def batch(step: int) -> Batch:
        return batch_of(pairs, blank, settings, seed, step)

    n, told = pairs.state.shape[1], batch(1).condition.shape[1]
    sizes = (n + told + 1, settings.width, settings.width, n)
    network = first_weights(sizes, Address(seed, 0, Purpose.TRAINING, _WEIGHTS))
    batches = map(batch, range(1, settings.training_steps + 1))
    return blank._replace(network=take_steps(network, batches, settings))


def train_on(learned: Denoiser, pairs: Pairs, settings: CdsmSettings, seed: int) -> Denoiser:
    """Go on from a training, for some thousand small steps on other pairs.

    ``learned`` is spent: its weights are changed.
    """
    small = {"training_steps": _MORE_STEPS, "training_rate": settings.training_rate / 4}
    more = settings.model_copy(update=small)
    steps = range(settings.training_steps + 1, settings.training_steps + _MORE_STEPS + 1)
    batches = (batch_of(pairs, learned, more, seed, step) for step in steps)
    take_steps = descend_with(settings.backend)
    return learned._replace(network=take_steps(learned.network, batches, more))


def descend(network: Network, batches: Iterable[Batch], settings: CdsmSettings) -> Network:
    """Take a step of Adam with each batch, from ``network``; it is changed, and returned.

    Raises
    ------
    RunError
        The loss is not finite.
    """
    first = [np.zeros_like(part) for part in network.parameters]
    second = [np.zeros_like(part) for part in network.parameters]
    with one_thread():
        for step, batch in enumerate(batches, 1):
            loss, slopes = loss_of(network, batch)
            require_finite(loss, step, settings)
            rate = rate_at(step, settings)
            rate *= np.sqrt(1 - FORGET_SQUARE**step) / (1 - FORGET**step)
            for part, slope, m, v in zip(network.parameters, slopes, first, second):
                m += np.float32(1 - FORGET) * (slope - m)
                v += np.float32(1 - FORGET_SQUARE) * (slope * slope - v)
                part -= np.float32(rate) * m / (np.sqrt(v) + np.float32(TINY))
    return network


def loss_of(network: Network, batch: Batch) -> tuple[float, tuple[np.ndarray, ...]]:
    """Return the loss of a batch and its derivatives by the parameters."""
    inputs, wanted = posed(batch)
    found, passed = forward_keeping(network, inputs)
    apart = found - wanted
    slopes = backward(network, passed, apart * apart.dtype.type(2 / apart.size))
    return float(np.mean(apart * apart)), slopes
