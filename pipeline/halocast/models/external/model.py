"""The model contract, kept by an external program.

A forecast is one call: the state goes into ``restart_in.nc`` in a new scratch folder, the command
runs there, and ``restart_out.nc`` is the state at the end. The folder is removed, unless something
failed: then the error says where it is. The call knows the state, the times and the forcing, and
nothing else, neither cycle nor member, so that a forecast is the same wherever it is made.

Cost: two files of the state's size, written and read (80 ms of CPU for 12 fields, and 1.3 ms a
megabyte), beside the program's own.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from halocast.draws import Purpose
from halocast.errors import ConfigError, HalocastError, ModelError, RunError
from halocast.grid import Grid
from halocast.models.base import ForcingWindow
from halocast.models.external.program import find_program, run_program
from halocast.models.external.restart import (
    layout_of,
    read_restart,
    write_forcing,
    write_restart,
)
from halocast.models.external.settings import ExternalModelSettings
from halocast.noise import ModelNoise

RESTART_IN, RESTART_OUT, FORCING = "restart_in.nc", "restart_out.nc", "forcing.nc"


class ForcingFile:
    """A cycle's forcing as a file, for all members of a worker; goes with the object."""

    def __init__(self, window: ForcingWindow, grid: Grid, scratch: str | None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="halocast-forcing-", dir=scratch)
        self.path = Path(self._folder.name) / FORCING
        write_forcing(self.path, window, grid)


class ExternalModel:
    """A program that advances a restart file; see `ExternalModelSettings`."""

    def __init__(self, settings: ExternalModelSettings, grid: Grid) -> None:
        self.settings = settings
        self.grid = grid
        self.name = settings.name
        self.layout = layout_of(settings.fields)
        self.needs_forcing = settings.forcing
        self._wet = self.layout.wet(grid)
        self._perturbation = self._build_perturbation()

    def _build_perturbation(self) -> ModelNoise:
        try:
            return ModelNoise.build(self.settings.perturbation, self.grid, self.layout)
        except ConfigError as error:
            key = error.where.replace("ensemble.model_noise", "model.perturbation")
            raise ConfigError(error.what, where=key, remedy=error.remedy) from None

    def initial_state(self, forcing: ForcingWindow | None) -> np.ndarray:
        """State (F, ny, nx) of the initial restart file; ConfigError where it cannot be used."""
        try:
            return read_restart(Path(self.settings.initial), self.settings.fields, self.grid)
        except ModelError as error:
            raise ConfigError(
                error.what, where=f"model.initial; {error.where}", remedy=error.remedy
            ) from error

    def initial_perturbation(self, seed: int, member: int) -> np.ndarray:
        """Draw the member's difference, (F, ny, nx), as ``perturbation`` says."""
        return self._perturbation.draw(seed, 0, member, Purpose.INITIAL_STATE)

    def apply_perturbation(self, state: np.ndarray, increment: np.ndarray) -> np.ndarray:
        """Add the increment where each field lives."""
        return state + np.where(self._wet, increment, 0.0)

    def prepare_forcing(self, window: ForcingWindow | None) -> ForcingFile | None:
        """Write the cycle's forcing to a file that the members share."""
        if window is None or not self.needs_forcing:
            return None
        return ForcingFile(window, self.grid, self.settings.scratch)

    def steps(self, start: np.datetime64, stop: np.datetime64) -> int:
        """Count the steps from ``start`` to ``stop``; ConfigError unless it is a whole number."""
        seconds = (stop - start) / np.timedelta64(1, "s")
        steps, rest = divmod(seconds, self.settings.time_step)
        if rest or steps < 0:
            raise ConfigError(
                f"{seconds:g} s are not a whole number of steps of {self.settings.time_step} s",
                where=f"model.time_step, {start} to {stop}",
                remedy="choose an analysis interval that is a multiple of the time step",
            )
        return int(steps)

    def advance(
        self,
        state: np.ndarray,
        start: np.datetime64,
        stop: np.datetime64,
        forcing: ForcingFile | None = None,
    ) -> np.ndarray:
        """Run the program from one restart file to the next.

        Raises
        ------
        ModelError
            The program failed, took too long, or left no usable state; the scratch folder is kept
            and named.
        ConfigError
            There is no such program, or ``stop`` is not a whole number of steps after ``start``.
        """
        steps = self.steps(start, stop)
        with self._scratch() as folder:
            write_restart(folder / RESTART_IN, state, start, self.settings.fields, self.grid)
            self._link_files(folder, forcing)
            known = {
                "restart_in": folder / RESTART_IN,
                "restart_out": folder / RESTART_OUT,
                "forcing": folder / FORCING,
                "start": start.astype("datetime64[s]"),
                "stop": stop.astype("datetime64[s]"),
                "seconds": steps * self.settings.time_step,
                "steps": steps,
            }
            command = [word.format(**known) for word in self.settings.command]
            run_program(command, folder, self.settings.environment, self.settings.timeout)
            return read_restart(folder / RESTART_OUT, self.settings.fields, self.grid)

    def _link_files(self, folder: Path, forcing: ForcingFile | None) -> None:
        for path in map(Path, self.settings.files):
            (folder / path.name).symlink_to(path)
        if forcing is not None:
            (folder / FORCING).symlink_to(forcing.path)

    @contextmanager
    def _scratch(self):
        """Make a scratch folder; removed where all goes well."""
        try:
            folder = Path(tempfile.mkdtemp(prefix="halocast-member-", dir=self.settings.scratch))
        except OSError as error:
            raise RunError(
                f"no scratch folder can be made: {error}",
                where=self.settings.scratch or tempfile.gettempdir(),
                remedy="set model.scratch to a folder that the workers can write to",
            ) from error
        try:
            yield folder
        except OSError as error:
            raise RunError(
                f"the scratch folder cannot be used: {error}",
                where=str(folder),
                remedy="make room there, or set model.scratch to another folder",
            ) from error
        shutil.rmtree(folder, ignore_errors=True)

    def complete(self, drawn: np.ndarray, ancestor: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """What was drawn is complete."""
        return drawn.copy()

    def surface_response(self) -> None:
        """Nothing is known of the program's balance."""

    def check(self) -> list[str]:
        """Say whether program, initial state or files are missing."""
        problems = []
        for attempt in (
            lambda: find_program(self.settings.command),
            lambda: self.initial_state(None),
        ):
            try:
                attempt()
            except HalocastError as error:
                problems.append(str(error))
        problems += [
            f"model.files: there is no {path}"
            for path in self.settings.files
            if not Path(path).exists()
        ]
        if self.settings.scratch is not None and not Path(self.settings.scratch).is_dir():
            problems.append(f"model.scratch: there is no folder {self.settings.scratch}")
        return problems
