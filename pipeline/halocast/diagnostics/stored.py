"""Scores as a run keeps them, back as rows."""

from __future__ import annotations

import numpy as np
import xarray as xr

from halocast.diagnostics.scores import Row


def rows_by_cycle(scores: xr.Dataset) -> list[list[Row]]:
    """Return the rows of each cycle of a run's ``/scores`` (cycle, row).

    A row that a cycle does not have (its ``n`` is 0 or unknown) is left out of that cycle.
    """
    if "n" not in scores:
        return [[] for _ in range(scores.sizes.get("cycle", 0))]
    labels = [scores[name].values.astype(str) for name in ("what", "against", "variable")]
    names = ("rmse", "bias", "spread", "crps", "n")
    values = np.stack([np.asarray(scores[name].values, float) for name in names], axis=-1)
    return [
        [
            _row([label[r] for label in labels], values[cycle, r])
            for r in np.flatnonzero(values[cycle, :, -1] > 0)
        ]
        for cycle in range(len(values))
    ]


def _row(labels: list[str], values: np.ndarray) -> Row:
    what, against, variable = map(str, labels)
    rmse, bias, spread, crps, n = values.tolist()
    return Row(
        what=what, against=against, variable=variable,
        rmse=rmse, bias=bias, spread=spread, crps=crps, n=int(n),
    )  # fmt: skip
