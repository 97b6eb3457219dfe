"""HYCOM analyses (GOFS 3.1 and ESPC-D-V02) to surface fields in SI units.

A file holds some of ``surf_el(time, lat, lon)`` and ``water_u``, ``water_v``, ``water_temp(time,
depth, lat, lon)``, packed in int16 with a float32 scale; longitudes 0…360; latitudes every 0.04°
(GLBy), or every 0.08° within 40° of the equator and 0.04° beyond (GLBv); times in hours since
2000-01-01, every three hours, with gaps. ``tau`` has units no one can decode and is left out.
Files may hold all variables or one each, in any order and overlapping.

Cost: what lies over the box is decoded once, in float32: 0.44 million points a field of GLBy over
40° by 35°, about 10 ms.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.sources.axes import Window
from halocast.sources.hycom_access import (
    Experiment,
    experiment_for,
    file_url,
    opendap_url,
    subset_url,
)
from halocast.sources.hycom_pieces import VARIABLES, PathOrDataset, Piece, read_pieces
from halocast.sources.sphere import Box
from halocast.sources.times import (
    Time,
    as_time,
    bracket,
    missing_steps,
    usual_step,
)
from halocast.sources.to_grid import to_grid

__all__ = [
    "Experiment",
    "experiment_for",
    "file_url",
    "opendap_url",
    "read_hycom",
    "subset_url",
    "to_grid",
]


def read_hycom(
    files: PathOrDataset | Sequence[PathOrDataset],
    box: Box,
    start: Time,
    stop: Time,
) -> xr.Dataset:
    """Read surface height, velocity and temperature over a box and a period.

    Parameters
    ----------
    files
        Paths, OPeNDAP addresses or opened datasets (decoded or not), in any order, together
        holding all four variables.
    box
        (west, east, south, north) in degrees; one point beyond each side comes along.
    start, stop
        The period; the steps that bracket it, up to two days away, come along.

    Returns
    -------
    ``ssh`` (m), ``u``, ``v`` (m s⁻¹) and ``t`` (K), float32, on (time, lat, lon), all ascending,
    NaN on land. Attributes: ``step_hours``; ``missing_times``, the steps of the period that are
    not there; ``duplicate_times``, how often a step was found again, with equal values;
    ``unmatched_times``, those among the missing at which only some variable is missing.

    Raises
    ------
    InputError
        A file cannot be used (see `halocast.sources.files`), a variable is missing, in other
        units or out of physical range, the axes are not those of a map over the box, files are
        on different grids or disagree at one time, or there is nothing in the period.
    """
    first, last = as_time(start), as_time(stop)
    items: list[PathOrDataset] = (
        [files] if isinstance(files, (str, os.PathLike, xr.Dataset)) else list(files)
    )
    if not items:
        raise InputError("no HYCOM file was given", remedy="check the path or pattern")
    pieces: dict[str, list[Piece]] = {name: [] for name in VARIABLES}
    for number, item in enumerate(items):
        for name, piece in read_pieces(item, box, first, last, number).items():
            pieces[name].append(piece)
    _require_all(pieces, items)
    window = _common_window(pieces)
    fields, duplicates = {}, 0
    for name, parts in pieces.items():
        fields[name], again = _join(name, [p for p in parts if p.times.size], first, last)
        duplicates += again
    return _assemble(fields, window, first, last, duplicates)


def _require_all(pieces: dict[str, list[Piece]], items: Sequence[PathOrDataset]) -> None:
    missing = [name for name, parts in pieces.items() if not parts]
    if missing:
        shown = ", ".join("a dataset" if isinstance(i, xr.Dataset) else str(i) for i in items[:3])
        raise InputError(
            f"no variable {', '.join(missing)} in any of {len(items)} HYCOM files",
            where=shown + (" …" if len(items) > 3 else ""),
            remedy="give the files of all the variables surf_el, water_u, water_v, water_temp",
        )


def _common_window(pieces: dict[str, list[Piece]]) -> Window:
    parts = [part for several in pieces.values() for part in several]
    reference = parts[0]
    for part in parts[1:]:
        same = all(
            a.shape == b.shape and np.allclose(a, b, rtol=0.0, atol=1e-3)
            for a, b in zip(part.window[2:], reference.window[2:])
        )
        if not same:
            raise InputError(
                "the files are on different grids",
                where=f"{reference.where} and {part.where}",
                remedy="read the families (GLBv, GLBy, ESPC) by themselves",
            )
    return reference.window


def _join(
    name: str, parts: list[Piece], first: np.datetime64, last: np.datetime64
) -> tuple[dict[np.datetime64, np.ndarray], int]:
    """Fields by time, in order; a step found again must be equal."""
    found: dict[np.datetime64, tuple[np.ndarray, str]] = {}
    duplicates, blank = 0, 0
    for part in parts:
        for time, values in zip(part.times, part.values):
            if not np.isfinite(values).any():  # servers fill what they lost: as good as missing
                blank += 1
            elif time not in found:
                found[time] = (values, part.where)
            elif np.array_equal(found[time][0], values, equal_nan=True):
                duplicates += 1
            else:
                raise InputError(
                    f"two different fields of {name} at {time}",
                    where=f"{found[time][1]} and {part.where}",
                    remedy="leave out the files of one of the two runs",
                )
    if blank and not found:
        raise InputError(
            f"every value of {name} over the box is missing",
            where=parts[0].where,
            remedy="check the box: is there sea in it?",
        )
    if not found:
        raise InputError(
            f"nothing of {name} between {first} and {last}",
            where=parts[0].where if parts else "the HYCOM files",
            remedy="give the files of the period",
        )
    return {time: found[time][0] for time in sorted(found)}, duplicates


def _assemble(
    fields: dict[str, dict[np.datetime64, np.ndarray]],
    window: Window,
    first: np.datetime64,
    last: np.datetime64,
    duplicates: int,
) -> xr.Dataset:
    everywhere = set.intersection(*(set(by_time) for by_time in fields.values()))
    anywhere = set.union(*(set(by_time) for by_time in fields.values()))
    times = np.array(sorted(everywhere), "M8[s]")
    times = times[bracket(times, first, last)]
    if not times.size:
        raise InputError(
            f"no time between {first} and {last} has all the variables",
            remedy="give the files of all the variables for the same times",
        )
    data = {}
    for name, spec in VARIABLES.items():
        by_time = fields.pop(name)
        values = np.stack([by_time[time] for time in times])
        attrs = {"units": spec.units, "standard_name": spec.standard_name}
        data[spec.name] = (("time", "lat", "lon"), values, attrs)
    step = usual_step(times, np.timedelta64(3 * 3600, "s"))
    missing = missing_steps(times, first, last, step)
    return xr.Dataset(
        data,
        coords={
            "time": ("time", times.astype("M8[ns]"), {"standard_name": "time"}),
            "lat": ("lat", window.lat, {"units": "degrees_north", "standard_name": "latitude"}),
            "lon": ("lon", window.lon, {"units": "degrees_east", "standard_name": "longitude"}),
        },
        attrs={
            "product": "hycom",
            "level": "surface",
            "step_hours": float(step / np.timedelta64(3600, "s")),
            "missing_times": [str(t) for t in missing],
            "duplicate_times": duplicates,
            "unmatched_times": [str(t) for t in missing if t in anywhere],
        },
    )
