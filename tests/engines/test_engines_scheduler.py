"""A cluster that exists already is used by its address or by its scheduler file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from distributed import Client, LocalCluster
from halocast.engines import SerialEngine, make_engine
from halocast.engines.dask import DaskEngine
from halocast.errors import ModelError, RunError
from halocast.runs import carry_out, change_settings, create_run
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as running:
        yield running


@pytest.mark.parametrize("by", ["address", "file"])
def test_a_running_scheduler_is_used_and_left_running(
    by: str, cluster: LocalCluster, linear, tmp_path: Path
) -> None:
    scheduler = cluster.scheduler_address
    if by == "file":
        scheduler = str(tmp_path / "scheduler.json")
        Path(scheduler).write_text(json.dumps({"address": cluster.scheduler_address}))
    settings = linear("engine.kind=serial")
    create_run(settings, tmp_path / "serial")
    carry_out(tmp_path / "serial", SerialEngine())
    engine = make_engine("dask", scheduler=scheduler)
    try:
        assert engine.places == 2
        create_run(settings, tmp_path / "cluster")
        carry_out(tmp_path / "cluster", engine)
    finally:
        engine.close()
    assert compare_runs(tmp_path / "serial", tmp_path / "cluster") is None
    with Client(cluster) as client:  # still there for others
        assert len(client.scheduler_info()["workers"]) == 2


def test_no_scheduler_is_an_error_that_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halocast.engines.dask_cluster.CONNECT_SECONDS", 2)
    with pytest.raises(RunError, match="no Dask scheduler answers") as caught:
        DaskEngine(scheduler="tcp://127.0.0.1:9")
    assert "tcp://127.0.0.1:9" in str(caught.value)
    assert "tcp://host:port" in str(caught.value)


def test_an_error_in_a_task_reaches_the_user_as_it_was(
    cluster: LocalCluster, linear, tmp_path: Path
) -> None:
    settings = linear("engine.kind=serial")
    create_run(settings, tmp_path / "run")
    exploding = settings.model.model_copy(update={"decay": 1e200, "time_step": 1800})
    changed = settings.model_copy(update={"model": exploding})
    change_settings(tmp_path / "run", changed, accept_changes=True)
    engine = make_engine("dask", scheduler=cluster.scheduler_address)
    try:
        with pytest.raises(ModelError, match="not finite") as caught:
            carry_out(tmp_path / "run", engine)
    finally:
        engine.close()
    assert "member " in str(caught.value)
    assert "cycle 1" in str(caught.value)
    assert RunStore.open(tmp_path / "run").committed() == 0
