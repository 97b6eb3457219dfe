"""The training with torch against numpy's: derivatives, steps, and the score that comes of them.

Skipped without torch: pip install 'halocast[score]'.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest
from halocast.draws import Address, Purpose
from halocast.errors import ConfigError, RunError
from halocast.filters.score import CdsmSettings, ScoreFilter, training
from halocast.filters.score.batches import Batch
from halocast.filters.score.conditions import Known, condition_of
from halocast.filters.score.denoiser import score
from halocast.filters.score.network import Network, first_weights
from halocast.filters.score.pairs import Pairs
from halocast.laboratory.problems.lorenz63 import sakov2012
from halocast.laboratory.trial import run_trial

GAUSS = np.array([[1.0, 0.5], [0.5, 1.0]])


def test_without_torch_the_backend_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "halocast.filters.score.torch_training", raising=False)
    with pytest.raises(ConfigError, match=r"halocast\[score\]"):
        ScoreFilter(CdsmSettings(backend="torch"))


@pytest.fixture(scope="module")
def torch_training():
    pytest.importorskip("torch", reason="no torch: pip install 'halocast[score]'")
    from halocast.filters.score import torch_training

    return torch_training


def _network_and_batch(dtype: type) -> tuple[Network, Batch]:
    rng = np.random.default_rng(2)
    network = first_weights((3 + 4 + 1, 16, 12, 3), Address(1, 0, Purpose.TRAINING, 0))
    sd = rng.uniform(0.02, 1.5, (50, 1))
    shapes = ((50, 3), (50, 4)), ((50, 3),)
    (clean, condition), (noise,) = ([rng.normal(size=s) for s in each] for each in shapes)
    return (
        Network(*(tuple(part.astype(dtype) for part in parts) for parts in network)),
        Batch(*(part.astype(dtype) for part in (clean, condition, sd, noise))),
    )


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_derivatives_of_a_batch_are_numpys(torch_training, dtype, rounding):
    network, batch = _network_and_batch(dtype)
    ours, slopes = training.loss_of(network, batch)
    theirs, derivatives = torch_training.loss_of(network, batch)
    assert theirs == pytest.approx(ours, rel=rounding)
    for one, other in zip(slopes, derivatives):
        assert one.dtype == other.dtype == dtype
        np.testing.assert_allclose(other, one, atol=rounding * np.abs(one).max())


def _trained(backend: str, steps: int):
    rng = np.random.default_rng(5)
    state = rng.multivariate_normal(np.zeros(2), GAUSS, 20_000)
    pairs = Pairs(state, state, 0.7 * rng.normal(size=state.shape))
    settings = CdsmSettings(condition="y", training_steps=steps, backend=backend)
    return training.train(pairs, np.full(2, 0.7), settings, 1)


def test_steps_of_adam_are_numpys(torch_training):
    """In double precision: in single, Adam makes steps of derivatives that are rounding."""
    network, batch = _network_and_batch(np.float64)
    few = CdsmSettings(training_steps=30)
    theirs = torch_training.descend(network, [batch] * 30, few)  # numpy's changes its network
    for one, other in zip(training.descend(network, [batch] * 30, few).parameters,
                          theirs.parameters):  # fmt: skip
        np.testing.assert_allclose(other, one, atol=1e-7)


def test_equal_seeds_give_equal_bits(torch_training):
    for one, other in zip(*(_trained("torch", 20).network.parameters for _ in range(2))):
        np.testing.assert_array_equal(one, other)


def test_the_learned_score_is_the_gaussians_and_numpys(torch_training):
    rng = np.random.default_rng(6)
    truth = rng.multivariate_normal(np.zeros(2), GAUSS, 2000)
    y, sd = truth + 0.7 * rng.normal(size=truth.shape), 0.6
    noisy = truth + sd * rng.normal(size=truth.shape)
    gain = GAUSS @ np.linalg.inv(GAUSS + 0.49 * np.eye(2))
    exact = -(noisy - y @ gain.T) @ np.linalg.inv(GAUSS - gain @ GAUSS + sd**2 * np.eye(2))
    found = []
    for backend in ("numpy", "torch"):
        learned = _trained(backend, 1500)
        told = condition_of(Known(y, np.full_like(y, 0.7), None, None), learned.units)
        scaled = ((noisy - learned.centre) / learned.scale).astype(np.float32)
        found.append(score(learned.network, scaled, told, sd) / learned.scale)
    errors = [np.linalg.norm(each - exact) / np.linalg.norm(exact) for each in found]
    apart = np.linalg.norm(found[0] - found[1]) / np.linalg.norm(exact)
    print(f"relative errors {errors[0]:.4f} numpy, {errors[1]:.4f} torch, apart {apart:.4f}")
    assert max(errors) < 0.12
    assert apart < 0.05


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_training_that_explodes_is_refused(torch_training):
    network, batch = _network_and_batch(np.float32)
    batch.clean[0, 0] = np.inf
    with pytest.raises(RunError, match="loss of the score's training is not finite"):
        torch_training.descend(network, [batch], CdsmSettings(training_steps=1))


@pytest.mark.full
def test_on_lorenz63_it_filters_as_well(torch_training):
    settings = CdsmSettings(backend="torch")
    found = [run_trial(sakov2012(), ScoreFilter(settings), s, 2000).analysis for s in (1, 2, 3)]
    print("cond=yb with torch", [f"{each:.3f}" for each in found])
    assert np.mean(found) <= 0.65
