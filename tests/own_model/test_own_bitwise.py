"""Runs with models and operators of one's own: the same bits on every engine, and resumed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import own_cases
import pytest
from distributed import LocalCluster
from halocast.config import RunSettings, read_settings
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.report import write_report
from halocast.runs import carry_out, create_run, stored_settings
from halocast.stores.compare import compare_runs
from halocast.stores.open_run import open_run


def brightness(s: float) -> float:
    return 3.0 * (1.0 - math.exp(-s)) if s > 0 else 3.0 * s


@pytest.fixture(scope="session")
def operator_settings(tmp_path_factory: pytest.TempPathFactory) -> RunSettings:
    """A run with the Python class that observes through an operator of one's own."""
    folder = tmp_path_factory.mktemp("operator-run")
    own_cases.write_data(folder / "data.zarr", brightness)
    (folder / "my_model.py").write_text(own_cases.MY_MODEL, encoding="utf-8")
    (folder / "my_operators.py").write_text(own_cases.MY_OPERATORS, encoding="utf-8")
    tree = own_cases.run_tree(
        folder / "data.zarr",
        {"kind": "python", "class": "my_model:Tracer"},
        operator={"kind": "python", "function": "my_operators:brightness"},
    )
    settings = read_settings(own_cases.write_run(folder / "run.yaml", tree))
    (folder / "my_operators.py").unlink()
    return settings


@pytest.fixture(scope="module", params=["external", "operator"])
def settings(request: pytest.FixtureRequest) -> RunSettings:
    """Settings of each run in turn."""
    return request.getfixturevalue(f"{request.param}_settings")


@pytest.fixture(scope="module")
def serial(settings: RunSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run everything is held against."""
    directory = tmp_path_factory.mktemp("serial") / "run"
    create_run(settings, directory)
    carry_out(directory, SerialEngine())
    return directory


def test_assimilation_helps(serial: Path) -> None:
    run = open_run(serial)
    scores = run["scores"].to_dataset().isel(cycle=-1)
    fit = {
        str(row.what.values): float(row.rmse)
        for row in (scores.isel(row=i) for i in range(scores.sizes["row"]))
        if row.against == "assimilated"
    }
    assert fit["analysis"] < 0.8 * fit["free-run"]


@pytest.fixture(scope="module")
def cluster():
    """Two workers, in processes that have never seen the run files' folders."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs="ERROR"
    ) as made:
        yield made


@pytest.fixture
def dask(cluster: LocalCluster):
    """An engine on the cluster; one a run."""
    engine = DaskEngine(scheduler=cluster.scheduler_address)
    yield engine
    engine.close()


def test_dask_gives_the_same_bits(settings, serial, dask, tmp_path: Path) -> None:
    create_run(settings, tmp_path / "run")
    carry_out(tmp_path / "run", dask, groups=3)
    assert compare_runs(serial, tmp_path / "run") is None


def test_a_resumed_run_gives_the_same_bits(settings, serial, tmp_path: Path) -> None:
    create_run(settings, tmp_path / "run")

    def interrupt(progress) -> None:
        if progress.cycle == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(tmp_path / "run", SerialEngine(), watch=interrupt)
    carry_out(tmp_path / "run", SerialEngine())
    assert compare_runs(serial, tmp_path / "run") is None


def test_the_code_goes_with_the_run(operator_settings, tmp_path: Path) -> None:
    create_run(operator_settings, tmp_path / "run")
    stored = stored_settings(tmp_path / "run")
    assert stored == operator_settings
    assert "class Tracer" in stored.model.source
    assert "def brightness" in stored.observations.z.operator.source


def test_class_and_program_make_the_same_analyses(
    python_settings, external_settings, tmp_path: Path
) -> None:
    means = []
    for name, settings in (("python", python_settings), ("program", external_settings)):
        create_run(settings, tmp_path / name)
        carry_out(tmp_path / name, SerialEngine())
        means.append(open_run(tmp_path / name)["analysis/mean"]["tracer"].values)
    np.testing.assert_array_equal(*means)


def test_the_report_knows_fields_of_other_names(operator_settings, tmp_path: Path) -> None:
    create_run(operator_settings, tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    page = Path(write_report(tmp_path / "run")).read_text(encoding="utf-8")
    assert "tracer" in page
