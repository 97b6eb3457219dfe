"""The shallow-water model behind the contract of models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from halocast.errors import InputError, ModelError
from halocast.grid import Grid
from halocast.models.base import ForcingWindow
from halocast.models.shallow_water.analysis_state import layers_from_surface
from halocast.models.shallow_water.boundaries import Boundary
from halocast.models.shallow_water.columns import displacements, keep_thick, thicknesses
from halocast.models.shallow_water.forcing import LayeredForcing, layered_forcing, no_forcing
from halocast.models.shallow_water.geometry import LAND_THICKNESS, make_metrics, model_grid
from halocast.models.shallow_water.increments import complete_columns
from halocast.models.shallow_water.layers import gravities, rest_thickness
from halocast.models.shallow_water.open_edge import open_edge
from halocast.models.shallow_water.padding import aligned_copy, pad, unpad
from halocast.models.shallow_water.perturbations import initial_increment
from halocast.models.shallow_water.response import balanced_response
from halocast.models.shallow_water.rk4 import CONSTANTS, Physics, Work, make_work, run_rk4
from halocast.models.shallow_water.settings import ShallowWaterSettings
from halocast.models.shallow_water.split_explicit import make_barotropic, run_split
from halocast.models.shallow_water.stability import stability_problems, sub_steps
from halocast.noise.response import SurfaceResponse
from halocast.state import Field, StateLayout

_CHECK_SECONDS = 3600  # how often a run looks for values that are not finite, in absolute time


class ShallowWater:
    """A multilayer shallow-water ocean on a C grid; see the package's text.

    Parameters
    ----------
    settings
        The ``model`` section of a run file.
    grid
        Depth from cell means of a bathymetry; the model's own grid is smoothed and has land where
        it is shallower than ``minimum_depth``.
    """

    name = "shallow-water"
    needs_forcing = True

    def __init__(self, settings: ShallowWaterSettings, grid: Grid) -> None:
        self.settings = settings
        self.grid = model_grid(grid, settings)
        self.layout = _layout(len(settings.densities))
        self.rest = np.where(self.grid.sea, rest_thickness(settings, self.grid.depth), 0.0)
        self.edge = open_edge(self.grid, settings)
        self.dtype = np.dtype(settings.precision).type
        self._gravity = gravities(settings)
        self._wet = self.layout.wet(self.grid)
        self._metrics = make_metrics(self.grid, self.dtype)
        self._physics = self._make_physics()
        self._closed = no_forcing(self)

    def __reduce__(self) -> tuple[type[ShallowWater], tuple[ShallowWaterSettings, Grid]]:
        # rebuilt where it arrives: pickled arrays would lose their place on cache lines
        return ShallowWater, (self.settings, self.grid)

    def _make_physics(self) -> Physics:
        settings, periodic = self.settings, self.grid.periodic
        drag = np.zeros(len(self.rest))
        drag[-1] = settings.bottom_drag
        rest = pad(np.where(self.grid.sea, self.rest, LAND_THICKNESS), LAND_THICKNESS, periodic)
        minimum = settings.minimum_thickness
        values = (
            settings.viscosity, settings.biharmonic_viscosity, settings.diffusivity,
            minimum, 4 * minimum, 2.0**39, 2.0**-39, 0.0, 1.0,
        )  # fmt: skip
        constants = np.zeros(1, np.dtype([(name, self.dtype) for name in CONSTANTS]))
        constants[0] = values
        return Physics(
            constants=constants,
            gravity=aligned_copy(self._gravity, self.dtype),
            drag=aligned_copy(drag, self.dtype),
            rest=aligned_copy(rest.reshape(-1, rest.shape[-1]), self.dtype),
            periodic=np.array(periodic),
        )

    def check(self) -> list[str]:
        """Say what would make a run unstable, with the number that fails."""
        return stability_problems(self.settings, self.grid)

    def initial_state(
        self, forcing: ForcingWindow | None, start: np.datetime64 | None = None
    ) -> np.ndarray:
        """State (F, ny, nx) from the analysis at ``start`` (default: the window's first step).

        Without forcing, the ocean at rest.
        """
        if forcing is None:
            at_rest = {"ssh": np.zeros(self.grid.shape)}
            return self._state(layers_from_surface(at_rest, self.grid, self.rest, self.settings))
        surface = _surface_at(forcing, start)
        return self._state(layers_from_surface(surface, self.grid, self.rest, self.settings))

    def initial_perturbation(self, seed: int, member: int) -> np.ndarray:
        """Draw a member's increment (F, ny, nx) of the initial state; not centred."""
        return initial_increment(self.grid, self.rest, self.settings, seed, member)

    def apply_perturbation(self, state: np.ndarray, increment: np.ndarray) -> np.ndarray:
        """Add an increment (F, ny, nx) on the sea and keep every layer thick enough."""
        total = np.where(self._wet, state + increment, state)
        displaced = keep_thick(
            displacements(total, self.rest), self.rest, self.settings.minimum_thickness
        )
        out = total.copy()
        out[4::4] = np.where(self.grid.sea, thicknesses(displaced, self.rest)[1:], state[4::4])
        return out

    def prepare_forcing(self, window: ForcingWindow | None) -> LayeredForcing | None:
        """Turn a window of analysis fields into layered boundary targets, once a cycle."""
        return None if window is None else layered_forcing(self, window)

    def complete(self, drawn: np.ndarray, ancestor: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Let increments of sea-surface height at flat cells (c,) move the interfaces below."""
        sea = self.grid.sea.ravel()[cells]
        rest = self.rest.reshape(len(self.rest), -1)
        method, minimum = self.settings.increments, self.settings.minimum_thickness
        if sea.all():
            return complete_columns(drawn, ancestor, rest[:, cells], self._gravity, method, minimum)
        out = drawn.copy()
        out[:, sea] = complete_columns(
            drawn[:, sea], ancestor[:, sea], rest[:, cells[sea]], self._gravity, method, minimum
        )
        return out

    def surface_response(self) -> SurfaceResponse:
        """What 1 m of height in balance is in the other fields, under ``increments``."""
        return balanced_response(self.settings, self.grid, self.rest)

    def advance(
        self,
        state: np.ndarray,
        start: np.datetime64,
        stop: np.datetime64,
        forcing: LayeredForcing | None,
    ) -> np.ndarray:
        """Return the state at ``stop`` from the state at ``start``.

        Parameters
        ----------
        state
            (F, ny, nx).
        forcing
            What ``prepare_forcing`` made of a window that covers the stretch; None closes the
            basin.

        Raises
        ------
        ModelError
            The stretch is not a number of time steps, or the state is not finite.
        InputError
            The forcing does not cover the stretch.
        """
        first, last = _seconds(start), _seconds(stop)
        steps = self._count_steps(first, last)
        boundary = self._closed if forcing is None else forcing.boundary
        if forcing is not None:
            _check_cover(boundary.seconds, first, last)
        self._check_finite(state, start, start)
        padded = self._padded(state)
        layers, ny, nxp = padded.shape[1:]
        work = make_work(layers, ny, nxp, self.dtype)
        run = self._stepper(work, boundary)
        dt = self.settings.time_step
        out = state
        while steps > 0:
            now = min(steps, max(1, (_CHECK_SECONDS - first % _CHECK_SECONDS) // dt))
            run(padded, first, now)
            out = self._state(unpad(padded, self.grid.shape).astype(float))
            began, first, steps = first, first + now * dt, steps - now
            self._check_finite(out, np.datetime64(began, "s"), np.datetime64(first, "s"))
        return out.copy() if out is state else out

    def _stepper(self, work: Work, boundary: Boundary) -> Callable[[np.ndarray, int, int], None]:
        """Time stepping of a padded state, in place, from a time (s) by a number of steps."""
        dt, nx, metrics, physics = (
            float(self.settings.time_step), self.grid.shape[1], self._metrics, self._physics,
        )  # fmt: skip
        if self.settings.time_stepping == "rk4":
            parts = np.array([dt, dt / 2, dt / 3, dt / 6], self.dtype)

            def rk4(state: np.ndarray, first: int, steps: int) -> None:
                run_rk4(state, float(first), steps, dt, parts, nx, metrics, physics, work, boundary)

            return rk4
        counts, plan = sub_steps(self.settings, self.grid)
        plan = aligned_copy(plan, self.dtype)
        layers, ny = len(self.rest), self.grid.shape[0] + 2
        scratch = make_barotropic(layers, ny, work.tau.shape[-1], self.dtype)

        def split(state: np.ndarray, first: int, steps: int) -> None:
            run_split(
                state, float(first), steps, dt, counts, plan, nx,
                metrics, physics, work, scratch, boundary,
            )  # fmt: skip

        return split

    def _count_steps(self, first: int, last: int) -> int:
        steps, remainder = divmod(last - first, self.settings.time_step)
        if steps < 0 or remainder:
            raise ModelError(
                f"{last - first} s is not a number of time steps of {self.settings.time_step} s",
                where="model.time_step",
                remedy="choose a time step that divides the analysis interval",
            )
        return steps

    def _check_finite(self, state: np.ndarray, began: np.datetime64, now: np.datetime64) -> None:
        bad = self._wet & ~np.isfinite(state)
        if not bad.any():
            return
        field, j, i = np.argwhere(bad)[0]
        value = state[field, j, i]
        when = f"at {now}" if began == now else f"between {began} and {now}"
        y, x = self.grid.y[j], self.grid.x[i]
        raise ModelError(
            f"{self.layout.names[field]} became {value} at {int(bad.sum())} points",
            where=f"cell (y {j}, x {i}) at {y:.2f}, {x:.2f}, {when}",
            remedy="a smaller time step, more viscosity or a smaller increment; "
            "`check` gives the CFL numbers",
        )

    def _padded(self, state: np.ndarray) -> np.ndarray:
        """Padded displacements, velocities and temperature (4, L, ny + 2, nxp)."""
        wet, settings = self._wet, self.settings
        raw = keep_thick(displacements(state, self.rest), self.rest, settings.minimum_thickness)
        warm = np.array(settings.temperatures)[:, None, None]
        values = np.stack(
            [
                np.where(self.grid.sea, raw, 0.0),
                np.where(wet[1::4], state[1::4], 0.0),
                np.where(wet[2::4], state[2::4], 0.0),
                np.where(self.grid.sea, state[3::4], warm),
            ]
        )
        padded = pad(values, 0.0, self.grid.periodic)
        return aligned_copy(padded, self.dtype)

    def _state(self, values: np.ndarray) -> np.ndarray:
        """State (F, ny, nx) from displacements, velocities and temperature (4, L, ny, nx)."""
        out = np.empty((len(self.layout), *self.grid.shape))
        out[0::4] = thicknesses(values[0], self.rest)
        out[0] = values[0, 0]
        out[1::4], out[2::4], out[3::4] = values[1], values[2], values[3]
        return out


def _layout(layers: int) -> StateLayout:
    fields = []
    for k in range(layers):
        if k == 0:
            fields.append(
                Field("ssh", None, "m", "sea-surface height", "sea_surface_height_above_geoid")
            )
        else:
            fields.append(Field("h", k, "m", f"thickness of layer {k}", "cell_thickness"))
        speed = "sea_water_{}_velocity"
        fields += [
            Field("u", k, "m s-1", f"eastward velocity of layer {k}", speed.format("x"), "east"),
            Field("v", k, "m s-1", f"northward velocity of layer {k}", speed.format("y"), "north"),
            Field("t", k, "K", f"temperature of layer {k}", "sea_water_temperature"),
        ]
    return StateLayout(tuple(fields))


def _seconds(time: np.datetime64) -> int:
    return int(time.astype("datetime64[s]").astype(np.int64))


def _check_cover(seconds: np.ndarray, first: int, last: int) -> None:
    if seconds[0] > first or seconds[-1] < last:
        covered = f"{np.datetime64(int(seconds[0]), 's')} to {np.datetime64(int(seconds[-1]), 's')}"
        raise InputError(
            f"the forcing covers {covered}, the model runs from {np.datetime64(first, 's')} to "
            f"{np.datetime64(last, 's')}",
            where="forcing.time",
            remedy="ingest an analysis that covers the run",
        )


def _surface_at(forcing: ForcingWindow, start: np.datetime64 | None) -> dict[str, np.ndarray]:
    names = [name for name in ("ssh", "u", "v", "t") if name in forcing.fields]
    seconds = forcing.times.astype("datetime64[s]").astype(np.int64)
    wanted = seconds[0] if start is None else _seconds(start)
    _check_cover(seconds, int(wanted), int(wanted))
    after = min(int(np.searchsorted(seconds, wanted)), seconds.size - 1)
    before = after if seconds[after] == wanted else after - 1
    w = 0.0 if before == after else (wanted - seconds[before]) / (seconds[after] - seconds[before])
    fields = forcing.fields
    return {name: (1 - w) * fields[name][before] + w * fields[name][after] for name in names}
