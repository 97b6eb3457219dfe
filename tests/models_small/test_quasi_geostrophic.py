"""The quasi-geostrophic model: its inverse, its Jacobian, its order, what it conserves."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.models.small import quasi_geostrophic as qg
from halocast.models.small.quasi_geostrophic import Parameters


def smooth(n: int, waves: int = 4, seed: int = 3) -> np.ndarray:
    """A sum of sine waves, 0 at the walls, (n + 1, n + 1)."""
    line = np.pi * np.arange(n + 1)[:, None] * np.arange(1, waves + 1) / n
    factors = np.random.default_rng(seed).normal(size=(waves, waves))
    psi = np.sin(line) @ factors @ np.sin(line).T
    psi[0] = psi[-1] = psi[:, 0] = psi[:, -1] = 0.0
    return psi


def rough(n: int, seed: int) -> np.ndarray:
    field = np.zeros((n + 1, n + 1))
    field[1:-1, 1:-1] = np.random.default_rng(seed).normal(size=(n - 1, n - 1))
    return field


@pytest.mark.parametrize("n", [8, 32, 128])
def test_the_inverse_is_the_operators(n):
    psi = rough(n, 1)
    q = qg.vorticity(psi, 1600.0)
    found = qg.stream_function(q, qg.inverse_eigenvalues(n, 1600.0))
    np.testing.assert_allclose(found, psi, atol=1e-12)


def test_the_jacobian_conserves_energy_enstrophy_and_the_sum():
    psi, q = rough(24, 1), rough(24, 2)
    j = qg.jacobian(psi, q)
    scale = np.abs(j).sum()
    assert abs((psi * j).sum()) < 1e-13 * scale
    assert abs((q * j).sum()) < 1e-13 * scale
    np.testing.assert_allclose(qg.jacobian(q, psi), -j, atol=1e-12 * np.abs(j).max())
    assert np.abs(qg.jacobian(psi, psi)).max() < 1e-12 * np.abs(j).max()


def test_the_jacobian_is_of_second_order():
    errors = []
    for n in (32, 64):
        x = np.pi * np.arange(n + 1) / n
        p, q = np.outer(np.sin(x), np.sin(2 * x)), np.outer(np.sin(3 * x), np.sin(x))
        # row is y, column x; p_x q_y - p_y q_x
        exact = np.pi**2 * (
            np.outer(np.sin(x), 2 * np.cos(2 * x)) * np.outer(3 * np.cos(3 * x), np.sin(x))
            - np.outer(np.cos(x), np.sin(2 * x)) * np.outer(np.sin(3 * x), np.cos(x))
        )
        errors.append(np.abs(qg.jacobian(p, q) - exact)[1:-1, 1:-1].max())
    assert 1.9 < np.log2(errors[0] / errors[1]) < 2.1


def test_steps_are_of_fourth_order():
    psi = 5.0 * smooth(16).reshape(1, -1)
    exact = qg.advance(psi, 128, 20.0 / 128)
    errors = [np.abs(qg.advance(psi, k, 20.0 / k) - exact).max() for k in (4, 8)]
    assert 3.6 < np.log2(errors[0] / errors[1]) < 4.5


def test_without_wind_and_friction_energy_stays():
    free = Parameters(biharmonic=0.0, wind=0.0)
    psi = 5.0 * smooth(32)

    def energy(state: np.ndarray) -> float:
        field = state.reshape(33, 33)
        return float(-(field * qg.vorticity(field, free.stretching)).sum())

    later = qg.advance(psi.reshape(1, -1), 100, 1.25, free)
    assert energy(later) == pytest.approx(energy(psi), rel=1e-6)


def test_a_small_wave_moves_as_theory_says():
    """A wave sin(k x) sin(l y) e^(i w t) in a channel is not an eigenmode of the box; its tendency
    is: lap psi - F psi falls by -psi_x."""
    still = Parameters(biharmonic=0.0, wind=0.0, rossby=0.0)
    psi = smooth(64, 2)
    slope = np.zeros_like(psi)
    slope[1:-1, 1:-1] = (psi[1:-1, 2:] - psi[1:-1, :-2]) * 32
    np.testing.assert_allclose(qg.tendency(psi, still), -slope, atol=1e-12)


def test_friction_is_what_waves_say():
    n, parameters = 32, Parameters(1600.0, 0.0, 0.1, 0.02, 0.003, 0.0)
    line = np.sin(np.pi * np.arange(n + 1) / n)
    psi = np.outer(np.sin(2 * np.pi * np.arange(n + 1) / n), line)
    size = -4.0 * n**2 * (np.sin(np.pi / n) ** 2 + np.sin(np.pi / (2 * n)) ** 2)
    damped = -(0.1 * size - 0.02 * size**2 + 0.003 * size**3) * psi
    slope = np.zeros_like(psi)
    slope[1:-1, 1:-1] = (psi[1:-1, 2:] - psi[1:-1, :-2]) * n / 2
    found = qg.tendency(psi, parameters) + slope
    np.testing.assert_allclose(found[1:-1, 1:-1], damped[1:-1, 1:-1], rtol=1e-8, atol=1e-4)


def test_members_do_not_meet():
    members = np.array([smooth(16, seed=s).ravel() for s in range(4)])
    together = qg.advance(members, 3, 1.25)
    assert np.array_equal(together[2], qg.advance(members[2:3], 3, 1.25)[0])
