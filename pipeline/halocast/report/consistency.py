"""The errors a filter was told beside those its residuals show, for people."""

from __future__ import annotations

from typing import Any

import numpy as np

from halocast.diagnostics.desroziers import COLUMNS, consistency
from halocast.diagnostics.summary import label, number
from halocast.report.view import RunView
from halocast.sources.rows import VARIABLES, Fate


def consistency_lines(view: RunView) -> list[dict[str, Any]]:
    """Rows of the table of errors, a variable each; none of a run that assimilated nothing.

    ``numbers`` are standard deviations as words: of observations, forecast and innovations, each
    as assumed and as found (`halocast.diagnostics.desroziers`). Observations whose errors are not
    Gaussian are left out.
    """
    used = view.observed(fates=(Fate.ASSIMILATED,)) & view.gaussian
    if not view.assimilates or not used.any():
        return []
    lines = []
    for found in consistency(*(view.observations[name][used] for name in COLUMNS)):
        variable = VARIABLES[found.kind]
        variances = (
            found.error, found.error_found, found.forecast, found.forecast_found,
            found.total, found.total_found,
        )  # fmt: skip
        lines.append(
            {
                "name": label(variable)[0],
                "unit": view.observed_unit(variable),
                "n": found.n,
                "numbers": [_root(v) for v in variances],
            }
        )
    return lines


def _root(variance: float) -> str:
    return "< 0" if variance < 0 else number(float(np.sqrt(variance)))
