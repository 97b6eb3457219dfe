"""`halocast check`: what goes wrong is found before anything runs, and a good run has a price."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.check import check_run, price_run
from halocast.config import RunSettings, find_run_file, read_settings


def settings(name: str, *overrides: str) -> RunSettings:
    return read_settings(find_run_file(name), overrides)


@pytest.mark.parametrize("name", ["linear-gaussian", "natl-demo"])
def test_the_packaged_runs_are_sound(name: str) -> None:
    assert check_run(settings(name)) == []


def test_every_mistake_is_found_at_once() -> None:
    problems = check_run(
        settings(
            "natl-demo",
            "model.time_step=225",
            "ensemble.model_noise.w=0.1",
            "reference=kalman-filter",
            "engine.workers=400",
            "time.cycle_seconds=1000",
        )
    )
    text = "\n".join(problems)
    assert "225" in text  # the CFL violation, with the number that fails
    assert "ensemble.model_noise.w" in text
    assert "linear-gaussian" in text
    assert "engine.workers = 400" in text
    assert "time.cycle_seconds = 1000" in text


@pytest.mark.parametrize(
    ("override", "fragment"),
    [
        ("data.store=nowhere.zarr", "nowhere.zarr"),
        ("ensemble.members=1", "one member"),
        ("ensemble.model_noise={z: 0}", "no field has any"),
        (
            "filter={method: lsmcmc-v2, reduction: thinning, sampler: {kernel: exact, samples: 9}}",
            "9 samples cannot become 50 members",
        ),
    ],
)
def test_a_mistake_says_what_would_be_right(override: str, fragment: str) -> None:
    base = settings("linear-gaussian") if "store" not in override else None
    if base is None:
        problems = check_run(settings("natl-demo", "data.twin=null", override))
    else:
        problems = check_run(settings("linear-gaussian", override))
    assert any(fragment in problem for problem in problems), problems


def test_the_price_grows_as_the_run_does() -> None:
    small = price_run(settings("linear-gaussian", "grid.shape=[24, 30]", "time.cycles=10"))
    longer = price_run(settings("linear-gaussian", "grid.shape=[24, 30]", "time.cycles=20"))
    larger = price_run(settings("linear-gaussian", "grid.shape=[48, 60]", "time.cycles=10"))
    assert longer.tasks > 1.9 * small.tasks - 10
    assert np.isclose(longer.moved, 2 * small.moved)
    assert larger.disk > 3.9 * small.disk
    assert larger.memory > small.memory
    assert small.seconds > 0
    parallel = price_run(
        settings("linear-gaussian", "grid.shape=[24, 30]", "engine.kind=dask", "engine.workers=2")
    )
    assert parallel.moved > 0
    assert parallel.workers == 2
