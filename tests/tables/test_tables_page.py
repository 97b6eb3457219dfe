"""Tables that run: rows, failures, what is not run twice, and the page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from halocast.diagnostics import Row
from halocast.engines import SerialEngine
from halocast.replicates import average_scores
from halocast.runs import run_scores
from halocast.sweep.outcome import known
from halocast.tables import Case, Method, Result, run_cases, write_tables
from halocast.tables.cases import FREE_RUN
from halocast.tables.page import together

SMALL = {"grid.shape": [18, 24], "time.cycles": 3, "ensemble.members": 6}
V2 = {"method": "lsmcmc-v2", "block": [2, 3], "halo": 2.5}
CASE = Case(
    experiment="linear-gaussian",
    setting="as published",
    run="linear-gaussian-published",
    title="A small table",
    judge="kalman-filter",
    source="Table 2",
    quick=SMALL,
    differs="Smaller.",
    methods=(
        Method(name="LSMCMC V2", filter=V2, published={"z": 0.0071}),
        Method(name="LSMCMC V2, mean of 3 runs", filter=V2, replicates=3),
        Method(name="LETKF <point by point>", filter={"method": "letkf", "radius": 0.5}),
        Method(
            name="an impossible one",
            filter=V2,
            overrides={"ensemble.model_noise": {"salt": 1}},
        ),
    ),
)


class Page(HTMLParser):
    """The tables' cells, row by row, and what the page fetches from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.sources: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.sources += [v for k, v in attrs if k in ("src", "href") and v]
        if tag == "tr":
            self.rows.append([])
        self._in_cell = tag in ("td", "th") or (self._in_cell and tag in ("span", "b"))
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data) -> None:
        if self._in_cell and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Result], Page]:
    folder = tmp_path_factory.mktemp("tables")
    results = list(run_cases([CASE], folder, SerialEngine(), quick=True))
    return folder, results, Page(write_tables(folder, [CASE], results).read_text(encoding="utf-8"))


def test_a_row_is_its_run(made: tuple[Path, list[Result], Page]) -> None:
    folder, results, _ = made
    assert [r.method for r in results] == [m.name for m in CASE.rows]
    first, mean, letkf, _, free = results
    runs = folder / "runs" / CASE.name
    assert json.dumps(first.rows) == json.dumps(run_scores(first.directory))
    replicates = sorted(runs.glob("lsmcmc-v2-mean-of-3-runs-?"))
    assert len(replicates) == 3
    assert json.dumps(mean.rows) == json.dumps(average_scores(replicates))
    assert free.method == FREE_RUN
    assert not free.error
    for result in (first, mean, letkf):
        assert not result.error
        assert (result.cycles, result.members) == (3, 6)
        assert 0 < result.analysis_seconds < result.seconds * 3
        assert result.health["observations"] > 0


def test_what_fails_is_a_row_with_its_error(made: tuple[Path, list[Result], Page]) -> None:
    _, results, page = made
    assert "salt" in results[-2].error
    (line,) = [row for row in page.rows if row[0] == "an impossible one"]
    assert "salt" in line[1]


def test_the_page_has_a_row_a_method_and_the_run_without_assimilation(
    made: tuple[Path, list[Result], Page],
) -> None:
    _, results, page = made
    last = page.rows.index(page.rows[0], 1) if page.rows[0] in page.rows[1:] else None
    errors = page.rows[: last or len(CASE.rows) + 2]  # the second table tells spread and time
    named = {row[0]: row for row in errors if row}
    assert {m.name for m in CASE.methods} <= named.keys()
    assert any(name.startswith("free run") for name in named)
    heading = page.rows[0]
    line = dict(zip(heading, named["LSMCMC V2"]))
    rmse = together(results[0].rows, "analysis", "kalman-filter", "z", "rmse")
    assert float(line["state"]) == pytest.approx(rmse, rel=0.01)
    assert line["published"] == "0.0071"
    assert not dict(zip(heading, named["LETKF <point by point>"]))["published"]


def test_the_page_needs_nothing_from_elsewhere(made: tuple[Path, list[Result], Page]) -> None:
    assert all(source.startswith(("#", "data:")) for source in made[2].sources)


def test_the_numbers_are_there_for_programs(made: tuple[Path, list[Result], Page]) -> None:
    folder, results, _ = made
    stored = json.loads((folder / "tables.json").read_text(encoding="utf-8"))
    assert [entry["method"] for entry in stored] == [r.method for r in results]
    assert json.dumps(stored[0]["rows"]) == json.dumps(known(results[0].rows))


def test_what_is_complete_is_not_run_again(
    made: tuple[Path, list[Result], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, results, _ = made
    import halocast.tables.carry_out as module

    monkeypatch.setattr(module, "carry_out", lambda *_: pytest.fail("it is there already"))
    sound = CASE.model_copy(update={"methods": CASE.methods[:3]})
    again = list(run_cases([sound], folder, SerialEngine(), quick=True))
    before = [*results[:3], results[-1]]
    assert [json.dumps(r.rows) for r in again] == [json.dumps(r.rows) for r in before]
    assert [r.seconds for r in again] == [r.seconds for r in before]


def test_another_number_of_cycles_is_another_run(made: tuple[Path, list[Result], Page]) -> None:
    one = CASE.model_copy(update={"methods": CASE.methods[2:3]})
    found = list(run_cases([one], made[0], SerialEngine(), quick=True, cycles=2))
    assert [r.cycles for r in found] == [2, 2]


def test_velocity_is_both_components_together() -> None:
    def row(variable: str, rmse: float) -> Row:
        return Row(what="analysis", against="truth", variable=variable, rmse=rmse, bias=0.0,
                   spread=1.0, crps=1.0, n=1)  # fmt: skip

    rows = [row("u", 3.0), row("v", 4.0)]
    # of equal numbers of cells: the root of the mean square over both
    assert together(rows, "analysis", "truth", "velocity", "rmse") == pytest.approx(12.5**0.5)
    assert np.isnan(together(rows[:1], "analysis", "truth", "velocity", "rmse"))
    assert np.isnan(together(rows, "analysis", "withheld", "velocity", "rmse"))
