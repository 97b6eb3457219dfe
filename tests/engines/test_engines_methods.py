"""Every method of the run file gives the same bits on any engine and in any grouping."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from halocast.config import RunSettings
from halocast.engines import SerialEngine
from halocast.engines.dask import DaskEngine
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs

SMOOTH = "ensemble.model_noise={z: {sd: 0.05, correlation: gaspari-cohn, length: 2}}"
BALANCED = (
    "ensemble.model_noise={ssh: {sd: 0.005, correlation: gaspari-cohn, length: 4, balanced: true},"
    " t0: {sd: 0.03, correlation: matern, length: 3}}"
)
ARCTAN_CAUCHY = "observations.z={operator: {kind: arctan, scale: 0.1}, noise: cauchy}"
LAPLACE = "observations.z={noise: laplace}"
NO_REFERENCE = "reference=null"
METHODS = {
    "lsmcmc-v1": ("linear", "filter={method: lsmcmc-v1, block: [4, 4]}"),
    "smcmc": ("linear", "filter={method: smcmc}"),
    "quantile map": ("linear", "filter={method: lsmcmc-v2, reduction: quantile}"),
    "adaptive": ("linear", "filter={method: lsmcmc-v2, adaptive: {largest: [8, 8]}}"),
    "letkf": ("linear", "filter={method: letkf, radius: 2, rtps: 0.3, weight_stride: 2}"),
    "v2 of smooth noise": ("linear", SMOOTH, "filter={method: lsmcmc-v2, block: [2, 3], halo: 3}"),
    "bridge": ("linear", SMOOTH, "filter={method: bridge, bridge: adaptive, halo: 4}"),
    "bridge, pointwise": (
        "linear",
        NO_REFERENCE,
        SMOOTH,
        ARCTAN_CAUCHY,
        "filter={method: bridge, halo: 3}",
    ),
    "pcn": (
        "linear",
        NO_REFERENCE,
        ARCTAN_CAUCHY,
        "filter={method: lsmcmc-v2, sampler: {kernel: pcn, chains: 2, burn_in: 50, samples: 80}}",
    ),
    "laplace, bridge": (
        "linear",
        NO_REFERENCE,
        SMOOTH,
        LAPLACE,
        "filter={method: bridge, halo: 3}",
    ),
    "laplace": ("linear", NO_REFERENCE, LAPLACE, "filter={method: lsmcmc-v2, block: [2, 3]}"),
    "bridge of an ocean": ("natl", BALANCED, "filter={method: bridge, block: [4, 4], halo: 5}"),
}


@pytest.fixture(scope="module")
def engine():
    """Two Dask workers for all methods."""
    made = DaskEngine(workers=2, dashboard=None)
    yield made
    made.close()


@pytest.mark.parametrize("method", METHODS)
def test_no_engine_and_no_grouping_changes_a_bit(
    method: str, engine: DaskEngine, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    experiment, *overrides = METHODS[method]
    make: Callable[..., RunSettings] = request.getfixturevalue(experiment)
    settings = make("time.cycles=3", "engine.kind=serial", "engine.workers=null", *overrides)
    create_run(settings, tmp_path / "serial")
    carry_out(tmp_path / "serial", SerialEngine())
    for name, other, groups in (("groups", SerialEngine(), 5), ("dask", engine, 3)):
        create_run(settings, tmp_path / name)
        carry_out(tmp_path / name, other, groups=groups)
        assert compare_runs(tmp_path / "serial", tmp_path / name) is None
