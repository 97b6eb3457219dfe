"""The observation table of a cycle: one row an observation, in an order that is its own.

Rows are sorted by the state scalar they are of, then by ``id``, so that a table does not depend on
the order its raw rows came in. Withheld observations stay in the table, to be scored against; what
is assimilated has the fate ``ASSIMILATED``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from halocast.errors import InputError
from halocast.sources import rows as _rows
from halocast.sources.rows import Fate

VARIABLES: tuple[str, ...] = _rows.VARIABLES if "z" in _rows.VARIABLES else (*_rows.VARIABLES, "z")
"""Names of the observed variables: a table's ``variable`` is the place in this tuple."""

__all__ = ["VARIABLES", "ObservationTable"]

_DTYPES = {
    "id": "i8",
    "time": "datetime64[ns]",
    "lat": "f8",
    "lon": "f8",
    "variable": "i1",
    "field": "i8",
    "cell": "i8",
    "scalar": "i8",
    "value": "f8",
    "error": "f8",
    "operator": "i4",
    "operator_center": "f8",
    "operator_scale": "f8",
    "noise": "i1",
    "df": "f8",
    "platform": "i8",
    "product": "i2",
    "count": "i4",
    "fate": "i2",
}


@dataclass(frozen=True, eq=False)
class ObservationTable:
    """The observations of one cycle, p rows; every attribute is an array of shape (p,).

    Attributes
    ----------
    id
        Smallest global number of the raw rows it was made from; unique.
    time, lat, lon
        When and where (means over its raw rows).
    variable
        Place in `halocast.sources.rows.VARIABLES`.
    field, cell, scalar
        The state scalar observed: field of the layout, flat cell, field * n_cells + cell.
    value, error
        What was observed and its total error standard deviation (or scale), representativeness
        included, in the unit of the operator's result.
    operator, operator_center, operator_scale, noise, df
        Codes and parameters of `halocast.observations.operators`.
    platform, product
        As in the raw rows.
    count
        Raw rows it was made from.
    fate
        ASSIMILATED, WITHHELD or GROSS_ERROR.
    """

    id: np.ndarray
    time: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    variable: np.ndarray
    field: np.ndarray
    cell: np.ndarray
    scalar: np.ndarray
    value: np.ndarray
    error: np.ndarray
    operator: np.ndarray
    operator_center: np.ndarray
    operator_scale: np.ndarray
    noise: np.ndarray
    df: np.ndarray
    platform: np.ndarray
    product: np.ndarray
    count: np.ndarray
    fate: np.ndarray

    def __post_init__(self) -> None:
        shapes = {column.shape for column in self.to_dict().values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise InputError(f"columns of an observation table differ in shape: {sorted(shapes)}")

    @property
    def size(self) -> int:
        """Number of observations, withheld and rejected ones included."""
        return self.id.size

    @property
    def assimilated(self) -> np.ndarray:
        """Numbers of the rows to assimilate, increasing."""
        return np.flatnonzero(self.fate == Fate.ASSIMILATED)

    @property
    def withheld(self) -> np.ndarray:
        """Numbers of the rows to score against, increasing."""
        return np.flatnonzero(self.fate == Fate.WITHHELD)

    def take(self, index: np.ndarray) -> ObservationTable:
        """Return the rows ``index`` (numbers or a mask); copies."""
        return ObservationTable(**{name: c[index].copy() for name, c in self.to_dict().items()})

    def with_fate(self, fate: np.ndarray) -> ObservationTable:
        """Return the same observations with other fates."""
        return replace(self, fate=np.asarray(fate, dtype=_DTYPES["fate"]))

    def observed(self, state: np.ndarray) -> np.ndarray:
        """Take the scalars behind the observations from a state (…, F, ny, nx): (…, p)."""
        return state.reshape(*state.shape[:-3], -1)[..., self.scalar]

    def to_dict(self) -> dict[str, np.ndarray]:
        """Return the columns by name, in order; no copies."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_dict(cls, columns: Mapping[str, Any]) -> ObservationTable:
        """Build a table from columns in any order, and put its rows in the canonical order.

        Columns are copied; times may be integers (nanoseconds since 1970).

        Raises
        ------
        InputError
            A column is missing, unknown or of another length.
        """
        missing, unknown = set(_DTYPES) - set(columns), set(columns) - set(_DTYPES)
        if missing or unknown:
            raise InputError(
                "these are not the columns of an observation table",
                where=f"missing {sorted(missing)}, unknown {sorted(unknown)}",
            )
        arrays = {name: np.array(columns[name]).astype(dtype) for name, dtype in _DTYPES.items()}
        table = cls(**arrays)
        return table.take(np.lexsort((table.id, table.scalar)))

    @classmethod
    def empty(cls) -> ObservationTable:
        """Return a table without rows."""
        return cls(**{name: np.empty(0, dtype) for name, dtype in _DTYPES.items()})
