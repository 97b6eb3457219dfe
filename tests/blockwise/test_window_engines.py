"""Every window method gives the same bits on any engine, in any grouping, and when resumed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from block_runs import Make, compare_engines, section, serial
from halocast.check import check_run, run_model
from halocast.config import RunSettings
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.errors import RunStopped
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
from halocast.stores.run_store import RunStore
from window_cases import WINDOW_METHODS

ADAPTIVE = {"adaptive": {"by": "anderson"}, "localization": "covariances", "rotation": 1}
# of every kind: with a memory by scalar, with weights by member, of one's own
SOME = {"ensrf adaptive": ("ensrf", ADAPTIVE), "sir": ("sir", {}), "python": ("python", {})}
ALL = {name: (name, {}) for name in WINDOW_METHODS} | SOME
# their proposals need model noise in every scalar, which the ocean does not have
ROUND_LAND = {
    "localization": "covariances", "distance": "water", "halo": 300.0,
    "factors": {"ssh": {"t": 0.2}, "u": {"t": 0.0}},
}  # fmt: skip
OCEAN = [name for name in WINDOW_METHODS if name not in ("wenkf", "optimal-proposal", "ewpf")]


@pytest.fixture(scope="module")
def engine() -> Iterator[DaskEngine]:
    made = DaskEngine(workers=2, dashboard=None)
    yield made
    made.close()


def of_ocean(method: str, natl: Make, **options: object) -> str:
    model = run_model(natl(section("etkf")))
    return section(method, len(model.layout), model.grid.shape, **options)


@pytest.mark.parametrize("variant", SOME)
def test_no_engine_and_no_resumption_changes_a_bit(
    variant: str, engine: DaskEngine, linear: Make, tmp_path: Path
) -> None:
    method, options = SOME[variant]
    settings = linear(section(method, **options))
    alone = compare_engines(settings, engine, tmp_path)
    half = tmp_path / "half"
    create_run(settings, half)
    with pytest.raises(RunStopped):
        carry_out(half, SerialEngine(), stop=lambda: RunStore.open(half).committed() >= 2)
    assert RunStore.open(half).last_checkpoint() in (2, 3)
    carry_out(half, SerialEngine(), groups=4)
    assert compare_runs(alone, half) is None
    newest = [run / "memory" / "000004.bin" for run in (alone, half, tmp_path / "dask")]
    assert len({path.read_bytes() for path in newest}) == 1


@pytest.mark.full
@pytest.mark.parametrize("variant", [name for name in ALL if name not in SOME])
def test_no_engine_changes_a_bit_of_any_method(
    variant: str, engine: DaskEngine, linear: Make, tmp_path: Path
) -> None:
    method, options = ALL[variant]
    compare_engines(linear(section(method, **options)), engine, tmp_path)


@pytest.mark.parametrize(
    "method",
    [name if name == "etkf" else pytest.param(name, marks=pytest.mark.full) for name in OCEAN],
)
def test_no_engine_changes_a_bit_of_an_ocean(
    method: str, engine: DaskEngine, natl: Make, tmp_path: Path
) -> None:
    alone = compare_engines(natl(of_ocean(method, natl)), engine, tmp_path)
    store = RunStore.open(alone)
    name = "analysis/mean/ssh"
    moved = store.read_array(2, name) - store.read_array(2, name.replace("analysis", "forecast"))
    assert np.abs(np.nan_to_num(moved)).max() > 1e-4  # m


def test_no_engine_changes_a_bit_of_ways_round_land(
    engine: DaskEngine, natl: Make, tmp_path: Path
) -> None:
    settings = natl(of_ocean("ensrf", natl, **ROUND_LAND))
    assert check_run(settings) == []
    compare_engines(settings, engine, tmp_path)


RANKS = Path(__file__).parent / "on_ranks.py"
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


def compare_ranks(runs: dict[str, RunSettings], folder: Path) -> None:
    """Carry runs out on two ranks of one launch, and hold them against the serial ones."""
    own = Path(sys.prefix, "bin", "mpirun")
    mpirun = str(own) if own.exists() else shutil.which("mpirun")
    if not mpirun:
        pytest.skip("no mpirun: pip install 'halocast[mpi-local]', or load an MPI module")
    for name, settings in runs.items():
        (folder / f"{name}.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    (folder / "runs.json").write_text(json.dumps(list(runs)), encoding="utf-8")
    ended = subprocess.run(
        [mpirun, "-n", "2", sys.executable, str(RANKS), str(folder)],
        capture_output=True, text=True, timeout=500, check=False, env={**os.environ, **OPEN_MPI},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    for name, settings in runs.items():
        alone = serial(settings, folder / f"{name}-serial")
        assert compare_runs(alone, folder / f"{name}-ranks") is None, name


def test_ranks_change_no_bit(linear: Make, natl: Make, tmp_path: Path) -> None:
    runs = {name: linear(section(m, **options)) for name, (m, options) in SOME.items()}
    runs["round land"] = natl(of_ocean("ensrf", natl, **ROUND_LAND))
    compare_ranks({name.replace(" ", "-"): run for name, run in runs.items()}, tmp_path)


@pytest.mark.full
def test_ranks_change_no_bit_of_any_method(linear: Make, natl: Make, tmp_path: Path) -> None:
    runs = {name: linear(section(name)) for name in WINDOW_METHODS}
    compare_ranks(runs | {f"ocean-{name}": natl(of_ocean(name, natl)) for name in OCEAN}, tmp_path)
