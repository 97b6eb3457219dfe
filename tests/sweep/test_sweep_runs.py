"""Sweeps that run: what is shared, what fails, what is not run twice."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from halocast.config import find_run_file
from halocast.engines import SerialEngine
from halocast.errors import ModelError
from halocast.runs import carry_out, create_run, run_scores
from halocast.sweep import Outcome, Score, combine, sweep
from halocast.twins import sharing

RUN_FILE = find_run_file("linear-gaussian")
SMALL = ["grid.shape=[18, 24]", "time.cycles=3", "ensemble.members=8"]
VARY = {"filter.block": [[1, 1], [2, 3], [6, 6]], "ensemble.members": [6, 8]}
JUDGE = Score("analysis", "kalman-filter", "z")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Outcome]]:
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    return folder, sweep(combine(RUN_FILE, VARY, SMALL), folder, SerialEngine())


def test_every_combination_scores_what_its_run_scores(
    swept: tuple[Path, list[Outcome]], tmp_path: Path
) -> None:
    outcomes = swept[1]
    assert [o.values for o in outcomes] == [c.values for c in combine(RUN_FILE, VARY, SMALL)]
    alone = combine(RUN_FILE, VARY, SMALL)[3]
    create_run(alone.settings, tmp_path / "run")  # with twin data of its own
    carry_out(tmp_path / "run", SerialEngine())
    expected = Outcome(alone.values, run_scores(tmp_path / "run"), 0.0)
    assert outcomes[3].value(JUDGE) == expected.value(JUDGE) > 0
    assert len({o.value(JUDGE) for o in outcomes}) == len(outcomes)


def test_twin_data_are_made_once_and_runs_are_not_kept(swept: tuple[Path, list[Outcome]]) -> None:
    folder = swept[0]
    assert len(list(folder.glob("twin-*"))) == 1
    assert not list((folder / "runs").glob("*"))
    assert not list(folder.rglob("*.partial"))


def test_what_changes_the_data_gets_data_of_its_own() -> None:
    base, more, wider, noisier, other = (
        sharing.twin_key(combine(RUN_FILE, {key: [value]}, SMALL)[0].settings)
        for key, value in [
            ("seed", 3), ("ensemble.members", 30), ("grid.shape", [18, 30]),
            ("ensemble.model_noise.z", 0.1), ("data.twin.seed", 4),
        ]
    )  # fmt: skip
    assert base == more
    assert len({base, wider, noisier, other}) == 4


def test_what_is_done_is_not_run_again(
    swept: tuple[Path, list[Outcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, before = swept
    name = combine(RUN_FILE, VARY, SMALL)[2].name
    (gone,) = (p for p in (folder / "outcomes").iterdir() if p.name.startswith(f"{name}-"))
    gone.unlink()
    ran: list[Outcome] = []
    monkeypatch.setattr(
        sharing, "make_twin", lambda *_: pytest.fail("the twin data are there already")
    )
    after = sweep(combine(RUN_FILE, VARY, SMALL), folder, SerialEngine(), watch=ran.append)
    assert [o.values for o in ran] == [before[2].values]
    assert [o.value(JUDGE) for o in after] == [o.value(JUDGE) for o in before]


def test_a_combination_that_fails_is_an_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["halocast.sweep.sweep"]  # its name in the package is the function's

    def fails_for_six(directory: Path, engine: SerialEngine) -> int:
        if "=6-" in directory.name:
            raise ModelError("the thickness is negative", where="member 3, cycle 2")
        return carry_out(directory, engine)

    monkeypatch.setattr(module, "carry_out", fails_for_six)
    found = sweep(
        combine(RUN_FILE, {"ensemble.members": [6, 8]}, SMALL), tmp_path, SerialEngine(),
        keep_runs=True,
    )  # fmt: skip
    assert "member 3, cycle 2" in found[0].error
    assert np.isnan(found[0].value(JUDGE))
    assert not found[1].error
    assert found[1].value(JUDGE) > 0
    assert len(list((tmp_path / "runs").iterdir())) == 2


@pytest.mark.full
def test_dask_finds_the_same(swept: tuple[Path, list[Outcome]], tmp_path: Path) -> None:
    from halocast.engines import make_engine

    engine = make_engine("dask", 2)
    try:
        found = sweep(combine(RUN_FILE, VARY, SMALL), tmp_path, engine)
    finally:
        engine.close()
    # as text, in which an unknown score equals another
    assert [json.dumps(o.rows) for o in found] == [json.dumps(o.rows) for o in swept[1]]


def test_other_settings_are_not_taken_for_done(tmp_path: Path) -> None:
    vary = {"ensemble.members": [6]}
    one = sweep(combine(RUN_FILE, vary, SMALL), tmp_path, SerialEngine())
    other = sweep(
        combine(RUN_FILE, vary, [*SMALL, "filter.block=[6, 6]"]), tmp_path, SerialEngine()
    )
    assert one[0].value(JUDGE) != other[0].value(JUDGE)


def test_a_twin_that_cannot_be_made_is_an_outcome(tmp_path: Path) -> None:
    vary = {"ensemble.model_noise": [{"z": 0.05}, {"salt": 1.0}]}
    found = sweep(combine(RUN_FILE, vary, SMALL), tmp_path, SerialEngine())
    assert not found[0].error
    assert "salt" in found[1].error
