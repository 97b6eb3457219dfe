"""SWOT L2 LR SSH granules (Basic, Expert, Unsmoothed; versions C and D) to observation rows.

What is assimilated is absolute dynamic topography:

    adt = ssha + height_cor_xover + mean_sea_surface_cnescls - geoid

where ``ssha`` is free of tides and of the atmosphere's pressure. The crossover correction is *not*
applied in the product; without it a ramp of metres lies across the swath.

Unsmoothed granules hold ``ssh`` alone: what else is needed (tides and pressure, crossover, geoid)
is interpolated from the 2 km granule of the same pass, in time and distance from nadir.

Cost: reading is cropped to the lines over the box before anything is decoded; a Basic pass over
40 x 35 degrees takes about 0.1 s.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.sources.files import open_netcdf, require_variables
from halocast.sources.rows import (
    Fate,
    concat_rows,
    make_rows,
    product_code,
    set_aside,
    variable_code,
)
from halocast.sources.sphere import Box, inside_box, wrap_longitude
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
from halocast.sources.swot_unsmoothed import read_unsmoothed

__all__ = ["SwotSelection", "drop_duplicate_granules", "read_swot"]


def read_swot(
    path: str | Path,
    *,
    box: Box | None = None,
    settings: SwotSelection | None = None,
    companion: str | Path | None = None,
) -> xr.Dataset:
    """Read one granule into observation rows of absolute dynamic topography.

    Parameters
    ----------
    path
        A Basic, Expert or Unsmoothed granule of version C or D, or a simulated one.
    box
        (west, east, south, north) in degrees, either longitude convention; default: everywhere.
    settings
        Which pixels are candidates.
    companion
        For Unsmoothed granules: the Basic or Expert granule of the same pass; by default looked
        for in the same folder.

    Returns
    -------
    Rows of ``ssh`` (m): one for every pixel in the box that has a height; those set aside carry
    the reason as their fate. Attributes name the granule and count, as ``dropped_*``, pixels
    without height, without time, and outside the box.

    Raises
    ------
    InputError
        The file is damaged, of another product, lacks a variable, or has other units.
    """
    settings = settings or SwotSelection()
    with open_netcdf(path, mask_and_scale=False, decode_times=False) as ds:
        identity = _identify(ds, Path(path))
        if identity.product != "Unsmoothed":
            parts = [_read_smoothed(ds, str(path), box, settings)]
    if identity.product == "Unsmoothed":
        parts = read_unsmoothed(Path(path), identity, box, settings, companion)
    attrs = {
        "source_file": Path(path).name,
        "cycle": identity.cycle,
        "pass": identity.number,
        "crid": identity.crid,
        "product_version": identity.version,
    }
    rows = [_to_rows(part, identity, settings, box) for part in parts]
    return concat_rows(rows).assign_attrs(attrs)


def _identify(ds: xr.Dataset, path: Path) -> Granule:
    """Take a granule's identity from its name, or from its attributes where it was renamed."""
    granule, attrs = parse_granule(path), ds.attrs
    if granule is None:
        if "cycle_number" not in attrs or "pass_number" not in attrs:
            raise InputError(
                "neither the name nor the attributes tell which cycle and pass this is",
                where=str(path),
                remedy="keep the granule's own name, SWOT_L2_LR_SSH_Basic_CCC_PPP_….nc",
            )
        product = _product_in_title(str(attrs.get("title", "")), grouped=not ds.variables)
        never = np.datetime64("NaT", "s")
        granule = Granule(product, int(attrs["cycle_number"]), int(attrs["pass_number"]),
                          never, never, str(attrs.get("crid", "")), 1)  # fmt: skip
    for key, named in (("cycle_number", granule.cycle), ("pass_number", granule.number)):
        if key in attrs and int(attrs[key]) != named:
            raise InputError(
                f"the name says {key} {named}, the attribute {attrs[key]}",
                where=str(path),
                remedy="the file was renamed by mistake: give it back its own name",
            )
    if granule.product == "WindWave":
        raise InputError(
            "a WindWave granule has no sea surface height",
            where=str(path),
            remedy="use the Basic or Expert granule of the same pass",
        )
    return granule._replace(crid=str(attrs.get("crid", granule.crid)))


def _product_in_title(title: str, grouped: bool) -> str:
    if grouped or "Unsmoothed" in title:
        return "Unsmoothed"
    return "Expert" if "Expert" in title else "Basic"


def _read_smoothed(ds: xr.Dataset, where: str, box: Box | None, settings: SwotSelection) -> Swath:
    height = f"ssha_{settings.height}"
    needed = [
        "latitude", "longitude", height, f"{height}_qual", "height_cor_xover",
        "height_cor_xover_qual", "ancillary_surface_classification_flag",
    ]  # fmt: skip
    require_variables(ds, needed, where)
    for name in ("mean_sea_surface_cnescls", "geoid"):
        if name not in ds.variables:
            raise InputError(
                f"no variable {name}: absolute dynamic topography is ssha + mean sea surface - "
                "geoid",
                where=where,
                remedy="use the Expert granule of the same pass, or ask the subsetting service "
                "to keep this variable",
            )
    lines, outside = lines_over(ds, where, box)
    ds = ds.isel(num_lines=lines)
    time, lat, lon = line_times(ds, where), degrees(ds, "latitude"), degrees(ds, "longitude")
    cross_track = cross_track_distance(ds, time, lat, lon, where)
    crossover = metres(ds, "height_cor_xover", where)
    fate = screen(
        ds, cross_track, f"{height}_qual", crossover, ds["height_cor_xover_qual"].values, settings,
        where,
    )  # fmt: skip
    return Swath(
        time=time,
        lat=lat,
        lon=wrap_longitude(lon),
        cross_track=cross_track,
        ssha=metres(ds, height, where),
        crossover=crossover,
        datum=metres(ds, "mean_sea_surface_cnescls", where) - metres(ds, "geoid", where),
        error=height_error(ds, cross_track, where, unsmoothed=False),
        fate=fate,
        dropped={"dropped_outside_box": outside},
    )


def _to_rows(
    swath: Swath, identity: Granule, settings: SwotSelection, box: Box | None
) -> xr.Dataset:
    anomaly = swath.ssha + swath.crossover
    fate = swath.fate.copy()
    with np.errstate(invalid="ignore"):
        set_aside(fate, np.abs(anomaly) > settings.largest_anomaly, Fate.FLAGGED_RANGE)
    inside = np.ones(fate.shape, bool) if box is None else inside_box(box, swath.lat, swath.lon)
    placed = np.isfinite(swath.lat) & np.isfinite(swath.lon)
    timed = np.broadcast_to(~np.isnat(swath.time)[:, None], fate.shape)
    measured = np.isfinite(swath.ssha)
    keep = inside & placed & timed & measured
    dropped = dict(swath.dropped)
    dropped["dropped_outside_box"] += int((placed & ~inside).sum())
    dropped["dropped_no_height"] = int((inside & ~measured).sum())
    dropped["dropped_no_time"] = int((inside & measured & ~(timed & placed)).sum())
    return make_rows(
        {
            "time": np.broadcast_to(swath.time[:, None], fate.shape)[keep],
            "lat": swath.lat[keep],
            "lon": swath.lon[keep],
            "variable": variable_code("ssh"),
            "value": (anomaly + swath.datum)[keep],
            "error": swath.error[keep],
            "product": product_code(f"swot-{identity.product.lower()}"),
            "platform": identity.cycle * 1000 + identity.number,
            "fate": fate[keep],
        },
        dropped,
    )
