"""A planned graph, played out without MPI: everything is where it is needed, and no longer."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

import pytest
from halocast.engines.plan import Plan, Task, make_plans

SIZES = [1, 2, 3, 5, 8]


class Play:
    """Ranks that are dictionaries, and messages that are assignments."""

    def __init__(self, size: int) -> None:
        self.held: list[dict[int, object]] = [{} for _ in range(size)]
        self.moves: list[tuple[int, int, int]] = []  # number, source, destination
        self.most = 0

    def play(self, plans: list[Plan]) -> None:
        for rank, plan in enumerate(plans):
            self._forget(rank, plan.forget)
        for steps in zip(*(plan.steps for plan in plans), strict=True):
            assert len({step.meets for step in steps}) == 1, "ranks wait for each other in vain"
            assert len({step.shared for step in steps}) == 1
            if steps[0].meets:
                self._exchange(steps)
            for rank, step in enumerate(steps):
                for job in step.jobs:
                    self.held[rank][job.number] = job.call(self.held[rank])
                    self.most = max(self.most, sum(map(len, self.held)))
                    self._forget(rank, job.forget)

    def _exchange(self, steps) -> None:
        coming = [
            (number, source, to)
            for source, step in enumerate(steps)
            for to, numbers in step.send.items()
            for number in numbers
        ]
        coming += [
            (number, source, to)
            for number, source in steps[0].shared
            for to in range(len(steps))
            if to != source
        ]
        values = [self.held[source][number] for number, source, _ in coming]  # as it was before
        for (number, _, to), value in zip(coming, values, strict=True):
            assert number not in self.held[to], "sent to a rank that has it"
            self.held[to][number] = value
        self.moves += coming
        for rank, step in enumerate(steps):
            self._forget(rank, step.forget)

    def _forget(self, rank: int, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            del self.held[rank][number]


def task(number: int, needs: Sequence[int], rank: int) -> Task:
    """A task that needs results, and whose own says of which it was made."""

    def call(results: Mapping[int, object]) -> str:
        return f"({' '.join(str(results[n]) for n in needs)} {number})"

    return Task(number, call, tuple(needs), rank)


def serially(tasks: list[Task], before: dict[int, object]) -> dict[int, object]:
    values = dict(before)
    for t in tasks:
        values[t.number] = t.call(values)
    return values


def random_graph(seed: int, size: int, first: int, old: list[int]) -> list[Task]:
    draw = random.Random(seed)
    tasks: list[Task] = []
    for number in range(first, first + 30):
        known = [*old, *range(first, number)]
        needs = draw.sample(known, k=min(len(known), draw.choice([0, 1, 2, 6])))
        tasks.append(task(number, needs, draw.randrange(size)))
    return tasks


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(6))
def test_random_graphs_give_what_one_process_gives_and_hold_only_what_is_kept(
    seed: int, size: int
) -> None:
    play, held, values, old = Play(size), {}, {}, []
    draw = random.Random(seed + 100)
    for graph in range(4):
        tasks = random_graph(1000 * seed + graph, size, 30 * graph, old)
        values = serially(tasks, values)
        keep = draw.sample([*old, *(t.number for t in tasks)], k=8)
        plans, held = make_plans(tasks, held, keep, size)
        play.play(plans)
        there = {n: {r for r in range(size) if n in play.held[r]} for n in keep}
        assert held == there
        assert all(there.values())
        assert {n for its in play.held for n in its} == set(keep)
        for its in play.held:
            assert all(values[n] == value for n, value in its.items())
        old = keep


@pytest.mark.parametrize("size", [2, 3, 5])
def test_no_result_goes_twice_to_a_rank(size: int) -> None:
    tasks = random_graph(7, size, 0, [])
    plans, _ = make_plans(tasks, {}, [29], size)
    play = Play(size)
    play.play(plans)
    arrivals = [(number, to) for number, _, to in play.moves]
    assert len(arrivals) == len(set(arrivals))
    made_at = {t.number: t.rank for t in tasks}
    wanted = {(n, t.rank) for t in tasks for n in t.needs if made_at[n] != t.rank}
    assert set(arrivals) == wanted


def test_a_chain_on_one_rank_has_no_meeting_and_holds_one_result_at_a_time() -> None:
    tasks = [task(0, [], 1)]
    tasks += [task(n, [n - 1], 1) for n in range(1, 20)]
    plans, held = make_plans(tasks, {}, [19], 3)
    assert not any(step.meets for plan in plans for step in plan.steps)
    play = Play(3)
    play.play(plans)
    assert play.most == 2  # the one that is made of the other
    assert held == {19: {1}}


def test_what_every_rank_needs_is_shared_once() -> None:
    tasks = [task(0, [], 0)]
    tasks += [task(n, [0], n % 4) for n in range(1, 9)]
    plans, _ = make_plans(tasks, {}, [], 4)
    assert [step.shared for step in plans[2].steps] == [(), ((0, 0),)]
    assert not any(step.send for plan in plans for step in plan.steps)


def test_a_kept_result_moves_to_the_one_rank_that_uses_it() -> None:
    made, held = make_plans([task(0, [], 0)], {}, [0], 2)
    play = Play(2)
    play.play(made)
    used, held = make_plans([task(1, [0], 1)], held, [0, 1], 2)
    play.play(used)
    assert held == {0: {1}, 1: {1}}
    again, held = make_plans([task(2, [0], 1)], held, [2], 2)
    play.play(again)
    assert len(play.moves) == 1
    assert held == {2: {1}}


def test_a_transposition_needs_one_meeting_and_moves_every_tile_once() -> None:
    size = 4
    tasks = [task(r, [], r) for r in range(size)]
    number = itertools.count(size)
    tiles = [[task(next(number), [b], b) for b in range(size)] for g in range(size)]
    groups = [task(next(number), [t.number for t in tiles[g]], g) for g in range(size)]
    keep = [g.number for g in groups]
    plans, _ = make_plans([*tasks, *itertools.chain(*tiles), *groups], {}, keep, size)
    assert [step.meets for step in plans[0].steps] == [False, False, True]
    play = Play(size)
    play.play(plans)
    assert len(play.moves) == size * (size - 1)
