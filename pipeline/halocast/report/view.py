"""What the report needs of a run, as plain arrays: the one place that knows the tree's names."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from halocast.diagnostics import Row, rows_by_cycle, summarise
from halocast.diagnostics.summary import label
from halocast.report.fields import KELVIN, FieldView, time_text
from halocast.samplers.densities import GAUSSIAN, IDENTITY, STUDENT_T
from halocast.sources.rows import VARIABLES, Fate

__all__ = ["KELVIN", "RunView", "time_text"]


class RunView(FieldView):
    """A run seen through ``halocast.open_run``'s tree: its fields, scores, observations, health."""

    # -- scores --------------------------------------------------------------------------------

    @cached_property
    def score_rows(self) -> list[list[Row]]:
        """Rows of scores of each cycle."""
        if not self._filled("scores"):
            return [[] for _ in range(self.n_cycles)]
        return rows_by_cycle(self._group("scores"))

    @cached_property
    def summary(self) -> list[Row]:
        """Rows of scores averaged over the cycles."""
        return summarise(self.score_rows)

    def series(self, what: str, against: str, variable: str, measure: str) -> np.ndarray:
        """One score by cycle, shape (n_cycles,); NaN where a cycle does not have it."""
        out = np.full(self.n_cycles, np.nan)
        for k, rows in enumerate(self.score_rows):
            for row in rows:
                if (row["what"], row["against"], row["variable"]) == (what, against, variable):
                    out[k] = row[measure]  # type: ignore[literal-required]
        return out

    # -- observations --------------------------------------------------------------------------

    @cached_property
    def observations(self) -> dict[str, np.ndarray]:
        """Columns of the observation tables of all cycles, each shape (p,), and ``cycle``."""
        if not self._filled("observations"):
            return {"fate": np.zeros(0, int), "cycle": np.zeros(0, int)}
        table = self._group("observations").compute()
        counts = table["n"].values.astype(int)
        valid = np.arange(table.sizes["slot"]) < counts[:, None]
        columns = {
            str(name): array.values[valid]
            for name, array in table.data_vars.items()
            if array.dims == ("cycle", "slot")
        }
        return columns | {"cycle": np.nonzero(valid)[0]}

    def observed(self, variable: str | None = None, fates: tuple[Fate, ...] = ()) -> np.ndarray:
        """Mask over the observations with this variable and one of these fates."""
        columns = self.observations
        mask = np.ones(columns["fate"].shape, bool)
        if variable is not None and mask.size:
            mask &= np.isin(columns["variable"], self._codes(variable))
        if fates:
            mask &= np.isin(columns["fate"], [int(f) for f in fates])
        return mask

    def _codes(self, variable: str) -> list[int]:
        """Codes of the observed variables that are called so, or are of the field called so."""
        sections = self.config.get("observations") or {}
        fields = [(sections.get(name) or {}).get("field") for name in VARIABLES]
        return [
            code
            for code, (name, field) in enumerate(zip(VARIABLES, fields))
            if variable in (name, field)
        ]

    def transformed(self, variable: str) -> bool:
        """Whether a variable was observed through another operator than the identity.

        Its observations, and the scores against them, are then not in the variable's unit.
        """
        operator = self.observations.get("operator")
        mask = self.observed(variable)
        return operator is not None and bool((operator[mask] != IDENTITY).any())

    def observed_unit(self, variable: str) -> str:
        """Unit of a variable's observations, empty where they are not values of it."""
        return "" if self.transformed(variable) else label(variable)[1]

    @cached_property
    def gaussian(self) -> np.ndarray:
        """Mask over the observations whose errors are assumed Gaussian."""
        noise = self.observations.get("noise")
        return np.ones(self.observed().shape, bool) if noise is None else noise == GAUSSIAN

    @property
    def assimilates(self) -> bool:
        """Whether the run's filter uses observations."""
        return (self.config.get("filter") or {}).get("method") != "free-run"

    def without_variance(self, mask: np.ndarray) -> bool:
        """Whether any of these observations has errors too heavy-tailed for a variance."""
        if "df" not in self.observations:
            return False
        noise, df = self.observations["noise"][mask], self.observations["df"][mask]
        return bool(((noise == STUDENT_T) & (df <= 2)).any())

    def on_grid(self, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Means of observed values by cell, shape (ny, nx), NaN where none was observed.

        ``mask`` selects observations, ``values`` has one number for each of all of them.
        """
        (y, x), (ny, nx) = self.edges, self.shape
        j = np.searchsorted(y, self.observations["lat"][mask], "right") - 1
        i = np.searchsorted(x, self.observations["lon"][mask], "right") - 1
        inside = (j >= 0) & (j < ny) & (i >= 0) & (i < nx)
        cells = j[inside] * nx + i[inside]
        total = np.bincount(cells, values[mask][inside], minlength=ny * nx)
        with np.errstate(invalid="ignore"):
            return (total / np.bincount(cells, minlength=ny * nx)).reshape(ny, nx)

    @cached_property
    def busiest_cycle(self) -> int:
        """The last of the cycles in which most observations were assimilated, from 0."""
        used = self.observations["cycle"][self.observed(fates=(Fate.ASSIMILATED,))]
        if used.size == 0:
            return self.n_cycles - 1
        counts = np.bincount(used, minlength=self.n_cycles)
        return int(np.flatnonzero(counts == counts.max())[-1])

    @cached_property
    def fate_counts(self) -> dict[Fate, int]:
        """How many raw observations met which fate, all cycles together."""
        if not self._filled("fates"):
            return {}
        table = self._group("fates").compute()
        valid = np.arange(table.sizes["slot"]) < table["n"].values.astype(int)[:, None]
        codes, counts = np.unique(table["fate"].values[valid].astype(int), return_counts=True)
        return {Fate(int(c)): int(n) for c, n in zip(codes, counts)}

    # -- health --------------------------------------------------------------------------------

    @cached_property
    def health(self) -> dict[str, np.ndarray]:
        """Diagnostics of the blocks, each shape (n_cycles, n_blocks)."""
        if not self._filled("health"):
            return {}
        table = self._group("health").compute()
        return {str(k): v.values for k, v in table.data_vars.items() if v.dims[0] == "cycle"}

    @cached_property
    def chains(self) -> dict[str, np.ndarray]:
        """Traces of the chains, (n_cycles, chain[, sample]); empty where no chain ran."""
        if not self._filled("chains"):
            return {}
        return {str(k): v.values for k, v in self._group("chains").data_vars.items()}

    @cached_property
    def block_of_cell(self) -> np.ndarray | None:
        """Number of the block each cell belongs to, shape (ny, nx).

        Blocks are rectangles numbered row by row from the south-west; None where they are unknown
        or change from cycle to cycle.
        """
        settings = self.config.get("filter") or {}
        block = settings.get("block")
        if block is None or settings.get("adaptive") or "observations" not in self.health:
            return None
        rows, columns = (np.arange(n) // size for n, size in zip(self.shape, block))
        number = rows[:, None] * (columns[-1] + 1) + columns
        return number if number.max() + 1 == self.health["observations"].shape[1] else None
