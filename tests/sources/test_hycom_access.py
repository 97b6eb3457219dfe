"""The HYCOM experiment of a date, and the addresses it is served at."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.errors import InputError
from halocast.sources.hycom import experiment_for, file_url, opendap_url, subset_url


@pytest.mark.parametrize(
    ("date", "path"),
    [
        ("1994-01-01", "GLBv0.08/expt_53.X"),
        ("2015-12-31T23:00", "GLBv0.08/expt_53.X"),  # between the last step and the next
        ("2016-01-01", "GLBv0.08/expt_56.3"),
        ("2016-12-31", "GLBv0.08/expt_57.2"),
        ("2017-03-01", "GLBv0.08/expt_92.8"),
        ("2017-07-01", "GLBv0.08/expt_57.7"),
        ("2017-11-01", "GLBv0.08/expt_92.9"),
        ("2018-06-01", "GLBv0.08/expt_93.0"),
        ("2018-12-04", "GLBy0.08/expt_93.0"),
        ("2024-08-05T06:00", "GLBy0.08/expt_93.0"),
        ("2024-09-05T09:00", "GLBy0.08/expt_93.0"),
        ("2024-09-05T12:00", "ESPC-D-V02"),
    ],
)
def test_the_experiment_follows_the_date(date: str, path: str) -> None:
    assert experiment_for(date).path == path
    assert experiment_for(np.datetime64(date, "ms")).path == path


@pytest.mark.parametrize("date", ["1993-12-31T23:59", "1850-01-01"])
def test_before_the_reanalysis_there_is_nothing(date: str) -> None:
    with pytest.raises(InputError, match="no HYCOM experiment holds"):
        experiment_for(date)


def test_what_is_not_a_date_is_named() -> None:
    with pytest.raises(InputError, match="'yesterday' is not a time"):
        experiment_for("yesterday")


def test_opendap_addresses() -> None:
    root = "https://tds.hycom.org/thredds/dodsC"
    assert opendap_url("2024-08-01") == f"{root}/GLBy0.08/expt_93.0"
    assert opendap_url("2010-05-05") == f"{root}/GLBv0.08/expt_53.X/data/2010"
    assert opendap_url("2025-02-01", "water_u") == f"{root}/ESPC-D-V02/u3z/2025"
    assert opendap_url("2025-02-01") == f"{root}/ESPC-D-V02/ssh/2025"
    with pytest.raises(InputError, match="unknown variable 'salt'"):
        opendap_url("2025-02-01", "salt")


def test_subset_address() -> None:
    address = subset_url("2024-08-01T00:00", (-60.0, -20.0, 10.0, 45.0), "2024-08-02T12:00")
    assert address == (
        "https://ncss.hycom.org/thredds/ncss/GLBy0.08/expt_93.0"
        "?var=surf_el&var=water_u&var=water_v&var=water_temp"
        "&north=45&west=-60&east=-20&south=10&horizStride=1"
        "&time_start=2024-08-01T00:00:00Z&time_end=2024-08-02T12:00:00Z&timeStride=1"
        "&vertCoord=0&accept=netcdf"
    )


def test_a_subset_is_of_one_experiment() -> None:
    box = (-60.0, -20.0, 10.0, 45.0)
    with pytest.raises(InputError, match=r"GLBy0.08/expt_93.0, 2024-10-01 by ESPC"):
        subset_url("2024-09-01", box, "2024-10-01")
    with pytest.raises(InputError, match="each variable by itself"):
        subset_url("2025-02-01", box, "2025-02-02")
    assert "/ESPC-D-V02/t3z/2025?var=water_temp&" in subset_url(
        "2025-02-01", box, "2025-02-02", ["water_temp"]
    )


@pytest.mark.parametrize(
    ("date", "name"),
    [
        ("2024-08-01T12:00", "2024/hycom_glby_930_2024080112_t000_ssh.nc"),
        ("2024-08-02T09:00", "2024/hycom_glby_930_2024080112_t021_ssh.nc"),
        ("2024-01-01T00:00", "2023/hycom_glby_930_2023123112_t012_ssh.nc"),
    ],
)
def test_hindcast_files_are_named_by_their_run(date: str, name: str) -> None:
    root = "https://data.hycom.org/datasets/GLBy0.08/expt_93.0/data/hindcasts"
    assert file_url(date, "ssh") == f"{root}/{name}"


def test_a_hindcast_file_that_does_not_exist_is_refused() -> None:
    for date, part, says in (
        ("2024-08-01T01:00", "ssh", "not a 3-hourly time"),
        ("2024-08-01T00:00", "salt", "unknown part"),
        ("2010-08-01T00:00", "ssh", "has no such files"),
    ):
        with pytest.raises(InputError, match=says):
            file_url(date, part)
