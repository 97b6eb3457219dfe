"""The SWOT L2 LR SSH format as data: every variable's type, packing, fill, units and flag table.

From the product description (D-56407) and from released granules: types and packing equal theirs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

QUALITY_BITS: dict[str, int] = {
    "suspect_large_ssh_delta": 0,
    "suspect_large_ssh_std": 1,
    "suspect_large_ssh_window_std": 2,
    "suspect_beam_used": 3,
    "suspect_less_than_nine_beams": 4,
    "suspect_ssb_out_of_range": 6,
    "suspect_karin_telem": 9,
    "suspect_orbit_control": 10,
    "suspect_sc_event_flag": 11,
    "suspect_tvp_qual": 12,
    "suspect_volumetric_corr": 13,
    "degraded_ssb_not_computable": 15,
    "degraded_media_delays_missing": 16,
    "degraded_beam_used": 17,
    "degraded_large_attitude": 18,
    "degraded_karin_ifft_overflow": 19,
    "bad_karin_telem": 24,
    "bad_very_large_attitude": 25,
    "bad_outside_of_range": 29,
    "degraded": 30,
    "bad_not_usable": 31,
}
"""Name and bit number of each quality flag of a height."""

SURFACE_CLASSES = (
    "open_ocean", "land", "continental_water", "aquatic_vegetation", "continental_ice_snow",
    "floating_ice", "salted_basin",
)  # fmt: skip

_TIME_FILL = 9.969209968386869e36
_PIXELS = ("num_lines", "num_pixels")
_LINES = ("num_lines",)
_SIDES = ("num_lines", "num_sides")
_PLACES = "longitude latitude"
_ABOVE_ELLIPSOID = "sea surface height above reference ellipsoid"


class Variable(NamedTuple):
    """How one variable is stored."""

    dims: tuple[str, ...]
    dtype: str
    scale: float | None
    fill: float
    attrs: dict[str, Any]


def _height(name: str, standard: str = "", **more: Any) -> Variable:
    attrs: dict[str, Any] = {"long_name": name, "units": "m"}
    if standard:
        attrs["standard_name"] = standard
    if standard == _ABOVE_ELLIPSOID:
        attrs |= {"valid_min": np.int32(-15000000), "valid_max": np.int32(150000000)}
    else:
        attrs |= {"valid_min": np.int32(-1500000), "valid_max": np.int32(1500000)}
    return Variable(_PIXELS, "i4", 1e-4, 2147483647, attrs | more)


def _correction(name: str) -> Variable:
    return Variable(_PIXELS, "i2", 1e-4, 32767, {"long_name": name, "units": "m"})


def _unsigned(name: str, units: str, scale: float | None, **more: Any) -> Variable:
    limits = {"valid_min": np.uint16(0), "valid_max": np.uint16(60000)}
    attrs = {"long_name": name, "units": units} | limits | more
    return Variable(_PIXELS, "u2", scale, 65535, attrs)


def _classes(name: str, meanings: str, dims: tuple[str, ...] = _PIXELS) -> Variable:
    values = np.arange(len(meanings.split()), dtype="u1")
    attrs = {
        "long_name": name, "standard_name": "status_flag", "flag_meanings": meanings,
        "flag_values": values, "valid_min": np.uint8(0), "valid_max": values[-1],
    }  # fmt: skip
    return Variable(dims, "u1", None, 255, attrs)


def _quality(of: str) -> Variable:
    masks = np.array([1 << bit for bit in QUALITY_BITS.values()], dtype="u4")
    attrs = {
        "long_name": f"quality flag for {of}", "standard_name": "status_flag",
        "flag_meanings": " ".join(QUALITY_BITS), "flag_masks": masks,
        "valid_min": np.uint32(0), "valid_max": np.uint32(masks.sum()),
    }  # fmt: skip
    return Variable(_PIXELS, "u4", None, 4294967295, attrs)


def _time(scale: str) -> Variable:
    attrs: dict[str, Any] = {
        "long_name": f"time in {scale}", "standard_name": "time",
        "units": "seconds since 2000-01-01 00:00:00.0", "calendar": "gregorian",
        "tai_utc_difference": 37.0,
    }  # fmt: skip
    if scale == "UTC":
        attrs["leap_second"] = "0000-00-00T00:00:00Z"
    return Variable(_LINES, "f8", None, _TIME_FILL, attrs)


def _angle(name: str, long_name: str, dims: tuple[str, ...]) -> Variable:
    north = name == "latitude"
    attrs = {
        "long_name": long_name, "standard_name": name,
        "units": "degrees_north" if north else "degrees_east",
        "valid_min": np.int32(-80000000 if north else 0),
        "valid_max": np.int32(80000000 if north else 359999999),
    }  # fmt: skip
    return Variable(dims, "i4", 1e-6, 2147483647, attrs)


_COMMON = {
    "time": _time("UTC"),
    "time_tai": _time("TAI"),
    "latitude": _angle("latitude", "latitude (positive N, negative S)", _PIXELS),
    "longitude": _angle("longitude", "longitude (degrees East)", _PIXELS),
    "ssh_karin_2": _height("sea surface height", _ABOVE_ELLIPSOID,
                           quality_flag="ssh_karin_2_qual"),
    "ssh_karin_2_qual": _quality("sea surface height from KaRIn"),
    "ssh_karin_uncert": _unsigned("sea surface height anomaly uncertainty", "m", 1e-4),
    "mean_sea_surface_cnescls": _height("mean sea surface height (CNES/CLS)",
                                        source="CNES_CLS_2022"),
    "ancillary_surface_classification_flag": _classes(
        "surface classification", " ".join(SURFACE_CLASSES)),
}  # fmt: skip

BASIC: dict[str, Variable] = _COMMON | {
    "ssh_karin": _height("sea surface height", _ABOVE_ELLIPSOID, quality_flag="ssh_karin_qual"),
    "ssh_karin_qual": _quality("sea surface height from KaRIn"),
    "ssha_karin": _height("sea surface height anomaly", quality_flag="ssha_karin_qual"),
    "ssha_karin_qual": _quality("sea surface height anomaly from KaRIn"),
    "ssha_karin_2": _height("sea surface height anomaly", quality_flag="ssha_karin_2_qual"),
    "ssha_karin_2_qual": _quality("sea surface height anomaly from KaRIn"),
    "height_cor_xover": _height(
        "height correction from KaRIn crossovers", quality_flag="height_cor_xover_qual",
        comment="Add to ssh_karin, ssh_karin_2, ssha_karin or ssha_karin_2; not applied there."),
    "height_cor_xover_qual": _classes(
        "quality flag for height correction from KaRIn crossovers", "good suspect bad"),
    "mean_sea_surface_cnescls_uncert": _unsigned(
        "uncertainty of the mean sea surface", "m", 1e-4),
    "geoid": _height("geoid height", "geoid_height_above_reference_ellipsoid"),
    "internal_tide_hret": _correction("coherent internal tide (HRET)"),
    "distance_to_coast": _unsigned("distance to coast", "m", 1000.0),
    "heading_to_coast": _unsigned("heading to coast", "degrees", 0.01),
    "num_pt_avg": _unsigned("number of 250 m pixels averaged", "1", None),
    "dynamic_ice_flag": _classes("dynamic ice flag", "no_ice probable_ice ice"),
    "rain_flag": _classes("rain flag", "no_rain probable_rain rain"),
    "rad_surface_type_flag": _classes(
        "radiometer surface type flag", "open_ocean coastal_ocean land", _SIDES),
}  # fmt: skip

EXPERT: dict[str, Variable] = BASIC | {
    "latitude_nadir": _angle("latitude", "latitude of satellite nadir point", _LINES),
    "longitude_nadir": _angle("longitude", "longitude of satellite nadir point", _LINES),
    "cross_track_distance": Variable(_PIXELS, "f4", None, 9.96921e36, {
        "long_name": "cross track distance", "units": "m"}),
    "mean_dynamic_topography": _correction("mean dynamic topography"),
    "ocean_tide_fes": _height("geocentric ocean tide height (FES)"),
    "solid_earth_tide": _correction("solid Earth tide height"),
    "pole_tide": _correction("geocentric pole tide height"),
    "dac": _correction("dynamic atmospheric correction"),
    "swh_karin": _unsigned("significant wave height from KaRIn", "m", 1e-3),
}  # fmt: skip

UNSMOOTHED: dict[str, Variable] = _COMMON
"""One half swath; the granule holds two such groups, ``left`` and ``right``."""


def packed(values: dict[str, np.ndarray], variables: dict[str, Variable]) -> xr.Dataset:
    """Pack physical values as the product does; NaN and missing times become fill values.

    Parameters
    ----------
    values
        Arrays in the units of the format, longitudes 0…360; flags as integers.
    variables
        The format; each variable must be given.
    """
    stored = {}
    for name, kind in variables.items():
        given = values[name]
        dtype = np.dtype(kind.dtype)
        fill = dtype.type(kind.fill)
        if given.dtype.kind == "f":
            scaled = given if kind.scale is None else np.round(given / kind.scale)
            missing = np.isnan(given)
            raw = np.where(missing, 0.0, scaled).astype(dtype)
            raw[missing] = fill
        else:
            raw = given.astype(dtype)
        attrs: dict[str, Any] = {"_FillValue": fill, **kind.attrs}
        if kind.scale is not None:
            attrs["scale_factor"] = kind.scale
        if len(kind.dims) == 2 and name not in ("latitude", "longitude"):
            attrs["coordinates"] = _PLACES
        stored[name] = (kind.dims, raw, attrs)
    return xr.Dataset(stored)
