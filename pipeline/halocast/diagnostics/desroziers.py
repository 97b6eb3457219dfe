"""Do the errors that a filter was told fit what it did? (Desroziers, Berre, Chapnik & Poli 2005)

With d_ob = y - H x_f, d_oa = y - H x_a and d_ab = H x_a - H x_f, a filter whose covariances are
right has

    E[d_oa d_ob] = R,    E[d_ab d_ob] = H P_f H',    E[d_ob d_ob] = R + H P_f H'

for every kind of observation. Where the numbers found differ from those assumed, the errors are
wrong, or the assumption that forecast and observation err independently is. The last is the
check of the sum; the first two divide it, and are no better than the filter's own gain.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from rich.box import SIMPLE_HEAD
from rich.table import Table

from halocast.diagnostics.summary import label, with_unit
from halocast.samplers.densities import GAUSSIAN
from halocast.sources.rows import VARIABLES, Fate

COLUMNS = "variable", "value", "forecast_mean", "analysis_mean", "error", "forecast_spread"


class Consistency(NamedTuple):
    """Variances of one kind of observation, assumed and found.

    Attributes
    ----------
    kind
        Its code.
    n
        Number of observations.
    error, error_found
        R, of the observations' errors.
    forecast, forecast_found
        H P_f H', of the forecast there.
    """

    kind: int
    n: int
    error: float
    error_found: float
    forecast: float
    forecast_found: float

    @property
    def total(self) -> float:
        """Variance of the innovations as assumed."""
        return self.error + self.forecast

    @property
    def total_found(self) -> float:
        """Mean square of the innovations."""
        return self.error_found + self.forecast_found


def consistency(
    kind: np.ndarray,
    value: np.ndarray,
    forecast: np.ndarray,
    analysis: np.ndarray,
    error: np.ndarray,
    spread: np.ndarray,
) -> list[Consistency]:
    """Compare variances assumed and found, for each kind of observation.

    Parameters
    ----------
    kind
        Code of what counts together (variable, depth, region), (p,).
    value, forecast, analysis
        Observations, and the mean of what forecast and analysis say of them, (p,).
    error, spread
        Standard deviations assumed of the observations and the forecast, (p,).

    Returns
    -------
    One entry a kind, by code. Products are not centred: a bias is an error too.
    """
    before, after = value - forecast, value - analysis
    out = []
    for code in np.unique(kind):
        of = kind == code
        ob, oa = before[of], after[of]
        out.append(
            Consistency(
                kind=int(code),
                n=int(of.sum()),
                error=float(np.mean(error[of] ** 2)),
                error_found=float(np.mean(oa * ob)),
                forecast=float(np.mean(spread[of] ** 2)),
                forecast_found=float(np.mean((ob - oa) * ob)),
            )
        )
    return out


def tuned_factor(before: float, assumed: float, found: float, share: float) -> float:
    """Return a factor on a variance, moved slowly to what was found.

    Parameters
    ----------
    before
        The factor that ``assumed`` holds already.
    share
        Of the new, 1 - 0.5^(dt / half-life); half-lives of about ten days let the noise of single
        cycles go by. A variance found below 0 leaves the factor as it was.
    """
    if found <= 0:
        return before
    return before * (1 + share * (found / assumed - 1))


def stored_consistency(observations: xr.Dataset) -> list[Consistency]:
    """Compare variances in all cycles of a run, for each variable.

    ``observations`` are those of `halocast.open_run`; what was assimilated with Gaussian errors
    counts, with the errors of the run file (before any moderation).
    """
    if "n" not in observations or not set(COLUMNS) <= set(observations):
        return []
    table = observations.compute()
    valid = np.arange(table.sizes["slot"]) < table["n"].values.astype(int)[:, None]
    used = valid & (table["fate"].values == Fate.ASSIMILATED) & (table["noise"].values == GAUSSIAN)
    return consistency(*(table[name].values[used] for name in COLUMNS))


def consistency_table(entries: list[Consistency]) -> Table:
    """Lay standard deviations assumed and found side by side, for people."""
    out = Table(
        box=SIMPLE_HEAD, title="Gaussian errors assumed, and found (Desroziers et al. 2005)"
    )
    out.add_column("observed")
    for heading in ("n", "error", "found", "forecast", "found", "innovation", "found"):
        out.add_column(heading, justify="right")
    for entry in entries:
        numbers = (
            entry.error, entry.error_found, entry.forecast, entry.forecast_found,
            entry.total, entry.total_found,
        )  # fmt: skip
        name = with_unit(*label(VARIABLES[entry.kind]))
        out.add_row(name, str(entry.n), *(_root(number) for number in numbers))
    return out


def _root(variance: float) -> str:
    return "< 0" if variance < 0 else f"{np.sqrt(variance):.4g}"
