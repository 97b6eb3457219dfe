"""A synthetic North Atlantic: a nature run, and the product files that see it.

Nature is the shallow-water model on a grid twice as fine as the run's, started from and driven at
its edges by an analytic ocean (jet, eddies, fronts) and left to adjust. So the truth obeys the
model's physics but not its resolution, viscosity or bottom: the run's model is imperfect, as in
life. From the truth come

    SWOT granules and drifters     the truth, with the noise and the gaps of the real products
    HYCOM files                    the truth, plus balanced smooth errors that drift slowly
    bathymetry                     in the format of ETOPO 2022

all written in the formats of the real products and then ingested through the catalogs. The run
starts from the erroneous HYCOM, and so do the free run and the edges of the domain.

Cost: about 0.2 s an hour of nature on 144 x 164 x 3 cells.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from halocast.config import RunSettings, SphereGrid
from halocast.draws import Address, Purpose
from halocast.errors import ConfigError
from halocast.ingest import Domain, ingest
from halocast.models.base import Model, build_model
from halocast.models.shallow_water.balance import geostrophic_velocity
from halocast.models.shallow_water.settings import ShallowWaterSettings
from halocast.random_fields import red_noise
from halocast.sources.bathymetry import read_bathymetry, sea_grid
from halocast.sources.synthetic.bathymetry_files import write_bathymetry
from halocast.sources.synthetic.drifter_files import write_drifters
from halocast.sources.synthetic.gridded_ocean import GriddedOcean
from halocast.sources.synthetic.hycom_files import write_hycom
from halocast.sources.synthetic.ocean import AnalyticOcean
from halocast.sources.synthetic.swot_files import write_swot
from halocast.stores.truth_store import write_truth
from halocast.twins.nature_run import (
    HOUR,
    Nature,
    as_ocean,
    edges,
    surface_fields,
    trajectory,
)
from halocast.twins.settings import NatlTwin

_TIME_STEP = 60  # s; stable on the finer grid
_FINER = 2  # nature's cells to a cell of the run
_MARGIN = 1  # cells of the run around its domain, so that products reach over the edge
_BEFORE = 6  # hours of nature before the run, for the products that bracket its start
_AFTER = 6
_ERROR_PERIOD_HOURS = 240.0
_ENTRIES = ("demo_bathymetry", "demo_hycom", "demo_swot", "demo_drifters")


def make_north_atlantic(settings: RunSettings, folder: Path) -> None:
    """Write the product files to ``folder/products`` and ingest them into ``folder/data.zarr``."""
    twin, grid = settings.data.twin, settings.grid
    assert isinstance(twin, NatlTwin)
    if not isinstance(grid, SphereGrid) or not isinstance(settings.model, ShallowWaterSettings):
        raise ConfigError(
            "the north-atlantic twin needs grid.kind: sphere and model.kind: shallow-water",
            where="data.twin",
        )
    products = folder / "products"
    (bathymetry,) = write_bathymetry(
        products / "bathymetry", box=_padded(_box(grid), 2.0), seed=twin.seed
    )
    nature = run_nature(settings, bathymetry)
    _write_products(settings, twin, nature, bathymetry, products)
    _ingest(settings, grid, folder)
    write_truth(folder / "data.zarr", *_coarse_truth(settings, nature), nature.model.layout)


def _box(grid: SphereGrid) -> tuple[float, float, float, float]:
    return grid.lon[0], grid.lon[1], grid.lat[0], grid.lat[1]


def _padded(
    box: tuple[float, float, float, float], degrees: float
) -> tuple[float, float, float, float]:
    west, east, south, north = box
    return west - degrees, east + degrees, south - degrees, north + degrees


def run_nature(settings: RunSettings, bathymetry: Path) -> Nature:
    """Run nature from before the run's start to after its end, one state an hour."""
    twin = settings.data.twin
    assert isinstance(twin, NatlTwin)
    model = _nature_model(settings, bathymetry)
    ocean = AnalyticOcean(twin.seed, inertial=0.0, ekman=0.0)
    begin = settings.time.at(0) - (twin.spin_up_hours + _BEFORE) * HOUR
    end = settings.time.at(settings.time.cycles) + _AFTER * HOUR
    times = np.arange(begin, end + HOUR, HOUR)
    window = edges(ocean, model.grid, begin, end)
    states = trajectory(model, model.initial_state(window), times, window)
    return Nature(model, times[twin.spin_up_hours :], states[twin.spin_up_hours :])


def _nature_model(settings: RunSettings, bathymetry: Path) -> Model:
    """Build the finer model, with a margin around the run's domain."""
    grid = settings.grid
    assert isinstance(grid, SphereGrid)
    assert isinstance(settings.model, ShallowWaterSettings)
    (south, north, ny), (west, east, nx) = grid.lat, grid.lon
    dy, dx = (north - south) / ny * _MARGIN, (east - west) / nx * _MARGIN
    south, north, west, east = south - dy, north + dy, west - dx, east + dx
    ny, nx = (_FINER * (ny + 2 * _MARGIN)), (_FINER * (nx + 2 * _MARGIN))
    elevation = read_bathymetry(bathymetry, (west, east, south, north))
    cells = sea_grid(elevation, south, north, ny, west, east, nx, settings.model.minimum_depth)
    finer = {
        "time_step": _TIME_STEP,
        "viscosity": settings.model.viscosity / _FINER,
        "sst_relaxation_rate": 0.0,
    }
    return build_model(settings.model.model_copy(update=finer), cells)


def _analysis(settings: RunSettings, nature: Nature) -> GriddedOcean:
    """Return nature as an ocean analysis shows it: with balanced errors that drift slowly."""
    twin = settings.data.twin
    assert isinstance(twin, NatlTwin)
    grid = nature.model.grid
    cells = twin.analysis_error_length_km * 1000 / np.array([grid.dy, grid.dx.mean()])
    hours = (nature.times - nature.times[0]) / HOUR
    phase = 2 * np.pi * hours / _ERROR_PERIOD_HOURS
    fields = surface_fields(nature)
    gravity = settings.model.gravity  # type: ignore[union-attr]
    for part, weight in enumerate((np.cos(phase), np.sin(phase))):
        addresses = [Address(twin.seed, part, Purpose.NATURE_STATE, i) for i in range(2)]
        ssh, warm = (red_noise(grid.shape, tuple(cells), address) for address in addresses)
        ssh, warm = twin.analysis_ssh_error * ssh, twin.analysis_temperature_error * warm
        u, v = geostrophic_velocity(grid, gravity * ssh)
        for name, error in (("ssh", ssh), ("u", u), ("v", v), ("t", warm)):
            fields[name] = fields[name] + weight[:, None, None] * error
    return as_ocean(nature, fields)


def _write_products(
    settings: RunSettings, twin: NatlTwin, nature: Nature, bathymetry: Path, products: Path
) -> None:
    grid = settings.grid
    assert isinstance(grid, SphereGrid)
    box = _box(grid)
    start, stop = settings.time.at(0), settings.time.at(settings.time.cycles)
    truth = as_ocean(nature, surface_fields(nature))
    missing = int(stop - start > 6 * HOUR)  # a shorter run has none to spare
    write_hycom(
        products / "hycom", _analysis(settings, nature), start, stop, box=box, seed=twin.seed,
        stride=(4, 2), missing=missing, bathymetry=read_bathymetry(bathymetry, _padded(box, 1.0)),
    )  # fmt: skip
    write_swot(products / "swot", truth, box, start, stop, seed=twin.seed)
    write_drifters(
        products / "drifters", truth, box, start, stop, count=twin.drifters, seed=twin.seed
    )


def _ingest(settings: RunSettings, grid: SphereGrid, folder: Path) -> None:
    assert isinstance(settings.model, ShallowWaterSettings)
    domain = Domain(
        south=grid.lat[0], north=grid.lat[1], ny=grid.lat[2],
        west=grid.lon[0], east=grid.lon[1], nx=grid.lon[2],
        minimum_depth=settings.model.minimum_depth,
    )  # fmt: skip
    passes = any((folder / "products" / "swot").iterdir())  # a short run may have none
    reports = ingest(
        [name for name in _ENTRIES if passes or name != "demo_swot"],
        folder / "data.zarr",
        domain=domain,
        start=settings.time.at(0),
        stop=settings.time.at(settings.time.cycles),
        parameters={"directory": str(folder / "products")},
    )
    (folder / "ingest.txt").write_text("\n".join(map(str, reports)) + "\n", encoding="utf-8")


def _coarse_truth(settings: RunSettings, nature: Nature) -> tuple[np.ndarray, np.ndarray]:
    """Return the truth at the run's analysis times, on its grid: times (n,), (n, F, ny, nx).

    Centres are means of four cells, faces of the two finer faces they consist of.
    """
    wanted = [settings.time.at(k) for k in range(1, settings.time.cycles + 1)]
    index = np.searchsorted(nature.times, np.array(wanted))
    inner = slice(_FINER * _MARGIN, -_FINER * _MARGIN)
    states = nature.states[index][:, :, inner, inner]
    even, odd = slice(0, None, 2), slice(1, None, 2)
    out = np.empty((*states.shape[:2], states.shape[2] // 2, states.shape[3] // 2))
    for f, field in enumerate(nature.model.layout.fields):
        s = states[:, f]
        if field.place == "east":
            out[:, f] = 0.5 * (s[:, even, odd] + s[:, odd, odd])
        elif field.place == "north":
            out[:, f] = 0.5 * (s[:, odd, even] + s[:, odd, odd])
        else:
            out[:, f] = 0.25 * (
                s[:, even, even] + s[:, even, odd] + s[:, odd, even] + s[:, odd, odd]
            )
    return nature.times[index], out
