"""R-hat, effective sample size and autocorrelation on series whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.samplers.chains import autocorrelation
from halocast.samplers.chains.health import LARGEST_R_HAT, convergence


def autoregression(a: float, chains: int, n: int) -> np.ndarray:
    """A stationary series of unit variance, correlated as a^lag."""
    rng = np.random.default_rng(7)
    out = np.empty((chains, n))
    out[:, 0] = rng.normal(size=chains)
    for t in range(1, n):
        out[:, t] = a * out[:, t - 1] + np.sqrt(1 - a * a) * rng.normal(size=chains)
    return out


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9])
def test_effective_size_of_an_autoregression(a: float) -> None:
    r_hat, ess = convergence(autoregression(a, 4, 20_000))
    assert r_hat == pytest.approx(1.0, abs=0.01)
    assert ess == pytest.approx(80_000 * (1 - a) / (1 + a), rel=0.1)


def test_chains_that_disagree() -> None:
    series = autoregression(0.0, 4, 1000)
    series[0] += 3
    r_hat, ess = convergence(series)
    assert r_hat > 1.5
    assert ess < 20


def test_a_drift_is_seen_in_one_chain() -> None:
    assert convergence(autoregression(0.0, 1, 1000) + np.linspace(0, 3, 1000))[0] > 1.2


def test_series_that_never_change() -> None:
    assert convergence(np.full((3, 50), 0.1)) == (1.0, 150.0)
    assert convergence(np.repeat([[0.1], [0.2]], 50, axis=1)) == (LARGEST_R_HAT, 1.0)


def test_units_and_origin_do_not_matter() -> None:
    series = autoregression(0.5, 2, 500)
    assert convergence(series) == pytest.approx(convergence(1e6 + 8 * series), rel=1e-6)


def test_autocorrelation() -> None:
    found = autocorrelation(autoregression(0.8, 3, 40_000), 6)
    assert np.allclose(found, 0.8 ** np.arange(6), atol=0.03)
    assert np.array_equal(autocorrelation(np.ones(10), 3), np.ones(3))
    assert autocorrelation(np.arange(4.0), 10).shape == (4,)
