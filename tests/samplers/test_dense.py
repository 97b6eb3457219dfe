"""Factors and solves of small matrices: they solve what they say, and refuse what they must."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.samplers.dense import (
    add_product,
    add_weighted_squares,
    factorise,
    solve,
    solve_lower,
    solve_upper,
    subtract_product,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def positive(p: int, seed: int = 0, condition: float = 1e3) -> np.ndarray:
    """A symmetric matrix with eigenvalues from 1 / condition to 1."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(p, p)))
    return (q * np.geomspace(1.0 / condition, 1.0, p)) @ q.T


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(0, 1000), st.sampled_from([1.0, 1e3, 1e8]))
def test_factor_and_solve(p: int, seed: int, condition: float) -> None:
    a = positive(p, seed, condition)
    u = a.copy()
    u[np.tril_indices(p, -1)] = np.nan  # not read
    assert factorise(u)
    upper = np.triu(np.nan_to_num(u))
    assert np.allclose(upper.T @ upper, a, rtol=0, atol=1e-14 * p)
    x = np.random.default_rng(seed).normal(size=(p, 3))
    b = a @ x
    solve(u, b)
    assert np.allclose(b, x, rtol=0, atol=1e-14 * p * condition)


def test_the_halves_of_a_solve() -> None:
    a, b = positive(6), np.random.default_rng(1).normal(size=(6, 2))
    u = a.copy()
    factorise(u)
    upper, x = np.triu(u), b.copy()
    solve_lower(u, x)
    assert np.allclose(upper.T @ x, b)
    x = b.copy()
    solve_upper(u, x)
    assert np.allclose(upper @ x, b)


def test_products() -> None:
    rng = np.random.default_rng(2)
    a, b, d = rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.uniform(size=5)
    out = np.ones((4, 3))
    add_product(a, b, out)
    assert np.allclose(out, 1 + a @ b)
    subtract_product(a, b, out)
    assert np.allclose(out, 1)
    square = np.zeros((3, 3))
    add_weighted_squares(b, d, square)
    assert np.allclose(square, b.T @ np.diag(d) @ b)


@pytest.mark.parametrize(
    "a",
    [
        np.zeros((2, 2)),
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        np.ones((3, 3)),
        np.array([[1.0, np.nan], [np.nan, 1.0]]),
        np.array([[-1.0]]),
    ],
)
def test_what_has_no_factor_is_refused(a: np.ndarray) -> None:
    assert not factorise(a.copy())


def test_nothing_to_factorise_is_no_failure() -> None:
    assert factorise(np.empty((0, 0)))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 25])
def test_a_column_does_not_depend_on_its_neighbours(n: int) -> None:
    """To the last bit, whatever the number of columns solved in one call."""
    u = positive(9)
    factorise(u)
    b = np.random.default_rng(3).normal(size=(9, 25))
    together, some = b.copy(), b[:, :n].copy()
    solve(u, together)
    solve(u, some)
    assert np.array_equal(together[:, :n], some)


@pytest.mark.parametrize("power", [-20, 11])
def test_units_do_not_matter(power: int) -> None:
    a, factor = positive(7), 2.0**power
    u, scaled = a.copy(), factor**2 * a
    assert factorise(u)
    assert factorise(scaled)
    assert np.array_equal(factor * np.triu(u), np.triu(scaled))
