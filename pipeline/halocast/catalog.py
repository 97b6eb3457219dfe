"""The catalogs: what data there are, where, and how they are read.

A catalog is an Intake 2 file in ``catalogs/``, one a product family; an entry is a name under its
``aliases``. Intake fills the parameters into the addresses; reading is done by the readers of
``halocast.sources``, which know the products. This module alone imports Intake.
"""

from __future__ import annotations

import difflib
import glob
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal, cast

import numpy as np
import xarray as xr

from halocast.errors import ConfigError, InputError
from halocast.sources.bathymetry import read_bathymetry
from halocast.sources.drifters import read_drifters
from halocast.sources.files import require_netcdf, require_text
from halocast.sources.hycom import read_hycom
from halocast.sources.hycom_access import dataset_path
from halocast.sources.remote import fetch, fetch_granules
from halocast.sources.rows import concat_rows
from halocast.sources.sphere import Box
from halocast.sources.swot import drop_duplicate_granules, read_swot
from halocast.sources.times import Time, as_time

Kind = Literal["bathymetry", "analysis", "altimetry", "drifters"]
KINDS: tuple[Kind, ...] = ("bathymetry", "analysis", "altimetry", "drifters")

_HALF_DAY = np.timedelta64(12 * 3600, "s")


@dataclass(frozen=True)
class Entry:
    """One entry of a catalog, with its parameters filled in.

    Attributes
    ----------
    name, catalog, description
        What it is called, the file it is in, what it holds.
    kind
        What it becomes in a store: bathymetry, analysis, altimetry or drifters.
    product, access
        The product, and how it is got: local, demo, opendap, erddap, download or earthdata.
    exercised, note
        Whether the tests read through it, and what they did not do.
    urls
        Addresses, paths or patterns.
    parameters
        What it takes, and the values it was given or has by default.
    """

    name: str
    catalog: str
    description: str
    kind: Kind
    product: str
    access: str
    exercised: bool
    note: str
    urls: tuple[str, ...]
    parameters: Mapping[str, str]
    metadata: Mapping[str, Any]

    def files(self, box: Box, start: Time, stop: Time, downloads: str | Path) -> list[str]:
        """Return the files or OPeNDAP addresses to read; what is remote otherwise is fetched.

        Raises
        ------
        InputError
            No file matches, or a server does not give it.
        """
        if self.access in ("local", "demo"):
            return [path for url in self.urls for path in self._matches(url)]
        if self.access == "opendap":
            return list(self.urls)
        if self.access == "earthdata":
            name = str(self.metadata["short_name"])
            found = fetch_granules(name, as_time(start), as_time(stop), box, downloads)
            return [str(path) for path in found]
        if self.access == "erddap":
            return [str(fetch(url, downloads, ".csv", require_text)) for url in self.urls]
        return [str(fetch(url, downloads, ".nc", require_netcdf)) for url in self.urls]

    def read(
        self, box: Box, start: Time, stop: Time, downloads: str | Path = "downloads"
    ) -> xr.Dataset:
        """Read what the entry holds over a box (west, east, south, north) and a period.

        Returns
        -------
        An analysis (time, lat, lon), a bathymetry (lat, lon) or observation rows (row). The
        attribute ``files`` counts the files read, ``superseded`` the granules left out because
        there is a later version of them.

        Raises
        ------
        InputError
            A file cannot be had or used.
        """
        files = self.files(box, start, stop, downloads)
        first, last = as_time(start), as_time(stop)
        if self.kind == "analysis":
            return read_hycom(files, box, first, last).assign_attrs(files=len(files))
        if self.kind == "bathymetry":
            return self._read_one_bathymetry(files, box)
        if self.kind == "drifters":
            parts = [read_drifters(f, box=box, start=first, stop=last) for f in files]
            return concat_rows(parts).assign_attrs(files=len(files))
        kept, superseded = drop_duplicate_granules(files)
        rows = concat_rows([read_swot(path, box=box) for path in kept])
        return rows.assign_attrs(files=len(kept), superseded=len(superseded))

    def _read_one_bathymetry(self, files: list[str], box: Box) -> xr.Dataset:
        if len(files) != 1:
            raise InputError(
                f"{len(files)} files where one bathymetry was expected: {', '.join(files[:3])} …",
                where=f"catalog entry {self.name}",
                remedy="name the file",
            )
        return read_bathymetry(files[0], box).assign_attrs(files=1)

    def _matches(self, url: str) -> list[str]:
        if not url:
            raise InputError(
                f"entry {self.name} needs to know where its files are",
                where=f"catalog {self.catalog}",
                remedy="give the parameter path: a file, a folder or a pattern",
            )
        path = Path(url).expanduser()
        pattern = path / str(self.metadata.get("pattern", "*")) if path.is_dir() else path
        if path.is_file():
            return [str(path)]
        found = sorted(name for name in glob.glob(str(pattern)) if Path(name).is_file())
        if not found:
            raise InputError(
                f"no file matches {pattern}",
                where=f"catalog entry {self.name}",
                remedy="check the parameters "
                + ", ".join(f"{name}={value}" for name, value in self.parameters.items()),
            )
        return found


def entries() -> list[Entry]:
    """Return every entry of every catalog, with its default parameters."""
    return [_resolve(name, {}) for name in _index()]


def open_entry(
    name: str,
    *,
    box: Box | None = None,
    start: Time | None = None,
    stop: Time | None = None,
    **parameters: str,
) -> Entry:
    """Return an entry with its parameters filled in.

    Parameters
    ----------
    name
        As in `entries`.
    box, start, stop
        Where and when; what the addresses need of them (edges, dates, the HYCOM dataset of the
        date) follows.
    parameters
        Others, by name; they come before what follows from the box and the period.

    Raises
    ------
    ConfigError
        There is no such entry, or it takes no such parameter.
    InputError
        No dataset holds the period.
    """
    taken = _takes(name)
    unknown = sorted(set(parameters) - set(taken))
    if unknown:
        raise ConfigError(
            f"entry {name} takes no parameter {', '.join(unknown)}",
            where=f"catalog {_find(name)[0]}",
            remedy=f"it takes {', '.join(taken) or 'none'}",
        )
    given = {key: str(value) for key, value in parameters.items()}
    return _resolve(name, _following(taken, box, start, stop) | given)


def catalog_directory() -> Path:
    """Return the folder of the catalogs: in the installed package, or in the checkout.

    Raises
    ------
    ConfigError
        There is none.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "catalogs", package.parents[1] / "catalogs"):
        if folder.is_dir():
            return folder
    raise ConfigError(
        "the catalogs are not there", where=str(package), remedy="install halocast again"
    )


@cache
def _catalogs() -> dict[str, Any]:
    from intake.readers.entry import Catalog

    paths = sorted(catalog_directory().glob("*.yaml"))
    return {path.stem: Catalog.from_yaml_file(str(path)) for path in paths}


@cache
def _index() -> dict[str, str]:
    """The catalog each entry is in."""
    return {name: stem for stem, catalog in _catalogs().items() for name in catalog.aliases}


def _find(name: str) -> tuple[str, Any]:
    index = _index()
    if name not in index:
        near = difflib.get_close_matches(name, index, n=3, cutoff=0.5)
        raise ConfigError(
            f"no catalog entry {name!r}",
            where=str(catalog_directory()),
            remedy=f"did you mean {' or '.join(near)}?"
            if near
            else f"there are {', '.join(index)}",
        )
    return index[name], _catalogs()[index[name]]


def _takes(name: str) -> list[str]:
    """Names of the parameters in an entry's addresses, in order."""
    _, catalog = _find(name)
    urls = catalog.data[f"{name}_data"].kwargs["url"]
    texts = [urls] if isinstance(urls, str) else urls
    fields = [field for text in texts for _, field, _, _ in Formatter().parse(text) if field]
    return list(dict.fromkeys(fields))


def _resolve(name: str, given: Mapping[str, str]) -> Entry:
    stem, catalog = _find(name)
    taken = _takes(name)
    values = {key: str(given.get(key, catalog.user_parameters[key].default)) for key in taken}
    # intake hands a parameter that no template takes to the reader, which then fails
    reader = catalog(**values)[name] if values else catalog[name]
    url = reader.kwargs["args"][0].url
    metadata = dict(reader.metadata)
    kind = metadata.pop("kind")
    if kind not in KINDS:
        raise ConfigError(f"entry {name} is of the unknown kind {kind!r}", where=f"catalog {stem}")
    return Entry(
        name=name,
        catalog=stem,
        description=metadata.pop("description"),
        kind=cast(Kind, kind),
        product=metadata.pop("product"),
        access=metadata.pop("access"),
        exercised=metadata.pop("exercised"),
        note=metadata.pop("note"),
        urls=(url,) if isinstance(url, str) else tuple(url),
        parameters=values,
        metadata=metadata,
    )


def _following(
    taken: list[str], box: Box | None, start: Time | None, stop: Time | None
) -> dict[str, str]:
    """Values of an entry's parameters that follow from the box and the period."""
    values: dict[str, str] = {}
    if box is not None:
        values |= {key: f"{edge:g}" for key, edge in zip(("west", "east", "south", "north"), box)}
    if start is not None:
        first = as_time(start)
        values |= {"start": f"{first}Z", "before": f"{first - _HALF_DAY}Z", "year": str(first)[:4]}
    if stop is not None:
        last = as_time(stop)
        values |= {"stop": f"{last}Z", "after": f"{last + _HALF_DAY}Z"}
    if start is not None and "dataset" in taken:
        values["dataset"] = _one_dataset(first, as_time(start if stop is None else stop))
    return {key: value for key, value in values.items() if key in taken}


def _one_dataset(first: np.datetime64, last: np.datetime64) -> str:
    """The HYCOM dataset of a period; GOFS 3.1 only, whose datasets hold all the variables."""
    path, other = dataset_path(first), dataset_path(last)
    if path.startswith("ESPC"):
        raise InputError(
            f"GOFS 3.1 ended before {first}", remedy="use the entry hycom_espc_opendap"
        )
    if path != other:
        raise InputError(
            f"the period is served by two datasets, {path} and {other}",
            where=f"{first} … {last}",
            remedy="ingest the two parts one after the other",
        )
    return path
