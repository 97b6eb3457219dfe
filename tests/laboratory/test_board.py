"""The scoreboard: its boards can run, its page says what came of it, any number of processes."""

from __future__ import annotations

import csv
import json

import pytest
from halocast.cli.app import app
from halocast.errors import ConfigError
from halocast.laboratory.board import Board, load_boards, run_boards, write_boards
from halocast.laboratory.board.page import lines_of, summarise, words_of
from halocast.laboratory.registry import build, names
from typer.testing import CliRunner

BOARDS = load_boards()
ROWS = [(b, row) for b in BOARDS for row in b.rows]
QUICK = Board.model_validate(
    {
        "name": "small", "problem": "lorenz96-bocquet2010", "title": "A small one",
        "source": "nowhere", "quick_cycles": 40,
        "rows": [
            {"name": "ETKF", "method": "etkf", "members": 12, "documented": 0.44,
             "settings": {"inflation": 1.05}},
            {"name": "A hopeless one", "method": "etkf", "members": 12, "documented": 0.0001,
             "why": "why not", "source": "elsewhere"},
            {"name": "A wrong one", "method": "etkf", "members": 1, "why": "one member"},
        ],
    }
)  # fmt: skip


@pytest.mark.parametrize(("board", "row"), ROWS, ids=[f"{b.name}: {r.name}" for b, r in ROWS])
def test_every_row_can_be_built(board, row):
    build(row.entry, board.make())


def test_boards_hold_what_was_asked_for():
    assert len({b.name for b in BOARDS}) == len(BOARDS)
    for board in BOARDS:
        assert len({r.name for r in board.rows}) == len(board.rows)
        assert "lsmcmc-v2" in {r.method for r in board.rows}
        if any(r.documented for r in board.rows):
            assert board.source
    assert {r.method for _, r in ROWS} >= set(names()) - {"steady"}
    assert {b.name for b in load_boards("lorenz63")} < {b.name for b in BOARDS}
    with pytest.raises(ConfigError, match="no board 'lorenz97'"):
        load_boards("lorenz97")


def test_any_number_of_processes_gives_the_same_bits(tmp_path):
    def scores(folder: str, workers: int) -> dict[tuple[str, int], object]:
        found = run_boards([QUICK], tmp_path / folder, quick=True, seeds=2, workers=workers)
        kept: dict[tuple[str, int], object] = {}
        for r in found:
            kept[r.row, r.seed] = r.score and r.score._replace(seconds=0.0)
        assert len(kept) == 6
        return kept

    assert scores("one", 1) == scores("two", 2)


def test_what_is_done_is_not_done_again(tmp_path, monkeypatch):
    first = list(run_boards([QUICK], tmp_path, quick=True, seeds=1))
    monkeypatch.setattr("halocast.laboratory.board.carry_out.run_trial", None)
    again = list(run_boards([QUICK], tmp_path, quick=True, seeds=1))
    assert [r.score for r in again[:2]] == [r.score for r in first[:2]]
    longer = list(run_boards([QUICK], tmp_path, cycles=41, seeds=1))
    assert "TypeError" in longer[0].error


def test_page_and_files_say_what_came_of_it(tmp_path):
    runs = list(run_boards([QUICK], tmp_path, quick=True, seeds=2))
    page = write_boards(tmp_path, [QUICK], runs).read_text(encoding="utf-8")
    assert "A small one" in page
    assert "12 members, inflation 1.05" in page
    records = json.loads((tmp_path / "scoreboard.json").read_text(encoding="utf-8"))
    assert [r["name"] for r in records] == [row.name for row in QUICK.rows]
    assert records[0]["seeds"] == 2
    assert records[0]["cycles"] == 40
    assert [r["within_tenth"] for r in records][1:] == ["no", ""]
    assert "members" in records[2]["error"]
    with (tmp_path / "scoreboard.csv").open(encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == [row.name for row in QUICK.rows]
    lines = lines_of([QUICK], runs)
    assert summarise(lines)[:2] == (2, 1)
    assert "1 of 2 rows with a documented number" in page
    assert page.count("★ best") == page.count("▲ +") == 1
    assert "why not" in page.split("<main>")[0]  # a row that is outside, in the summary
    assert "Documented: elsewhere" in page
    words = [words_of(line) for line in lines]
    assert "±" in words[0]["score"]
    assert words[2]["score"] == "failed"
    assert words[2]["why"].startswith("2 of 2 seeds failed: ")
    assert "\n" not in words[2]["why"]


def test_a_seed_that_diverged_leaves_no_score(tmp_path):
    runs = list(run_boards([QUICK], tmp_path, quick=True, seeds=2))
    assert runs[0].score is not None
    lost = runs[0].score._replace(diverged=7, analysis=float("nan"), batches=[float("nan")] * 2)
    line = lines_of([QUICK], [runs[0]._replace(score=lost), *runs[1:]])[0]
    assert line.verdict == "no"
    assert words_of(line)["score"] == "diverged"
    assert words_of(line)["why"].startswith("1 of 2 seeds diverged.")
    write_boards(tmp_path, [QUICK], [runs[0]._replace(score=lost)])
    assert json.loads((tmp_path / "scoreboard.json").read_text())[0]["analysis"] is None


def test_the_command_line(tmp_path):
    arguments = ["scoreboard", "--only", "miyoshi", "--seeds", "1", "--cycles", "20"]
    result = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path / "board")])
    assert result.exit_code == 0, result.output
    assert "LETKF N=10" in result.output
    assert (tmp_path / "board" / "scoreboard.html").exists()
