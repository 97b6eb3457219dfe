"""The batches of the training: what is shown to the network in each of its steps.

A row is a training state, noise of a random level, and the condition: observations with errors
that are drawn anew, and the background. Where any part of the observations is learned (settings
``masked``), half of the rows have all of them with the problem's own errors; in the others each is
there with a probability that is itself uniform, so that few and many are met alike, and has its
error times a factor of its own, log-uniform in ``error_factors``; their backgrounds are worse.

Every draw is addressed by the step: any backend sees the same batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.filters.score.conditions import Known, condition_of
from halocast.filters.score.denoiser import Denoiser
from halocast.filters.score.pairs import Pairs
from halocast.filters.score.settings import CdsmSettings

# indices of the random addresses; 0 is the first weights'
_STATES, _ERRORS, _LEVELS, _NOISE, _WHOLE, _SHARE, _THERE, _FACTOR = range(1, 9)
_WHOLE_SHARE = 0.5  # of the rows that have all observations, with the problem's own errors


class Batch(NamedTuple):
    """Clean states (k, n), conditions (k, c), noise levels (k, 1) and noise (k, n), float32, in
    the network's units."""

    clean: np.ndarray
    condition: np.ndarray
    sd: np.ndarray
    noise: np.ndarray


def batch_of(
    pairs: Pairs, network: Denoiser, settings: CdsmSettings, seed: int, step: int
) -> Batch:
    """Draw the batch of a step, in the units of ``network``."""

    def at(index: int) -> Address:
        return Address(seed, step, Purpose.TRAINING, index)

    k, n = settings.batch, pairs.state.shape[1]
    which = (uniforms(at(_STATES), k) * len(pairs.state)).astype(np.int64)
    drawn = (uniforms(at(_ERRORS), k) * len(pairs.error)).astype(np.int64)
    low, high = settings.training_noise
    sd = low * (high / low) ** uniforms(at(_LEVELS), k)[:, None]
    clean = (pairs.state[which] - network.centre) / network.scale
    if settings.masked:
        known = _known_partly(pairs, which, drawn, network.units.error, settings, at)
    else:
        known = known_wholly(pairs, which, drawn, network.units.error)
    noise = normals(at(_NOISE), k * n).reshape(k, n)
    condition = condition_of(known, network.units)
    return Batch(*(part.astype(np.float32) for part in (clean, condition, sd, noise)))


def known_wholly(pairs: Pairs, which: np.ndarray, drawn: np.ndarray, error: np.ndarray) -> Known:
    """Return what is known of states ``which`` with draws ``drawn`` of all errors."""
    value = pairs.predicted[which] + pairs.error[drawn]
    sd = np.broadcast_to(error, value.shape)
    if pairs.background is None:
        return Known(value, sd, None, None)
    return Known(value, sd, *(part[which] for part in pairs.background))


def _known_partly(
    pairs: Pairs, which: np.ndarray, drawn: np.ndarray, error: np.ndarray, settings: CdsmSettings,
    at: Callable[[int], Address],
) -> Known:  # fmt: skip
    """Return what is known where, in a share of the rows, observations are missing."""
    shape = k, s = which.size, error.size
    low, high = settings.error_factors
    whole = uniforms(at(_WHOLE), k)[:, None] < _WHOLE_SHARE
    there = uniforms(at(_THERE), k * s).reshape(shape) < uniforms(at(_SHARE), k)[:, None]
    factor = low * (high / low) ** uniforms(at(_FACTOR), k * s).reshape(shape)
    factor = np.where(whole, 1.0, factor)
    value = pairs.predicted[which] + factor * pairs.error[drawn]
    value = np.where(there | whole, value, np.nan)
    if pairs.background is None or pairs.partly is None:
        return Known(value, factor * error, None, None)
    background, predicted = (
        np.where(whole, one[which], other[which])
        for one, other in zip(pairs.background, pairs.partly)
    )
    return Known(value, factor * error, background, predicted)


def posed(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return the network's inputs of a batch, (k, n + c + 1), and the outputs wanted, (k, n)."""
    clean, condition, sd, noise = batch
    noisy = clean + sd * noise
    grown = np.sqrt(1 + sd * sd)
    wanted = (clean - noisy / (grown * grown)) * grown / sd
    return np.concatenate([noisy / grown, condition, np.log(sd) / 4], axis=1), wanted
