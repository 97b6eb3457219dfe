"""SWOT quality flags, read by the table each variable carries, never by remembered constants.

A bit's class is the first word of its name: suspect, degraded or bad. The class of a pixel is the
worst among its bits. Bits the table does not name are bad.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from halocast.errors import InputError

Quality = Literal["good", "suspect", "degraded"]

QUALITY_LEVEL: dict[str, int] = {"good": 0, "suspect": 1, "degraded": 2, "bad": 3}
_BAD = QUALITY_LEVEL["bad"]


def flag_table(variable: xr.DataArray, where: str) -> dict[str, int]:
    """Return the names and masks (or values) of a flag variable.

    Raises
    ------
    InputError
        The variable has no table, or one whose names and numbers do not match.
    """
    attrs = variable.attrs
    numbers = attrs.get("flag_masks", attrs.get("flag_values"))
    meanings = attrs.get("flag_meanings")
    if numbers is None or meanings is None:
        raise InputError(
            f"{variable.name} has no flag table (flag_meanings with flag_masks or flag_values)",
            where=where,
            remedy="take the granule from the archive; its quality cannot be told without it",
        )
    # real tables carry stray commas: "bad_karin_telem,"
    names = [name.strip(",") for name in str(meanings).split()]
    values = [int(v) for v in np.atleast_1d(numbers)]
    if len(names) != len(values):
        raise InputError(
            f"the flag table of {variable.name} has {len(names)} names and {len(values)} numbers",
            where=where,
        )
    return dict(zip(names, values))


def quality_level(variable: xr.DataArray, where: str) -> np.ndarray:
    """Return the class of each pixel, 0 good … 3 bad, from an undecoded flag variable.

    Fill values are bad. Bit masks and enumerated values are both understood.
    """
    table = flag_table(variable, where)
    raw = variable.values
    if raw.dtype.kind not in "iu":
        raise InputError(
            f"{variable.name} is {raw.dtype}, not an integer: its bits are lost",
            where=where,
            remedy="open the file with mask_and_scale=False",
        )
    bits = raw.astype(np.int64)
    if "flag_masks" in variable.attrs:
        level = _level_of_bits(bits, table)
    else:
        level = _level_of_values(bits, table)
    fill = variable.attrs.get("_FillValue")
    if fill is not None:
        level[bits == int(fill)] = _BAD
    return level


def _level_of_bits(bits: np.ndarray, table: dict[str, int]) -> np.ndarray:
    level = np.zeros(bits.shape, np.int8)
    masks = {name: 0 for name in QUALITY_LEVEL}
    for name, mask in table.items():
        masks[_class(name)] |= mask
    for name in ("suspect", "degraded", "bad"):
        level[(bits & masks[name]) != 0] = QUALITY_LEVEL[name]
    named = masks["good"] | masks["suspect"] | masks["degraded"] | masks["bad"]
    level[(bits & ~np.int64(named)) != 0] = _BAD
    return level


def _level_of_values(values: np.ndarray, table: dict[str, int]) -> np.ndarray:
    level = np.full(values.shape, _BAD, np.int8)
    for name, value in table.items():
        level[values == value] = QUALITY_LEVEL[_class(name)]
    return level


def _class(name: str) -> str:
    word = name.split("_")[0]
    return word if word in QUALITY_LEVEL else "bad"
