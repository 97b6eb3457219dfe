"""The analytic ocean's arithmetic, a point at a time: see `halocast.sources.synthetic.ocean`.

Each part gives its share of the height and of its derivatives by longitude and latitude, in metres
and metres per degree; `fill` adds them up and turns the gradient into velocity.
"""

from __future__ import annotations

from math import cos, exp, sin, sqrt, tanh

import numpy as np
from numba import njit

from halocast.grid import EARTH_RADIUS, EARTH_ROTATION

GRAVITY = 9.81
RADIAN = np.pi / 180.0
DEGREE = EARTH_RADIUS * RADIAN  # metres in a degree of latitude
DAY = 86400.0
PERIOD = 56.0  # degrees of longitude after which eddies and waves repeat
WEST = -68.0  # where the layout of eddies begins
_REACH = 12.5  # an eddy ends where its exponent exceeds this: 4e-6 of its height


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
    aspect = 1.0 / cos(39.0 * RADIAN)
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
    return dlon - PERIOD * np.floor(dlon / PERIOD + 0.5)


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
    f, df = sin(lat * RADIAN), cos(lat * RADIAN) * RADIAN
    height = 0.045 * f * (1.0 + 1.2 * rise)
    dheight = 0.045 * (df * (1.0 + 1.2 * rise) + f * 1.2 * drise)
    return height * total, height * by_lon, height * by_lat + dheight * total


@njit(cache=True, nogil=True)
def _oscillation(seconds, lat, lon, packets):  # pragma: no cover - compiled
    """Near-inertial velocity, turning clockwise."""
    u, v = 0.0, 0.0
    for lon0, lat0, frequency, phase, reach, amplitude in packets:
        dy = (lat - lat0) * DEGREE
        dx = _wrapped(lon - lon0) * DEGREE * 0.88
        r2 = (dx * dx + dy * dy) / (2.0 * reach * reach)
        if r2 < _REACH:
            speed = amplitude * exp(-r2)
            u += speed * cos(frequency * seconds + phase)
            v -= speed * sin(frequency * seconds + phase)
    return u, v


@njit(cache=True, nogil=True)
def fill(
    out, seconds, lats, lons, eddies, phases, waves, packets, ekman
):  # pragma: no cover - compiled
    """Fill ``out`` (4, n) with ssh, u, v and t at n places and times."""
    for i in range(seconds.size):
        lat, time = lats[i], seconds[i]
        lon = WEST + 4.0 + (lons[i] - WEST - 4.0) % 360.0  # far west of the region: outside
        ssh, by_lon, by_lat, t = _large_scale(lon, lat, time / DAY, phases)
        more, more_by_lon, more_by_lat = _between_eddies(time, lat, lon, waves)
        ssh += more
        by_lon += more_by_lon
        by_lat += more_by_lat
        for lon0, lat0, drift, radius, height in eddies:
            dy = (lat - lat0) * DEGREE
            if dy * dy > 2.0 * _REACH * radius * radius:
                continue
            metres = DEGREE * cos(lat0 * RADIAN)
            dx = _wrapped(lon - lon0 - drift * time) * metres
            r2 = (dx * dx + dy * dy) / (2.0 * radius * radius)
            if r2 > _REACH:
                continue
            bump = height * exp(-r2)
            ssh += bump
            by_lon -= bump * dx * metres / (radius * radius)
            by_lat -= bump * dy * DEGREE / (radius * radius)
            t += 3.0 * bump
        f = 2.0 * EARTH_ROTATION * sin(lat * RADIAN)
        u_wave, v_wave = _oscillation(time, lat, lon, packets)
        out[0, i] = ssh
        out[1, i] = -GRAVITY / f * by_lat / DEGREE + u_wave
        out[2, i] = GRAVITY / f * by_lon / (DEGREE * cos(lat * RADIAN)) + v_wave
        # trade winds push the surface northward, westerlies southward
        out[2, i] += ekman * cos(np.pi * (lat - 12.0) / 30.0)
        out[3, i] = 273.15 + t
