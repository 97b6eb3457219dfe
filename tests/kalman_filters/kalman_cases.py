"""Linear problems whose answer is Kalman's, and that answer written out plainly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from halocast.draws import Address, Purpose, normals
from halocast.laboratory.methods import Outcome
from halocast.laboratory.problem import Problem


def random_matrix(seed: int, rows: int, columns: int) -> np.ndarray:
    return normals(Address(seed, 0, Purpose.SYNTHETIC_FILES, 0), rows * columns).reshape(
        rows, columns
    )


def linear_problem(
    n: int = 6, p: int = 4, seed: int = 1, noise: bool = True, scale: float = 0.9
) -> Problem:
    """A linear model that is stable, observed through a full matrix, with correlated noise."""
    f = random_matrix(seed, n, n)
    f *= scale / np.abs(np.linalg.eigvals(f)).max()
    h, g = random_matrix(seed + 1, p, n), 0.3 * random_matrix(seed + 2, n, n)
    return Problem(
        name="linear",
        dimension=n,
        advance=lambda members, _: members @ f.T,
        scalar=np.arange(p),
        error=0.5 + 0.1 * np.arange(p),
        start=np.linspace(-1.0, 1.0, n),
        start_sd=np.linspace(0.5, 1.5, n),
        cycles=30,
        burn_in=0,
        observe=lambda members: members @ h.T,
        noise_sd=np.sqrt(np.square(g).sum(axis=1)) if noise else None,
        noise_root=g if noise else None,
        tangent=lambda state, _: f,
    )


def matrices(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """F and H of a linear problem."""
    unit = np.eye(problem.dimension)
    return problem.advance(unit, 1).T, problem.predict(unit).T


def textbook(problem: Problem, values: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kalman's analyses, mean and covariance, in the short form with an explicit inverse."""
    f, h = matrices(problem)
    x, p = problem.start, problem.start_covariance
    r, found = np.diag(np.square(problem.error)), []
    for y in values:
        x, p = f @ x, f @ p @ f.T + problem.noise_covariance
        k = p @ h.T @ np.linalg.inv(h @ p @ h.T + r)
        x, p = x + k @ (y - h @ x), (np.eye(x.size) - k @ h) @ p
        found.append((x, p))
    return found


def observations(problem: Problem, count: int, seed: int = 9) -> list[np.ndarray]:
    return [3.0 * random_matrix(seed + k, 1, problem.observations)[0] for k in range(count)]


def follow(
    method: Any, problem: Problem, values: Sequence[np.ndarray]
) -> list[tuple[Any, Outcome]]:
    """A method's states and outcomes, cycle after cycle."""
    state, found = method.start(problem, 1), []
    for cycle, y in enumerate(values, start=1):
        state, outcome = method.cycle(problem, state, y, 1, cycle)
        found.append((state, outcome))
    return found
