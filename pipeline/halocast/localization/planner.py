"""The planner: blocks into groups of equal cost, contiguous in space.

A block costs a fraction of a millisecond and a task about one, so the tasks are groups of blocks.
Blocks are taken in the order of their numbers (row by row), so a group is a strip of the grid and
its tile of every member one stretch of rows. Among all cuts of that order into n stretches the
planner finds one whose dearest group is as cheap as possible.

Cost of a block, in arbitrary units of about a nanosecond,

    members * (CELL * fields * cells + sum over its observations of OBSERVATION * kernel) + BLOCK

where ``kernel`` says how dear an observation is (1: closed form; about 40: quadrature). Only the
balance depends on these figures, never the analysis.

Cost of planning: O(blocks) for each of about 60 bisection steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numba import njit

from halocast.errors import ConfigError
from halocast.localization.blocks import Blocks, Incidence

CELL = 8.0
OBSERVATION = 3.0
BLOCK = 1000.0


class Plan(Sequence[np.ndarray]):
    """Groups of blocks: a sequence of arrays of block numbers, with their costs.

    Parameters
    ----------
    groups
        Block numbers of each group, increasing; together every block once.
    cost
        Cost of each block, shape (B,).
    """

    def __init__(self, groups: list[np.ndarray], cost: np.ndarray) -> None:
        self.groups = tuple(groups)
        self.group_cost = np.array([cost[g].sum() for g in groups])

    @overload
    def __getitem__(self, item: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, item: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, item: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        return self.groups[item]

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def imbalance(self) -> float:
        """Cost of the dearest group over the mean cost; 1 is perfect."""
        return float(self.group_cost.max() / self.group_cost.mean())

    def show(self) -> str:
        """One line a group: its blocks, how many they are, and its share of the cost."""
        share = self.group_cost / self.group_cost.sum()
        lines = [
            f"{sum(g.size for g in self.groups)} blocks in {len(self)} groups, "
            f"dearest group {self.imbalance:.2f} x the mean"
        ]
        lines += [
            f"  group {k:>3}: blocks {g[0]}…{g[-1]} ({g.size}), {s:6.1%} of the cost"
            for k, (g, s) in enumerate(zip(self.groups, share, strict=True))
        ]
        return "\n".join(lines)


def block_cost(
    blocks: Blocks,
    incidence: Incidence,
    members: int,
    fields: int = 1,
    kernel: np.ndarray | None = None,
) -> np.ndarray:
    """Estimate what each block costs, shape (B,), see the module's head."""
    per_observation = (
        np.ones(incidence.observation.size) if kernel is None else kernel[incidence.observation]
    )
    total = np.concatenate([[0.0], np.cumsum(per_observation)])
    observations = total[incidence.start[1:]] - total[incidence.start[:-1]]
    cells = np.diff(blocks.cell_start)
    return members * (CELL * fields * cells + OBSERVATION * observations) + BLOCK


def plan_groups(
    blocks: Blocks,
    incidence: Incidence,
    n_groups: int,
    members: int,
    *,
    fields: int = 1,
    kernel: np.ndarray | None = None,
) -> Plan:
    """Cut the blocks into at most ``n_groups`` stretches of nearly equal cost.

    Parameters
    ----------
    blocks, incidence
        The partition, and which observations each block sees.
    n_groups
        How many groups are wanted; there are fewer only when there are fewer blocks.
    members, fields
        Size of the ensemble and of the state.
    kernel
        Relative cost of each observation, shape (p,); all equal when not given.

    Raises
    ------
    ConfigError
        When ``n_groups`` is below 1.
    """
    if n_groups < 1:
        raise ConfigError(f"cannot plan {n_groups} groups of blocks", remedy="ask for 1 or more")
    cost = block_cost(blocks, incidence, members, fields, kernel)
    n_groups = min(n_groups, blocks.n_blocks)
    low, high = max(cost.max(), cost.sum() / n_groups), cost.sum()
    for _ in range(60):
        limit = 0.5 * (low + high)
        if _cuts(cost, limit, n_groups)[0] <= n_groups:
            high = limit
        else:
            low = limit
    _, ends = _cuts(cost, high, n_groups)
    return Plan(np.split(np.arange(blocks.n_blocks), ends[:-1]), cost)


@njit(cache=True, nogil=True)
def _cuts(cost, limit, n_groups):
    """Fill groups up to a limit; how many that takes, and where the first n_groups end.

    No group is left empty: one is closed early when only enough blocks remain for the others.
    """
    ends = np.full(n_groups, cost.size, np.int64)
    group, filled = 0, 0.0
    for b in range(cost.size):
        full = filled + cost[b] > limit or cost.size - b < n_groups - group
        if filled > 0.0 and full:
            if group < n_groups:
                ends[group] = b
            group += 1
            filled = 0.0
        filled += cost[b]
    return group + 1, ends
