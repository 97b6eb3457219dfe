"""The open edge of a domain: which cells are prescribed, radiate or are relaxed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.grid import Grid
from halocast.models.shallow_water.boundaries import U, V
from halocast.models.shallow_water.geometry import open_ring, ring_distance
from halocast.models.shallow_water.kernels import WEST
from halocast.models.shallow_water.settings import ShallowWaterSettings


class OpenEdge(NamedTuple):
    """The cells of the zone, unpadded indices; those with prescribed values come first."""

    row: np.ndarray  # (zone,)
    column: np.ndarray
    rate: np.ndarray  # (3, zone) relaxation rate at centres, east and north faces, s-1
    edge: int
    open_cell: np.ndarray  # (zone,) bool
    open_u: np.ndarray
    open_v: np.ndarray
    radiating: np.ndarray  # (faces, 5), row and column padded; see boundaries.Boundary
    celerity: np.ndarray  # (faces,)


def open_edge(grid: Grid, settings: ShallowWaterSettings) -> OpenEdge:
    """Lay out the open edge of a model grid."""
    distance, ring = ring_distance(grid), open_ring(grid)
    width = settings.boundary.width
    falling = np.clip((width - distance) / width, 0.0, 1.0) ** 2
    relaxed = grid.sea & ~ring & ring.any()
    rate = settings.boundary.rate * np.where(relaxed, falling, 0.0)

    faces = {}
    for field, place, axis in ((U, "east", 1), (V, "north", 0)):
        wet = grid.wet_at(place)  # type: ignore[arg-type]
        beyond = np.roll(ring, -1, axis)
        mean_rate = 0.5 * (rate + np.roll(rate, -1, axis))
        between = wet & (ring ^ beyond)
        both = wet & ring & beyond
        faces[field] = (both, between, np.where(wet & ~both & ~between, mean_rate, 0.0))

    first = ring | faces[U][0] | faces[U][1] | faces[V][0] | faces[V][1]
    rates = np.stack([rate, faces[U][2], faces[V][2]])
    rest = ~first & (rates > 0).any(axis=0)
    cells = np.concatenate([np.flatnonzero(first), np.flatnonzero(rest)])
    row, column = np.divmod(cells, grid.shape[1])
    radiating, celerity = _radiating(grid, settings, ring, faces, cells)
    return OpenEdge(
        row=row,
        column=column,
        rate=rates[:, row, column],
        edge=int(first.sum()),
        open_cell=ring[row, column],
        open_u=faces[U][0][row, column],
        open_v=faces[V][0][row, column],
        radiating=radiating,
        celerity=celerity,
    )


def _radiating(
    grid: Grid,
    settings: ShallowWaterSettings,
    ring: np.ndarray,
    faces: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]],
    cells: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    ny, nx = grid.shape
    entry = np.full(ny * nx, -1)
    entry[cells] = np.arange(cells.size)
    table, celerity = [], []
    for field, step_j, step_i in ((U, 0, 1), (V, 1, 0)):
        for j, i in np.argwhere(faces[field][1]):
            near, far = (j, i), ((j + step_j) % ny, (i + step_i) % nx)
            outward = 1.0 if ring[far] else -1.0
            inside, outside = (near, far) if ring[far] else (far, near)
            depth = 0.5 * (grid.depth[near] + grid.depth[far])
            ring_entry = entry[outside[0] * nx + outside[1]]
            table.append((field, entry[j * nx + i], inside[0] + 1, inside[1] + WEST, ring_entry))
            celerity.append(outward * np.sqrt(settings.gravity / depth))
    return np.array(table, np.int64).reshape(-1, 5), np.array(celerity)
