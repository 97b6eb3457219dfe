"""Anomalies of a free run, for filters with static states (`halocast.filters.static_states`).

Of a run with several members: each free member less the mean of all at the same time, from all
checkpoints that were kept. What all members share (a season, a trend, the forcing) is not in them.
They are scaled so that their sample covariance is the members', K checkpoints of M_k pooled:

    sum a a' / (m_s - 1) = sum_k sum_i (x_ki - x_k)(x_ki - x_k)' / sum_k (M_k - 1)

Of a run of one member: its states, up to `MOST` spread evenly over the run, each less the mean of
those within `DAYS` days of it (Evensen 2003; Oke et al. 2008). Without that window a season would
dominate the covariance; with it a sixth of a yearly wave is left. What lies in the beginning of the
run is taken too: let it spin up before.

Cost: reading what is taken once; all of it is held in memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from halocast.cycle.context import Context, load_context
from halocast.errors import ConfigError, RunError
from halocast.replicates import read_fields
from halocast.stores.place import Place
from halocast.stores.places import locate
from halocast.stores.run_store import read_texts

MOST, FEWEST = 150, 2
DAYS = 60.0
_GROUPS = {"free": "free_run/mean", "analysis": "analysis/mean"}


def static_anomalies(directory: str | Path | Place, days: float | None = None) -> np.ndarray:
    """Return the anomalies of a run's free members, (m_s, F, ny, nx); 0 on land.

    Parameters
    ----------
    directory
        The run's folder.
    days
        Half the width of the window whose mean is taken off, of a run of one member; default 60.

    Raises
    ------
    RunError
        Nothing ran free, too little was kept, or states do not differ or are not finite.
    ConfigError
        ``days`` was given for a run with several members, or is not positive.
    """
    read_texts(directory)  # says what is wrong where there is no run
    context = load_context(str(locate(directory)))
    track = _free_track(context)
    if context.settings.ensemble.members == 1:
        found = _of_one_member(context, track, DAYS if days is None else days)
    elif days is not None:
        raise ConfigError(
            "a window of time is for runs of one member; here each is held against the mean of "
            "all at the same time",
            where=f"--days {days:g}",
            remedy="leave it out",
        )
    else:
        found = _of_members(context, track)
    found = np.where(context.model.layout.wet(context.grid), found, 0.0)
    if not np.isfinite(found).all():
        raise RunError("states of the run are not finite", where=str(directory))
    if not found.any():
        raise RunError(
            "the free states of the run do not differ: their covariance is 0",
            where=str(directory),
            remedy="take a run whose members differ, or one that varies in time",
        )
    return found


def write_static_anomalies(
    directory: str | Path | Place, output: Path, days: float | None = None
) -> np.ndarray:
    """Write the anomalies of a run to an npy file, and return them; RunError where it exists."""
    if output.exists():
        raise RunError(
            "there is such a file already", where=str(output), remedy="give another name"
        )
    found = static_anomalies(directory, days)
    partial = output.with_name(f".{output.name}.making")
    with partial.open("wb") as file:
        np.save(file, found, allow_pickle=False)
    partial.rename(output)
    return found


def _free_track(context: Context) -> str:
    if context.settings.free_run:
        return "free"
    if context.settings.filter.method == "free-run":
        return "analysis"
    raise RunError(
        "no member of this run was free of observations",
        where=f"{context.place}: free_run = false, filter.method = "
        f"{context.settings.filter.method!r}",
        remedy="take a run with free_run: true, or with filter: {method: free-run}",
    )


def _of_members(context: Context, track: str) -> np.ndarray:
    parts, freedom, members = [], 0, context.settings.ensemble.members
    for cycle in context.store.checkpoints(track):
        states = np.array([context.store.read_checkpoint(track, cycle, k) for k in range(members)])
        alive = ~np.isnan(states).all(axis=(1, 2, 3))  # who was dropped is NaN
        states = states[alive]
        parts.append(states - states.mean(axis=0))
        freedom += len(states) - 1
    _require_enough(context, sum(map(len, parts)), "checkpoint.keep more of them")
    pooled = np.concatenate(parts)
    return pooled * np.sqrt((len(pooled) - 1.0) / freedom)


def _of_one_member(context: Context, track: str, days: float) -> np.ndarray:
    if not days > 0:
        raise ConfigError(f"a window of {days:g} days", where="--days", remedy="use more than 0")
    done = context.store.committed()
    _require_enough(context, done, "run more cycles")
    cycles = np.unique(np.linspace(1, done, min(done, MOST)).astype(int))
    states = np.array([read_fields(context, int(cycle), _GROUPS[track]) for cycle in cycles])
    seconds = cycles * float(context.settings.time.cycle_seconds)
    return less_surroundings(states, seconds, days * 86400.0)


def less_surroundings(states: np.ndarray, times: np.ndarray, reach: float) -> np.ndarray:
    """Return states (k, …) at ``times`` (k,), each less the mean of those within ``reach`` of it.

    Raises
    ------
    RunError
        A state has no other one so near.
    """
    out = np.empty_like(states)
    for k, now in enumerate(times):
        near = np.abs(times - now) <= reach
        if near.sum() < FEWEST:
            raise RunError(
                f"no other state lies within {reach / 86400.0:g} days of one",
                where=f"{now / 86400.0:g} days after the run's start",
                remedy="give more --days, or run more cycles",
            )
        out[k] = states[k] - states[near].mean(axis=0)
    return out


def _require_enough(context: Context, count: int, remedy: str) -> None:
    if count < FEWEST:
        raise RunError(
            f"the run has kept {count} free states; {FEWEST} are the least, 100 to 150 are usual",
            where=str(context.place),
            remedy=remedy,
        )
