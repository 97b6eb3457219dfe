"""The registry: every name builds a method that runs; what cannot be is refused with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from halocast.errors import ConfigError
from halocast.laboratory.problems import problem_of
from halocast.laboratory.registry import MethodEntry, build, names
from halocast.laboratory.trial import run_trial

NEEDS: dict[str, dict[str, Any]] = {
    "letkf": {"settings": {"radius": 4.0}},
    "lsmcmc-v2": {"jitter": 0.2, "settings": {"block": [1, 1], "halo": 3}},
    "bridge": {"jitter": 0.1, "settings": {"block": [1, 1], "halo": 5}},
    "lpf": {"localization": "covariances", "radius": 3.0},
    "4denvar": {"members": 20},
    "smoothed-esrf": {"settings": {"interval": 1.0, "half_life": 5.0}},
    "tail-etkf": {"settings": {"interval": 1.0, "half_life": 1.0}},
    **{name: {"jitter": 0.3} for name in ("wenkf", "optimal-proposal", "ewpf")},
}
# a linear model; one that trains for long; those of no ensemble
APART = {"kf", "cdsm"}
ALONE = {"ekf", "oi", "enoi", "3dvar", "4dvar", "ukf", "cdkf", "svd-ukf"}


@pytest.mark.parametrize("name", sorted(set(names()) - APART))
def test_every_name_runs(name):
    problem = problem_of("lorenz96-bocquet2010")
    members = {} if name in ALONE else {"members": 40}
    entry = MethodEntry.model_validate({"method": name, **members, **NEEDS.get(name, {})})
    trial = run_trial(problem, build(entry, problem), 1, 30)
    assert np.isfinite(trial.errors).all()


def refused(words: str, **entry) -> None:
    problem = problem_of(entry.pop("problem", "lorenz96-bocquet2010"))
    with pytest.raises(ConfigError, match=words):
        build(MethodEntry.model_validate(entry), problem)


def test_what_cannot_be_is_refused():
    refused("no method 'etfk'", method="etfk", members=5)
    refused("has members", method="etkf")
    refused("radius", method="etkf", members=5, localization="observations")
    refused("inflation", method="etkf", members=5, settings={"inflation": -1})
    refused("halo", method="lsmcmc-v2", members=5, settings={"halo": -1})


@pytest.mark.parametrize("name", ["kf", "ekf"])
def test_dense_methods_stop_at_a_size(name):
    refused(r"stops at 1,500 scalars.*16,641", method=name, problem="quasi-geostrophic-sakov2008")


def test_the_kalman_filter_runs_where_all_is_linear():
    problem = problem_of("linear-advection-raanes2015", n=60, observed=6)
    trial = run_trial(problem, build(MethodEntry(method="kf"), problem), 1, 400)
    assert trial.analysis / trial.spread == pytest.approx(1.0, abs=0.06)
