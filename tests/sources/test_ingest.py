"""Product files become a data store; what is wrong with them is said, and nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from halocast.errors import ConfigError, InputError, StoreError
from halocast.grid import Grid
from halocast.ingest import Domain, ingest
from halocast.sources.rows import FATE_MEANING, Fate
from halocast.sources.synthetic.bathymetry_files import write_bathymetry
from halocast.sources.synthetic.drifter_files import write_drifters
from halocast.sources.synthetic.hycom_files import write_hycom
from halocast.sources.synthetic.ocean import AnalyticOcean
from halocast.sources.synthetic.swot_files import write_swot
from halocast.stores.forcing_store import Forcing
from halocast.stores.grid_store import read_grid
from halocast.stores.observation_store import Observations
from pydantic import ValidationError

BOX = (-50.0, -46.0, 37.0, 42.0)
START, STOP = np.datetime64("2024-08-02T12:00", "ns"), np.datetime64("2024-08-03T00:00", "ns")
DOMAIN = Domain(south=37, north=42, ny=10, west=-50, east=-46, nx=8)
OCEAN = AnalyticOcean(5)
DEMO = ("demo_bathymetry", "demo_hycom", "demo_swot", "demo_drifters")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("products")
    write_bathymetry(folder / "bathymetry", box=(-52.0, -44.0, 36.0, 43.0))
    write_hycom(folder / "hycom", OCEAN, START, STOP, box=BOX, stride=(4, 4), missing=1)
    write_swot(folder / "swot", OCEAN, BOX, START, STOP)
    wide = (-54.0, -42.0, 33.0, 45.0)
    write_drifters(folder / "drifters", OCEAN, wide, START, STOP, count=60)
    return folder


@pytest.fixture
def files(written: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    shutil.copytree(written, tmp_path / "files")
    return tmp_path / "files"


def run(names: Any, store: Path, files: Path, **options: Any) -> Any:
    given: dict[str, Any] = {
        "domain": DOMAIN, "start": START, "stop": STOP, "parameters": {"directory": str(files)},
    }  # fmt: skip
    return ingest(names, store, **(given | options))


def test_everything_goes_in_whatever_the_order_of_names(written: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    reports = run(DEMO[::-1], store, written)
    assert [r.kind for r in reports] == ["bathymetry", "analysis", "altimetry", "drifters"]
    bathymetry, analysis, altimetry, drifters = reports

    grid = read_grid(store)
    assert grid.shape == (10, 8)
    assert bathymetry.stored == grid.sea.sum()
    assert analysis.stored == 4
    assert len(analysis.gaps) == 1
    assert "area-weighted means" in str(analysis)

    forcing = Forcing.open(store).window(START, STOP)
    truth = OCEAN.surface(START, grid.y[:, None], grid.x)
    for name, tolerance in (("ssh", 0.03), ("u", 0.1), ("v", 0.1), ("t", 0.15)):
        error = forcing.fields[name][0] - truth[name]
        assert np.sqrt(np.mean(error**2)) < tolerance, name

    rows = Observations.open(store).rows()
    assert rows.sizes["row"] == altimetry.stored + drifters.stored
    assert rows.lat.min() >= 37.0
    assert rows.lat.max() <= 42.0
    assert rows.lon.min() >= -50.0
    assert rows.lon.max() <= -46.0
    assert (rows.time.values > START).all()
    assert (rows.time.values <= STOP).all()


def test_every_row_is_accounted_for(written: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    _, altimetry, drifters = run(("demo_bathymetry", *DEMO[2:]), store, written)
    for report in (altimetry, drifters):
        outside = (FATE_MEANING[Fate.OUTSIDE], FATE_MEANING[Fate.WINDOW])
        in_store = sum(
            n for fate, n in report.fates.items()
            if fate not in outside and not fate.startswith("left out")
        )  # fmt: skip
        assert in_store == report.stored > 0
        assert report.fates[FATE_MEANING[Fate.CANDIDATE]] > 0
        assert all(line in str(report) for line in report.fates)
    assert drifters.fates[FATE_MEANING[Fate.OUTSIDE]] > 0


def test_ingesting_twice_changes_nothing(written: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    run(DEMO, store, written)
    before = Observations.open(store).rows()
    fields = Forcing.open(store).window(START, STOP).fields
    again = run(DEMO, store, written)
    assert [r.stored for r in again[2:]] == [0, 0]
    assert "in the store already" in str(again[2])
    after = Observations.open(store).rows()
    assert after.identical(before)
    for name, values in Forcing.open(store).window(START, STOP).fields.items():
        np.testing.assert_array_equal(values, fields[name])


def test_a_second_period_is_added(files: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    run(DEMO[:2], store, files)
    later = STOP + np.timedelta64(6, "h")
    shutil.rmtree(files / "hycom")
    write_hycom(files / "hycom", OCEAN, STOP, later, box=BOX, stride=(4, 4))
    (report,) = run(["demo_hycom"], store, files, domain=None, start=STOP, stop=later)
    assert report.stored == 3
    times = Forcing.open(store).times
    assert times[0] == START
    assert times[-1] == later


def test_rows_outside_the_period_are_counted_not_stored(written: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    early = START + np.timedelta64(3, "h")
    run(["demo_bathymetry"], store, written)
    (swot,) = run(["demo_swot"], store, written, stop=early)
    assert swot.stored == 0
    assert swot.fates[FATE_MEANING[Fate.WINDOW]] > 0
    assert "no candidate" in str(swot)


def test_data_without_a_grid_are_refused(written: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no grid to put data on") as caught:
        run(["demo_hycom"], tmp_path / "natl.zarr", written)
    assert "bathymetry first" in caught.value.remedy


def test_another_grid_is_refused(written: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    run(["demo_bathymetry"], store, written)
    other = DOMAIN.model_copy(update={"ny": 20})
    with pytest.raises(ConfigError, match="10 x 8 cells"):
        run(["demo_hycom"], store, written, domain=other)
    with pytest.raises(StoreError, match="another grid"):
        run(["demo_bathymetry"], store, written, domain=other)


def test_what_is_asked_for_must_make_sense(written: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    run(["demo_bathymetry"], store, written)
    for options, says in (
        ({"start": None}, "need a period"),
        ({"stop": START}, "is empty"),
        ({"parameters": {"folder": "x"}}, "no entry takes the parameter folder"),
    ):
        with pytest.raises(ConfigError, match=says):
            run(["demo_hycom"], store, written, **options)
    with pytest.raises(ConfigError, match="nothing to ingest"):
        run([], store, written)
    with pytest.raises(ConfigError, match="needs a domain"):
        run(["demo_bathymetry"], tmp_path / "new.zarr", written, domain=None)
    with pytest.raises(ConfigError, match="no catalog entry"):
        run(["demo_hicom"], store, written)
    with pytest.raises(InputError, match="is not a time"):
        run(["demo_hycom"], store, written, start="soon")


@pytest.mark.parametrize(
    "wrong", [{"south": 43.0}, {"west": -40.0}, {"ny": 0}, {"depth": 5.0}, {"minimum_depth": 0.0}]
)
def test_a_domain_is_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Domain(**(DOMAIN.model_dump() | wrong))


def test_a_gap_longer_than_allowed_is_refused(files: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    shutil.rmtree(files / "hycom")
    paths = write_hycom(files / "hycom", OCEAN, START, STOP, box=BOX, stride=(4, 4))
    for path in paths[3:9]:  # two steps: nine hours of silence
        path.unlink()
    run(["demo_bathymetry"], store, files)
    with pytest.raises(InputError, match="nothing for 9 h between 2024-08-02T12:00:00") as caught:
        run(["demo_hycom"], store, files)
    assert "demo_hycom" in caught.value.where
    (report,) = run(["demo_hycom"], store, files, max_gap=np.timedelta64(9, "h"))
    assert report.gaps == ("2024-08-02T15:00:00", "2024-08-02T18:00:00")


def test_an_analysis_must_reach_over_the_period(written: Path, tmp_path: Path) -> None:
    store = tmp_path / "natl.zarr"
    run(["demo_bathymetry"], store, written)
    with pytest.raises(InputError, match=r"runs from .* not over"):
        run(["demo_hycom"], store, written, stop=STOP + np.timedelta64(1, "h"))


def spoil(path: Path, how: str) -> None:
    body = path.read_bytes()
    if how == "truncated":
        path.write_bytes(body[: int(0.6 * len(body))])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "html":
        path.write_text("<!DOCTYPE html><html><body>Service unavailable</body></html>")
    elif how == "missing":
        path.unlink()


@pytest.mark.parametrize(
    ("how", "says"),
    [("truncated", "truncated"), ("empty", "empty"), ("html", "web page")],
)
@pytest.mark.parametrize("entry", DEMO[:3])
def test_a_bad_file_leaves_the_store_as_it_was(
    files: Path, tmp_path: Path, entry: str, how: str, says: str
) -> None:
    store = tmp_path / "natl.zarr"
    if entry != "demo_bathymetry":
        run(["demo_bathymetry"], store, files)
    path = sorted((files / entry.removeprefix("demo_")).iterdir())[-1]
    spoil(path, how)
    with pytest.raises(InputError, match=says) as caught:
        run([entry], store, files)
    assert str(path) in caught.value.where
    assert caught.value.remedy
    if entry == "demo_bathymetry":
        assert not store.exists()
    else:
        assert isinstance(read_grid(store), Grid)
        with pytest.raises(StoreError):
            Forcing.open(store) if entry == "demo_hycom" else Observations.open(store)


def test_an_absent_folder_is_named(files: Path, tmp_path: Path) -> None:
    shutil.rmtree(files / "bathymetry")
    with pytest.raises(InputError, match="no file matches"):
        run(["demo_bathymetry"], tmp_path / "natl.zarr", files)
