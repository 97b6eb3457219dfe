"""Unsmoothed SWOT granules (250 m, one group a side), completed from the 2 km granule of the pass.

Unsmoothed granules hold ssh and the mean sea surface. Tides and pressure come as the difference
ssh - mean sea surface - ssha of the 2 km granule, averaged over each line (they vary over hundreds
of kilometres); crossover correction and geoid bilinear in (time, distance from nadir).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.interpolate import RegularGridInterpolator

from halocast.errors import InputError
from halocast.sources.files import open_netcdf, require_variables
from halocast.sources.sphere import Box, wrap_longitude
from halocast.sources.swot_granules import Granule, drop_duplicate_granules, parse_granule
from halocast.sources.swot_lines import (
    Swath,
    cross_track_distance,
    degrees,
    height_error,
    line_times,
    lines_over,
    metres,
)
from halocast.sources.swot_selection import SwotSelection, screen


class _Corrections(NamedTuple):
    """What a 2 km granule knows that an Unsmoothed one lacks."""

    anomaly_from_height: np.ndarray
    crossover: np.ndarray
    crossover_quality: np.ndarray
    geoid: np.ndarray


def read_unsmoothed(
    path: Path,
    identity: Granule,
    box: Box | None,
    settings: SwotSelection,
    companion: str | Path | None,
) -> list[Swath]:
    """Read both sides of an Unsmoothed granule.

    Raises
    ------
    InputError
        There is no 2 km granule of the pass, or it does not cover the same times.
    """
    beside = Path(companion) if companion is not None else _find_companion(path, identity)
    with open_netcdf(beside, mask_and_scale=False, decode_times=False) as smooth:
        require_variables(
            smooth,
            ["ssh_karin_2", "ssha_karin_2", "height_cor_xover", "height_cor_xover_qual",
             "mean_sea_surface_cnescls", "geoid"],
            str(beside),
        )  # fmt: skip
        parts = []
        for side in ("left", "right"):
            where = f"{path}, group {side}"
            with open_netcdf(path, group=side, mask_and_scale=False, decode_times=False) as half:
                parts.append(_read_half(half, where, smooth, str(beside), box, settings))
    return parts


def _find_companion(path: Path, identity: Granule) -> Path:
    pattern = f"SWOT_L2_LR_SSH_*_{identity.cycle:03d}_{identity.number:03d}_*.nc"
    beside = [
        p
        for p in sorted(path.parent.glob(pattern))
        if (found := parse_granule(p)) and found.product in ("Basic", "Expert")
    ]
    if not beside:
        raise InputError(
            "an Unsmoothed granule has no geoid, tides or crossover correction of its own",
            where=str(path),
            remedy="put the Basic or Expert granule of the same cycle and pass beside it, or "
            "name it as companion=",
        )
    return drop_duplicate_granules(beside)[0][0]


def _read_half(
    ds: xr.Dataset,
    where: str,
    smooth: xr.Dataset,
    smooth_where: str,
    box: Box | None,
    settings: SwotSelection,
) -> Swath:
    needed = [
        "latitude", "longitude", "ssh_karin_2", "ssh_karin_2_qual", "mean_sea_surface_cnescls",
        "ancillary_surface_classification_flag",
    ]  # fmt: skip
    require_variables(ds, needed, where)
    lines, outside = lines_over(ds, where, box)
    ds = ds.isel(num_lines=lines)
    time, lat, lon = line_times(ds, where), degrees(ds, "latitude"), degrees(ds, "longitude")
    cross_track = cross_track_distance(ds, time, lat, lon, where)
    known = _interpolate_corrections(smooth, smooth_where, time, cross_track)
    fate = screen(
        ds, cross_track, "ssh_karin_2_qual", known.crossover, known.crossover_quality, settings,
        where,
    )  # fmt: skip
    mean_surface = metres(ds, "mean_sea_surface_cnescls", where)
    ssh = metres(ds, "ssh_karin_2", where)
    return Swath(
        time=time,
        lat=lat,
        lon=wrap_longitude(lon),
        cross_track=cross_track,
        ssha=ssh - mean_surface + known.anomaly_from_height,
        crossover=known.crossover,
        datum=mean_surface - known.geoid,
        error=height_error(ds, cross_track, where, unsmoothed=True),
        fate=fate,
        dropped={"dropped_outside_box": outside},
    )


def _interpolate_corrections(
    smooth: xr.Dataset, where: str, time: np.ndarray, cross_track: np.ndarray
) -> _Corrections:
    """Bring the corrections of the 2 km grid to other pixels, bilinear in (time, distance)."""
    line_time = line_times(smooth, where)
    known = np.flatnonzero(~np.isnat(line_time))
    margin = np.timedelta64(5, "s")
    seen = time[~np.isnat(time)]
    if seen.size:
        inside = (line_time[known] >= seen.min() - margin) & (
            line_time[known] <= seen.max() + margin
        )
        known = known[inside]
    if known.size < 2:
        raise InputError(
            "the 2 km granule does not cover the times of the Unsmoothed one",
            where=where,
            remedy="give the Basic or Expert granule of the same cycle and pass",
        )
    smooth = smooth.isel(num_lines=known)
    line_time = line_time[known]
    place = degrees(smooth, "latitude"), degrees(smooth, "longitude")
    columns = np.median(cross_track_distance(smooth, line_time, *place, where), axis=0)
    seconds = (line_time - line_time[0]) / np.timedelta64(1, "s")
    at = np.broadcast_to(
        ((time - line_time[0]) / np.timedelta64(1, "s"))[:, None], cross_track.shape
    )
    points = np.stack([at, cross_track], axis=-1)

    def interpolate(
        values: np.ndarray, method: Literal["linear", "nearest"] = "linear"
    ) -> np.ndarray:
        grid = RegularGridInterpolator(
            (seconds, columns), values, method=method, bounds_error=False
        )
        return grid(points)

    mean_surface = metres(smooth, "mean_sea_surface_cnescls", where)
    removed = (
        metres(smooth, "ssha_karin_2", where) - metres(smooth, "ssh_karin_2", where) + mean_surface
    )
    quality = smooth["height_cor_xover_qual"].values.astype(float)
    return _Corrections(
        anomaly_from_height=np.interp(at, seconds, _along_track(removed)),
        crossover=interpolate(metres(smooth, "height_cor_xover", where)),
        crossover_quality=interpolate(quality, "nearest"),
        geoid=interpolate(metres(smooth, "geoid", where)),
    )


def _along_track(removed: np.ndarray) -> np.ndarray:
    """Line means of tides and pressure, which vary over hundreds of kilometres, without gaps."""
    count = np.isfinite(removed).sum(axis=1)
    known = np.flatnonzero(count)
    if known.size == 0:
        return np.full(removed.shape[0], np.nan)
    mean = np.nansum(removed[known], axis=1) / count[known]
    return np.interp(np.arange(removed.shape[0]), known, mean)
