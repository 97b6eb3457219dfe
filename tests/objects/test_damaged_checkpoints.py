"""A checkpoint whose bytes were flipped is found on resume; the one before is used; it is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from halocast.cycle import context
from halocast.errors import StoreError
from halocast.runs import create_run
from halocast.stores.compare import compare_runs
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.run_store import RunStore
from object_cases import carry, small


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as it should end."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    create_run(small(), folder)
    carry(str(folder))
    return folder


@pytest.fixture
def stopped(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A run that ended after cycle 5 of 6, with checkpoints after 2 and 4; in S3 where asked."""
    in_s3 = getattr(request, "param", "disk") == "s3"
    where = request.getfixturevalue("s3") if in_s3 else str(tmp_path / "run")
    create_run(small(), where)
    carry(where, until=5)
    assert RunStore.open(where).checkpoints("analysis") == [2, 4]
    return locate(where)


def flip(place: Place, key: str, position: int = -100) -> None:
    """Flip one bit of a file."""
    data = bytearray(place.read(key))
    data[position] ^= 0x10
    place.write(key, bytes(data))


def member(cycle: int, number: int, track: str = "analysis") -> str:
    """Key of a member's checkpoint."""
    return f"run.zarr/checkpoints/{track}/c.{cycle - 1}.{number}.0.0.0"


def cycles_restored(caplog: pytest.LogCaptureFixture) -> str:
    """What was said of damage."""
    return "\n".join(r.getMessage() for r in caplog.records if "damaged" in r.getMessage())


@pytest.mark.parametrize("stopped", ["disk", "s3"], indirect=True)
def test_the_one_before_is_used(stopped, whole, caplog):
    flip(stopped, member(4, 2))
    assert carry(str(stopped)) == 6
    said = cycles_restored(caplog)
    assert stopped.file(member(4, 2)) in said
    assert "goes on after the checkpoint of cycle 2" in said
    assert compare_runs(str(stopped), whole) is None
    assert RunStore.open(str(stopped)).checkpoints("analysis") == [4, 6]


def test_all_damaged_begins_again(stopped, whole, caplog):
    flip(stopped, member(4, 0), position=0)
    flip(stopped, member(2, 3, "free"), position=-1)
    assert carry(str(stopped)) == 6
    assert "begins again" in cycles_restored(caplog)
    assert compare_runs(str(stopped), whole) is None


def test_a_damaged_estimate_counts_as_well(stopped, whole, caplog):
    flip(stopped, "run.zarr/kalman_filter/mean/z/c.3.0.0")
    assert carry(str(stopped)) == 6
    assert "kalman_filter/mean/z" in cycles_restored(caplog)
    assert compare_runs(str(stopped), whole) is None
    assert RunStore.open(str(stopped)).damaged(4) == []


def test_nothing_is_said_or_removed_where_nothing_is_damaged(stopped, caplog):
    before = RunStore.open(str(stopped))
    assert before.discard_damaged_checkpoints() == []
    assert before.checkpoints("analysis") == [2, 4]
    assert carry(str(stopped)) == 6
    assert cycles_restored(caplog) == ""


def test_a_damaged_record_ends_the_history_and_is_made_again(stopped, whole):
    flip(stopped, "commits/000003.json", position=0)
    assert RunStore.open(str(stopped)).committed() == 2
    with pytest.raises(StoreError, match="commit record of cycle 3 has become unreadable"):
        carry(str(stopped))  # this process has seen it whole
    context._load.cache_clear()
    assert carry(str(stopped)) == 6
    assert compare_runs(str(stopped), whole) is None
