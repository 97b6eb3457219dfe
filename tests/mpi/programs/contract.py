"""What the engine promises, checked on crews of 1, 2, 3 and 5 of the ranks of one launch.

    mpirun -n 5 python contract.py OUTPUT.json

The first rank writes {"CHECK-SIZE": "" or what went wrong}. Ranks outside the crew wait.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from halocast.engines.mpi import Crew, MpiEngine, exchange, serve
from halocast.engines.mpi.rank import Rank
from halocast.errors import ModelError, RunError
from mpi4py import MPI

SIZES = (1, 2, 3, 5)
Check = Callable[[MpiEngine], None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


# ---- tasks


class Pair(NamedTuple):
    name: str
    values: dict[str, np.ndarray]


def numbers(seed: int, n: int = 3000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 4))


def total(*arrays: np.ndarray) -> np.ndarray:
    out = arrays[0].copy()
    for array in arrays[1:]:
        out += array
    return out


def odd_values() -> Pair:
    whole = np.arange(24_000.0).reshape(20, 30, 40)
    times = np.datetime64("2024-01-01", "ns") + np.arange(5000) * np.timedelta64(1, "h")
    twice = np.arange(4000.0)
    return Pair(
        "odd",
        {
            "c": whole,
            "fortran": np.asfortranarray(whole[0]),
            "strided": whole[::2, ::3, 1::2],
            "turned": whole.transpose(1, 2, 0),
            "times": times,
            "spans": np.diff(times)[::2],
            "empty": np.empty((0, 7)),
            "number": np.array(3.5, dtype=np.float32),
            "half": np.arange(9000, dtype=np.float16),
            "yes": np.arange(9000) % 2 == 0,
            "rows": np.zeros(3000, dtype=[("a", "i4"), ("b", "f8")]),
            "objects": np.array([{"a": 1}, None, "x"], dtype=object),
            "words": np.array(["ssh", "longer"]),
            "twice": twice,
            "again": twice,
        },
    )


def as_sent(value: Any) -> Any:
    return value


def pickled_bytes(value: Any) -> int:
    return len(exchange.pack(0, value).parcel.pickled)


def held_bytes() -> int:
    """Bytes of the arrays among the results that this rank holds."""
    ranks = [r for r in gc.get_objects() if isinstance(r, Rank)]
    return sum(v.nbytes for r in ranks for v in r.results.values() if isinstance(v, np.ndarray))


def blow_up(member: int) -> None:
    raise ModelError("not finite", where=f"member {member}", remedy="a shorter step")


def stumble() -> None:
    raise ZeroDivisionError("one over nothing")


class Awkward(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def awkward() -> None:
    raise Awkward(1, 2)


def not_picklable() -> Any:
    return lambda: None


def waited(seconds: float, answer: int) -> tuple[int, int]:
    time.sleep(seconds)
    if answer == 13:
        raise ModelError("thirteen", where="here")
    return answer, MPI.COMM_WORLD.rank


# ---- checks


def start_one(engine: MpiEngine, function: Callable[..., Any], *args: Any, place: int = 0) -> Any:
    (handle,) = engine.start([engine.submit("one", function, *args, place=place)])
    return engine.value(handle)


def raised(function: Callable[[], object], kind: type[Exception]) -> Exception:
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


@check
def results_go_where_they_are_needed(engine: MpiEngine) -> None:
    made = [engine.submit(f"make-{i}", numbers, i, place=i) for i in range(7)]
    sums = [engine.submit(f"sum-{i}", total, *made, place=i) for i in range(7)]
    kept = engine.start([engine.submit("all", total, *sums), *sums])
    expected = total(*map(numbers, range(7)))
    for handle in kept[1:]:
        assert np.array_equal(engine.value(handle), expected)
    assert np.allclose(engine.value(kept[0]), 7 * expected)


@check
def any_value_arrives_as_it_was(engine: MpiEngine) -> None:
    far = engine.places - 1
    made = engine.submit("make", odd_values, place=far)
    sent = engine.start([engine.submit("send", as_sent, made)])[0]
    got, expected = engine.value(sent), odd_values()
    assert got.name == expected.name
    for name, value in expected.values.items():
        there = got.values[name]
        assert there.dtype == value.dtype, name
        assert there.shape == value.shape, name
        assert np.array_equal(there, value), name
        if value.dtype.kind == "f":
            assert there.flags.writeable, name
    assert got.values["twice"] is got.values["again"]
    assert pickled_bytes(expected) < 3000


@check
def large_arrays_go_in_several_messages(engine: MpiEngine) -> None:
    # the limit is lowered on all ranks by the program
    made = engine.submit("make", numbers, 5, place=1)
    shown = [engine.submit(f"look-{p}", as_sent, made, place=p) for p in range(engine.places)]
    for handle in engine.start(shown):
        assert np.array_equal(engine.value(handle), numbers(5))


@check
def memory_is_freed_when_nobody_needs_it(engine: MpiEngine) -> None:
    size = engine.places

    def held() -> int:
        here = [engine.submit("held", held_bytes, place=p) for p in range(size)]
        return sum(map(engine.value, engine.start(here)))

    one = numbers(0).nbytes
    kept = engine.submit("make-kept", numbers, 0, place=1)
    lost = engine.submit("make-lost", numbers, 1, place=1)
    both = engine.submit("sum", total, kept, lost, place=2)
    (both,) = engine.start([both])
    assert held() == one, "only what was kept is there"
    later = engine.submit("later", as_sent, both, place=3)
    del both
    (later,) = engine.start([later])
    assert held() == one, "what the program has forgotten is freed after its last use"
    del later
    assert held() == 0
    kept = engine.start([engine.submit("make", numbers, 2, place=p) for p in range(size)])
    assert held() == size * one
    engine.close()
    assert held() == 0
    assert len(kept) == size


@check
def an_error_arrives_as_itself_and_the_ranks_stay_in_step(engine: MpiEngine) -> None:
    far = engine.places - 1
    before = engine.submit("make", numbers, 1, place=0)
    first = engine.submit("first", blow_up, 3, place=far)
    second = engine.submit("second", blow_up, 4, place=0)
    rest = [engine.submit(f"rest-{p}", total, before, first, place=p) for p in range(5)]
    error = raised(lambda: engine.start([second, *rest]), ModelError)
    assert (error.what, error.where, error.remedy) == ("not finite", "member 3", "a shorter step")
    assert np.array_equal(start_one(engine, numbers, 2, place=1), numbers(2))
    engine.submit("stumble", stumble, place=far)
    error = raised(lambda: engine.start([]), ZeroDivisionError)
    assert f"in task stumble on rank {far}" in error.__notes__[0]
    assert "stumble()" in error.__notes__[0] or "in stumble" in error.__notes__[0]
    engine.submit("awkward", awkward, place=1)
    error = raised(lambda: engine.start([]), RunError)
    assert "Awkward: 1 and 2" in str(error)
    assert start_one(engine, waited, 0, 1, place=far)[0] == 1


@check
def what_cannot_be_sent_is_an_error_of_its_task(engine: MpiEngine) -> None:
    if engine.places > 1:
        made = engine.submit("make", not_picklable, place=1)
        used = engine.submit("use", as_sent, made, place=0)
        error = raised(lambda: engine.start([used]), Exception)
        assert "pickle" in str(error)
        (made,) = engine.start([engine.submit("make", not_picklable, place=1)])
        error = raised(lambda: engine.value(made), Exception)
        assert "pickle" in str(error)
    error = raised(lambda: engine.submit("bad", lambda: None), Exception)
    assert "pickle" in str(error)
    assert start_one(engine, waited, 0, 2)[0] == 2


@check
def what_a_rank_does_not_have_is_an_error_of_the_task(engine: MpiEngine) -> None:
    module = sys.modules["only_here"] = types.ModuleType("only_here")
    exec("def answer(x): return x", module.__dict__)
    assert start_one(engine, module.answer, 42, place=0) == 42
    if engine.places > 1:
        engine.submit("far", module.answer, 1, place=1)
        error = raised(lambda: engine.start([]), ModuleNotFoundError)
        assert "only_here" in str(error)
        assert "in task far on rank 1" in error.__notes__[0]
    del sys.modules["only_here"]
    assert start_one(engine, waited, 0, 4, place=1)[0] == 4


@check
def a_result_that_was_not_kept_is_asked_for_in_vain(engine: MpiEngine) -> None:
    lost = engine.submit("lost", numbers, 0)
    (kept,) = engine.start([engine.submit("kept", as_sent, lost)])
    assert "lost" in str(raised(lambda: engine.value(lost), LookupError))
    assert "lost" in str(raised(lambda: engine.submit("use", as_sent, lost), LookupError))
    assert np.array_equal(engine.value(kept), numbers(0))


@check
def bytes_are_counted_by_kind(engine: MpiEngine) -> None:
    size, one = engine.places, numbers(0).nbytes
    before = len(engine.moved)
    made = engine.submit("wide-0", numbers, 0, place=0)
    near = engine.submit("near-0", numbers, 1, place=1)
    looks = [engine.submit(f"look-{p}", pickled_bytes, made, place=p) for p in range(size)]
    engine.start([*looks, engine.submit("sum", pickled_bytes, near, place=0)])
    (moved,) = engine.moved[before:]
    expected = {"wide": (size - 1) * one, "near": one} if size > 1 else {}
    assert moved.keys() == expected.keys(), moved
    for kind, nbytes in expected.items():
        assert nbytes < moved[kind] < 1.01 * nbytes, moved


@check
def independent_tasks_go_to_whoever_is_free(engine: MpiEngine) -> None:
    assert list(engine.each(waited, [])) == []
    assert [a for a, _ in engine.each(waited, [(0, 5)])] == [5]
    items = [(0.4, 0), *((0.005, i) for i in range(1, 11))]
    came = list(engine.each(waited, items))
    assert sorted(a for a, _ in came) == list(range(11))
    if engine.places > 1:
        assert came[-1][0] == 0, "a slow one held others up"
        assert {r for _, r in came} == set(range(min(engine.places, 5)))


@check
def independent_tasks_may_fail_or_be_left(engine: MpiEngine) -> None:
    items = [(0.01, i) for i in (1, 13, 2, 3, 4, 5)]
    error = raised(lambda: list(engine.each(waited, items)), ModelError)
    assert (error.what, error.where) == ("thirteen", "here")
    listening = engine.each(waited, [(0.01, i) for i in range(8)])
    next(listening)
    busy = raised(lambda: engine.start([engine.submit("one", numbers, 1)]), RunError)
    assert "in the middle" in str(busy)
    listening.close()
    error = (
        raised(lambda: list(engine.each(not_picklable, [()] * 3)), Exception)
        if (engine.places > 1)
        else None
    )
    assert error is None or "pickle" in str(error)
    assert start_one(engine, waited, 0, 3)[0] == 3


# ---- running them


def lead(comm: MPI.Intracomm, report: dict[str, str]) -> None:
    crew = Crew(comm)
    engine = MpiEngine(crew)
    for name, function in CHECKS.items():
        try:
            function(engine)
            outcome = ""
        except Exception:
            outcome = traceback.format_exc()
        report[f"{name}-{comm.size}"] = outcome
    engine.close()
    crew.dismiss(0)


def main() -> None:
    exchange.LARGEST_MESSAGE = 10_000
    world, report = MPI.COMM_WORLD, {}
    for size in SIZES:
        comm = world.Split(int(world.rank >= size), world.rank)
        if world.rank == 0:
            lead(comm, report)
        elif world.rank < size:
            assert serve(comm) == 0
        exchange.meet(world)
    if world.rank == 0:
        Path(sys.argv[1]).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
