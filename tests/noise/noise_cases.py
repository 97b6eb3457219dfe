"""Model noise on small oceans, and what the tests of it share."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.grid import Grid
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings
from halocast.noise import FieldNoise, ModelNoise

GASPARI_COHN = {"correlation": "gaspari-cohn", "length": 1.5}


def rough_depth(ny: int, nx: int, seed: int = 5) -> np.ndarray:
    """Depths with islands."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(1500.0, 4500.0, (ny, nx))
    depth[rng.random((ny, nx)) < 0.2] = 0.0
    return depth


def sphere_ocean(ny: int = 7, nx: int = 6, **changes) -> ShallowWater:
    """Three layers with islands on the sphere."""
    grid = Grid.sphere(20.0, 20.0 + 0.5 * ny, ny, -60.0, -60.0 + 0.5 * nx, nx, rough_depth(ny, nx))
    return ShallowWater(ShallowWaterSettings(slope_parameter=1.0, **changes), grid)


def periodic_ocean(ny: int = 8, nx: int = 9, **changes) -> ShallowWater:
    """Three layers with islands on a doubly periodic plane."""
    grid = Grid.plane(ny, nx, 5e4, 4e4, rough_depth(ny, nx), periodic=(True, True), coriolis=1e-4)
    return ShallowWater(ShallowWaterSettings(slope_parameter=1.0, **changes), grid)


def noise_of(model: ShallowWater, **entries) -> ModelNoise:
    """Model noise from a settings entry a field; a number is white noise."""
    settings = {
        name: FieldNoise(**(e if isinstance(e, dict) else {"sd": e})) for name, e in entries.items()
    }
    return ModelNoise.build(settings, model.grid, model.layout, model.surface_response())


def all_scalars(noise: ModelNoise) -> tuple[np.ndarray, np.ndarray]:
    """Field and cell of every scalar."""
    n_cells = noise.shape[0] * noise.shape[1]
    return np.divmod(np.arange(noise.n_fields * n_cells), n_cells)


def map_of_draws(noise: ModelNoise, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """The linear map from a member's normals to its noise, (scalars, elements).

    `draw` is fed one unit impulse after the other in place of the normals: element by element of
    the member's whole sequence, whoever reads it.
    """
    ends = [b.start + b.lattice[0] * b.lattice[1] for b in noise.bases]
    columns = []
    for impulse in range(max(ends)):

        def unit(address, count, start=0, at=impulse):
            out = np.zeros(count)
            if 0 <= at - start < count:
                out[at - start] = 1.0
            return out

        monkeypatch.setattr("halocast.noise.base_fields.normals", unit)
        columns.append(noise.draw(0, 0, 0).ravel())
    monkeypatch.undo()
    return np.stack(columns, axis=1)
