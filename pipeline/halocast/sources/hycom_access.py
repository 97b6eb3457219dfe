"""Where the HYCOM analysis of a date is served: experiments by date, and their addresses.

GOFS 3.1 came in families. The reanalysis 53.X and the analyses up to February 2020 are on the grid
GLBv0.08, the later ones on GLBy0.08, which is finer in latitude and ends on 2024-09-05T09; its
successor ESPC-D-V02 starts on 2024-08-10T12, serves each variable by itself, and carries tides.
Where families overlap, the reanalysis comes before the analyses, and GLBy before both others.

The servers were not reached by the tests. They ask for about ten connections at a time, one for
subsets (NCSS), and for requests below 500 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

import numpy as np

from halocast.errors import InputError
from halocast.sources.sphere import Box
from halocast.sources.times import Time, as_time

_DODS = "https://tds.hycom.org/thredds/dodsC"
_SUBSETS = "https://ncss.hycom.org/thredds/ncss"
_FILES = "https://data.hycom.org/datasets"

# the dataset of ESPC that holds each variable
_ESPC_DATASETS = {"surf_el": "ssh", "water_u": "u3z", "water_v": "v3z", "water_temp": "t3z"}


class Experiment(NamedTuple):
    """One experiment: its family (grid), its path on the servers, and its first and last time."""

    family: str
    path: str
    start: np.datetime64
    stop: np.datetime64


def _experiment(family: str, number: str, start: str, stop: str) -> Experiment:
    path = f"{family}/{number}" if number else family
    return Experiment(family, path, as_time(start), as_time(stop))


EXPERIMENTS: tuple[Experiment, ...] = (
    _experiment("GLBy0.08", "expt_93.0", "2018-12-04T00", "2024-09-05T09"),
    _experiment("GLBv0.08", "expt_53.X", "1994-01-01T00", "2015-12-31T21"),
    _experiment("GLBv0.08", "expt_56.3", "2014-07-01T00", "2016-04-30T21"),
    _experiment("GLBv0.08", "expt_57.2", "2016-05-01T00", "2017-01-31T21"),
    _experiment("GLBv0.08", "expt_92.8", "2017-02-01T00", "2017-05-31T21"),
    _experiment("GLBv0.08", "expt_57.7", "2017-06-01T00", "2017-09-30T21"),
    _experiment("GLBv0.08", "expt_92.9", "2017-10-01T00", "2017-12-31T21"),
    _experiment("GLBv0.08", "expt_93.0", "2018-01-01T00", "2020-02-19T21"),
    _experiment("ESPC-D-V02", "", "2024-08-10T12", "2100-01-01T00"),
)
"""In order of preference."""


def experiment_for(date: Time) -> Experiment:
    """Return the experiment to use for a date.

    Raises
    ------
    InputError
        No experiment holds the date.
    """
    time = as_time(date)
    # an experiment lasts until the step after its last one
    three_hours = np.timedelta64(3, "h")
    for experiment in EXPERIMENTS:
        if experiment.start <= time < experiment.stop + three_hours:
            return experiment
    raise InputError(
        f"no HYCOM experiment holds {time}",
        remedy="GOFS 3.1 starts on 1994-01-01; give a date since then",
    )


def opendap_url(date: Time, variable: str = "surf_el") -> str:
    """Return the OPeNDAP address of what holds a date (and, in ESPC, a variable)."""
    return f"{_DODS}/{dataset_path(date, variable)}"


def dataset_path(date: Time, variable: str = "surf_el") -> str:
    """Return the path, on the servers, of the dataset that holds a date (in ESPC: a variable)."""
    experiment = experiment_for(date)
    year = str(as_time(date))[:4]
    if experiment.path.endswith("expt_53.X"):
        return f"{experiment.path}/data/{year}"
    if experiment.family == "ESPC-D-V02":
        if variable not in _ESPC_DATASETS:
            raise InputError(
                f"unknown variable {variable!r}", remedy=f"use one of {', '.join(_ESPC_DATASETS)}"
            )
        return f"{experiment.path}/{_ESPC_DATASETS[variable]}/{year}"
    return experiment.path


def subset_url(
    date: Time,
    box: Box,
    stop: Time,
    variables: Sequence[str] = ("surf_el", "water_u", "water_v", "water_temp"),
) -> str:
    """Return the address of a surface subset (NCSS, netCDF-3) from a date to ``stop``.

    Raises
    ------
    InputError
        The experiment changes before ``stop``, or, in ESPC, more than one variable is asked for.
    """
    experiment = experiment_for(date)
    if experiment_for(stop) != experiment:
        raise InputError(
            f"{date} is served by {experiment.path}, {stop} by {experiment_for(stop).path}",
            remedy="ask for the two parts by themselves",
        )
    if experiment.family == "ESPC-D-V02" and len(variables) != 1:
        raise InputError(
            "ESPC-D-V02 serves each variable by itself", remedy="ask for one variable at a time"
        )
    west, east, south, north = box
    query: list[tuple[str, str]] = [("var", name) for name in variables]
    query += [("north", f"{north:g}"), ("west", f"{west:g}"), ("east", f"{east:g}")]
    query += [("south", f"{south:g}"), ("horizStride", "1")]
    query += [("time_start", _stamp(date)), ("time_end", _stamp(stop)), ("timeStride", "1")]
    query += [("vertCoord", "0"), ("accept", "netcdf")]
    address = f"{_SUBSETS}/{dataset_path(date, variables[0])}"
    return f"{address}?{urlencode(query, safe=':')}"


def file_url(date: Time, part: str) -> str:
    """Return the address of one hindcast file of GLBy0.08 (3-hourly, global).

    Parameters
    ----------
    part
        ``"ssh"``, ``"uv3z"`` or ``"ts3z"``.

    Raises
    ------
    InputError
        The date is not in GLBy0.08 or not a multiple of 3 h, or the part is unknown.
    """
    time = as_time(date)
    experiment = experiment_for(time)
    if experiment.family != "GLBy0.08":
        raise InputError(
            f"{time} is served by {experiment.path}, which has no such files",
            remedy="use opendap_url or subset_url",
        )
    if part not in ("ssh", "uv3z", "ts3z"):
        raise InputError(f"unknown part {part!r}", remedy="use ssh, uv3z or ts3z")
    since_noon = time - np.timedelta64(12, "h")
    run = since_noon.astype("M8[D]")
    hours = (since_noon - run) / np.timedelta64(1, "h")
    if hours % 3:
        raise InputError(f"{time} is not a 3-hourly time", remedy="give 00, 03, 06 … 21 h")
    year, month, day = str(run).split("-")
    name = f"hycom_glby_930_{year}{month}{day}12_t{int(hours):03d}_{part}.nc"
    return f"{_FILES}/{experiment.path}/data/hindcasts/{year}/{name}"


def _stamp(date: Time) -> str:
    return f"{as_time(date)}Z"
