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

from math import cos, exp, sin, sqrt, tanh
from typing import Protocol

import numpy as np
from numba import njit

from halocast.draws import Address, Purpose, uniforms
from halocast.errors import InputError
from halocast.grid import EARTH_RADIUS, EARTH_ROTATION
from halocast.sources.synthetic.gridded_ocean import GriddedOcean

__all__ = ["AnalyticOcean", "GriddedOcean", "Ocean"]

GRAVITY = 9.81
VARIABLES = ("ssh", "u", "v", "t")
EPOCH = np.datetime64("2024-08-01T00:00:00", "ns")

_STREAM = 1_000_000  # the "cycle" of this module's addresses
_RADIAN = np.pi / 180.0
_DEGREE = EARTH_RADIUS * _RADIAN  # metres in a degree of latitude
_DAY = 86400.0
_PERIOD = 56.0  # degrees of longitude after which the field repeats
_SOUTH, _WEST = 8.0, -68.0  # the corner eddies are laid out from
_ROWS, _COLUMNS = 10, 14  # one eddy in each cell of 4° by 4°: about 90 in the region
_REACH = 12.5  # an eddy ends where its exponent exceeds this: 4e-6 of its height
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
        _fill(
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
    step = _PERIOD / _COLUMNS
    lat = _SOUTH + step * (row + 0.15 + 0.7 * up)
    lon = _WEST + step * (column + 0.15 + 0.7 * across)
    # the Rossby radius, and with it everything, shrinks northward
    radius = 1e3 * np.interp(lat, [10.0, 45.0], [85.0, 45.0]) * (0.85 + 0.3 * size)
    km_a_day = np.interp(lat, [10.0, 45.0], [6.0, 2.5]) * (0.8 + 0.4 * drift)
    west = 0.5 * (1.0 - np.tanh((lon + 42.0) / 4.0))
    near_jet = np.exp(-(((lat - 38.5) / 4.5) ** 2)) * (0.45 + 0.55 * west)
    size_here = (0.6 + 0.8 * height) * (np.interp(lat, [10, 30], [0.08, 0.14]) + 0.36 * near_jet)
    sign = np.where((row + column) % 2 == 0, 1.0, -1.0)
    speed = -km_a_day * 1e3 / _DAY / (_DEGREE * np.cos(lat * _RADIAN))
    return np.stack([lon, lat, speed, radius, sign * size_here], axis=1)


def _draw_waves(seed: int) -> np.ndarray:
    """One row a wave: wave numbers east and north (rad per degree), frequency (s⁻¹), phase."""
    count = 12
    draw = uniforms(Address(seed, _STREAM, Purpose.SYNTHETIC_FILES, 3), 2 * count)
    cycles = 12.0 + np.arange(count)  # in a period: 450 to 240 km at 30N
    tilt = np.pi * (draw[:count] - 0.5) * 0.9
    east = 2 * np.pi * cycles / _PERIOD
    frequency = -east * 4e3 / _DAY / (_DEGREE * 0.87)
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
    lon = _WEST + _PERIOD / columns * (column + across)
    frequency = 2 * EARTH_ROTATION * np.sin(lat * _RADIAN)
    reach = np.full(count, 250e3)
    # packets of random phase: mean square speed = amplitude² × packets that cover a point
    area = (_PERIOD * 0.88 * _DEGREE) * (39.0 * _DEGREE)
    cover = count * np.pi * reach[0] ** 2 / area
    amplitude = np.full(count, inertial / sqrt(cover))
    return np.stack([lon, lat, frequency, 2 * np.pi * phase, reach, amplitude], axis=1)


@njit(cache=True, nogil=True, inline="always")
def _step(x, middle, width):  # pragma: no cover - compiled
    """A smooth step from 0 to 1, and its derivative."""
    s = 0.5 * (1.0 + tanh((x - middle) / width))
    return s, 2.0 * s * (1.0 - s) / width


@njit(cache=True, nogil=True)
def _axis(lon, days, phases):  # pragma: no cover - compiled
    """Latitude of the jet's axis and its first two derivatives by longitude (degrees)."""
    bump = 0.75 * exp(-(((lon + 50.0) / 7.0) ** 2))
    a = 0.35 + bump
    da = -2.0 * (lon + 50.0) / 49.0 * bump
    dda = bump * ((2.0 * (lon + 50.0) / 49.0) ** 2 - 2.0 / 49.0)
    g, dg, ddg = 0.0, 0.0, 0.0
    # wavelengths 380 and 560 km, eastward at 6 and 7.5 km a day (86.4 km in a degree at 39N)
    for i in range(2):
        wave, drift, share = (380.0, 6.0, 0.8) if i == 0 else (560.0, 7.5, 0.6)
        k = 2.0 * np.pi / wave * 86.4
        angle = k * (lon + 60.0) - 2.0 * np.pi * drift / wave * days + phases[i]
        g += share * sin(angle)
        dg += share * k * cos(angle)
        ddg -= share * k * k * sin(angle)
    y = 39.6 + 0.05 * (lon + 60.0) + a * g
    return y, 0.05 + da * g + a * dg, dda * g + 2.0 * da * dg + a * ddg


@njit(cache=True, nogil=True)
def _jet(lon, lat, days, phases):  # pragma: no cover - compiled
    """The jet: tanh(d / L), its derivatives by lon and lat, and the decay eastward (1 to 0)."""
    y, slope, bend = _axis(lon, days, phases)
    aspect = 1.0 / cos(39.0 * _RADIAN)
    q, dq = slope * aspect, bend * aspect
    stretch = sqrt(1.0 + q * q)
    d = (lat - y) / stretch
    east, deast = _step(lon, -45.0, 7.0)
    width, dwidth = 0.42 + 0.30 * east, 0.30 * deast  # half-width: 47 to 80 km, in degrees
    d_lon = -slope / stretch - (lat - y) * q * dq / stretch**3
    front = tanh(d / width)
    steep = 1.0 - front * front
    by_lon = steep * (d_lon * width - d * dwidth) / width**2
    by_lat = steep / (stretch * width)
    return front, by_lon, by_lat, 1.0 - east, -deast


@njit(cache=True, nogil=True)
def _large_scale(lon, lat, days, phases):  # pragma: no cover - compiled
    """Gyre, jet and Azores current: ssh (m), its derivatives by lon and lat, temperature (°C)."""
    front, front_lon, front_lat, west, dwest = _jet(lon, lat, days, phases)
    near, dnear = _step(lat, 29.0, 5.0)  # the jet's recirculation closes southward
    half, dhalf = 0.11 + 0.36 * west, 0.36 * dwest
    front += 0.65  # most of the step is a drop in the north
    ssh = -half * front * near
    by_lon = -(dhalf * front + half * front_lon) * near
    by_lat = -half * (front_lat * near + front * dnear)

    east, deast = _step(lon, -43.0, 3.0)
    azores, dazores = _step(lat + 0.35 * sin(lon * 1.3 + phases[2]), 34.0, 0.6)
    bend = 0.35 * 1.3 * cos(lon * 1.3 + phases[2])
    ssh -= 0.22 * east * (azores - 0.5) * near
    by_lon -= 0.22 * (deast * (azores - 0.5) + east * dazores * bend) * near
    by_lat -= 0.22 * east * (dazores * near + (azores - 0.5) * dnear)

    gyre = 0.03 * exp(-(((lat - 26.0) / 7.0) ** 2))
    ssh += 0.43 + gyre
    by_lat -= gyre * 2.0 * (lat - 26.0) / 49.0
    north, dnorth = _step(lat, 42.0, 3.5)
    ssh -= 0.02 * north
    by_lat -= 0.02 * dnorth

    warmth = 28.4 - 5.6 * _step(lat, 38.0, 11.0)[0] - 1.5 * (lat - 10.0) / 35.0
    t = warmth - (0.6 + 1.7 * west) * (0.35 + front) * near
    return ssh, by_lon, by_lat, t


@njit(cache=True, nogil=True, inline="always")
def _wrapped(dlon):  # pragma: no cover - compiled
    return dlon - _PERIOD * np.floor(dlon / _PERIOD + 0.5)


@njit(cache=True, nogil=True)
def _between_eddies(seconds, lat, lon, waves):  # pragma: no cover - compiled
    """The weak waves: ssh (m) and its derivatives by lon and lat."""
    total, by_lon, by_lat = 0.0, 0.0, 0.0
    for east, north, frequency, phase in waves:
        angle = east * lon + north * lat - frequency * seconds + phase
        share = 1.0 / sqrt(east * east + north * north)  # the same speed in every wave
        total += share * sin(angle)
        by_lon += share * east * cos(angle)
        by_lat += share * north * cos(angle)
    rise, drise = _step(lat, 35.0, 3.0)
    f, df = sin(lat * _RADIAN), cos(lat * _RADIAN) * _RADIAN
    height = 0.045 * f * (1.0 + 1.2 * rise)
    dheight = 0.045 * (df * (1.0 + 1.2 * rise) + f * 1.2 * drise)
    return height * total, height * by_lon, height * by_lat + dheight * total


@njit(cache=True, nogil=True)
def _oscillation(seconds, lat, lon, packets):  # pragma: no cover - compiled
    """Near-inertial velocity, turning clockwise."""
    u, v = 0.0, 0.0
    for lon0, lat0, frequency, phase, reach, amplitude in packets:
        dy = (lat - lat0) * _DEGREE
        dx = _wrapped(lon - lon0) * _DEGREE * 0.88
        r2 = (dx * dx + dy * dy) / (2.0 * reach * reach)
        if r2 < _REACH:
            speed = amplitude * exp(-r2)
            u += speed * cos(frequency * seconds + phase)
            v -= speed * sin(frequency * seconds + phase)
    return u, v


@njit(cache=True, nogil=True)
def _fill(
    out, seconds, lats, lons, eddies, phases, waves, packets, ekman
):  # pragma: no cover - compiled
    for i in range(seconds.size):
        lat, time = lats[i], seconds[i]
        lon = _WEST + 4.0 + (lons[i] - _WEST - 4.0) % 360.0  # far west of the region: outside
        ssh, by_lon, by_lat, t = _large_scale(lon, lat, time / _DAY, phases)
        more, more_by_lon, more_by_lat = _between_eddies(time, lat, lon, waves)
        ssh += more
        by_lon += more_by_lon
        by_lat += more_by_lat
        for lon0, lat0, drift, radius, height in eddies:
            dy = (lat - lat0) * _DEGREE
            if dy * dy > 2.0 * _REACH * radius * radius:
                continue
            metres = _DEGREE * cos(lat0 * _RADIAN)
            dx = _wrapped(lon - lon0 - drift * time) * metres
            r2 = (dx * dx + dy * dy) / (2.0 * radius * radius)
            if r2 > _REACH:
                continue
            bump = height * exp(-r2)
            ssh += bump
            by_lon -= bump * dx * metres / (radius * radius)
            by_lat -= bump * dy * _DEGREE / (radius * radius)
            t += 3.0 * bump
        f = 2.0 * EARTH_ROTATION * sin(lat * _RADIAN)
        u_wave, v_wave = _oscillation(time, lat, lon, packets)
        out[0, i] = ssh
        out[1, i] = -GRAVITY / f * by_lat / _DEGREE + u_wave
        out[2, i] = GRAVITY / f * by_lon / (_DEGREE * cos(lat * _RADIAN)) + v_wave
        # trade winds push the surface northward, westerlies southward
        out[2, i] += ekman * cos(np.pi * (lat - 12.0) / 30.0)
        out[3, i] = 273.15 + t
