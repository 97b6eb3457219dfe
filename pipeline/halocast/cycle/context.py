"""What every task of a run needs, built once a process from the run's folder.

Tasks receive the folder's path or URL, not these objects: settings, grid, model and open stores are
built where they are used and never travel. The folder (and the data store) must therefore be on a
file system that all workers see, or in an object store they all have access to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from halocast.config import PlaneGrid, RunSettings, validate_settings
from halocast.cycle.observed import require_observed
from halocast.errors import ConfigError, StoreError
from halocast.grid import Grid
from halocast.localization.adaptive import (
    AdaptiveLocalization,
    coarsest_partition,
    finest_partition,
)
from halocast.localization.blocks import Blocks, partition
from halocast.models.base import Model, build_model
from halocast.noise import ModelNoise
from halocast.observations.withholding import Platforms, platforms_of
from halocast.stores.forcing_store import Forcing
from halocast.stores.grid_store import read_grid
from halocast.stores.observation_store import Observations
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.run_store import CONFIG, RunStore
from halocast.stores.truth_store import Truth
from halocast.twins.settings import NatureTwin


@dataclass(frozen=True, eq=False)
class Context:
    """A run as its tasks see it."""

    place: Place
    settings: RunSettings
    model: Model

    @property
    def grid(self) -> Grid:
        """The model's grid."""
        return self.model.grid

    @property
    def adaptive(self) -> AdaptiveLocalization | None:
        """Bounds of blocks that follow the observations, where the run wants such."""
        return adaptive_blocks(self.settings)

    @cached_property
    def blocks(self) -> Blocks:
        """The partition of the grid; of a grid without observations where it follows them."""
        return run_blocks(self.settings, self.grid.shape)

    @cached_property
    def most_blocks(self) -> int:
        """The largest number of blocks a cycle can have."""
        return most_blocks(self.settings, self.grid.shape)

    @cached_property
    def noise(self) -> ModelNoise:
        """The model noise: its covariance and its draws."""
        model = self.model
        return ModelNoise.build(
            self.settings.ensemble.model_noise, model.grid, model.layout, model.surface_response()
        )

    @cached_property
    def store(self) -> RunStore:
        """The run's store."""
        return RunStore.open(self.place)

    @cached_property
    def observations(self) -> Observations:
        """The observations of the data store."""
        return Observations.open(data_store(self.place, self.settings))

    @cached_property
    def platforms(self) -> Platforms:
        """The drifters and passes of the run, among which some are withheld."""
        time = self.settings.time
        return platforms_of(*self.observations.platforms(time.at(0), time.at(time.cycles)))

    @cached_property
    def truth(self) -> Truth | None:
        """The truth, where the data store has one."""
        try:
            return Truth.open(data_store(self.place, self.settings))
        except StoreError:
            return None

    @lru_cache(maxsize=2)  # noqa: B019 - a context lives as long as its process
    def truth_at(self, cycle: int) -> np.ndarray | None:
        """The true state (F, ny, nx) at the end of a cycle, where there is one."""
        return None if self.truth is None else self.truth.at(self.settings.time.at(cycle))

    @cached_property
    def _forcing(self) -> Forcing:
        gap = np.timedelta64(int(self.settings.data.max_gap_hours * 3600), "s")
        return Forcing.open(data_store(self.place, self.settings), gap)

    @lru_cache(maxsize=2)  # noqa: B019 - a context lives as long as its process
    def forcing(self, cycle: int) -> Any:
        """What the model needs to advance through a cycle."""
        if not self.model.needs_forcing:
            return self.model.prepare_forcing(None)
        time = self.settings.time
        return self.model.prepare_forcing(self._forcing.window(time.at(cycle - 1), time.at(cycle)))

    def initial_state(self) -> np.ndarray:
        """The state (F, ny, nx) the members are perturbed around.

        Of a nature twin, the truth of some hours before; else the forcing's analysis.
        """
        if not self.model.needs_forcing:
            return self.model.initial_state(None)
        time, twin = self.settings.time, self.settings.data.twin
        if isinstance(twin, NatureTwin) and self.truth is not None:
            return self.truth.at(time.at(0) - twin.displacement_hours * np.timedelta64(3600, "s"))
        return self.model.initial_state(self._forcing.window(time.at(0), time.at(1)))


def adaptive_blocks(settings: RunSettings) -> AdaptiveLocalization | None:
    """Return the bounds of blocks that follow the observations, where the run wants such."""
    found = getattr(settings.filter, "adaptive", None)
    return found if isinstance(found, AdaptiveLocalization) else None


def run_blocks(settings: RunSettings, shape: tuple[int, int]) -> Blocks:
    """Return the partition of a run's grid; where it follows the observations, its coarsest."""
    adaptive = adaptive_blocks(settings)
    if adaptive is not None:
        return coarsest_partition(shape, adaptive)
    return partition(shape, settings.block)


def most_blocks(settings: RunSettings, shape: tuple[int, int]) -> int:
    """Return the largest number of blocks that a cycle of a run can have."""
    adaptive = adaptive_blocks(settings)
    if adaptive is not None:
        return finest_partition(shape, adaptive).n_blocks
    return run_blocks(settings, shape).n_blocks


def data_store(run: str | Path | Place, settings: RunSettings) -> Place:
    """Return where the run's data store is: in its folder for a twin, else as the run file says."""
    if settings.data.twin is not None:
        return locate(run) / "data.zarr"
    return locate(settings.data.store)


def run_grid(settings: RunSettings, store: str | Path | Place) -> Grid:
    """Return the grid a run file asks for, with the depths of its data store.

    Raises
    ------
    ConfigError
        The data store was made for another grid.
    """
    if isinstance(settings.grid, PlaneGrid):
        ny, nx = settings.grid.shape
        return Grid.plane(ny, nx, 1.0, 1.0, np.ones((ny, nx)))
    grid = read_grid(store)
    south, north, ny = settings.grid.lat
    west, east, nx = settings.grid.lon
    if grid.shape != (ny, nx) or not np.allclose(grid.edges, (south, north, west, east)):
        raise ConfigError(
            f"the data store's grid is {grid.shape[0]} x {grid.shape[1]} cells between "
            f"{', '.join(f'{edge:g}' for edge in grid.edges)}; the run file asks for {ny} x {nx} "
            f"between {south:g}, {north:g}, {west:g}, {east:g}",
            where=str(store),
            remedy="ingest the bathymetry for this grid into another store, or change `grid`",
        )
    return grid


def make_model(settings: RunSettings, store: str | Path | Place) -> Model:
    """Build the run's model on its grid."""
    return build_model(settings.model, run_grid(settings, store))


def load_context(directory: str) -> Context:
    """Return the context of a run; built once a process and state of the run file."""
    return _load(directory, locate(directory).version(CONFIG))


@lru_cache(maxsize=2)
def _load(directory: str, version: Any) -> Context:
    place = locate(directory)
    settings = validate_settings(yaml.safe_load(place.read(CONFIG)))
    model = make_model(settings, data_store(place, settings))
    require_observed(settings, model.layout)
    return Context(place, settings, model)
