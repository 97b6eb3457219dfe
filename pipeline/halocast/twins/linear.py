"""The twin of the linear-Gaussian experiment (paper, section 5.1).

The truth follows the model with its noise, Z_k = a Z_{k-1} + sigma W_k, drawn at addresses of its
own seed; swaths of cells are observed with Gaussian errors. Truth and observations go into a data
store like any other, so the run itself does not know that it is a twin.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from halocast.config import RunSettings
from halocast.cycle.context import run_grid
from halocast.draws import Address, Purpose, normals
from halocast.errors import ConfigError
from halocast.models.base import build_model
from halocast.noise import ModelNoise
from halocast.observations import VARIABLES, swath_cells
from halocast.sources.rows import concat_rows, make_rows, product_code
from halocast.stores.grid_store import write_grid
from halocast.stores.observation_store import write_observations
from halocast.stores.truth_store import write_truth
from halocast.twins.settings import LinearTwin


def make_linear_twin(settings: RunSettings, folder: Path) -> None:
    """Write grid, truth and observations of the linear-Gaussian twin to ``folder/data.zarr``."""
    twin = settings.data.twin
    assert isinstance(twin, LinearTwin)
    store = folder / "data.zarr"
    model = build_model(settings.model, run_grid(settings, store))
    if model.layout.names != ("z",):
        raise ConfigError(
            "the linear-gaussian twin is of the linear-gaussian model",
            where="data.twin.kind",
            remedy="set model.kind: linear-gaussian, or another twin",
        )
    noise = ModelNoise.build(settings.ensemble.model_noise, model.grid, model.layout)
    grid, time = model.grid, settings.time
    write_grid(store, grid)
    state = model.initial_state(None)
    states, tables = [], []
    for cycle in range(1, time.cycles + 1):
        state = model.advance(state, time.at(cycle - 1), time.at(cycle), None)
        state = state + noise.draw(twin.seed, cycle, 0, Purpose.NATURE_NOISE)
        states.append(state)
        cells = swath_cells(cycle, grid.shape, twin.coverage)
        address = Address(twin.seed, cycle, Purpose.NATURE_OBSERVATIONS, 0)
        error = twin.error * normals(address, grid.n_cells)[cells]
        j, i = np.divmod(cells, grid.shape[1])
        tables.append(
            make_rows(
                {
                    "time": time.at(cycle).astype("datetime64[ns]"),
                    "lat": grid.y[j],
                    "lon": grid.x[i],
                    "variable": VARIABLES.index("z"),
                    "value": state.ravel()[cells] + error,
                    "error": twin.error,
                    "product": product_code("twin"),
                    "platform": cycle,
                }
            )
        )
    times = np.array([time.at(k) for k in range(1, time.cycles + 1)])
    write_truth(store, times, np.stack(states), model.layout)
    write_observations(store, concat_rows(tables))
