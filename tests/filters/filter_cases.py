"""Cases for the filters: random groups, and how to compare and regroup them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from halocast.filters import BlockGroup, BlockUpdate, LsmcmcV2Settings
from halocast.filters.base import BlockObservations, make_group
from halocast.grid import Grid
from halocast.localization.blocks import Blocks, Incidence, incidence, partition
from halocast.noise import ModelNoise
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, STUDENT_T


class Case(NamedTuple):
    """One analysis of a whole domain."""

    settings: LsmcmcV2Settings
    blocks: Blocks
    incidence: Incidence
    observations: BlockObservations
    forecast: np.ndarray
    noise_sd: np.ndarray
    noise: np.ndarray
    sees_all: bool = False

    def group(self, numbers: np.ndarray | None = None, cycle: int = 3) -> BlockGroup:
        """The group of some blocks, of all without ``numbers``."""
        return make_group(
            np.arange(self.blocks.n_blocks) if numbers is None else numbers,
            self.blocks, self.incidence, self.observations, self.forecast, self.noise,
            independent(self.noise_sd, self.blocks), grid=plane(self.blocks), seed=11, cycle=cycle,
            sees_all=self.sees_all,
        )  # fmt: skip


def plane(blocks: Blocks) -> Grid:
    """The grid of unit cells that blocks are of."""
    return Grid.plane(*blocks.shape, 1.0, 1.0)


def independent(noise_sd: np.ndarray, blocks: Blocks) -> ModelNoise:
    """Model noise without correlation, sd (F, n_cells)."""
    return ModelNoise.independent(noise_sd, plane(blocks))


def observe(
    n_cells: int,
    field: np.ndarray,
    cell: np.ndarray,
    value: np.ndarray,
    error: np.ndarray | float,
    operator: np.ndarray | int = IDENTITY,
    noise: np.ndarray | int = GAUSSIAN,
    center: float = 0.0,
    scale: float = 1.0,
    df: float = 1.0,
) -> BlockObservations:
    """Observations with whatever may be one number for all given as one."""

    def full(x: np.ndarray | float, kind: type) -> np.ndarray:
        return np.ascontiguousarray(np.broadcast_to(x, value.shape), dtype=kind)

    return BlockObservations(
        id=np.arange(value.size), scalar=field * n_cells + cell, field=full(field, np.int64),
        cell=full(cell, np.int64), value=value, error=full(error, float),
        operator=full(operator, np.int8), center=full(center, float), scale=full(scale, float),
        noise_kind=full(noise, np.int8), df=full(df, float),
    )  # fmt: skip


def random_case(
    seed: int = 0,
    shape: tuple[int, int] = (7, 10),
    block: tuple[int, int] = (2, 3),
    halo: float = 2.5,
    members: int = 9,
    fields: int = 4,
    p: int = 40,
    mixed: bool = True,
) -> Case:
    """Two noisy fields over noise-free ones, repeated observations, every kind of them."""
    rng = np.random.default_rng(seed)
    n = shape[0] * shape[1]
    forecast = 0.4 * rng.normal(size=(members, fields, n))
    noise_sd = np.zeros((fields, n))
    noise_sd[:2] = 0.3
    noise = noise_sd * rng.normal(size=forecast.shape)
    noise -= noise.mean(axis=0)
    field = rng.integers(0, min(fields, 3), p)
    cell = rng.integers(0, n, p)
    cell[p // 2 :: 5], field[p // 2 :: 5] = cell[:1], field[:1]
    blocks = partition(shape, block)
    return Case(
        LsmcmcV2Settings(block=block, halo=halo),
        blocks,
        incidence(blocks, cell, halo=halo),
        observe(
            n, field, cell, 0.5 * rng.normal(size=p), rng.uniform(0.1, 0.6, p),
            rng.choice([IDENTITY, ARCTAN], p) if mixed else IDENTITY,
            rng.choice([GAUSSIAN, STUDENT_T], p) if mixed else GAUSSIAN,
        ),
        forecast, noise_sd, noise,
    )  # fmt: skip


def joined(case: Case, groups: list[np.ndarray], updates: list[BlockUpdate]) -> dict[str, object]:
    """The updates of several groups, put together in whole-domain arrays."""
    m, n_fields, n = case.forecast.shape
    out = {
        "members": np.empty((m, n_fields, n)),
        "mean": np.empty((n_fields, n)),
        "spread": np.empty((n_fields, n)),
        "ancestor": np.empty((m, case.blocks.n_blocks), dtype=np.int32),
    }
    for name in updates[0].health:
        out[name] = np.empty(case.blocks.n_blocks)
    for numbers, update in zip(groups, updates, strict=True):
        cells = case.group(numbers).cells
        out["members"][:, :, cells] = update.members
        out["mean"][:, cells] = update.mean
        out["spread"][:, cells] = update.spread
        out["ancestor"][:, numbers] = update.ancestor
        for name, values in update.health.items():
            out[name][numbers] = values
    return out
