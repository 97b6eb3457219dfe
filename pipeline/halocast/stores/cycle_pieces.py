"""A cycle's record, taken apart into the pieces that the arrays of a run take: one a name.

A piece is what one array gets for one cycle: a whole chunk (a field), a row of a table, or one
number. Its name is the array's path in the hierarchy and the digest's key in the commit record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from halocast.errors import StoreError
from halocast.stores.run_layout import LABEL_BYTES, MAX_SCORES, SCORE_LABELS, SCORE_VALUES
from halocast.stores.run_spec import RunSpec

if TYPE_CHECKING:
    from halocast.samplers.chains import ChainTrace


class CycleRecord(NamedTuple):
    """Everything a cycle leaves behind, apart from its members.

    Parameters
    ----------
    groups
        Fields (F, ny, nx) of each field group of the run, by path, e.g. ``"analysis/mean"``; None
        where they are written variable by variable (`RunStore.write_fields`).
    table
        Columns (p,) of the cycle's observation table.
    fates
        Global number of the first raw row of the cycle's window, and the fates (r,) of its rows.
    health
        Columns (B,), one value a block.
    scores
        Tidy rows: the labels what, against, variable and the values rmse, bias, spread, crps, n.
    trace
        The chains of one scalar of the busiest block, where chains ran.
    """

    groups: Mapping[str, np.ndarray] | None
    table: Mapping[str, np.ndarray]
    fates: tuple[int, np.ndarray]
    health: Mapping[str, np.ndarray]
    scores: Sequence[Mapping[str, Any]]
    trace: ChainTrace | None = None


class Piece(NamedTuple):
    """What one array gets for one cycle."""

    name: str
    kind: Literal["field", "row", "number"]
    values: np.ndarray


def pieces(record: CycleRecord, spec: RunSpec) -> list[Piece]:
    """Take a cycle's record apart.

    Raises
    ------
    StoreError
        A field group is missing or unknown, or something has a size the run was not made for.
    """
    first_row, fates = record.fates
    n_rows = next((len(column) for column in record.table.values()), 0)
    return [
        *_fields(record.groups, spec),
        *_columns("observations", record.table, n_rows, spec.max_slots),
        _number("observations/n", n_rows),
        *_columns("fates", {"fate": fates}, len(fates), spec.max_slots),
        _number("fates/first_row", first_row),
        _number("fates/n", len(fates)),
        *_columns("health", record.health, spec.n_blocks, spec.n_blocks),
        *_scores(record.scores),
        *_chains(record.trace),
    ]


def field_pieces(variable: str, groups: Mapping[str, np.ndarray], spec: RunSpec) -> list[Piece]:
    """Return the pieces of one variable, given its fields (k, ny, nx) of every field group.

    Raises
    ------
    StoreError
        A field group is missing or unknown, or a field has a size the run was not made for.
    """
    if set(groups) != set(spec.field_groups):
        raise StoreError(
            f"a cycle's fields are {sorted(groups)}; the run was made for "
            f"{sorted(spec.field_groups)}"
        )
    shape = (len(spec.positions[variable]), *spec.grid.shape)
    for group, values in groups.items():
        if values.shape != shape:
            raise StoreError(f"fields of shape {values.shape} where {shape} is needed", where=group)
    return [
        Piece(
            f"{group}/{variable}",
            "field",
            np.asarray(spec.on_layers(variable, groups[group]), "<f8"),
        )
        for group in spec.field_groups
    ]


def _fields(groups: Mapping[str, np.ndarray] | None, spec: RunSpec) -> Iterator[Piece]:
    if groups is None:
        return
    shape = (len(spec.layout), *spec.grid.shape)
    for group, values in groups.items():
        if values.shape != shape:
            raise StoreError(f"fields of shape {values.shape} where {shape} is needed", where=group)
    for variable, places in spec.positions.items():
        numbers = [number for number, _ in places]
        yield from field_pieces(variable, {g: v[numbers] for g, v in groups.items()}, spec)


def _columns(
    group: str, columns: Mapping[str, np.ndarray], size: int, largest: int
) -> Iterator[Piece]:
    for name, column in columns.items():
        values = _storable(np.asarray(column), f"{group}/{name}")
        if values.shape != (size,) or size > largest:
            raise StoreError(
                f"a column of shape {values.shape} where ({size},) is needed, and at most "
                f"{largest} rows fit",
                where=f"{group}/{name}",
                remedy="create the run with larger max_slots or n_blocks",
            )
        yield Piece(f"{group}/{name}", "row", values)


def _storable(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind == "M":
        return values.astype("datetime64[ns]").astype("i8")
    if values.dtype.kind == "b":
        return values.astype("i1")
    if values.dtype.kind not in "fi":
        raise StoreError(f"a column of {values.dtype} cannot be stored", where=where)
    return values


def _number(name: str, value: int) -> Piece:
    return Piece(name, "number", np.array([value], "i8"))


def _chains(trace: ChainTrace | None) -> Iterator[Piece]:
    if trace is None:
        return
    yield Piece("chains/values", "field", _of_type(trace.values, "<f4"))
    yield Piece("chains/ancestor", "field", _of_type(trace.ancestor, "<i4"))
    yield Piece("chains/log_likelihood", "field", _of_type(trace.log_likelihood, "<f4"))
    yield Piece("chains/step", "row", _of_type(trace.step, "<f4"))
    yield Piece("chains/acceptance", "row", _of_type(trace.acceptance, "<f4"))


def _of_type(values: np.ndarray, dtype: str) -> np.ndarray:
    return np.ascontiguousarray(values, dtype)


def _scores(rows: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    labels = [[str(row[name]) for name in SCORE_LABELS] for row in rows]
    text = np.frombuffer(json.dumps(labels).encode(), "u1")
    distinct = len(set(map(tuple, labels))) == len(rows)
    if len(rows) > MAX_SCORES or text.size > LABEL_BYTES or not distinct:
        raise StoreError(
            f"{len(rows)} rows of scores: rows must differ in their labels, and there is room for "
            f"{MAX_SCORES} rows and {LABEL_BYTES} bytes of labels",
            where="scores",
        )
    values = np.full((len(SCORE_VALUES), MAX_SCORES), np.nan)
    for i, name in enumerate(SCORE_VALUES):
        values[i, : len(rows)] = [float(row[name]) for row in rows]
    yield Piece("scores/values", "field", values)
    yield Piece("scores/labels", "row", text)
