"""What every reader asks of a file before it trusts it.

Servers answer with an HTML page and status 200, transfers stop half-way, disks hold empty files.
The first bytes tell most of it, opening the file tells the rest; each case gets its own message.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from halocast.errors import InputError

FileKind = Literal["netcdf3", "hdf5"]

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_NETCDF3_MAGICS = (b"CDF\x01", b"CDF\x02")
_OTHER_MAGICS = {
    b"CDF\x05": ("a netCDF-3 file of the 64-bit data kind (CDF-5)", "convert it: nccopy -k nc4"),
    b"\x1f\x8b": ("compressed with gzip", "decompress it first (gunzip)"),
    b"PK\x03\x04": ("a zip archive", "unpack it first (unzip)"),
    b"GRIB": ("a GRIB file", "convert it to netCDF"),
}
_DOWNLOAD_AGAIN = "delete it and download it again"
_READ_ERRORS = (OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError)


def require_netcdf(path: str | os.PathLike[str]) -> FileKind:
    """Check by its first bytes that a file is netCDF, and say which kind.

    Returns
    -------
    ``"netcdf3"`` (classic and 64-bit offset) or ``"hdf5"`` (netCDF-4).

    Raises
    ------
    InputError
        The file is missing, a directory, unreadable, empty, a web page, XML, an OPeNDAP error,
        or of another kind.
    """
    head = _first_bytes(path)
    if head.startswith(_HDF5_MAGIC):
        return "hdf5"
    if head.startswith(_NETCDF3_MAGICS):
        return "netcdf3"
    for magic, (kind, remedy) in _OTHER_MAGICS.items():
        if head.startswith(magic):
            raise InputError(f"not a netCDF file but {kind}", where=str(path), remedy=remedy)
    _refuse_markup(head, path, "netCDF")
    if _HDF5_MAGIC.startswith(head) or any(m.startswith(head) for m in _NETCDF3_MAGICS):
        raise InputError(
            f"truncated: the file ends after {len(head)} bytes",
            where=str(path),
            remedy=_DOWNLOAD_AGAIN,
        )
    raise InputError(
        f"not a netCDF file: it starts with {head[:16]!r}",
        where=str(path),
        remedy="give a netCDF-3 or netCDF-4 file",
    )


def require_text(path: str | os.PathLike[str]) -> None:
    """Check by its first bytes that a file is plain text such as CSV.

    Raises
    ------
    InputError
        The file is missing, a directory, unreadable, empty, binary, a web page or XML.
    """
    head = _first_bytes(path)
    if head.startswith((_HDF5_MAGIC, *_NETCDF3_MAGICS)):
        raise InputError(
            "a netCDF file where text was expected",
            where=str(path),
            remedy="give the CSV file, or use the product's netCDF entry",
        )
    for magic, (kind, remedy) in _OTHER_MAGICS.items():
        if head.startswith(magic):
            raise InputError(f"not a text file but {kind}", where=str(path), remedy=remedy)
    if b"\x00" in head:
        raise InputError(
            f"a binary file where text was expected: it starts with {head[:16]!r}",
            where=str(path),
            remedy="give a CSV file",
        )
    _refuse_markup(head, path, "text")


def open_netcdf(
    path: str | os.PathLike[str], group: str | None = None, **options: Any
) -> xr.Dataset:
    """Open a netCDF-3 or netCDF-4 file lazily; options are those of ``xarray.open_dataset``.

    Raises
    ------
    InputError
        As `require_netcdf`; also when the file is truncated or damaged, or has no such group.
    """
    kind = require_netcdf(path)
    if kind == "netcdf3" and group is not None:
        raise InputError(
            f"no group {group!r}: a netCDF-3 file has no groups",
            where=str(path),
            remedy="give the product's netCDF-4 file",
        )
    engine = "h5netcdf" if kind == "hdf5" else "scipy"
    if group is not None:
        options["group"] = group
    try:
        return xr.open_dataset(path, engine=engine, **options)
    except _READ_ERRORS as error:
        raise _explain(error, path, group) from error


def open_opendap(address: str, **options: Any) -> xr.Dataset:
    """Open an OPeNDAP address lazily; needs the netCDF4 or the pydap package.

    Raises
    ------
    InputError
        No package that speaks OPeNDAP is installed, or the server does not answer.
    """
    try:
        return xr.open_dataset(address, **options)
    except _READ_ERRORS as error:
        raise InputError(
            f"the server cannot be read ({_first_line(error)})",
            where=address,
            remedy="check the network, and that OPeNDAP can be read (pip install netCDF4)",
        ) from error


def require_variables(ds: xr.Dataset, names: Iterable[str], where: str) -> None:
    """Check that a dataset holds all the variables or coordinates named.

    Raises
    ------
    InputError
        Names those missing, and what there is.
    """
    missing = [name for name in names if name not in ds.variables]
    if missing:
        raise InputError(
            f"no variable {', '.join(missing)}; the file has {', '.join(map(str, ds.variables))}",
            where=where,
            remedy="check that the file is of the product the entry names",
        )


def require_units(variable: xr.DataArray, allowed: Sequence[str], where: str) -> str:
    """Return the units of a variable, which must be one of those allowed.

    Raises
    ------
    InputError
        The variable has no units or others.
    """
    units = variable.attrs.get("units")
    if units is None:
        raise InputError(
            f"variable {variable.name} has no units; expected {' or '.join(allowed)}",
            where=where,
            remedy="check that the file is of the product the entry names",
        )
    if str(units).strip() not in allowed:
        raise InputError(
            f"variable {variable.name} is in {units!r}; expected {' or '.join(allowed)}",
            where=where,
            remedy="check that the file is of the product the entry names, or convert it",
        )
    return str(units).strip()


def _first_bytes(path: str | os.PathLike[str]) -> bytes:
    file = Path(path)
    if not file.exists():
        raise InputError("no such file", where=str(path), remedy="check the path")
    if file.is_dir():
        raise InputError(
            "a directory where a file was expected", where=str(path), remedy="name the file in it"
        )
    try:
        with file.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            remedy="check its permissions",
        ) from error
    if not head:
        raise InputError("the file is empty", where=str(path), remedy=_DOWNLOAD_AGAIN)
    return head


def _refuse_markup(head: bytes, path: str | os.PathLike[str], expected: str) -> None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    found = None
    if text.startswith((b"<!doctype html", b"<html")) or b"<html" in text:
        found = "a web page (HTML)"
    elif text.startswith((b"<?xml", b"<")):
        found = "an XML document"
    elif text.startswith((b"error {", b"error\n", b"error:")):
        found = "a server's error message"
    if found:
        said = text[:80].decode("utf-8", "replace")
        raise InputError(
            f"{found} where {expected} was expected: {said!r}…",
            where=str(path),
            remedy="the server answered with a message instead of data; read it, then download "
            "the file again",
        )


def _explain(error: Exception, path: str | os.PathLike[str], group: str | None) -> InputError:
    said = _first_line(error)
    if "truncated" in said or "buffer is smaller" in said or "reshape" in said:
        return InputError(
            f"the file is truncated ({said})", where=str(path), remedy=_DOWNLOAD_AGAIN
        )
    if group is not None and ("group" in said.lower() or group in said):
        return InputError(
            f"no group {group!r} in the file ({said})",
            where=str(path),
            remedy="check that the file is of the product the entry names",
        )
    return InputError(
        f"the file cannot be opened: it is damaged or not what was asked for ({said})",
        where=str(path),
        remedy="check the file with ncdump -h, or download it again",
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
