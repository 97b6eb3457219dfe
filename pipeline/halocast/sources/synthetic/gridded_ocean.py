"""An ocean read off a model run: linear in time, bilinear in space, land filled from the sea."""

from __future__ import annotations

import numpy as np
import xarray as xr

from halocast.errors import InputError
from halocast.sources.files import require_variables
from halocast.sources.regrid import fill_from_nearest

_DIMS = ("time", "lat", "lon")


class GriddedOcean:
    """A surface ocean given by fields at times, sampled like `AnalyticOcean`.

    Parameters
    ----------
    fields
        ``ssh`` (m), ``u``, ``v`` (m s⁻¹) and ``t`` (K) on (time, lat, lon), all axes ascending,
        longitudes in -180…180. NaN on land, where the nearest sea is used instead.

    Raises
    ------
    InputError
        A variable or axis is missing, or an axis does not ascend.
    """

    def __init__(self, fields: xr.Dataset) -> None:
        require_variables(fields, (*_DIMS, "ssh", "u", "v", "t"), "fields of a gridded ocean")
        self.time = fields["time"].values.astype("M8[ns]")
        self.lat = fields["lat"].values.astype(float)
        self.lon = fields["lon"].values.astype(float)
        for name, axis in zip(_DIMS, (self.time, self.lat, self.lon)):
            if axis.size == 0 or (axis.size > 1 and not (axis[1:] > axis[:-1]).all()):
                raise InputError(f"the axis {name} is empty or does not ascend")
        self._fields = {
            name: np.stack(
                [fill_from_nearest(f, name) for f in fields[name].transpose(*_DIMS).values]
            )
            for name in ("ssh", "u", "v", "t")
        }

    def sample(self, variable: str, time, lat, lon) -> np.ndarray:
        """Return one of ssh (m), u, v (m s⁻¹), t (K) at places and times that broadcast.

        A place more than half a cell outside the axes gives NaN.

        Raises
        ------
        InputError
            The variable is unknown, or a time lies outside the fields' times.
        """
        if variable not in self._fields:
            raise InputError(
                f"unknown variable {variable!r}", remedy=f"use one of {', '.join(self._fields)}"
            )
        time = np.asarray(time, "M8[ns]")
        self._require_times(time)
        lat = np.asarray(lat, float)
        lon = (np.asarray(lon, float) + 180.0) % 360.0 - 180.0
        k, in_time, _ = _locate(self.time.astype("i8").astype(float), time.astype("i8"))
        j, in_lat, inside_lat = _locate(self.lat, lat)
        i, in_lon, inside_lon = _locate(self.lon, lon)
        field = self._fields[variable]
        result = 0.0
        for step, share_t in ((0, 1.0 - in_time), (1, in_time)):
            kk = np.minimum(k + step, self.time.size - 1)
            for row, share_y in ((0, 1.0 - in_lat), (1, in_lat)):
                jj = np.minimum(j + row, self.lat.size - 1)
                for column, share_x in ((0, 1.0 - in_lon), (1, in_lon)):
                    ii = np.minimum(i + column, self.lon.size - 1)
                    result = result + share_t * share_y * share_x * field[kk, jj, ii]
        return np.where(inside_lat & inside_lon, result, np.nan)

    def surface(self, time, lat, lon) -> dict[str, np.ndarray]:
        """Return all four variables at once; arguments as in `sample`."""
        return {name: self.sample(name, time, lat, lon) for name in self._fields}

    def _require_times(self, time: np.ndarray) -> None:
        if time.size == 0:
            return
        first, last = time.min(), time.max()
        if not (self.time[0] <= first and last <= self.time[-1]):  # NaT fails too
            raise InputError(
                f"times {first} … {last} lie outside the fields' {self.time[0]} … {self.time[-1]}",
                where="gridded ocean",
                remedy="sample within the model run, or run it longer",
            )


def _locate(axis: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of the point before, share of the way to the next one, within half a cell or not."""
    value = np.asarray(value, float)
    if axis.size == 1:
        zero = np.zeros(value.shape)
        return zero.astype(np.int64), zero, np.isfinite(value)
    left = np.clip(np.searchsorted(axis, value, "right") - 1, 0, axis.size - 2)
    share = (value - axis[left]) / (axis[left + 1] - axis[left])
    inside = (share >= -0.5 - 1e-9) & (share <= 1.5 + 1e-9)
    return left, np.clip(share, 0.0, 1.0), inside
