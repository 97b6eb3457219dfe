"""Product files through the catalogs into a data store, with an account of what came of them.

Bathymetry becomes ``/grid``, an analysis on that grid ``/forcing``, altimetry and drifters
``/observations``. Rows outside the region or the period stay out of the store and are counted; all
others go in with the fate their reader gave them. What was ingested before is merged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from halocast.catalog import KINDS, Entry, open_entry
from halocast.errors import ConfigError, InputError
from halocast.grid import Grid
from halocast.settings import Settings
from halocast.sources.bathymetry import sea_grid
from halocast.sources.rows import FATE_MEANING, Fate, count_fates, select_rows
from halocast.sources.sphere import Box, inside_box
from halocast.sources.times import Time, as_time
from halocast.sources.to_grid import to_grid
from halocast.stores.forcing_store import MAX_GAP
from halocast.stores.forcing_writer import write_forcing
from halocast.stores.grid_store import read_grid, write_grid
from halocast.stores.observation_store import write_observations
from halocast.stores.place import Place
from halocast.stores.places import locate

# what readers leave out by themselves, where it is one of the fates
_LEFT_OUT = {
    "dropped_outside_box": FATE_MEANING[Fate.OUTSIDE],
    "dropped_outside_window": FATE_MEANING[Fate.WINDOW],
}


class Domain(Settings):
    """The region of the model, as cells between edges."""

    south: float = Field(ge=-90.0, lt=90.0, description="southern edge, degrees north")
    north: float = Field(gt=-90.0, le=90.0, description="northern edge, degrees north")
    ny: int = Field(ge=1, description="cells from south to north")
    west: float = Field(ge=-180.0, lt=180.0, description="western edge, degrees east")
    east: float = Field(gt=-180.0, le=180.0, description="eastern edge, degrees east")
    nx: int = Field(ge=1, description="cells from west to east")
    minimum_depth: float = Field(
        default=200.0, gt=0.0, description="shallower cells are land; metres"
    )

    @model_validator(mode="after")
    def _edges_in_order(self) -> Domain:
        if not (self.south < self.north and self.west < self.east):
            raise ValueError("south must lie below north, and west below east")
        return self

    @property
    def box(self) -> Box:
        """(west, east, south, north) in degrees."""
        return self.west, self.east, self.south, self.north


@dataclass(frozen=True)
class IngestReport:
    """What came of one catalog entry.

    Attributes
    ----------
    entry, kind
        What was ingested.
    files
        How many files were read.
    stored
        Cells of sea, steps or rows that were new to the store.
    fates
        How many rows met each fate (words of ``FATE_MEANING``), those left out of the store
        included; ``left out: …`` is what the reader could not make a row of.
    gaps
        Steps of an analysis that are missing.
    remarks
        What else should be known, in sentences.
    """

    entry: str
    kind: str
    files: int
    stored: int
    fates: Mapping[str, int] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = {"bathymetry": "sea cells", "analysis": "steps"}.get(self.kind, "rows")
        lines = [f"{self.entry}: {self.stored} {what} from {self.files} files"]
        lines += [f"  {count:>9} {fate}" for fate, count in self.fates.items()]
        lines += [f"  missing: {', '.join(self.gaps)}"] if self.gaps else []
        return "\n".join(lines + [f"  {remark}" for remark in self.remarks])


def ingest(
    names: Sequence[str],
    into: str | Path | Place,
    *,
    domain: Domain | None = None,
    start: Time | None = None,
    stop: Time | None = None,
    parameters: Mapping[str, str] | None = None,
    downloads: str | Path = "downloads",
    max_gap: np.timedelta64 = MAX_GAP,
) -> list[IngestReport]:
    """Ingest catalog entries into the data store at ``into``, which is made if need be.

    Parameters
    ----------
    names
        Entries of the catalogs, in any order; bathymetry is done first.
    domain
        The grid to make of a bathymetry. Without one, the store must have its grid.
    start, stop
        The period of analyses and observations (UTC).
    parameters
        For the entries that take them, such as ``{"path": "files"}``; each must be taken by one.
    downloads
        Folder for what is fetched from servers.
    max_gap
        The longest time between two steps of an analysis.

    Returns
    -------
    One report an entry, in the order of ingestion.

    Raises
    ------
    ConfigError
        An entry or parameter is unknown; the domain or the period is needed and not given.
    InputError
        A file cannot be had or used; an analysis does not reach over the period, or has a gap
        longer than ``max_gap``. Entries before the one at fault are in the store.
    StoreError
        The store is of another kind or version, or holds another grid.
    """
    if not names:
        raise ConfigError("nothing to ingest", remedy="name entries of the catalogs")
    given = dict(parameters or {})
    plain = [open_entry(name) for name in dict.fromkeys(names)]
    _require_taken(plain, given)
    plain.sort(key=lambda entry: KINDS.index(entry.kind))
    if any(entry.kind != "bathymetry" for entry in plain):
        first, last = _period(start, stop)
    reports = []
    for entry in plain:
        own: dict[str, Any] = {k: v for k, v in given.items() if k in entry.parameters}
        if entry.kind == "bathymetry":
            reports.append(_ingest_bathymetry(open_entry(entry.name, **own), into, domain))
            continue
        grid = _grid(into, domain)
        south, north, west, east = grid.edges
        box = (west, east, south, north)
        resolved = open_entry(entry.name, box=box, start=first, stop=last, **own)
        data = resolved.read(box, first, last, downloads)
        if entry.kind == "analysis":
            reports.append(_ingest_analysis(resolved, data, into, grid, (first, last), max_gap))
        else:
            reports.append(_ingest_rows(resolved, data, into, box, (first, last)))
    return reports


def _ingest_bathymetry(
    entry: Entry, into: str | Path | Place, domain: Domain | None
) -> IngestReport:
    if domain is None:
        raise ConfigError(
            f"{entry.name} needs a domain to make a grid of",
            remedy="give south, north, ny, west, east, nx",
        )
    data = entry.read(domain.box, "1970-01-01", "1970-01-01")
    grid = sea_grid(
        data, domain.south, domain.north, domain.ny, domain.west, domain.east, domain.nx,
        domain.minimum_depth,
    )  # fmt: skip
    write_grid(into, grid)
    depths = grid.depth[grid.sea]
    remark = (
        f"{grid.shape[0]} x {grid.shape[1]} cells, {grid.n_cells - depths.size} of them land, "
        f"depths {depths.min():.0f} to {depths.max():.0f} m"
    )
    return IngestReport(entry.name, entry.kind, 1, depths.size, remarks=(remark,))


def _ingest_analysis(
    entry: Entry,
    data: xr.Dataset,
    into: str | Path | Place,
    grid: Grid,
    period: tuple[np.datetime64, np.datetime64],
    max_gap: np.timedelta64,
) -> IngestReport:
    _require_no_gap(data["time"].values, period, max_gap, entry.name)
    fields = to_grid(data, grid)
    write_forcing(into, fields.assign_attrs(entry=entry.name))
    gaps = tuple(data.attrs["missing_times"])
    remarks = [str(fields.attrs["regridding"])]
    if gaps:
        hours = max_gap / np.timedelta64(3600, "s")
        remarks.append(f"missing steps are interpolated across up to {hours:g} h")
    unmatched = data.attrs["unmatched_times"]
    if unmatched:
        remarks.append(f"left out, for want of some variable: {', '.join(unmatched)}")
    steps = data.sizes["time"]
    return IngestReport(
        entry.name, entry.kind, data.attrs["files"], steps, gaps=gaps, remarks=tuple(remarks)
    )


def _ingest_rows(
    entry: Entry,
    rows: xr.Dataset,
    into: str | Path | Place,
    box: Box,
    period: tuple[np.datetime64, np.datetime64],
) -> IngestReport:
    inside = inside_box(box, rows["lat"].values, rows["lon"].values)
    time = rows["time"].values
    timely = (time > period[0]) & (time <= period[1])
    kept = select_rows(rows, inside & timely)
    counts: Counter[str] = Counter()
    for fate, count in count_fates(kept).items():
        counts[FATE_MEANING[fate]] += count
    counts[FATE_MEANING[Fate.OUTSIDE]] += int((~inside).sum())
    counts[FATE_MEANING[Fate.WINDOW]] += int((inside & ~timely).sum())
    for name, count in rows.attrs.items():
        if str(name).startswith("dropped_"):
            counts[_LEFT_OUT.get(name, f"left out: {name[8:].replace('_', ' ')}")] += int(count)
    merged = write_observations(into, kept.assign_attrs(rows.attrs))
    remarks = []
    if merged["known"]:
        remarks.append(f"{merged['known']} rows were in the store already")
    if merged["duplicates"]:
        remarks.append(f"{merged['duplicates']} rows repeat a measurement of another product")
    if rows.attrs.get("superseded"):
        remarks.append(f"{rows.attrs['superseded']} granules have a later version, and were left")
    if not counts[FATE_MEANING[Fate.CANDIDATE]]:
        remarks.append("no candidate for assimilation in the region and period")
    shown = {fate: count for fate, count in counts.items() if count}
    return IngestReport(
        entry.name, entry.kind, rows.attrs["files"], merged["added"], shown, remarks=tuple(remarks)
    )


def _period(start: Time | None, stop: Time | None) -> tuple[np.datetime64, np.datetime64]:
    if start is None or stop is None:
        raise ConfigError("analyses and observations need a period", remedy="give start and stop")
    first, last = as_time(start), as_time(stop)
    if not first < last:
        raise ConfigError(
            f"the period {first} … {last} is empty", remedy="give a start before the stop"
        )
    return first, last


def _grid(into: str | Path | Place, domain: Domain | None) -> Grid:
    if not locate(into).names():
        raise ConfigError(
            "there is no store yet, and so no grid to put data on",
            where=str(into),
            remedy="ingest a bathymetry first, or along with the rest",
        )
    grid = read_grid(into)
    if domain is not None:
        wanted = Grid.sphere(domain.south, domain.north, domain.ny, domain.west, domain.east,
                             domain.nx)  # fmt: skip
        if not (np.array_equal(grid.y, wanted.y) and np.array_equal(grid.x, wanted.x)):
            raise ConfigError(
                f"the store's grid has {grid.shape[0]} x {grid.shape[1]} cells over {grid.edges}, "
                f"the domain {domain.ny} x {domain.nx} over {wanted.edges}",
                where=str(into),
                remedy="ingest into a new store, or leave the domain out",
            )
    return grid


def _require_taken(plain: Sequence[Entry], given: Mapping[str, Any]) -> None:
    taken = {key for entry in plain for key in entry.parameters}
    unknown = sorted(set(given) - taken)
    if unknown:
        raise ConfigError(
            f"no entry takes the parameter {', '.join(unknown)}",
            where=", ".join(entry.name for entry in plain),
            remedy=f"they take {', '.join(sorted(taken)) or 'none'}",
        )


def _require_no_gap(
    times: np.ndarray,
    period: tuple[np.datetime64, np.datetime64],
    max_gap: np.timedelta64,
    name: str,
) -> None:
    """Refuse an analysis that does not reach over the period or is silent for too long in it."""
    times = times.astype("M8[s]")
    first, last = period
    if times[0] > first or times[-1] < last:
        raise InputError(
            f"the analysis runs from {times[0]} to {times[-1]}, not over {first} … {last}",
            where=f"catalog entry {name}",
            remedy="give the files of the whole period, with the steps just before and after it",
        )
    steps = np.diff(times)
    if steps.size and steps.max() > max_gap:
        worst = int(steps.argmax())
        hours = [f"{s / np.timedelta64(3600, 's'):g} h" for s in (steps[worst], max_gap)]
        raise InputError(
            f"nothing for {hours[0]} between {times[worst]} and {times[worst + 1]}, "
            f"longer than the {hours[1]} allowed",
            where=f"catalog entry {name}",
            remedy="find the missing files, shorten the period, or allow a longer gap",
        )
