"""The workload of a run file: its sizes, and what its model and filter cost here."""

from __future__ import annotations

import numpy as np

from halocast.capacity.graph import Workload
from halocast.check import calibrate, run_model
from halocast.config import RunSettings
from halocast.cycle.context import data_store, most_blocks
from halocast.noise import ModelNoise
from halocast.stores.observation_store import Observations
from halocast.stores.places import locate

_SHARE_OBSERVED = 0.08  # of the cells, where the data do not exist yet


def workload_of(settings: RunSettings) -> Workload:
    """Measure a run that `halocast check` found sound; takes seconds."""
    model = run_model(settings)
    forecast, update = calibrate(settings, model)
    noise = ModelNoise.build(
        settings.ensemble.model_noise, model.grid, model.layout, model.surface_response()
    )
    return Workload(
        members=settings.ensemble.members,
        fields=len(model.layout),
        cells=model.grid.n_cells,
        blocks=most_blocks(settings, model.grid.shape),
        tracks=2 if settings.free_run else 1,
        rows=_rows(settings, model.grid.n_cells),
        variables=tuple(len(numbers) for numbers in model.layout.variables().values()),
        forecast=forecast,
        update=update,
        correlated_noise=noise.correlated,
        groups=settings.engine.groups,
    )


def _rows(settings: RunSettings, n_cells: int) -> int:
    """Return the observation rows of the fullest cycle."""
    if settings.data.twin is not None:
        return round(_SHARE_OBSERVED * n_cells)
    edges = [settings.time.at(k) for k in range(settings.time.cycles + 1)]
    times = Observations.open(data_store(locate("."), settings)).times
    places = np.searchsorted(times, np.array(edges), side="right")
    return int(np.diff(places).max(initial=0))
