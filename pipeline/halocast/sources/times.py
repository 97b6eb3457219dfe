"""Times of product files: decoded to the second, bracketed, and the steps that are missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from halocast.errors import InputError

Time = np.datetime64 | str


def as_time(value: Any) -> Any:
    """Return a time (datetime64, datetime or ISO text, UTC) as datetime64[s].

    Raises
    ------
    InputError
        It is not a time.
    """
    text = value[:-1] if isinstance(value, str) and value.endswith("Z") else value
    try:
        time = np.asarray(text, "M8[s]")[()]
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{value!r} is not a time", remedy="write it as 2024-08-01T12:00:00"
        ) from error
    if np.isnat(time):
        raise InputError(f"{value!r} is not a time", remedy="write it as 2024-08-01T12:00:00")
    return time


def decode_times(time: xr.DataArray, where: str) -> np.ndarray:
    """Return the times of an axis, decoded or not, as datetime64[s].

    Raises
    ------
    InputError
        The units cannot be decoded or a time is missing.
    """
    if not np.issubdtype(time.dtype, np.datetime64):
        units = str(time.attrs.get("units", ""))
        try:
            if " since " not in units:
                raise ValueError(f"units {units!r}")
            time = xr.decode_cf(time.to_dataset(name="decoded"))["time"]
        except (ValueError, OverflowError, KeyError) as error:
            raise InputError(
                f"the times cannot be decoded ({error})",
                where=where,
                remedy="expected units such as hours since 2000-01-01 00:00:00",
            ) from error
    times = np.atleast_1d(time.values).astype("M8[ns]")
    if np.isnat(times).any():
        raise InputError("a time is missing on the time axis", where=where)
    return (times + np.timedelta64(500, "ms")).astype("M8[s]")


def bracket(times: np.ndarray, first: np.datetime64, last: np.datetime64) -> np.ndarray:
    """Return the positions of the times within a period and of those just before and after."""
    before, after = times[times <= first], times[times >= last]
    low = before.max() if before.size else first
    high = after.min() if after.size else last
    return np.flatnonzero((times >= low) & (times <= high))


def usual_step(times: np.ndarray, default: np.timedelta64) -> np.timedelta64:
    """Return the commonest step of ascending times (the shorter of equals); one time has none."""
    if times.size < 2:
        return default
    steps, counts = np.unique(np.diff(times), return_counts=True)
    return steps[counts.argmax()]


def missing_steps(
    times: np.ndarray, first: np.datetime64, last: np.datetime64, step: np.timedelta64
) -> np.ndarray:
    """Return the steps that a period needs and that are not there, on the clock of those that are.

    A period needs the steps in it, the last one before and the first one after it.
    """
    before = -((times[0] - min(first, times[0])) // -step)
    after = -((max(last, times[-1]) - times[-1]) // -step)
    due = np.arange(times[0] - before * step, times[-1] + after * step + step, step)
    return np.setdiff1d(due, times)
