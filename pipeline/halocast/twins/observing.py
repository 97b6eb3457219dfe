"""What is seen of a truth: swaths and drifters, through the run's own operators.

At the end of every cycle are observed h(s) + e, with the operator h and the density of e of the
run's ``observations`` and the scale of e from the twin's ``errors``:

    ssh        of the cells under a narrow double swath that crosses the domain in 20 cycles; the
               swaths of a cycle are a pass
    u, v, t    of the points nearest to drifters that move with the true surface flow

They become rows like any other, with h(s) + e in the column ``value``. An error has the address of
its cycle, variable and cell or drifter, so it does not depend on what else is observed. Cost: about
6 ms a cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from scipy import special

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.observations import VARIABLES, swath_cells
from halocast.observations.operators import GAUSSIAN, LAPLACE, observe
from halocast.observations.settings import ObservationSettings, VariableSettings
from halocast.samplers.densities import laplace_quantile
from halocast.sources.rows import DROGUE_ATTACHED, concat_rows, make_rows, product_code
from halocast.twins.drifting import Drift, drift
from halocast.twins.nature_run import Nature, as_ocean, surface_fields
from halocast.twins.settings import NatureTwin


@dataclass(frozen=True, eq=False)
class Observer:
    """Observes a truth.

    Parameters
    ----------
    twin
        How much is observed, and how well.
    observations
        The run's section: its operators and densities.
    nature
        The truth; the end of a cycle is one of its times.
    """

    twin: NatureTwin
    observations: ObservationSettings
    nature: Nature

    def rows(self, first: int) -> xr.Dataset:
        """Return the rows of all cycles; cycle 1 ends at nature's time ``first``."""
        parts = []
        for cycle, k in enumerate(range(first, len(self.nature.times)), 1):
            parts.append(self._swath(cycle, k))
            parts += [self._drifters(cycle, k, variable) for variable in ("u", "v", "t")]
        return concat_rows(parts)

    @cached_property
    def _drift(self) -> Drift:
        nature = self.nature
        ocean = as_ocean(nature, surface_fields(nature))
        return drift(ocean, nature.model.grid, nature.times, self.twin.drifters, self.twin.seed)

    def _swath(self, cycle: int, k: int) -> xr.Dataset:
        grid, width = self.nature.model.grid, self.twin.swath_width
        cells = swath_cells(cycle, grid.shape, width=width) if width else np.zeros(0, np.int64)
        cells = cells[grid.sea.ravel()[cells]]
        j, i = np.divmod(cells, grid.shape[1])
        return make_rows(
            self._columns("ssh", cycle, k, cells, cells)
            | {
                "lat": grid.y[j],
                "lon": grid.x[i],
                "product": product_code("twin-swath"),
                "platform": cycle,
            }
        )

    def _drifters(self, cycle: int, k: int, variable: str) -> xr.Dataset:
        """Return what drifters see of a variable: of the point where it lives that is nearest."""
        grid, layout = self.nature.model.grid, self.nature.model.layout
        place = layout.fields[layout.index(self.observations.field_of(variable))].place
        lat, lon = self._drift.lat[k], self._drift.lon[k]
        cells = grid.nearest(place, lat, lon)
        wet = np.flatnonzero(grid.wet_at(place).ravel()[cells])
        number = self._drift.number[k, wet]
        return make_rows(
            self._columns(variable, cycle, k, cells[wet], number)
            | {
                "lat": lat[wet],
                "lon": lon[wet],
                "product": product_code("twin-drifter"),
                "platform": number,
                "detail": DROGUE_ATTACHED,
            }
        )

    def _columns(
        self, variable: str, cycle: int, k: int, cells: np.ndarray, element: np.ndarray
    ) -> dict[str, object]:
        """Observe a variable in some cells, with the errors of these elements."""
        settings, scale = self.observations.of(variable), getattr(self.twin.errors, variable)
        place = self.nature.model.layout.index(self.observations.field_of(variable))
        field = self.nature.states[k, place].ravel()
        codes = (np.full(cells.shape, code) for code in settings.operator.codes)
        code = VARIABLES.index(variable)
        address = Address(self.twin.seed, cycle, Purpose.NATURE_OBSERVATIONS, code)
        errors = scale * standard_errors(settings, address, element)
        return {
            "time": self.nature.times[k].astype("M8[ns]"),
            "variable": code,
            "value": observe(field[cells], *codes) + errors,
            "error": scale,
        }


def standard_errors(
    variable: VariableSettings, address: Address, element: np.ndarray
) -> np.ndarray:
    """Draw errors of unit scale (or sd) from a variable's density, at elements of an address."""
    if not element.size:
        return np.zeros(0)
    kind, df = variable.noise.codes
    count = int(element.max()) + 1
    if kind == GAUSSIAN:
        return normals(address, count)[element]
    uniform = uniforms(address, count)[element]
    return laplace_quantile(uniform) if kind == LAPLACE else special.stdtrit(df, uniform)
