"""Runs from the outside: create one, carry it out or on, ask for its scores.

A run lies in a folder, given by its path or URL (``halocast.stores.places``).
"""

from __future__ import annotations

import logging
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import halocast
from halocast.config import RunSettings, validate_settings
from halocast.cycle.context import data_store, make_model, most_blocks
from halocast.cycle.driver import Driver, Progress
from halocast.diagnostics import Row, rows_by_cycle, summarise
from halocast.diagnostics.desroziers import Consistency, stored_consistency
from halocast.engines import Engine
from halocast.errors import RunError, RunStopped
from halocast.increments import checkpoint_tracks
from halocast.stores.copying import copy_folder
from halocast.stores.local_place import LocalPlace
from halocast.stores.observation_store import Observations
from halocast.stores.open_run import open_run
from halocast.stores.place import Place
from halocast.stores.places import locate, require_local
from halocast.stores.run_lock import RunLock
from halocast.stores.run_store import CONFIG, RunSpec, RunStore, read_texts, require_free

log = logging.getLogger(__name__)

Watcher = Callable[[Progress], None]

_STACK = (
    "halocast", "numpy", "numba", "xarray", "zarr", "dask", "distributed", "intake", "cartopy",
)  # fmt: skip


def create_run(
    settings: RunSettings, directory: str | Path | Place, twin: str | Path | None = None
) -> RunStore:
    """Make the folder of a run: its twin data where it asks for some, and its empty store.

    Parameters
    ----------
    settings
        The run file.
    directory
        The folder to make.
    twin
        A folder with the twin's data, made for a run that shares them; linked to, not copied.

    Raises
    ------
    RunError
        The folder exists and is not empty, or another process is making a run there.
    """
    place = locate(directory)
    settings = _with_absolute_store(settings)
    require_free(place)
    with RunLock(place):
        require_free(place)
        if settings.data.twin is None:
            return RunStore.create(place, _spec(settings, data_store(place, settings)))
        if twin is not None:
            return _with_shared_twin(settings, place, Path(twin).absolute())
        return _with_own_twin(settings, place)


def _with_shared_twin(settings: RunSettings, place: Place, shared: Path) -> RunStore:
    link = require_local(place) / "data.zarr"
    link.symlink_to(shared / "data.zarr", target_is_directory=True)
    return RunStore.create_beside(place, _spec(settings, shared / "data.zarr"))


def _with_own_twin(settings: RunSettings, place: Place) -> RunStore:
    """Make a run with its twin's data, which are made on a disk and then brought there."""
    from halocast.twins import make_twin

    if not isinstance(place, LocalPlace):
        with tempfile.TemporaryDirectory(prefix="halocast-") as folder:
            workshop = Path(folder) / "twin"
            make_twin(settings, workshop)
            copy_folder(workshop, place)
    else:
        workshop = place.path.parent / f".{place.name}.making"
        make_twin(settings, workshop)
        for path in workshop.iterdir():
            path.rename(place.path / path.name)
        workshop.rmdir()
    return RunStore.create_beside(place, _spec(settings, data_store(place, settings)))


def _with_absolute_store(settings: RunSettings) -> RunSettings:
    if settings.data.twin is not None:
        return settings
    data = settings.data.model_copy(update={"store": str(locate(settings.data.store))})
    return settings.model_copy(update={"data": data})


def _spec(settings: RunSettings, store: str | Path | Place) -> RunSpec:
    model = make_model(settings, store)
    time = settings.time
    return RunSpec(
        times=np.array([time.at(k) for k in range(1, time.cycles + 1)]),
        grid=model.grid,
        layout=model.layout,
        members=settings.ensemble.members,
        n_blocks=most_blocks(settings, model.grid.shape),
        max_slots=max(1, _largest_window(settings, store)),
        tracks=checkpoint_tracks(settings.update, free_run=settings.free_run),
        reference=settings.reference is not None,
        config=settings.to_yaml(),
        record=_record(settings),
    )


def _largest_window(settings: RunSettings, store: str | Path | Place) -> int:
    """Return the largest number of observation rows in any cycle."""
    edges = [settings.time.at(k) for k in range(settings.time.cycles + 1)]
    times = Observations.open(store).times
    places = np.searchsorted(times, np.array(edges), side="right")
    return int(np.diff(places).max(initial=0))


def _record(settings: RunSettings) -> dict[str, Any]:
    """Say what was run, with what, on what."""
    return {
        "name": settings.name,
        "seed": settings.seed,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in _STACK}},
        "commit": _git_commit(),
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        "command": " ".join(["halocast", *sys.argv[1:]]),
    }


def _processor() -> str:
    """Return the processor's name: bits are promised on one family only."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git_commit() -> str:
    """Return the commit of the code where it runs from a checkout, else an empty string."""
    folder = Path(halocast.__file__).parent
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def carry_out(
    directory: str | Path | Place,
    engine: Engine,
    *,
    groups: int | None = None,
    watch: Watcher | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Run the cycles that a run's folder still misses; returns the last committed cycle.

    Parameters
    ----------
    directory
        Folder of the run.
    engine
        Where its tasks run.
    groups
        Groups of blocks a cycle is cut into; one a place when None.
    watch
        Called with every cycle that was committed.
    stop
        Tells whether to stop after the cycle under way.

    A checkpoint with damaged bytes is not gone on from: the log says so, and the run goes on after
    the one before.

    Raises
    ------
    RunStopped
        The run was asked to stop, by ``stop`` or by a request in its folder.
    RunError
        Another process that lives carries it out.
    """
    place = locate(directory)
    read_texts(place)  # a lock is taken only where there is a run
    with RunLock(place) as lock:
        _clear(place)
        driver = Driver(place, engine, groups, stop)
        for progress in driver.run():
            lock.require()
            if watch is not None:
                watch(progress)
    done, cycles = driver.store.committed(), driver.settings.time.cycles
    if done < cycles:
        raise RunStopped(
            f"the run was asked to stop, and has: {done} of {cycles} cycles are committed",
            where=str(place),
            remedy=f"`halocast resume` goes on after the checkpoint of cycle "
            f"{driver.store.last_checkpoint()}",
        )
    return done


def _clear(place: Place) -> None:
    """Remove what processes that died have left behind, and checkpoints that are damaged."""
    store = RunStore.open(place)
    store.discard_partial_files()
    damaged = store.discard_damaged_checkpoints()
    if not damaged:
        return
    sound = store.last_checkpoint()
    goes_on = f"goes on after the checkpoint of cycle {sound}" if sound else "begins again"
    more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
    log.warning(
        "a checkpoint is damaged, its bytes are not those that were written (%s%s); the run %s, "
        "and what is computed again is checked against what was committed",
        damaged[0], more, goes_on,
    )  # fmt: skip


def stored_settings(directory: str | Path | Place) -> RunSettings:
    """Return the settings a run was made with."""
    place = locate(directory)
    text, _ = read_texts(place)
    return validate_settings(yaml.safe_load(text), where=place.file(CONFIG))


def change_settings(
    directory: str | Path | Place, changed: RunSettings, *, accept_changes: bool = False
) -> None:
    """Give a run other settings before it is resumed.

    Raises
    ------
    RunError
        Something beside the engine differs, and ``accept_changes`` is false; or another process
        that lives carries the run out.
    """
    old = stored_settings(directory)
    differences = setting_differences(old, changed)
    if differences and not accept_changes:
        raise RunError(
            "the configuration differs from the one this run was made with:\n"
            + "\n".join(f"  - {d}" for d in differences),
            where=str(directory),
            remedy="start a new run, or give --accept-changes: from the newest checkpoint on the "
            "run then follows the new configuration",
        )
    if differences or old.engine != changed.engine:
        with RunLock(directory):
            locate(directory).write(CONFIG, changed.to_yaml().encode())


def setting_differences(old: RunSettings, new: RunSettings) -> list[str]:
    """List what differs between two configurations and can change a result."""
    a, b = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    free = ("engine.", "name", "description")
    return [
        f"{key}: {a.get(key)!r} in the run, {b.get(key)!r} now"
        for key in sorted(a.keys() | b.keys())
        if a.get(key) != b.get(key) and not key.startswith(free)
    ]


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix.rstrip("."): tree}
    out: dict[str, Any] = {}
    for key, value in tree.items():
        out.update(_flat(value, f"{prefix}{key}."))
    return out


def run_scores(directory: str | Path | Place) -> list[Row]:
    """Return the scores of a run, averaged over its committed cycles."""
    return summarise(rows_by_cycle(open_run(directory)["scores"].to_dataset()))


def run_consistency(directory: str | Path | Place) -> list[Consistency]:
    """Return the variances of errors that a run assumed, and those found in all its cycles.

    None of a run without assimilation.
    """
    if stored_settings(directory).filter.method == "free-run":
        return []
    return stored_consistency(open_run(directory)["observations"].to_dataset())
