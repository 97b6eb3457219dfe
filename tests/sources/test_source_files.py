"""Every way a file can be wrong before its content matters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from halocast.errors import InputError
from halocast.sources.files import (
    open_netcdf,
    open_opendap,
    require_netcdf,
    require_text,
    require_units,
    require_variables,
)

ENGINES = {"hdf5": "h5netcdf", "netcdf3": "scipy"}


def write(path: Path, kind: str) -> Path:
    data = np.arange(4000.0).reshape(40, 100)
    ds = xr.Dataset({"z": (("y", "x"), data, {"units": "m"})})
    ds.to_netcdf(path, engine=ENGINES[kind])  # type: ignore[call-overload]
    return path


@pytest.mark.parametrize("kind", ENGINES)
def test_both_kinds_of_netcdf_are_told_apart_and_opened(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.nc", kind)
    assert require_netcdf(path) == kind
    with open_netcdf(path) as ds:
        np.testing.assert_array_equal(ds.z.values.ravel(), np.arange(4000.0))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE HTML>\n<html><body>503</body></html>", "web page"),
        (b"\n <html>\n", "web page"),
        (b"<?xml version='1.0'?><ServiceException/>", "XML"),
        (b"Error {\n    code = 404;\n};", "error message"),
        (b"\x1f\x8b\x08\x00 and so on", "gzip"),
        (b"CDF\x05\x00\x00\x00\x00", "CDF-5"),
        (b"GRIB\x00\x00", "GRIB"),
        (b"\x89HD", "truncated"),
        (b"ID,time\n1,2", "starts with"),
    ],
)
def test_a_body_that_is_not_netcdf_is_named(tmp_path: Path, body: bytes, says: str) -> None:
    path = tmp_path / "a.nc"
    path.write_bytes(body)
    with pytest.raises(InputError, match=says) as caught:
        open_netcdf(path)
    assert str(path) in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    path = write(tmp_path / "a.nc", kind)
    body = path.read_bytes()
    path.write_bytes(body[: int(share * len(body))])
    with pytest.raises(InputError, match="truncated"):
        open_netcdf(path).load()


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        require_netcdf(tmp_path / "absent.nc")
    with pytest.raises(InputError, match="directory"):
        require_text(tmp_path)


def test_an_absent_group_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no group 'left'"):
        open_netcdf(write(tmp_path / "a.nc", "hdf5"), group="left")
    with pytest.raises(InputError, match="no group 'left'"):
        open_netcdf(write(tmp_path / "b.nc", "netcdf3"), group="left")


def test_text_is_accepted_and_other_things_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ID,time\n,UTC\n")
    require_text(path)
    for body, says in ((b"<html>", "web page"), (b"a\x00b", "binary"), (b"CDF\x01", "netCDF")):
        path.write_bytes(body)
        with pytest.raises(InputError, match=says):
            require_text(path)


def test_variables_and_units_are_checked() -> None:
    ds = xr.Dataset({"a": ((), 1.0, {"units": "cm"}), "b": ((), 1.0)})
    require_variables(ds, ["a", "b"], "here")
    with pytest.raises(InputError, match="no variable c; the file has a, b"):
        require_variables(ds, ["a", "c"], "here")
    assert require_units(ds.a, ["m", "cm"], "here") == "cm"
    with pytest.raises(InputError, match="is in 'cm'; expected m"):
        require_units(ds.a, ["m"], "here")
    with pytest.raises(InputError, match="no units"):
        require_units(ds.b, ["m"], "here")


def test_a_server_that_does_not_answer_is_named() -> None:
    address = "http://127.0.0.1:9/thredds/dodsC/nothing"
    with pytest.raises(InputError, match="the server cannot be read") as caught:
        open_opendap(address)
    assert caught.value.where == address
