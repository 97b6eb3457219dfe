"""Static states, and increments bit by bit: the serial bits on any ranks, and on Dask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from halocast.config import RunSettings, validate_settings
from halocast.engines.dask import DaskEngine
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
from test_mpi_bitwise import SIZES, linear, on_all_sizes

FILTERS = {
    "hybrid-covariance": "method: hybrid-covariance, block: [4, 5], halo: 3",
    "hybrid-gain": "method: hybrid-gain, block: [4, 5], halo: 3",
    "enoi": "method: enoi, block: [4, 5], halo: 4, localization: covariances",
    "incremental": "method: enoi, block: [4, 5], halo: 3",
}


def with_increments(settings: RunSettings) -> RunSettings:
    """The same run, its increments entering at four steps of the model an interval."""
    tree = settings.model_dump(mode="json")
    tree["update"], tree["model"]["time_step"] = {"kind": "incremental"}, 900
    return validate_settings(tree)


@pytest.fixture(scope="module")
def folder(on_ranks, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all runs: serial, on all numbers of ranks, and on Dask."""
    folder = tmp_path_factory.mktemp("static")
    states = np.random.default_rng(1).normal(size=(12, 1, 24, 30))
    np.save(folder / "states.npy", 0.05 * states)
    static = f"static: {folder / 'states.npy'}"
    runs = {
        name: linear("ensemble.members=4", "time.cycles=2", f"filter={{{words}, {static}}}")
        for name, words in FILTERS.items()
    }
    runs["incremental"] = with_increments(runs["incremental"])
    on_all_sizes(on_ranks, programs, folder, runs)
    engine = DaskEngine(workers=2, dashboard=None)
    for name, settings in runs.items():
        create_run(settings, folder / f"{name}-dask")
        carry_out(folder / f"{name}-dask", engine, groups=3)
    engine.close()
    return folder


@pytest.mark.parametrize("where", [*map(str, SIZES), "dask"])
@pytest.mark.parametrize("name", FILTERS)
def test_static_states_are_the_same_everywhere(name: str, where: str, folder: Path) -> None:
    assert compare_runs(folder / f"{name}-serial", folder / f"{name}-{where}") is None
