"""Errors that live long: persistent advection, with the full Kalman filter as what is possible.

x' = 0.97 shift(x) + w on 30 x 30 periodic cells, w of covariance (1 - 0.97^2) GC(d / 4.5), 30 cells
at random observed every cycle with error variance 0.1, 25 members. One step of the noise is 6 % of
the forecast error's variance, so that a kernel made of it alone underuses the observations.
All methods see one truth and the same observations; figures are root mean square errors to the
truth over the Kalman filter's (with Gaussian errors, on the same draws), which is 0.39 on average.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from bridge_cases import model_noise_of, observe, smooth
from halocast.filters import FILTERS, BridgeSettings, LsmcmcV2Settings
from halocast.filters import letkf as letkf_room
from halocast.filters.base import Filter, make_group
from halocast.filters.letkf import LetkfSettings
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.localization.taper import gaspari_cohn
from halocast.noise import FieldNoise, ModelNoise, centre
from halocast.samplers.densities import GAUSSIAN, STUDENT_T

DECAY, LENGTH, ERROR, DF = 0.97, 4.5, np.sqrt(0.1), 1.5
STEP = np.sqrt(1 - DECAY**2)
LETKF = Filter(letkf_room.update, letkf_room.sees)


class World(NamedTuple):
    """Truth, observed cells, values with Gaussian and with Student-t errors, Kalman filter."""

    grid: Grid
    truth: np.ndarray
    cell: np.ndarray
    gaussian: np.ndarray
    heavy: np.ndarray
    kalman: np.ndarray
    first: int


class Score(NamedTuple):
    """Errors to the truth of a filter and of the Kalman filter, and the filter's own spread."""

    error: float
    kalman: float
    spread: float

    @property
    def ratio(self) -> float:
        return self.error / self.kalman


def advect(state: np.ndarray) -> np.ndarray:
    return DECAY * np.roll(state, 1, axis=-1)


def noise_of(grid: Grid, sd: float, length: float) -> ModelNoise:
    return model_noise_of(grid, [smooth(sd, length)])


@cache
def world(
    seed: int, scored: int, side: int = 30, observed: int = 30, length: float = LENGTH
) -> World:
    """A truth and what is seen of it; the first 60 cycles are for the filters to settle."""
    rng = np.random.default_rng(seed)
    grid = Grid.plane(side, side, 1.0, 1.0, periodic=(True, True))
    climate, step = noise_of(grid, 1.0, length), noise_of(grid, STEP, length)
    n, first = grid.n_cells, 60
    row, column = np.divmod(np.arange(n), side)
    gaps = [np.abs(a[:, None] - a) for a in (row, column)]
    gaps = [np.minimum(g, side - g) for g in gaps]
    covariance = gaspari_cohn(np.hypot(*gaps) / length)
    q, truth, mean = STEP**2 * covariance, climate.draw(seed, 0, 999)[0], np.zeros(n)
    rows: list[tuple[np.ndarray, ...]] = []
    for k in range(1, first + scored + 1):
        truth = advect(truth) + step.draw(seed, k, 999)[0]
        cell = np.sort(rng.choice(n, observed, replace=False))
        normal = rng.normal(size=observed)
        tail = np.sqrt(rng.chisquare(DF, observed) / DF)
        value = truth.ravel()[cell] + ERROR * normal
        mean = advect(mean.reshape(side, side)).ravel()
        square = np.roll(covariance.reshape(side, side, side, side), 1, axis=(1, 3))
        covariance = DECAY**2 * square.reshape(n, n) + q
        s = covariance[np.ix_(cell, cell)] + ERROR**2 * np.eye(observed)
        gain = np.linalg.solve(s, covariance[cell]).T
        mean = mean + gain @ (value - mean[cell])
        covariance = covariance - gain @ covariance[cell]
        rows.append((truth.ravel(), cell, value, truth.ravel()[cell] + ERROR * normal / tail, mean))
    return World(grid, *(np.stack(column) for column in zip(*rows)), first)


def cycled(
    world: World,
    filter: Filter,
    settings: Any,
    *,
    heavy: bool = False,
    members: int = 25,
    length: float = LENGTH,
    white: bool = False,
    against: Callable[[World], np.ndarray] = lambda w: w.truth,
) -> Score:
    """Cycle a filter through a world; score its mean against the truth.

    ``white`` hides the noise's correlation from the filter, not from the members.
    """
    grid, n, seed = world.grid, world.grid.n_cells, 5
    noise = noise_of(grid, STEP, length)
    known = model_noise_of(grid, [FieldNoise(sd=STEP)]) if white else noise
    climate, blocks = noise_of(grid, 1.0, length), partition(grid.shape, settings.block)
    state = np.stack([climate.draw(seed, 0, i) for i in range(members)])
    reference = against(world)
    errors, kalman, variance = [], [], []
    for k in range(1, world.truth.shape[0] + 1):
        cell = world.cell[k - 1]
        values = world.heavy if heavy else world.gaussian
        observations = observe(
            grid, cell, values[k - 1], ERROR, noise_kind=STUDENT_T if heavy else GAUSSIAN, df=DF
        )
        draws = centre(np.stack([noise.draw(seed, k, i) for i in range(members)]))
        group = make_group(
            np.arange(blocks.n_blocks), blocks, filter.incidence(settings, blocks, cell, grid),
            observations, advect(state).reshape(members, 1, n), draws.reshape(members, 1, n),
            known, grid=grid, seed=seed, cycle=k,
        )  # fmt: skip
        found = filter.update(group, settings)
        state = np.empty((members, 1, n))
        state[:, :, group.cells] = found.members
        state = state.reshape(members, 1, *grid.shape)
        if k > world.first:
            mean = np.empty(n)
            mean[group.cells] = found.mean[0]
            errors.append(np.mean((mean - reference[k - 1]) ** 2))
            kalman.append(np.mean((world.kalman[k - 1] - world.truth[k - 1]) ** 2))
            variance.append(np.mean(found.spread**2))
    return Score(*(float(np.sqrt(np.mean(x))) for x in (errors, kalman, variance)))


def report(name: str, score: Score) -> Score:
    print(
        f"{name:40} error {score.error:.3f} = {score.ratio:.3f} x Kalman filter, "
        f"spread {score.spread:.3f}"
    )
    return score


def compare_gaussian(world: World, block: tuple[int, int]) -> dict[str, Score]:
    """The bridge, a LETKF tuned on this test, and the paper's variant 2."""
    return {
        name: report(name, cycled(world, filter, settings, white=white))
        for name, filter, settings, white in (
            ("bridge", FILTERS["bridge"], BridgeSettings(block=block), False),
            ("LETKF", LETKF, LetkfSettings(block=(5, 5), radius=4.0), False),
            ("V2, correlated Q", FILTERS["bridge"],
             BridgeSettings(bridge=0.0, halo=6.0, taper="continuous"), False),
            ("V2, diagonal Q", FILTERS["lsmcmc-v2"],
             LsmcmcV2Settings(block=(3, 3), halo=6.0), True),
        )
    }  # fmt: skip


def compare_heavy(world: World, block: tuple[int, int]) -> dict[str, Score]:
    """With Student-t errors: the bridge, and the LETKF with a gross-error check."""
    settings = LetkfSettings(block=(5, 5), radius=4.0, background_check=3.0)
    return {
        "bridge": report(
            "bridge", cycled(world, FILTERS["bridge"], BridgeSettings(block=block), heavy=True)
        ),
        "LETKF": report("LETKF, 3 sd check", cycled(world, LETKF, settings, heavy=True)),
    }


def test_the_bridge_comes_close_to_the_kalman_filter() -> None:
    """A quick form: 0.415 / 0.391 of the Kalman filter's error is 1.061; the LETKF has 1.074."""
    found = compare_gaussian(world(1, 80), block=(5, 5))
    assert found["bridge"].ratio < 1.061
    assert found["bridge"].error < found["LETKF"].error
    assert found["V2, correlated Q"].ratio > 1.25
    assert found["V2, diagonal Q"].ratio > 1.4
    assert 0.8 < found["bridge"].spread / found["bridge"].error < 1.25


def test_the_bridge_is_ahead_where_errors_are_heavy_tailed() -> None:
    """A quick form: 0.511 / 0.391 = 1.307 is a LETKF with a gross-error check."""
    found = compare_heavy(world(1, 60), block=(5, 5))
    assert found["bridge"].ratio < 1.307
    assert found["bridge"].error < 0.98 * found["LETKF"].error
    assert 0.8 < found["bridge"].spread / found["bridge"].error < 1.25


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2])
def test_persistent_advection_in_full(seed: int) -> None:
    """300 scored cycles, blocks of 3 x 3 cells."""
    found = compare_gaussian(world(seed, 300), block=(3, 3))
    assert found["bridge"].ratio < 1.061
    assert found["bridge"].error < 0.415
    assert found["bridge"].error < found["LETKF"].error
    heavy = compare_heavy(world(seed, 300), block=(3, 3))
    assert heavy["bridge"].error < 0.511
    assert heavy["bridge"].error < 0.98 * heavy["LETKF"].error


def test_a_large_ensemble_approaches_the_kalman_filter() -> None:
    """No localization, one kernel: the Kalman filter's mean but for sampling, 1 / sqrt(m)."""
    small = world(3, 30, side=12, observed=8, length=3.0)
    settings = BridgeSettings(block=(12, 12), halo=20.0, covariance_radius=np.inf)
    distance = {
        m: cycled(
            small, FILTERS["bridge"], settings, members=m, length=3.0, against=lambda w: w.kalman
        ).ratio
        for m in (60, 240, 960)
    }
    print({m: round(d, 3) for m, d in distance.items()})
    assert distance[240] < 0.65 * distance[60]
    assert distance[960] < 0.65 * distance[240]
    assert distance[960] < 0.15
