"""Which SWOT pixels are candidates, and what is said of those that are not."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from pydantic import Field

from halocast.settings import Settings
from halocast.sources.rows import Fate, set_aside
from halocast.sources.swot_flags import QUALITY_LEVEL, Quality, flag_table, quality_level


class SwotSelection(Settings):
    """Which SWOT pixels are candidates for assimilation; the others get a fate that says why."""

    height: Literal["karin_2", "karin"] = Field(
        default="karin_2",
        description="wet troposphere by model (karin_2, better coverage) or radiometer (karin)",
    )
    worst_quality: Quality = Field(
        default="suspect", description="worst class of quality flag that is accepted"
    )
    worst_crossover_quality: int = Field(
        default=1,
        ge=0,
        le=2,
        description="highest height_cor_xover_qual accepted: 0 good, 1 suspect, 2 bad",
    )
    nearest: float = Field(default=10e3, ge=0.0, description="least distance from nadir, m")
    farthest: float = Field(default=60e3, gt=0.0, description="greatest distance from nadir, m")
    largest_anomaly: float = Field(
        default=2.0, gt=0.0, description="greatest |ssha| after crossover, m"
    )


def screen(
    ds: xr.Dataset,
    cross_track: np.ndarray,
    quality: str,
    crossover: np.ndarray,
    crossover_quality: np.ndarray,
    settings: SwotSelection,
    where: str,
) -> np.ndarray:
    """Return the fate of each pixel, shape (lines, pixels); the first reason met is kept.

    Reasons in order: surface, place in the swath, ice, rain, quality flag, crossover correction.

    Parameters
    ----------
    ds
        The lines, undecoded.
    cross_track
        Distance from nadir, m.
    quality
        Name of the height's quality variable.
    crossover, crossover_quality
        The correction (m) and its quality, which may come from another granule.
    """
    fate = np.zeros(cross_track.shape, np.int16)
    surface = ds["ancillary_surface_classification_flag"]
    ocean = flag_table(surface, where).get("open_ocean", 0)
    set_aside(fate, surface.values != ocean, Fate.FLAGGED_SURFACE)
    distance = np.abs(cross_track)
    with np.errstate(invalid="ignore"):
        # half a metre of tolerance: real columns lie at 10 000.2 m as readily as at 9 999.8 m
        within = (distance >= settings.nearest - 0.5) & (distance <= settings.farthest + 0.5)
    set_aside(fate, ~within, Fate.FLAGGED_SWATH_EDGE)
    for name, why in (("dynamic_ice_flag", Fate.FLAGGED_ICE), ("rain_flag", Fate.FLAGGED_RAIN)):
        if name in ds.variables:
            set_aside(fate, ds[name].values != 0, why)
    level = quality_level(ds[quality], where)
    set_aside(fate, level > QUALITY_LEVEL[settings.worst_quality], Fate.FLAGGED_QUALITY)
    unsure = (crossover_quality > settings.worst_crossover_quality) | np.isnan(crossover)
    set_aside(fate, unsure, Fate.FLAGGED_CROSSOVER)
    return fate
