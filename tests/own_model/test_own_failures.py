"""Programs and classes that fail: each failure is a member's, and says what, where and why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import own_cases
import pytest
from halocast.check import check_run
from halocast.config import read_settings
from halocast.engines import SerialEngine
from halocast.errors import ConfigError, ModelError, RunError
from halocast.models.external import ExternalModel, ExternalModelSettings
from halocast.models.own import PythonModelSettings, load_own_model
from halocast.runs import carry_out, create_run
from halocast.stores.run_store import RunStore

STOP = own_cases.START + own_cases.HOUR


@pytest.fixture
def program(tmp_path: Path):
    """Make an external model of a small Python program; its scratch folders are in ``scratch``."""
    (tmp_path / "scratch").mkdir()
    own_cases.write_initial(tmp_path / "initial.nc", "tracer")

    def make(body: str, **changes: object) -> ExternalModel:
        tree = {
            "kind": "external",
            "command": own_cases.python_program(tmp_path, body),
            "fields": {"tracer": {"units": "1"}},
            "initial": str(tmp_path / "initial.nc"),
            "time_step": 600,
            "timeout": 30,
            "scratch": str(tmp_path / "scratch"),
            **changes,
        }
        return ExternalModel(ExternalModelSettings.model_validate(tree), own_cases.grid())

    return make


def advance(model: ExternalModel) -> np.ndarray:
    return model.advance(model.initial_state(None), own_cases.START, STOP)


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "scratch").iterdir())


WRITE = "import sys, h5py, numpy as np\nwith h5py.File(sys.argv[2], 'w') as new:\n    "

FAILURES = {
    "exit code": ("import sys; print('salinity < 0', file=sys.stderr); sys.exit(3)",
                  ["exit code 3", "salinity < 0"]),
    "signal": ("import os; os.kill(os.getpid(), 11)", ["SIGSEGV", "said nothing"]),
    "stdout only": ("import sys; print('STOP in step 7'); sys.exit(1)", ["STOP in step 7"]),
    "no output": ("pass", ["cannot be read"]),
    "not netCDF": ("import sys; open(sys.argv[2], 'w').write('done')", ["cannot be read"]),
    "variable missing": (WRITE + "new['salt'] = np.ones((10, 12))",
                         ["no variable tracer", "it has salt"]),
    "wrong shape": (WRITE + "new['tracer'] = np.ones((12, 10))", ["(12, 10), not (10, 12)"]),
    "not finite": (WRITE + "new['tracer'] = np.where(np.arange(120) == 13, np.nan, 1.0)"
                   ".reshape(10, 12)", ["1 values", "cell (1, 1)"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_is_a_model_error_and_its_folder_is_kept(kind, program, tmp_path):
    body, words = FAILURES[kind]
    with pytest.raises(ModelError) as caught:
        advance(program(body))
    for word in words:
        assert word in str(caught.value)
    (folder,) = kept(tmp_path)
    assert str(folder) in caught.value.where
    assert (folder / "restart_in.nc").is_file()


COPY = "import sys, shutil\nshutil.copy(sys.argv[1], sys.argv[2])\n"


def test_nothing_is_kept_where_all_goes_well(program, tmp_path):
    model = program(COPY)
    np.testing.assert_array_equal(advance(model), model.initial_state(None))
    assert kept(tmp_path) == []


HANG = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open("child", "w") as file:
    file.write(str(child.pid))
print("waiting for ice", file=sys.stderr, flush=True)
time.sleep(60)
"""


def test_a_program_that_hangs_is_ended_with_all_it_has_started(program, tmp_path):
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"longer than 2 s") as caught:
        advance(program(HANG, timeout=2.0))
    assert time.monotonic() - began < 30
    assert "waiting for ice" in str(caught.value)
    (folder,) = kept(tmp_path)
    assert _ends(int((folder / "child").read_text())), "a child of the program outlives it"


WORKER = """
import sys
from pathlib import Path
from halocast.models.external.program import run_program
code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
run_program([sys.executable, "-c", code], Path(sys.argv[1]), {}, 60)
"""


def test_a_program_ends_when_its_worker_is_killed(tmp_path):
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv: install the package util-linux")
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)])
    try:
        for _ in range(1200):
            if (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text():
                break
            time.sleep(0.05)
        child = int((tmp_path / "pid").read_text())
    finally:
        worker.kill()
        worker.wait(30)
    assert _ends(child), "the program outlives its worker"


def _ends(pid: int) -> bool:
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or _is_zombie(pid):
            return True
        time.sleep(0.05)
    return False


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


ENVIRONMENT = """
import os, sys, shutil
assert os.environ["OMP_NUM_THREADS"] == "3", os.environ
assert not [k for k in os.environ if k.startswith(("PMI_", "OMPI_COMM_"))], os.environ
shutil.copy(sys.argv[1], sys.argv[2])
"""


def test_the_program_has_its_own_environment(program, monkeypatch):
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    advance(program(ENVIRONMENT, environment={"OMP_NUM_THREADS": "3"}))


FORCED = """
import sys, h5py, numpy as np
with h5py.File("forcing.nc") as forcing, h5py.File(sys.argv[1]) as old:
    assert list(forcing["time"][:]) == [1722470400, 1722474000], forcing["time"][:]
    with h5py.File(sys.argv[2], "w") as new:
        new["tracer"] = old["tracer"][:] + forcing["t"][1]
"""


def test_the_forcing_is_a_file_beside_the_restart_file(program, tmp_path):
    from halocast.stores.forcing_store import ForcingWindow

    model = program(FORCED, forcing=True)
    warm = np.stack([np.zeros(own_cases.SHAPE), np.full(own_cases.SHAPE, 2.0)])
    window = ForcingWindow(np.array([own_cases.START, STOP]), {"t": warm})
    forcing = model.prepare_forcing(window)
    state = model.initial_state(None)
    np.testing.assert_array_equal(model.advance(state, own_cases.START, STOP, forcing), state + 2.0)
    path = forcing.path
    assert path.is_file()
    del forcing
    assert not path.exists()


def test_layers_and_classic_netcdf_are_read(program, tmp_path):
    classic = """
import sys, numpy as np
from scipy.io import netcdf_file
from h5py import File
old = File(sys.argv[1])
with netcdf_file(sys.argv[2], "w") as new:
    for name, size in (("time", 1), ("layer", 2), ("y", 10), ("x", 12)):
        new.createDimension(name, size)
    new.createVariable("uo", "d", ("time", "layer", "y", "x"))[:] = 2 * old["uo"][:]
"""
    import xarray as xr

    values = np.arange(240.0).reshape(2, 10, 12)
    xr.Dataset({"uo": (("z", "y", "x"), values)}).to_netcdf(
        tmp_path / "layers.nc", engine="h5netcdf"
    )
    fields = {"u": {"units": "m s-1", "layers": 2, "variable": "uo"}}
    model = program(classic, fields=fields, initial=str(tmp_path / "layers.nc"))
    assert model.layout.names == ("u0", "u1")
    np.testing.assert_array_equal(advance(model), 2 * values)


def test_perturbations_are_drawn_by_member(program):
    model = program(COPY, perturbation={"tracer": {"sd": 0.5}})
    one, other = model.initial_perturbation(1, 0), model.initial_perturbation(1, 1)
    assert 0.3 < one.std() < 0.7
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, model.initial_perturbation(1, 0))


def test_a_missing_program_is_no_members_failure(program):
    model = program("pass", command="./not-there {restart_in}")
    with pytest.raises(ConfigError, match="not-there"):
        advance(model)
    assert any("not-there" in problem for problem in model.check())


def test_a_scratch_folder_that_cannot_be_used_ends_the_run(program, tmp_path):
    model = program(COPY, scratch=str(tmp_path / "absent"))
    assert any("model.scratch" in problem for problem in model.check())
    with pytest.raises(RunError, match="scratch"):
        advance(model)


def external_tree(tmp_path: Path, data: Path, body: str, **changes: object) -> dict:
    own_cases.write_initial(tmp_path / "initial.nc", "tracer")
    model = {
        "kind": "external",
        "command": own_cases.python_program(tmp_path, body),
        "fields": {"tracer": {"units": "1"}},
        "initial": "initial.nc",
        "time_step": 600,
        "scratch": ".",
        **changes,
    }
    return own_cases.run_tree(data, model)


def test_an_unknown_placeholder_is_found_in_the_run_file(tmp_path, data):
    tree = external_tree(tmp_path, data, COPY, command="model {restart_inn}")
    with pytest.raises(ConfigError, match=r"model.command.*no \{restart_inn\}"):
        read_settings(own_cases.write_run(tmp_path / "run.yaml", tree))


def test_check_finds_what_is_missing(tmp_path, data):
    tree = external_tree(tmp_path, data, COPY, initial="lost.nc", files=["namelist"])
    problems = check_run(read_settings(own_cases.write_run(tmp_path / "run.yaml", tree)))
    assert any("lost.nc" in p for p in problems)
    assert any("namelist" in p for p in problems)


# the third call of all fails: one member of the first cycle
THIRD = """
import os, sys, shutil
from pathlib import Path
calls = Path(__file__).with_name("calls")
with calls.open("a") as file:
    file.write("x")
if calls.stat().st_size == 3:
    sys.exit(9)
shutil.copy(sys.argv[1], sys.argv[2])
"""


def test_a_failed_call_is_a_member_dropped(tmp_path, data):
    tree = external_tree(tmp_path, data, THIRD)
    tree["ensemble"]["on_failure"] = "drop"
    tree["time"]["cycles"] = 1
    tree["free_run"] = False
    settings = read_settings(own_cases.write_run(tmp_path / "run.yaml", tree))
    create_run(settings, tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    (failure,) = RunStore.open(tmp_path / "run").commit_record(1)["failures"]
    assert (failure["member"], failure["done"]) == (2, "dropped")
    assert "exit code 9" in failure["what"]


CLASSES = """
import numpy as np
from halocast.models import OwnModel
from halocast.state import Field, StateLayout


class Base(OwnModel):
    layout = StateLayout((Field("tracer", None, "1", "concentration"),))

    def initial_state(self, forcing):
        return np.ones((1, *self.grid.shape))


class Raises(Base):
    def advance(self, state, start, stop, forcing):
        return state / self.viscosity


class Flattens(Base):
    def advance(self, state, start, stop, forcing):
        return state.ravel()


class Nothing:
    def __init__(self, grid):
        self.grid = grid
"""


def own(name: str, source: str = CLASSES, **options: object):
    settings = PythonModelSettings.model_validate(
        {"class": f"my_classes:{name}", "source": source, "options": options}
    )
    return load_own_model(settings, own_cases.grid())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Raises", ["AttributeError", "viscosity", "my_classes.py, line 16"]),
        ("Flattens", ["shape (120,)", "(1, 10, 12)"]),
    ],
)
def test_a_class_that_fails_is_a_model_error_with_its_line(name, words):
    model = own(name)
    with pytest.raises(ModelError) as caught:
        model.advance(model.initial_state(None), own_cases.START, STOP, None)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("Absent", {}, ["has no Absent", "Raises"]),
        ("Nothing", {}, ["is no model", "layout", "OwnModel"]),
        ("Raises", {"speed": 1.0}, ["model.options", "speed"]),
        ("Raises", {"source": "import not_installed_anywhere"}, ["not_installed_anywhere"]),
        ("Raises", {"source": "def f(:"}, ["SyntaxError"]),
    ],
)
def test_a_class_that_cannot_be_used_is_a_config_error(name, changes, words):
    with pytest.raises(ConfigError) as caught:
        own(name, **changes)
    for word in words:
        assert word in str(caught.value)


def test_two_versions_of_a_module_share_a_process():
    first = own("Base")
    second = own("Base", CLASSES.replace("np.ones", "3.0 * np.ones"))
    assert first.initial_state(None).max() == 1.0
    assert second.initial_state(None).max() == 3.0


def test_code_is_loaded_where_no_cache_folder_can_be_written(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    model = own("Base", CLASSES + f"\n# {os.getpid()} {time.time_ns()}\n")
    assert model.initial_state(None).max() == 1.0
