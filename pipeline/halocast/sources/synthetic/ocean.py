"""An analytic North Atlantic: a meandering jet, the Azores current, eddies and their fronts.

Sea-surface height is a sum of smooth functions of longitude, latitude and time,

    ssh = B(lat) − J(lon, lat) tanh(d / L) − Z(lon) tanh((lat − lat_Z) / L_Z)
          + Σ_e A_e exp(−r_e² / 2 R_e²) + W(lat) Σ_w sin(k_w·x − ω_w t + φ_w),

B the subtropical gyre, d the distance to the jet's meandering axis y0(lon, t), J and L its
half-step and half-width, which decay and widen eastward, Z the Azores current, r_e the distance
to eddy e, W weak waves that fill the space between eddies; both drift westward. The gradient is
carried along analytically, so that velocity is exactly geostrophic, u = −(g/f) ∂ssh/∂y and
v = (g/f) ∂ssh/∂x, plus near-inertial wave packets and a weak Ekman drift where asked for.
Temperature is a latitude profile with a front on the jet's axis and anomalies in the eddies. The
eddies repeat every 56° of longitude, so that they never jump.

The numbers follow what altimetry shows of 60W–20W, 10N–45N: regional means, the distribution of
speed, the jet's 0.8–1.1 m step. Cost: about 1.5 µs a point for all four variables.
"""

from __future__ import annotations

from math import sqrt
from typing import Protocol

import numpy as np

from halocast.draws import Address, Purpose, uniforms
from halocast.errors import InputError
from halocast.grid import EARTH_ROTATION
from halocast.sources.synthetic.gridded_ocean import GriddedOcean
from halocast.sources.synthetic.ocean_kernels import DAY, DEGREE, PERIOD, RADIAN, WEST, fill

__all__ = ["AnalyticOcean", "GriddedOcean", "Ocean"]

VARIABLES = ("ssh", "u", "v", "t")
EPOCH = np.datetime64("2024-08-01T00:00:00", "ns")

_STREAM = 1_000_000  # the "cycle" of this module's addresses
_SOUTH = 8.0  # where the layout of eddies begins
_ROWS, _COLUMNS = 10, 14  # one eddy in each cell of 4° by 4°: about 90 in the region
_LOWEST_LATITUDE = 5.0


class Ocean(Protocol):
    """What the writers of synthetic files sample."""

    def surface(self, time, lat, lon) -> dict[str, np.ndarray]:
        """Return all four variables at times and places that broadcast."""
        ...

    def sample(self, variable: str, time, lat, lon) -> np.ndarray:
        """Return ssh (m), u, v (m s⁻¹) or t (K) at times and places that broadcast."""
        ...


class AnalyticOcean:
    """A smooth, eddying surface ocean that can be sampled anywhere, at any time.

    Parameters
    ----------
    seed
        Chooses eddies, meanders and wave packets.
    inertial
        Root-mean-square speed of near-inertial oscillations in m s⁻¹; 0 for none.
    ekman
        Largest Ekman drift in m s⁻¹; 0 for none.
    """

    def __init__(self, seed: int = 0, *, inertial: float = 0.08, ekman: float = 0.03) -> None:
        self.seed, self.inertial, self.ekman = seed, inertial, ekman
        self._eddies = _draw_eddies(seed)
        self._phases = 2 * np.pi * uniforms(Address(seed, _STREAM, Purpose.SYNTHETIC_FILES, 1), 3)
        self._waves = _draw_waves(seed)
        self._packets = _draw_packets(seed, inertial)

    def surface(self, time, lat, lon) -> dict[str, np.ndarray]:
        """Return all four variables at once.

        Parameters
        ----------
        time, lat, lon
            datetime64, degrees north and degrees east (any convention); they broadcast.

        Returns
        -------
        ``ssh`` (m), ``u``, ``v`` (m s⁻¹) and ``t`` (K), float64, of the broadcast shape.

        Raises
        ------
        InputError
            A latitude within 5° of the equator or in the south, where this ocean is not defined.
        """
        seconds = (np.asarray(time, "M8[ns]") - EPOCH) / np.timedelta64(1, "s")
        arrays = np.broadcast_arrays(seconds, np.asarray(lat, "f8"), np.asarray(lon, "f8"))
        shape = arrays[0].shape
        seconds, lat, lon = (np.ascontiguousarray(a, "f8").ravel() for a in arrays)
        if lat.size and not lat.min() >= _LOWEST_LATITUDE:
            raise InputError(
                f"the analytic ocean is not defined at latitude {lat.min():g}",
                remedy=f"stay north of {_LOWEST_LATITUDE:g}N, where geostrophy holds",
            )
        out = np.empty((4, lat.size))
        fill(
            out,
            seconds,
            lat,
            lon,
            self._eddies,
            self._phases,
            self._waves,
            self._packets,
            self.ekman,
        )
        return {name: out[i].reshape(shape) for i, name in enumerate(VARIABLES)}

    def sample(self, variable: str, time, lat, lon) -> np.ndarray:
        """Return one of ssh (m), u, v (m s⁻¹), t (K); arguments as in `surface`."""
        if variable not in VARIABLES:
            raise InputError(
                f"unknown variable {variable!r}", remedy=f"use one of {', '.join(VARIABLES)}"
            )
        return self.surface(time, lat, lon)[variable]


def _draw_eddies(seed: int) -> np.ndarray:
    """One row an eddy: lon, lat (deg) at the epoch, drift (deg s⁻¹), radius and height (m)."""
    count = _ROWS * _COLUMNS
    draw = uniforms(Address(seed, _STREAM, Purpose.SYNTHETIC_FILES, 0), 5 * count)
    across, up, drift, size, height = draw.reshape(5, count)
    row, column = np.divmod(np.arange(count), _COLUMNS)
    step = PERIOD / _COLUMNS
    lat = _SOUTH + step * (row + 0.15 + 0.7 * up)
    lon = WEST + step * (column + 0.15 + 0.7 * across)
    # the Rossby radius, and with it everything, shrinks northward
    radius = 1e3 * np.interp(lat, [10.0, 45.0], [85.0, 45.0]) * (0.85 + 0.3 * size)
    km_a_day = np.interp(lat, [10.0, 45.0], [6.0, 2.5]) * (0.8 + 0.4 * drift)
    west = 0.5 * (1.0 - np.tanh((lon + 42.0) / 4.0))
    near_jet = np.exp(-(((lat - 38.5) / 4.5) ** 2)) * (0.45 + 0.55 * west)
    size_here = (0.6 + 0.8 * height) * (np.interp(lat, [10, 30], [0.08, 0.14]) + 0.36 * near_jet)
    sign = np.where((row + column) % 2 == 0, 1.0, -1.0)
    speed = -km_a_day * 1e3 / DAY / (DEGREE * np.cos(lat * RADIAN))
    return np.stack([lon, lat, speed, radius, sign * size_here], axis=1)


def _draw_waves(seed: int) -> np.ndarray:
    """One row a wave: wave numbers east and north (rad per degree), frequency (s⁻¹), phase."""
    count = 12
    draw = uniforms(Address(seed, _STREAM, Purpose.SYNTHETIC_FILES, 3), 2 * count)
    cycles = 12.0 + np.arange(count)  # in a period: 450 to 240 km at 30N
    tilt = np.pi * (draw[:count] - 0.5) * 0.9
    east = 2 * np.pi * cycles / PERIOD
    frequency = -east * 4e3 / DAY / (DEGREE * 0.87)
    return np.stack([east, east * np.tan(tilt) / 0.87, frequency, 2 * np.pi * draw[count:]], axis=1)


def _draw_packets(seed: int, inertial: float) -> np.ndarray:
    """One row a packet: lon, lat (deg), frequency (s⁻¹), phase, reach (m), amplitude (m s⁻¹)."""
    if inertial == 0.0:
        return np.empty((0, 6))
    rows, columns = 8, 10
    count = rows * columns
    draw = uniforms(Address(seed, _STREAM, Purpose.SYNTHETIC_FILES, 2), 3 * count)
    across, up, phase = draw.reshape(3, count)
    row, column = np.divmod(np.arange(count), columns)
    lat = _SOUTH + 39.0 / rows * (row + up)
    lon = WEST + PERIOD / columns * (column + across)
    frequency = 2 * EARTH_ROTATION * np.sin(lat * RADIAN)
    reach = np.full(count, 250e3)
    # packets of random phase: mean square speed = amplitude² × packets that cover a point
    area = (PERIOD * 0.88 * DEGREE) * (39.0 * DEGREE)
    cover = count * np.pi * reach[0] ** 2 / area
    amplitude = np.full(count, inertial / sqrt(cover))
    return np.stack([lon, lat, frequency, 2 * np.pi * phase, reach, amplitude], axis=1)
