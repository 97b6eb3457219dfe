"""Notebooks 1 to 3, executed from a clean kernel on small runs."""

from __future__ import annotations

import halocast


def test_first_look(execute, small_demo):
    done = execute("1-first-look.ipynb", RUN=str(small_demo))
    assert "natl-demo: 3 of 3 cycles are done" in done.text()
    assert done.pictures() == 4
    assert any("HoloViews" in str(o.get("data", {})) or "holoviews" in str(o.get("data", {}))
               for o in done.outputs())  # fmt: skip


def test_follow_a_run_through_a_stop(execute):
    done = execute(
        "2-follow-a-run.ipynb",
        EXPERIMENT="linear-gaussian", SETTINGS=["time.cycles=20"], STOP_AFTER=2, EVERY=0.2,
    )  # fmt: skip
    text = done.text()
    assert "exit code 75" in text, text
    committed = int(text.split("exit code 75; ")[1].split(" of 20")[0])
    assert 2 <= committed < 20
    run = halocast.open_run(done.folder / "live-run")
    assert run.attrs["committed"] == 20
    assert done.pictures() == 2


def test_swot_and_drifters(execute, small_demo):
    done = execute("3-swot-and-drifters.ipynb", RUN=str(small_demo))
    assert "gdp-hourly" in done.text()
    assert "swot-basic" in done.text()
    assert done.pictures() == 4  # one of them is of a pass
