"""What a few members' correlation is worth."""

from __future__ import annotations

import numpy as np
import pytest
from ensemble_cases import run, window_of
from halocast.draws import Address, Purpose, normals, uniforms
from halocast.filters.ensemble.sampling_error import (
    correction_at,
    correction_table,
    expected_correlation,
    least_error_factor,
)
from scipy.integrate import quad


def pairs(m: int, count: int, r: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Members of two scalars that correlate by r, both (count, m), anomalies."""
    x, y = normals(Address(5, 0, Purpose.SAMPLES, m), 2 * count * m).reshape(2, count, m)
    r = np.broadcast_to(r, count)[:, None]
    y = r * x + np.sqrt(1 - r * r) * y
    return x - x.mean(axis=1)[:, None], y - y.mean(axis=1)[:, None]


@pytest.mark.parametrize(("m", "shown"), [(3, 0.5), (5, 0.3), (10, 0.5), (20, 0.3), (20, 0.7)])
def test_expected_correlation_is_that_of_a_monte_carlo(m: int, shown: float) -> None:
    """Anderson's way: true correlations uniform, samples that show about ``shown``."""
    count = 200_000
    true = 2.0 * uniforms(Address(6, 0, Purpose.SAMPLES, m), count) - 1.0
    x, y = pairs(m, count, true)
    found = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    near = true[np.abs(found - shown) < 0.02]
    assert expected_correlation(shown, m) == pytest.approx(
        near.mean(), abs=4 * near.std() / near.size**0.5
    )


def test_the_quadrature_is_exact() -> None:
    """Four members: F(1/2, 1/2; 7/2; .) by the other route, an integral over the true r."""
    from scipy.special import hyp2f1

    def density(r: float) -> float:
        return (1 - r * r) ** 1.5 * (1 - 0.6 * r) ** -2.5 * hyp2f1(0.5, 0.5, 3.5, 0.5 + 0.3 * r)

    top, bottom = quad(lambda r: r * density(r), -1, 1)[0], quad(density, -1, 1)[0]
    assert expected_correlation(0.6, 4) == pytest.approx(top / bottom, abs=1e-10)


@pytest.mark.parametrize("m", [3, 4, 7, 20, 100, 1000])
def test_tables(m: int) -> None:
    table = correction_table(m)
    assert np.isfinite(table).all()
    assert table[-1] == 1.0
    assert (np.diff(table) > -1e-9).all()
    assert table.min() > 0
    assert (table <= 1).all()
    assert correction_at(table, -0.5) == pytest.approx(table[100], abs=1e-15)
    if m > 3:
        assert (table >= correction_table(m - 1) - 1e-9).all()  # more members, more trust


def test_many_members_need_no_correction() -> None:
    assert correction_table(10_000).min() > 0.9995


@pytest.mark.parametrize(("r", "factor"), [(0.0, 0.020), (0.3, 0.611), (0.7, 0.862), (1.0, 0.905)])
def test_factor_of_least_error(r: float, factor: float) -> None:
    """The sheet's values for 20 members; that at 0 is its Monte Carlo's noise, the factor is 0."""
    x, y = pairs(20, 100_000, r)
    found = least_error_factor(
        (x * x).sum(axis=1) / 19, (y * y).sum(axis=1) / 19, (x * y).sum(axis=1) / 19, 20
    )
    exact = r * r / (r * r + (1 + r * r) / 19)
    assert found == pytest.approx(exact, abs=0.01)
    assert found == pytest.approx(factor, abs=0.03)


def test_the_serial_filters_multiply_covariances_by_it() -> None:
    """One observation: the increment of every scalar is the plain one times rho."""
    window = window_of(8, 12, 1)
    plain, found = run("ensrf", window), run("ensrf", window, sampling_error_correction=True)
    x = window.forecast.mean(axis=0)
    z = window.predicted[:, 0]
    table = correction_table(8)
    rho = [correction_at(table, np.corrcoef(window.forecast[:, s], z)[0, 1]) for s in range(12)]
    np.testing.assert_allclose(found.mean - x, np.array(rho) * (plain.mean - x), atol=1e-13)
