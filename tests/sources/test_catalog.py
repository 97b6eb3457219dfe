"""The catalogs hold together, their addresses are right, and their entries read files."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import yaml
from halocast.catalog import KINDS, catalog_directory, entries, open_entry
from halocast.errors import ConfigError, InputError
from halocast.sources.hycom import opendap_url, subset_url
from halocast.sources.synthetic.bathymetry_files import write_bathymetry
from halocast.sources.synthetic.drifter_files import write_drifters
from halocast.sources.synthetic.hycom_files import write_hycom
from halocast.sources.synthetic.ocean import AnalyticOcean
from halocast.sources.synthetic.swot_files import write_swot

BOX = (-50.0, -46.0, 37.0, 42.0)
START, STOP = np.datetime64("2024-08-02T12:00", "ns"), np.datetime64("2024-08-03T00:00", "ns")
ACCESS = {"local", "demo", "opendap", "erddap", "download", "earthdata"}


def test_every_entry_is_described_and_honest() -> None:
    found = entries()
    assert {e.kind for e in found} == set(KINDS)
    assert {e.access for e in found} == ACCESS
    assert len({e.name for e in found}) == len(found)
    for entry in found:
        assert entry.description
        assert entry.product
        # what was never reached says so
        assert entry.exercised == (entry.access in ("local", "demo")), entry.name
        assert entry.exercised or "never reached" in entry.note
        assert all(url.startswith("https://") for url in entry.urls if not entry.exercised)


@pytest.mark.parametrize("path", sorted(catalog_directory().glob("*.yaml")), ids=lambda p: p.stem)
def test_catalogs_are_complete_intake_files(path: Path) -> None:
    text = yaml.safe_load(path.read_text())
    assert text["version"] == 2
    assert set(text) == {"version", "metadata", "aliases", "user_parameters", "data", "entries"}
    # intake lists aliases only; data and entries share their names
    assert text["aliases"] == {name: name for name in text["entries"]}
    assert set(text["data"]) == {f"{name}_data" for name in text["entries"]}


def test_intake_reads_a_local_entry_by_itself(tmp_path: Path) -> None:
    intake = pytest.importorskip("intake")
    write_bathymetry(tmp_path / "bathymetry", box=(-52.0, -44.0, 36.0, 43.0), minutes=10)
    catalog = intake.open_catalog(str(catalog_directory() / "demo.yaml"))
    assert "demo_bathymetry" in list(catalog)
    ds = catalog(directory=str(tmp_path))["demo_bathymetry"].read()
    assert ds.z.shape == (42, 48)


def test_hycom_addresses_follow_the_date() -> None:
    for date in ("2010-05-05", "2016-06-06", "2019-01-01", "2024-08-01"):
        stop = np.datetime64(date) + np.timedelta64(12, "h")
        entry = open_entry("hycom_opendap", start=date, stop=stop)
        assert entry.urls == (opendap_url(date),)
    espc = open_entry("hycom_espc_opendap", start="2025-02-01", stop="2025-02-02")
    variables = ("surf_el", "water_u", "water_v", "water_temp")
    assert espc.urls == tuple(opendap_url("2025-02-01", name) for name in variables)


def test_the_subset_address_is_the_one_the_source_builds() -> None:
    entry = open_entry("hycom_subset", box=BOX, start="2024-08-02", stop="2024-08-03")
    # half a day more on either side, so that the period is bracketed
    assert entry.urls == (subset_url("2024-08-01T12:00", BOX, "2024-08-03T12:00"),)


def test_a_period_of_two_datasets_is_refused() -> None:
    with pytest.raises(InputError, match="two datasets"):
        open_entry("hycom_opendap", start="2015-12-31", stop="2016-01-02")
    with pytest.raises(InputError, match=r"GOFS 3\.1 ended"):
        open_entry("hycom_opendap", start="2024-10-01", stop="2024-10-02")


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("gdp_6hourly_erddap", "drifter_6hour_qc.csv"),
        ("gdp_hourly_erddap", "drifter_hourly_qc.csv"),
        ("osmc_erddap", "OSMC_RealTime.csv"),
    ],
)
def test_erddap_addresses_hold_their_constraints(name: str, table: str) -> None:
    (url,) = open_entry(name, box=BOX, start="2024-08-02", stop="2024-08-03").urls
    parts = urlsplit(url)
    assert parts.path.endswith(f"/tabledap/{table}")
    assert not set(url) & set(" <>\"'|{}")
    columns, *constraints = parts.query.split("&")
    assert {"time", "latitude", "longitude"} <= set(columns.split(","))
    found = dict(parse_qsl("&".join(constraints)))
    assert found.pop("platform_type", '"DRIFTING BUOYS (GENERIC)"') == '"DRIFTING BUOYS (GENERIC)"'
    assert found == {
        "time>": "2024-08-01T12:00:00Z", "time<": "2024-08-03T12:00:00Z",
        "latitude>": "37", "latitude<": "42", "longitude>": "-50", "longitude<": "-46",
    }  # fmt: skip


def test_earthdata_addresses_name_collection_time_and_box() -> None:
    found = [e for e in entries() if e.access == "earthdata"]
    assert len(found) == 6
    for entry in found:
        (url,) = open_entry(entry.name, box=BOX, start="2024-08-02", stop="2024-08-03").urls
        query = dict(parse_qsl(urlsplit(url).query))
        assert query["short_name"] == entry.metadata["short_name"]
        assert query["temporal"] == "2024-08-02T00:00:00Z,2024-08-03T00:00:00Z"
        assert query["bounding_box"] == "-50,37,-46,42"
    names = {e.metadata["short_name"] for e in found}
    assert {"SWOT_L2_LR_SSH_BASIC_2.0", "SWOT_L2_LR_SSH_EXPERT_D"} <= names


def test_earthdata_is_searched_and_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    granules = write_swot(tmp_path, AnalyticOcean(5), BOX, START, STOP)
    asked: dict[str, Any] = {}
    fake = types.SimpleNamespace(
        login=lambda: asked.update(login=True),
        search_data=lambda **query: asked.update(query) or ["granule"],
        download=lambda found, folder: [str(path) for path in granules],
    )
    monkeypatch.setitem(sys.modules, "earthaccess", fake)
    entry = open_entry("swot_basic_c_earthdata", box=BOX, start=START, stop=STOP)
    rows = entry.read(BOX, START, STOP, tmp_path)
    assert rows.attrs["files"] == len(granules) > 0
    assert asked["login"]
    assert asked["short_name"] == "SWOT_L2_LR_SSH_BASIC_2.0"
    assert asked["temporal"] == ("2024-08-02T12:00:00Z", "2024-08-03T00:00:00Z")
    assert asked["bounding_box"] == (-50.0, 37.0, -46.0, 42.0)
    fake.search_data = lambda **query: []
    with pytest.raises(InputError, match="no granule"):
        entry.read(BOX, START, STOP, tmp_path)
    monkeypatch.setitem(sys.modules, "earthaccess", None)
    with pytest.raises(InputError, match="earthaccess is not installed") as caught:
        entry.read(BOX, START, STOP, tmp_path)
    assert "pip install earthaccess" in caught.value.remedy


def test_unknown_entries_and_parameters_are_named() -> None:
    with pytest.raises(ConfigError, match="no catalog entry 'demo_hycon'") as caught:
        open_entry("demo_hycon")
    assert "demo_hycom" in caught.value.remedy
    with pytest.raises(ConfigError, match="takes no parameter folder") as caught:
        open_entry("demo_hycom", folder="x")
    assert "directory" in caught.value.remedy


def test_parameters_come_before_what_follows_from_the_period() -> None:
    entry = open_entry(
        "hycom_opendap", start="2024-08-01", stop="2024-08-02", dataset="GLBy0.08/expt_93.0/ssh"
    )
    assert entry.urls[0].endswith("/GLBy0.08/expt_93.0/ssh")
    assert entry.parameters == {"dataset": "GLBy0.08/expt_93.0/ssh"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, ocean = tmp_path_factory.mktemp("products"), AnalyticOcean(5)
    write_bathymetry(folder / "bathymetry", box=(-52.0, -44.0, 36.0, 43.0))
    write_hycom(folder / "hycom", ocean, START, STOP, box=BOX, stride=(4, 4))
    write_swot(folder / "swot", ocean, BOX, START, STOP)
    write_drifters(folder / "drifters", ocean, BOX, START, STOP, count=12)
    return folder


def test_demo_entries_read_their_files(files: Path) -> None:
    dims = {"bathymetry": "lat", "analysis": "time", "altimetry": "row", "drifters": "row"}
    for name in ("demo_bathymetry", "demo_hycom", "demo_swot", "demo_drifters"):
        entry = open_entry(name, directory=str(files))
        ds = entry.read(BOX, START, STOP)
        assert ds.sizes[dims[entry.kind]] > 0
        assert ds.attrs["files"] >= 1


def test_local_entries_take_a_file_a_folder_or_a_pattern(files: Path) -> None:
    folder = files / "hycom"
    expected = open_entry("demo_hycom", directory=str(files)).read(BOX, START, STOP)
    for path in (folder, folder / "*.nc"):
        ds = open_entry("hycom_local", path=str(path)).read(BOX, START, STOP)
        np.testing.assert_array_equal(ds.ssh.values, expected.ssh.values)
    (file,) = (files / "drifters").iterdir()
    assert open_entry("drifters_local", path=str(file)).read(BOX, START, STOP).sizes["row"] > 0


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file matches") as caught:
        open_entry("demo_swot", directory=str(tmp_path)).read(BOX, START, STOP)
    assert f"directory={tmp_path}" in caught.value.remedy
    with pytest.raises(InputError, match="needs to know where its files are"):
        open_entry("swot_local").read(BOX, START, STOP)


def test_one_bathymetry_is_read_at_a_time(files: Path) -> None:
    write_bathymetry(files / "two", box=(-52.0, -44.0, 36.0, 43.0), minutes=10)
    write_bathymetry(files / "two", box=(-52.0, -44.0, 36.0, 43.0), minutes=20)
    with pytest.raises(InputError, match="2 files where one bathymetry"):
        open_entry("bathymetry_local", path=str(files / "two")).read(BOX, START, STOP)
