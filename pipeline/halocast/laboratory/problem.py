"""A problem: a small model, how it is observed, and what is known of it at the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from halocast.draws import Address, Purpose, normals
from halocast.samplers.densities import GAUSSIAN


@dataclass(frozen=True, eq=False)
class Problem:
    """A twin experiment without its filter.

    Attributes
    ----------
    name
        What boards call it.
    dimension
        Number of scalars n of the state.
    advance
        (members (m, n), cycle) -> members at the next observation time, without model noise; the
        cycle is the one that begins.
    scalar
        Which scalars are observed, shape (p,); used where ``observe`` is None.
    error
        Standard deviations of the observations' errors, (p,).
    start, start_sd
        Mean and standard deviation of what is known at the start, (n,).
    cycles, burn_in
        Analyses in all, and how many of the first are not scored.
    observe
        (members (m, n)) -> (m, p), where observations are not scalars of the state.
    draw_error
        (seed, cycle) -> errors of the true observations, (p,); Gaussian when None.
    noise_kind, df
        The errors' density as filters are told it, codes of `halocast.samplers.densities`.
    noise_sd
        Standard deviation of the model noise of an interval, (n,).
    noise_root, start_root
        Roots G, (n, r), of the covariances G G' of model noise and start where their scalars
        correlate; ``noise_sd`` and ``start_sd`` are then the roots of the diagonals.
    draw_start
        (seed, purpose, index) -> a state of what is known at the start, (n,), where that is not
        Gaussian.
    observed_at
        cycle -> which scalars are observed in it, (p,), where that changes; see `at`.
    tangent
        (state (n,), cycle) -> derivative of ``advance``, (n, n), where it is known.
    positions, period
        Where the scalars sit, (n, d), and how long each axis is where it is a ring, else inf, (d,).
    """

    name: str
    dimension: int
    advance: Callable[[np.ndarray, int], np.ndarray]
    scalar: np.ndarray
    error: np.ndarray
    start: np.ndarray
    start_sd: np.ndarray
    cycles: int
    burn_in: int
    observe: Callable[[np.ndarray], np.ndarray] | None = None
    draw_error: Callable[[int, int], np.ndarray] | None = None
    noise_kind: int = GAUSSIAN
    df: float = 1.0
    noise_sd: np.ndarray | None = None
    noise_root: np.ndarray | None = None
    start_root: np.ndarray | None = None
    draw_start: Callable[[int, Purpose, int], np.ndarray] | None = None
    observed_at: Callable[[int], np.ndarray] | None = None
    tangent: Callable[[np.ndarray, int], np.ndarray] | None = None
    positions: np.ndarray | None = None
    period: np.ndarray | None = field(default=None)

    @property
    def observations(self) -> int:
        """Number of observations p of a cycle."""
        return self.error.size

    def at(self, cycle: int) -> Problem:
        """Return the problem as it is observed in a cycle."""
        if self.observed_at is None:
            return self
        return replace(self, scalar=self.observed_at(cycle))

    @property
    def start_covariance(self) -> np.ndarray:
        """Covariance of what is known at the start, (n, n)."""
        return _covariance(self.start_sd, self.start_root)

    @property
    def noise_covariance(self) -> np.ndarray:
        """Covariance of the model noise of an interval, (n, n)."""
        sd = np.zeros(self.dimension) if self.noise_sd is None else self.noise_sd
        return _covariance(sd, self.noise_root)

    def first_states(self, purpose: Purpose, count: int, seed: int) -> np.ndarray:
        """Draw states of what is known at the start, (count, n)."""
        if self.draw_start is not None:
            return np.array([self.draw_start(seed, purpose, i) for i in range(count)])
        return self.start + self._gaussian(self.start_sd, self.start_root, purpose, count, seed, 0)

    def predict(self, members: np.ndarray) -> np.ndarray:
        """Return what members (m, n) predict for the observations, (m, p)."""
        if self.observe is not None:
            return self.observe(members)
        return np.take(members, self.scalar, axis=1)

    def model_noise(self, purpose: Purpose, members: int, seed: int, cycle: int) -> np.ndarray:
        """Draw the model noise of an interval, (m, n)."""
        if self.noise_sd is None:
            return np.zeros((members, self.dimension))
        return self._gaussian(self.noise_sd, self.noise_root, purpose, members, seed, cycle)

    def _gaussian(
        self, sd: np.ndarray, root: np.ndarray | None, purpose: Purpose, count: int, seed: int,
        cycle: int,
    ) -> np.ndarray:  # fmt: skip
        size = self.dimension if root is None else root.shape[1]
        drawn = np.array([normals(Address(seed, cycle, purpose, i), size) for i in range(count)])
        # one member at a time, so that a member's bits do not depend on how many there are
        return sd * drawn if root is None else np.array([root @ each for each in drawn])

    def true_error(self, seed: int, cycle: int) -> np.ndarray:
        """Draw the errors of a cycle's observations, (p,)."""
        if self.draw_error is not None:
            return self.draw_error(seed, cycle)
        address = Address(seed, cycle, Purpose.NATURE_OBSERVATIONS, 0)
        return self.error * normals(address, self.observations)

    def distances(self, cells: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return the distances between scalars (a,) and others (b,), (a, b)."""
        assert self.positions is not None
        apart = np.abs(self.positions[cells][:, None, :] - self.positions[others][None, :, :])
        if self.period is not None:
            apart = np.minimum(apart, self.period - apart)
        return np.sqrt(np.square(apart).sum(axis=2))


def _covariance(sd: np.ndarray, root: np.ndarray | None) -> np.ndarray:
    return np.diag(np.square(sd)) if root is None else root @ root.T
