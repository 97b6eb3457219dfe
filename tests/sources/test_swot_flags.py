"""Quality classes come from the table each variable carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from halocast.errors import InputError
from halocast.sources.swot_flags import QUALITY_LEVEL, flag_table, quality_level
from halocast.sources.synthetic.swot_format import QUALITY_BITS
from hypothesis import given
from hypothesis import strategies as st

FILL = 4294967295
NAMES, BITS = tuple(QUALITY_BITS), tuple(QUALITY_BITS.values())


def flags(values, names=NAMES, bits=BITS, **attrs):
    table = {
        "flag_meanings": " ".join(names),
        "flag_masks": np.array([1 << b for b in bits], "u4"),
        "_FillValue": np.uint32(FILL),
    }
    return xr.DataArray(np.array(values, "u4"), dims="x", attrs=table | attrs, name="qual")


@given(st.sets(st.sampled_from(sorted(QUALITY_BITS))))
def test_the_worst_bit_decides(names):
    value = sum(1 << QUALITY_BITS[name] for name in names)
    expected = max((QUALITY_LEVEL[name.split("_")[0]] for name in names), default=0)
    assert quality_level(flags([value]), "")[0] == expected


def test_fill_and_unnamed_bits_are_bad():
    assert quality_level(flags([FILL, 1 << 5, 0]), "").tolist() == [3, 3, 0]


def test_stray_commas_in_names_are_tolerated():
    variable = flags([1 << 24], ["suspect_a", "bad_karin_telem,", "bad_x"], [0, 24, 25])
    assert flag_table(variable, "")["bad_karin_telem"] == 1 << 24
    assert quality_level(variable, "")[0] == QUALITY_LEVEL["bad"]


def test_the_table_may_have_another_order_than_ours():
    variable = flags([1, 2], ["bad_first", "suspect_second"], [0, 1])
    assert quality_level(variable, "").tolist() == [3, 1]


def test_good_and_bad_of_simulated_products():
    variable = xr.DataArray(
        np.array([0, 1, 7], "u1"),
        dims="x",
        attrs={"flag_meanings": "good bad", "flag_values": np.array([0, 1], "u1")},
    )
    assert quality_level(variable, "").tolist() == [0, 3, 3]


@pytest.mark.parametrize(
    "broken",
    [
        flags([0]).astype("f8"),
        flags([0], names=["suspect_only"]),
        flags([0]).drop_attrs(),
    ],
    ids=["decoded to floats", "table of two lengths", "no table"],
)
def test_unusable_flags_are_errors(broken):
    with pytest.raises(InputError, match=r"integer|names|table"):
        quality_level(broken, "granule.nc")


def test_tables_of_a_real_granule(real_data: Path):
    path = real_data / "swot/real/ssh_unsmoothed_group.nc"
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False) as real:
        height, sigma = real["ssh_karin_2_qual"].load(), real["sig0_karin_2_qual"].load()
    assert flag_table(height, "") == {name: 1 << bit for name, bit in QUALITY_BITS.items()}
    assert set(np.unique(height)) == {0, 4}
    assert flag_table(height, "")["suspect_large_ssh_window_std"] == 4
    assert set(np.unique(quality_level(height, ""))) == {0, 1}
    assert "bad_karin_telem" in flag_table(sigma, "")  # written with a comma there
