"""Operators of one's own: the samplers' answers, agreement of processes, and clear refusals."""

from __future__ import annotations

import subprocess
import sys
from math import exp

import numpy as np
import own_cases
import pytest
from halocast.check import check_run
from halocast.config import read_settings
from halocast.engines import SerialEngine
from halocast.errors import ConfigError
from halocast.observations.operators import ArctanOperator, OwnOperator, observe
from halocast.runs import carry_out, create_run, run_scores
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.own_operators import FIRST_OWN
from halocast.samplers.quadrature import condition_scalars

ARCTAN = "from math import atan\n\n\ndef h(s):\n    return atan((s - 0.5) / 0.25)\n"


def own(source: str, **changes: object) -> OwnOperator:
    return OwnOperator.model_validate({"function": "m:h", "source": source, **changes})


def conditioned(codes: tuple[int, float, float]) -> list[np.ndarray]:
    """Condition one scalar of three members on one observation through an operator."""
    code, center, scale = codes
    scalars = ObservedScalars(
        np.array([[0.1, 0.6, 1.4]]), np.array([0.3]), np.array([0, 1]), np.array([0.7]),
        np.array([0.1]), np.array([code], np.int32), np.array([center]), np.array([scale]),
        np.zeros(1, np.int8), np.zeros(1),
    )  # fmt: skip
    filled = [np.empty((1, 3)), np.empty((1, 3)), np.empty((1, 3)), np.empty((1, 2))]
    condition_scalars(
        scalars, np.ones(1, bool), np.array([0, 1]), np.ones(1), np.zeros(1, np.int64), 0.1,
        *filled,
    )  # fmt: skip
    return filled[:3]


def test_an_arctangent_of_ones_own_is_the_built_in_one_to_the_bit() -> None:
    built_in = conditioned(ArctanOperator(center=0.5, scale=0.25).codes)
    mine = conditioned(own(ARCTAN, scale=0.25).codes)
    for one, other in zip(built_in, mine):
        np.testing.assert_array_equal(one, other)


def test_without_a_scale_the_sampler_finds_out_itself() -> None:
    """Against the sums over a fine lattice."""
    log_weight, mean, variance = conditioned(own(ARCTAN).codes)
    z = np.linspace(-4, 6, 200_001)
    fit = np.exp(-0.5 * ((0.7 - np.arctan((z - 0.5) / 0.25)) / 0.1) ** 2)
    for j, mu in enumerate((0.1, 0.6, 1.4)):
        weight = fit * np.exp(-0.5 * ((z - mu) / 0.3) ** 2) / (0.3 * np.sqrt(2 * np.pi))
        total = weight.sum() * (z[1] - z[0])
        about = (weight * z).sum() / weight.sum()
        assert abs(log_weight[0, j] - np.log(total)) < 1e-8
        assert abs(mean[0, j] - about) < 1e-8
        assert abs(variance[0, j] - (weight * (z - about) ** 2).sum() / weight.sum()) < 1e-8


def test_two_operators_and_the_built_in_ones_share_a_table() -> None:
    double = own("def h(s):\n    return 2.0 * s\n").codes[0]
    branch = own("def h(s):\n    return s if s > 0 else 0.0\n").codes[0]
    assert double != branch
    assert min(double, branch) >= FIRST_OWN
    seen = observe(
        np.array([[3.0, 3.0, -3.0, 3.0]]), np.array([double, branch, branch, 0]), np.zeros(4),
        np.ones(4),
    )  # fmt: skip
    np.testing.assert_array_equal(seen, [[6.0, 3.0, 0.0, 3.0]])


ELSEWHERE = """
import sys
from halocast.observations.operators import OwnOperator
OwnOperator(function="m:h", source="def h(s):\\n    return s\\n").codes  # other ones came first
print(OwnOperator(function="m:h", source=sys.argv[1]).codes[0])
"""


def test_processes_agree_on_the_code_of_an_operator() -> None:
    found = subprocess.check_output(
        [sys.executable, "-c", ELSEWHERE, ARCTAN], text=True, timeout=120
    )
    assert int(found) == own(ARCTAN).codes[0]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def h(s):\n    return open('x')\n", "open"),
        ("def h(s, t):\n    return s\n", "compiled"),
        ("h = 3.0\n", "compiled"),
        ("def g(s):\n    return s\n", "no h"),
    ],
)
def test_what_is_no_operator_is_refused(source: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        _ = own(source).codes


def test_chains_and_unknown_fields_are_found_before_a_run(tmp_path, data) -> None:
    (tmp_path / "m.py").write_text(ARCTAN, encoding="utf-8")
    (tmp_path / "my_model.py").write_text(own_cases.MY_MODEL, encoding="utf-8")
    model = {"kind": "python", "class": "my_model:Tracer"}
    tree = own_cases.run_tree(data, model, operator={"kind": "python", "function": "m:h"})
    tree["filter"] = {"method": "lsmcmc-v2", "block": [2, 3], "sampler": "pcn"}
    tree["observations"]["t"] = {"field": "warmth"}
    problems = check_run(read_settings(own_cases.write_run(tmp_path / "run.yaml", tree)))
    assert any("observations.z.operator" in p and "exact" in p for p in problems), problems
    assert any("observations.t.field = 'warmth'" in p for p in problems), problems


@pytest.mark.parametrize(
    "method",
    [
        {"method": "bridge"},
        {"method": "letkf", "radius": 3},
        pytest.param({"method": "lsmcmc-v1"}, marks=pytest.mark.full),
        pytest.param({"method": "smcmc"}, marks=pytest.mark.full),
    ],
    ids=lambda settings: settings["method"],
)
def test_every_method_takes_an_operator_of_ones_own(method: dict, tmp_path) -> None:
    own_cases.write_data(
        tmp_path / "data.zarr", lambda s: 3.0 * (1.0 - exp(-s)) if s > 0 else 3.0 * s
    )
    (tmp_path / "my_model.py").write_text(own_cases.MY_MODEL, encoding="utf-8")
    (tmp_path / "my_operators.py").write_text(own_cases.MY_OPERATORS, encoding="utf-8")
    tree = own_cases.run_tree(
        tmp_path / "data.zarr",
        {"kind": "python", "class": "my_model:Tracer"},
        operator={"kind": "python", "function": "my_operators:brightness"},
    )
    tree["filter"] = method
    tree["ensemble"]["members"] = 8
    create_run(read_settings(own_cases.write_run(tmp_path / "run.yaml", tree)), tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    rows = run_scores(tmp_path / "run")
    fit = {r["what"]: r["rmse"] for r in rows if r["against"] == "assimilated"}
    assert fit["analysis"] < fit["free-run"]
