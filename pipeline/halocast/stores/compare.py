"""Whether two runs computed the same, to the last bit.

Commit records hold a digest of every array, so equal cycles are recognised without reading them
(0.2 ms each). Of the first cycle that differs, the arrays are read in the order a cycle computes
them, and the first differing number is reported. NaN equals NaN; -0.0 does not equal 0.0.

Only numbers count: runs with different names, engines, workers or machines are the same run if
they computed the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from halocast.stores.place import Place
from halocast.stores.run_layout import SCORE_VALUES, Label, decode_labels
from halocast.stores.run_spec import RunSpec
from halocast.stores.run_store import RunStore

_ORDER = (
    "forecast", "free_run", "observations", "fates",
    "chains", "health", "analysis", "kalman_filter", "scores",
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """The first difference of two runs.

    Parameters
    ----------
    cycle
        The cycle, 0 where the runs cannot be compared at all.
    group, field
        The group and the field (or column) in it, e.g. ``analysis/mean`` and ``u1``.
    index
        The cell (y, x), the chain and sample, the slot, block or score (i,), or () where a whole
        array is meant.
    value_a, value_b
        What each run has there.
    count
        How many numbers of this field differ.
    """

    cycle: int
    group: str
    field: str
    index: tuple[int, ...]
    value_a: Any
    value_b: Any
    count: int = 1

    def __str__(self) -> str:
        pair = "chain and sample" if self.group == "chains" else "cell (y, x)"
        place = {0: "", 1: f", row {self.index[0]}" if self.index else ""}.get(
            len(self.index), f", {pair} = {self.index}"
        )
        where = f"cycle {self.cycle}, {self.group}" if self.cycle else self.group
        where += f", {self.field}" if self.field else ""
        text = f"{where}{place}: {self.value_a!r} and {self.value_b!r}"
        return text + (f" ({self.count} values of it differ)" if self.count > 1 else "")


def compare_runs(a: str | Path | Place, b: str | Path | Place) -> Difference | None:
    """Find the first difference of the runs at two paths or URLs, in order of cycles.

    Returns
    -------
    None where every committed number is bitwise the same and both have the same cycles.

    Raises
    ------
    RunError, StoreError
        One of them is no run, or is damaged.
    """
    runs = RunStore.open(a), RunStore.open(b)
    shape = _shape_difference(runs[0].spec, runs[1].spec)
    if shape is not None:
        return shape
    last = [run.committed() for run in runs]
    for cycle in range(1, min(last) + 1):
        found = _cycle_difference(cycle, *runs)
        if found is not None:
            return found
    if last[0] != last[1]:
        state = ["committed" if n > min(last) else "not committed" for n in last]
        return Difference(min(last) + 1, "commits", "", (), state[0], state[1])
    return None


def _shape_difference(a: RunSpec, b: RunSpec) -> Difference | None:
    facts = [
        ("state", a.layout.names, b.layout.names),
        ("grid shape", a.grid.shape, b.grid.shape),
        ("members", a.members, b.members),
        ("field groups", a.field_groups, b.field_groups),
    ]
    for name, one, other in facts:
        if one != other:
            return Difference(0, name, "", (), one, other)
    n = min(a.times.size, b.times.size)
    for cycle in np.flatnonzero(a.times[:n] != b.times[:n])[:1]:
        return Difference(int(cycle) + 1, "time", "", (), str(a.times[cycle]), str(b.times[cycle]))
    return None


def _cycle_difference(cycle: int, a: RunStore, b: RunStore) -> Difference | None:
    digests = [run.commit_record(cycle)["digests"] for run in (a, b)]
    names = {*digests[0], *digests[1]}
    for name in sorted(names, key=lambda n: (_ORDER.index(n.split("/")[0]), n)):
        texts = [d.get(name) for d in digests]
        if texts[0] == texts[1]:
            continue
        found = _array_difference(cycle, name, a, b, texts)
        if found is not None:
            return found
    return None


def _array_difference(
    cycle: int, name: str, a: RunStore, b: RunStore, texts: list[str | None]
) -> Difference | None:
    group, field = name.rsplit("/", 1)
    if None in texts:
        have = ["absent" if text is None else "present" for text in texts]
        return Difference(cycle, group, field, (), have[0], have[1])
    one, other = (run.read_array(cycle, name) for run in (a, b))
    if name == "scores/labels":
        return _label_difference(cycle, decode_labels(one), decode_labels(other))
    for fact in ("shape", "dtype"):
        facts = [f"{fact} {getattr(values, fact)}" for values in (one, other)]
        if facts[0] != facts[1]:
            return Difference(cycle, group, field, (), facts[0], facts[1])
    differ = np.argwhere(_differ(one, other))
    if not len(differ):
        return None
    first = tuple(int(i) for i in differ[0])
    values = one[first].item(), other[first].item()
    if name == "scores/values":
        label = " ".join(decode_labels(a.read_array(cycle, "scores/labels"))[first[1]])
        field, first = f"{SCORE_VALUES[first[0]]} of {label}", ()
    if len(first) == 3:
        field, first = f"{field}{a.spec.layers[first[0]]}", first[1:]
    return Difference(cycle, group, field, first, values[0], values[1], count=len(differ))


def _label_difference(cycle: int, a: list[Label], b: list[Label]) -> Difference:
    pairs = zip_longest(a, b, fillvalue=("no such row",))
    one, other = next((x, y) for x, y in pairs if x != y)
    return Difference(cycle, "scores", "row", (), " ".join(one), " ".join(other))


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mark where the bits differ, unless both are NaN."""
    if one.dtype.kind != "f":
        return one != other
    bits = f"i{one.dtype.itemsize}"
    return (one.view(bits) != other.view(bits)) & ~(np.isnan(one) & np.isnan(other))
