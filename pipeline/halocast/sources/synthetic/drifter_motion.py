"""Drifters carried by a synthetic ocean.

    dx/dt = u(x, t) + w(t) + s(x)

u the ocean's surface velocity, w an Ornstein–Uhlenbeck velocity (what the ocean's grid does not
resolve; 1.5 days), s the wind's push on drifters without a drogue (1 % of a zonal wind). Positions
by fourth-order Runge–Kutta in steps of 15 minutes, w held over a step. A drifter that leaves the
box, runs aground (no velocity) or dies (0.3 % a day) is replaced by another, deployed at random.
Cost: eight samples of the ocean a step, each of all drifters at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.grid import EARTH_RADIUS
from halocast.sources.sphere import Box
from halocast.sources.synthetic.swot_scene import Ocean

STEP = np.timedelta64(900, "s")
STREAM = 4_000_000  # the "cycle" of the drifters' addresses

_SECONDS = 900.0
_METRES_A_DEGREE = np.radians(1.0) * EARTH_RADIUS
_MEMORY = 1.5 * 86400.0
_DEATHS_A_STEP = 0.003 / 96.0
_SLIP = 0.01


class Motion(NamedTuple):
    """Positions and velocities at every step; arrays (steps, slots).

    ``drifter`` numbers the drifter in each slot, ``u`` and ``v`` are its velocity in m s-1.
    """

    time: np.ndarray
    drifter: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    u: np.ndarray
    v: np.ndarray


def drift(
    ocean: Ocean,
    box: Box,
    times: np.ndarray,
    drogue_lost: np.ndarray,
    seed: int,
    unresolved: float,
) -> Motion:
    """Move drifters through the steps ``times``.

    Parameters
    ----------
    times
        Steps of 15 minutes, datetime64[ns].
    drogue_lost
        When each drifter loses its drogue, shape (drifters,); the first ``slots`` drifters start,
        the others stand by. Their number sets how many slots there are: four drifters a slot.
    unresolved
        Standard deviation of w in each direction, m s-1.
    """
    slots = drogue_lost.size // 4
    west, east, south, north = box
    place = uniforms(Address(seed, STREAM, Purpose.SYNTHETIC_FILES, 0), 2 * drogue_lost.size)
    # a twentieth of the box is left free at each edge, or many would leave in the first hours
    birth_lon = west + (east - west) * (0.05 + 0.9 * place[::2])
    birth_lat = south + (north - south) * (0.05 + 0.9 * place[1::2])
    drifter = np.arange(slots)
    lat, lon = birth_lat[:slots].copy(), birth_lon[:slots].copy()
    steps = times.size
    kick = normals(Address(seed, STREAM, Purpose.SYNTHETIC_FILES, 1), 2 * slots * (steps + 1))
    kick = kick.reshape(steps + 1, 2, slots)
    death = uniforms(Address(seed, STREAM, Purpose.SYNTHETIC_FILES, 2), slots * steps)
    death = death.reshape(steps, slots) < _DEATHS_A_STEP
    memory = np.exp(-_SECONDS / _MEMORY)
    w = unresolved * kick[0]
    waiting = slots
    history = []
    for k, time in enumerate(times):
        extra = w + _wind_slip(lat, time >= drogue_lost[drifter])
        u, v = _velocity(ocean, box, time, lat, lon, extra)
        gone = death[k] | ~np.isfinite(u + v) | (lat <= south) | (lat >= north)
        gone |= (lon <= west) | (lon >= east)
        for slot in np.flatnonzero(gone):
            if waiting < drogue_lost.size:
                drifter[slot], lat[slot], lon[slot] = (
                    waiting,
                    birth_lat[waiting],
                    birth_lon[waiting],
                )
                waiting += 1
        if gone.any():
            u, v = _velocity(ocean, box, time, lat, lon, extra)
        history.append((drifter.copy(), lat.copy(), lon.copy(), u, v))
        lat, lon = _runge_kutta(ocean, box, time, lat, lon, extra, u, v)
        w = memory * w + np.sqrt(1.0 - memory**2) * unresolved * kick[k + 1]
    columns = [np.stack(column) for column in zip(*history)]
    return Motion(times, *columns)


def _velocity(
    ocean: Ocean, box: Box, time: np.datetime64, lat: np.ndarray, lon: np.ndarray, extra: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    west, east, south, north = box
    # stages of a step may leave the box, where the ocean need not be defined
    at = np.clip(lat, south, north), np.clip(lon, west, east)
    when = np.full(lat.shape, time)
    u, v = ocean.sample("u", when, *at), ocean.sample("v", when, *at)
    return u + extra[0], v + extra[1]


def _runge_kutta(
    ocean: Ocean,
    box: Box,
    time: np.datetime64,
    lat: np.ndarray,
    lon: np.ndarray,
    extra: np.ndarray,
    u1: np.ndarray,
    v1: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    def degrees(u: np.ndarray, v: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        still = np.nan_to_num(u), np.nan_to_num(v)
        return still[1] / _METRES_A_DEGREE, still[0] / (_METRES_A_DEGREE * np.cos(np.radians(at)))

    def stage(share: float, north: np.ndarray, east: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = lat + share * _SECONDS * north, lon + share * _SECONDS * east
        late = time + np.timedelta64(round(share * 900), "s")
        return degrees(*_velocity(ocean, box, late, *moved, extra), moved[0])

    north1, east1 = degrees(u1, v1, lat)
    north2, east2 = stage(0.5, north1, east1)
    north3, east3 = stage(0.5, north2, east2)
    north4, east4 = stage(1.0, north3, east3)
    return (
        lat + _SECONDS / 6.0 * (north1 + 2.0 * north2 + 2.0 * north3 + north4),
        lon + _SECONDS / 6.0 * (east1 + 2.0 * east2 + 2.0 * east3 + east4),
    )


def _wind_slip(lat: np.ndarray, undrogued: np.ndarray) -> np.ndarray:
    """Trades in the south, westerlies in the north; (2, drifters)."""
    wind = 7.0 * np.tanh((np.abs(lat) - 28.0) / 6.0)
    return np.stack([np.where(undrogued, _SLIP * wind, 0.0), np.zeros(lat.size)])
