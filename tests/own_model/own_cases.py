"""A small ocean of one's own in three forms: a Python class, a Fortran program, a shell script.

A tracer on a plane is carried eastward by upwind steps and decays a little; its data are a truth of
the same equation and point observations. Everything is small: 10 x 12 cells, 3 cycles, 4 members.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr
import yaml
from halocast.draws import Address, Purpose, normals
from halocast.grid import Grid
from halocast.sources.rows import concat_rows, make_rows, product_code, variable_code
from halocast.stores.grid_store import write_grid
from halocast.stores.observation_store import write_observations

SHAPE = (10, 12)
START = np.datetime64("2024-08-01T00:00:00", "s")
CYCLES = 3
HOUR = np.timedelta64(3600, "s")

MY_MODEL = '''
"""A tracer in a steady current."""
import numpy as np
from halocast.models import OwnModel
from halocast.state import Field, StateLayout


class Tracer(OwnModel):
    name = "tracer"
    layout = StateLayout((Field("tracer", None, "1", "concentration"),))

    def __init__(self, grid, courant=0.4, decay=0.02):
        super().__init__(grid)
        self.courant, self.decay = courant, decay

    def initial_state(self, forcing):
        y, x = np.indices(self.grid.shape)
        return 1.0 + np.exp(-((x - 4.0) ** 2 + (y - 5.0) ** 2) / 8.0)[None]

    def advance(self, state, start, stop, forcing):
        c = state.copy()
        for _ in range(int((stop - start) / np.timedelta64(600, "s"))):
            c = (c - self.courant * (c - np.roll(c, 1, axis=2))) * (1.0 - self.decay)
        return c
'''

MY_OPERATORS = """
from math import exp


def brightness(s):
    return 3.0 * (1.0 - exp(-s)) if s > 0 else 3.0 * s
"""

# the same equation, reading and writing netCDF through its Fortran library
FORTRAN = """
program tracer
  use netcdf
  implicit none
  integer, parameter :: nx = 12, ny = 10
  real(8) :: c(nx, ny), old(nx, ny), courant, decay
  integer :: steps, step, file, variable, dims(2), i
  character(len=512) :: infile, outfile, word
  namelist /tracer_parameters/ courant, decay
  call get_command_argument(1, infile)
  call get_command_argument(2, outfile)
  call get_command_argument(3, word)
  read(word, *) steps
  open(10, file='namelist', status='old')
  read(10, nml=tracer_parameters)
  close(10)
  call check(nf90_open(trim(infile), NF90_NOWRITE, file))
  call check(nf90_inq_varid(file, 'concentration', variable))
  call check(nf90_get_var(file, variable, c))
  call check(nf90_close(file))
  do step = 1, steps
    old = c
    do i = 1, nx
      c(i, :) = (old(i, :) - courant * (old(i, :) - old(modulo(i - 2, nx) + 1, :))) * (1d0 - decay)
    end do
  end do
  if (maxval(c) > 1d3) then
    write(0, *) 'tracer: concentration has blown up, ', maxval(c)
    call exit(7)
  end if
  call check(nf90_create(trim(outfile), NF90_NETCDF4, file))
  call check(nf90_def_dim(file, 'x', nx, dims(1)))
  call check(nf90_def_dim(file, 'y', ny, dims(2)))
  call check(nf90_def_var(file, 'concentration', NF90_DOUBLE, dims, variable))
  call check(nf90_enddef(file))
  call check(nf90_put_var(file, variable, c))
  call check(nf90_close(file))
contains
  subroutine check(status)
    integer, intent(in) :: status
    if (status /= NF90_NOERR) then
      write(0, *) trim(nf90_strerror(status))
      call exit(8)
    end if
  end subroutine
end program
"""

NAMELIST = "&tracer_parameters courant = 0.4, decay = 0.02 /\n"


def grid() -> Grid:
    """The plane that runs have."""
    return Grid.plane(*SHAPE, 1.0, 1.0, np.ones(SHAPE))


def initial() -> np.ndarray:
    """The initial concentration, shape (ny, nx); a bump."""
    y, x = np.indices(SHAPE)
    return 1.0 + np.exp(-((x - 4.0) ** 2 + (y - 5.0) ** 2) / 8.0)


def write_initial(path: Path, variable: str = "concentration") -> None:
    """Write the initial state as a restart file."""
    xr.Dataset({variable: (("y", "x"), initial())}).to_netcdf(path, engine="h5netcdf")


def write_data(store: Path, operator=lambda s: s) -> None:
    """Write a data store: the grid, and every third cell observed at the end of each cycle."""
    plane = grid()
    write_grid(store, plane)
    truth, tables = 1.1 * initial(), []
    cells = np.arange(0, plane.n_cells, 3)
    j, i = np.divmod(cells, plane.shape[1])
    for cycle in range(1, CYCLES + 1):
        for _ in range(6):
            truth = (truth - 0.4 * (truth - np.roll(truth, 1, axis=1))) * 0.98
        noise = normals(Address(5, cycle, Purpose.NATURE_OBSERVATIONS, 0), cells.size)
        seen = np.array([operator(s) for s in truth.ravel()[cells]])
        columns = {
            "time": (START + cycle * HOUR).astype("datetime64[ns]"),
            "lat": plane.y[j],
            "lon": plane.x[i],
            "variable": variable_code("z"),
            "value": seen + 0.05 * noise,
            "error": 0.05,
            "product": product_code("other"),
            "platform": cycle,
        }
        tables.append(make_rows(columns))
    write_observations(store, concat_rows(tables))


def run_tree(store: Path, model: dict, **observed: object) -> dict:
    """Return the tree of a run file."""
    return {
        "name": "own",
        "seed": 3,
        "time": {"start": str(START), "cycles": CYCLES, "cycle_seconds": 3600},
        "grid": {"kind": "plane", "shape": list(SHAPE)},
        "model": model,
        "ensemble": {"members": 4, "model_noise": {"tracer": 0.1}},
        "data": {"store": str(store)},
        "observations": {"z": {"field": "tracer", **observed}, "gross_error": None},
        "filter": {"method": "lsmcmc-v2", "block": [2, 3], "halo": 1.5},
        "checkpoint": {"every": 2},
    }


def write_run(path: Path, tree: dict) -> Path:
    """Write a run file."""
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def python_program(folder: Path, body: str) -> list[str]:
    """Return the command of a small Python program: restart files in and out, number of steps."""
    script = folder / "program.py"
    script.write_text(body, encoding="utf-8")
    return [sys.executable, str(script), "{restart_in}", "{restart_out}", "{steps}"]
