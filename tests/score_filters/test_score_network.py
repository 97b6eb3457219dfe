"""The network and its training: derivatives, determinism, refusal of what is not finite."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.draws import Address, Purpose
from halocast.errors import RunError
from halocast.filters.score import CdsmSettings
from halocast.filters.score.denoiser import denoise, score
from halocast.filters.score.network import (
    Network,
    backward,
    first_weights,
    forward,
    forward_keeping,
)
from halocast.filters.score.pairs import Backgrounds, Pairs
from halocast.filters.score.training import train
from pydantic import ValidationError

ONE = np.ones(1)  # the error of one observation
ADDRESS = Address(1, 0, Purpose.TRAINING, 0)


def _in_double(network: Network) -> Network:
    return Network(
        tuple(w.astype(float) for w in network.weights),
        tuple(b.astype(float) for b in network.offsets),
    )


def test_derivatives_are_those_of_the_loss():
    rng = np.random.default_rng(0)
    network = _in_double(first_weights((5, 7, 6, 3), ADDRESS))
    inputs, wanted = rng.normal(size=(11, 5)), rng.normal(size=(11, 3))

    def loss() -> float:
        return float(np.sum((forward(network, inputs) - wanted) ** 2))

    found, passed = forward_keeping(network, inputs)
    slopes = backward(network, passed, 2 * (found - wanted))
    for part, slope in zip(network.parameters, slopes):
        assert part.shape == slope.shape
        for place in np.ndindex(part.shape):
            kept = part[place]
            part[place] = kept + 1e-6
            above = loss()
            part[place] = kept - 1e-6
            below = loss()
            part[place] = kept
            assert slope[place] == pytest.approx((above - below) / 2e-6, rel=1e-5, abs=1e-6)


def test_all_is_single_precision():
    network = first_weights((5, 7, 6, 3), ADDRESS)
    sd = np.full((4, 1), 0.5, np.float32)
    out = denoise(network, np.ones((4, 3), np.float32), np.ones((4, 1), np.float32), sd)
    assert out.dtype == np.float32
    noisy = np.ones((4, 3), np.float32)
    assert score(network, noisy, np.ones((4, 1), np.float32), 0.5).dtype == np.float32


def _pairs(n: int = 500) -> Pairs:
    rng = np.random.default_rng(1)
    state = rng.normal(size=(n, 2))
    background = state + rng.normal(size=(n, 2))
    return Pairs(
        state, state[:, :1], rng.normal(size=(n, 1)), Backgrounds(background, background[:, :1])
    )


def test_training_gives_equal_bits_for_a_seed_and_others_for_another():
    settings = CdsmSettings(training_steps=40, batch=32, width=16)
    one, same, other = (train(_pairs(), ONE, settings, seed).network for seed in (3, 3, 4))
    for a, b, c in zip(one.parameters, same.parameters, other.parameters):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


def test_a_score_that_is_not_finite_is_refused():
    network = first_weights((4, 8, 8, 2), ADDRESS)
    network.weights[1][0, 0] = np.nan
    with pytest.raises(RunError, match="score is not finite"):
        score(network, np.zeros((3, 2), np.float32), np.zeros((3, 1), np.float32), 0.1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_training_that_explodes_is_refused():
    pairs = _pairs()
    pairs.state[7] = np.inf
    with pytest.raises(RunError, match="loss of the score's training is not finite"):
        train(pairs, ONE, CdsmSettings(training_steps=40), 1)


@pytest.mark.parametrize(
    "bad",
    [
        {"condition": "x"}, {"chains": 1}, {"step_size": 0}, {"noise": (0.6, 0.03)},
        {"noise": (0.001, 0.6)}, {"background_error": (0, 1)}, {"training_noise": (0.02, np.nan)},
        {"states": 3}, {"training_rate": -1}, {"backend": "jax"}, {"error_factors": (2.0, 0.5)},
        {"partly_error": (0, 4)}, {"masked": True, "score": "kernel"},
    ],
)  # fmt: skip
def test_bad_settings_are_refused(bad):
    with pytest.raises(ValidationError):
        CdsmSettings(**bad)
