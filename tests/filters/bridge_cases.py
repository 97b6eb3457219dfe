"""Cases for the bridge: small domains with correlated model noise, and their exact answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from halocast.filters import BlockGroup, BlockUpdate
from halocast.filters.base import BlockObservations, make_group
from halocast.filters.bridge import BridgeSettings, sees
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, partition
from halocast.noise import FieldNoise, ModelNoise, centre, covariance_matrix
from halocast.samplers.densities import GAUSSIAN, IDENTITY
from halocast.state import Field, StateLayout
from scipy import stats


@dataclass
class Scene:
    """A domain, its ensemble and its observations."""

    grid: Grid
    model_noise: ModelNoise
    settings: BridgeSettings
    observations: BlockObservations
    forecast: np.ndarray
    noise: np.ndarray

    @property
    def blocks(self) -> Blocks:
        return partition(self.grid.shape, self.settings.block)

    def group(self, numbers: np.ndarray | None = None, cycle: int = 3) -> BlockGroup:
        """The group of some blocks, of all without ``numbers``."""
        seen = sees(self.settings, self.blocks, self.observations.cell, self.grid)
        return make_group(
            np.arange(self.blocks.n_blocks) if numbers is None else numbers,
            self.blocks, seen, self.observations, self.forecast, self.noise, self.model_noise,
            grid=self.grid, seed=11, cycle=cycle,
        )  # fmt: skip

    def covariance(self) -> np.ndarray:
        """Q of all scalars of the state."""
        fields, n = self.model_noise.sd.shape
        terms = self.model_noise.terms(
            np.repeat(np.arange(fields), n), np.tile(np.arange(n), fields)
        )
        return covariance_matrix(self.model_noise.correlation, terms, terms)


def model_noise_of(grid: Grid, noise: Sequence[FieldNoise | None]) -> ModelNoise:
    """Model noise of fields f0, f1 …; None for a field without."""
    layout = StateLayout(tuple(Field(f"f{k}", None, "1", "a field") for k in range(len(noise))))
    given = {f"f{k}": n for k, n in enumerate(noise) if n is not None}
    return ModelNoise.build(given, grid, layout)


def smooth(sd: float, length: float = 2.0) -> FieldNoise:
    return FieldNoise(sd=sd, correlation="gaspari-cohn", length=length)


def draw_noise(model_noise: ModelNoise, members: int, cycle: int = 1) -> np.ndarray:
    """Centred noise of the members, (m, F, n)."""
    draws = np.stack([model_noise.draw(7, cycle, i) for i in range(members)])
    return centre(draws).reshape(members, model_noise.n_fields, -1)


def observe(
    grid: Grid,
    cell: Sequence[int] | np.ndarray,
    value: Sequence[float] | np.ndarray,
    error: float | np.ndarray,
    field: Sequence[int] | np.ndarray | int = 0,
    operator: int | np.ndarray = IDENTITY,
    noise_kind: int | np.ndarray = GAUSSIAN,
    df: float = 1.5,
) -> BlockObservations:
    cell = np.asarray(cell, dtype=np.int64)

    def full(x: object, kind: type) -> np.ndarray:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(x), cell.shape), dtype=kind)

    field = full(field, np.int64)
    return BlockObservations(
        100 + np.arange(cell.size), field * grid.n_cells + cell, field, cell, full(value, float),
        full(error, float), full(operator, np.int8), full(0.0, float), full(1.0, float),
        full(noise_kind, np.int8), full(df, float),
    )  # fmt: skip


def random_scene(
    seed: int = 0,
    shape: tuple[int, int] = (6, 9),
    members: int = 9,
    p: int = 25,
    operator: Sequence[int] = (IDENTITY,),
    noise_kind: Sequence[int] = (GAUSSIAN,),
    unit: float = 1.0,
    **settings: object,
) -> Scene:
    """Three fields, the third without noise; repeated observations; blocks of several kinds."""
    rng = np.random.default_rng(seed)
    grid = Grid.plane(*shape, 1.0, 1.0)
    noise = model_noise_of(grid, [smooth(0.3 * unit), smooth(0.2 * unit, 1.5), None])
    n = grid.n_cells
    forecast = np.stack([noise.draw(5, seed, i) for i in range(members)]).reshape(members, 3, n)
    forecast[:, 2] = forecast[:, 0] + 0.1 * unit * rng.normal(size=(members, n))
    forecast = np.ascontiguousarray(forecast)
    cell, field = rng.integers(0, n, p), rng.integers(0, 3, p)
    if p:
        cell[p // 2 :: 5], field[p // 2 :: 5] = cell[0], field[0]
    observations = observe(
        grid, cell, 0.4 * unit * rng.normal(size=p), unit * rng.uniform(0.1, 0.5, p), field,
        rng.choice(operator, p), rng.choice(noise_kind, p),
    )  # fmt: skip
    given = {"block": (2, 3), "halo": 2.5, "covariance_radius": 3.0, **settings}
    return Scene(
        grid, noise, BridgeSettings(**given), observations, forecast, draw_noise(noise, members)
    )


@dataclass
class Mixture:
    """Posterior of a mixture of Gaussians: weights (m,), mean and deviation of all scalars."""

    weight: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def linear_posterior(
    mu: np.ndarray, kernel: np.ndarray, where: np.ndarray, value: np.ndarray, error: np.ndarray
) -> Mixture:
    """Condition the mixture of N(mu_j, kernel), (m, n), on Gaussian observations of scalars."""
    s = kernel[np.ix_(where, where)] + np.diag(error**2)
    gain = np.linalg.solve(s, kernel[where]).T
    misfit = value - mu[:, where]
    log_weight = -0.5 * np.einsum("jp,pq,jq->j", misfit, np.linalg.inv(s), misfit)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    means = mu + misfit @ gain.T
    mean = weight @ means
    variance = np.diag(kernel - gain @ kernel[where]) + weight @ (means - mean) ** 2
    return Mixture(weight, mean, np.sqrt(variance))


def brute_force(
    mu: np.ndarray,
    kernel: np.ndarray,
    where: np.ndarray,
    value: np.ndarray,
    error: float,
    arctan: bool,
    law: Any,
) -> Mixture:
    """The same for two observed scalars, any operator and density, by a sum over a plane."""
    x = np.linspace(-5, 5, 301)
    plane = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1)
    residual = (value - (np.arctan(plane) if arctan else plane)) / error
    like = np.exp(law.logpdf(residual).sum(axis=-1))
    square = kernel[np.ix_(where, where)]
    gain = np.linalg.solve(square, kernel[where]).T
    rest = np.diag(kernel - gain @ kernel[where])
    weight, first, second = [], [], []
    for mean in mu:
        mass = like * stats.multivariate_normal(mean[where], square).pdf(plane)
        state = mean + (plane - mean[where]) @ gain.T
        weight.append(mass.sum())
        first.append(np.einsum("ij,ijx->x", mass, state))
        second.append(np.einsum("ij,ijx->x", mass, state**2) + rest * mass.sum())
    total = np.sum(weight)
    mean = np.sum(first, axis=0) / total
    return Mixture(
        np.array(weight) / total, mean, np.sqrt(np.sum(second, axis=0) / total - mean**2)
    )


def assert_bitwise(a: BlockUpdate, b: BlockUpdate) -> None:
    for name in ("members", "mean", "spread", "ancestor"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    for name in a.health:
        assert np.array_equal(a.health[name], b.health[name]), name


def join(scene: Scene, groups: list[BlockGroup], updates: list[BlockUpdate]) -> BlockUpdate:
    """The updates of several groups, put together in whole-domain arrays."""
    m, fields, n = scene.forecast.shape
    blocks = scene.blocks.n_blocks
    whole = BlockUpdate(
        np.empty((m, fields, n)), np.empty((fields, n)), np.empty((fields, n)),
        np.empty((m, blocks), np.int32), {k: np.empty(blocks) for k in updates[0].health},
    )  # fmt: skip
    for group, update in zip(groups, updates, strict=True):
        whole.members[:, :, group.cells] = update.members
        whole.mean[:, group.cells] = update.mean
        whole.spread[:, group.cells] = update.spread
        whole.ancestor[:, group.block] = update.ancestor
        for name, values in update.health.items():
            whole.health[name][group.block] = values
    return whole
