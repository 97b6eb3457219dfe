"""Points on a spherical Earth: distances, bearings, boxes and longitudes."""

from __future__ import annotations

import numpy as np

from halocast.grid import EARTH_RADIUS

Box = tuple[float, float, float, float]
"""(west, east, south, north) in degrees, in either longitude convention, west < east."""


def wrap_longitude(lon: np.ndarray) -> np.ndarray:
    """Return longitudes (degrees) in [-180, 180); those already there keep all their bits."""
    lon = np.asarray(lon, "f8")
    with np.errstate(invalid="ignore"):
        inside = (lon >= -180.0) & (lon < 180.0)
        if inside.all():
            return lon
        wrapped = np.mod(lon + 180.0, 360.0) - 180.0
    return np.where(inside, lon, np.where(wrapped >= 180.0, -180.0, wrapped))


def inside_box(box: Box, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Tell which points lie in a box, edges included; longitudes may differ by whole turns."""
    west, east, south, north = box
    with np.errstate(invalid="ignore"):
        return (lat >= south) & (lat <= north) & (np.mod(lon - west, 360.0) <= east - west)


def displaced(
    lat: np.ndarray, lon: np.ndarray, bearing: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move points (degrees) along great circles by ``distance`` metres towards ``bearing``."""
    phi, delta, theta = np.radians(lat), distance / EARTH_RADIUS, np.radians(bearing)
    sine = np.sin(phi) * np.cos(delta) + np.cos(phi) * np.sin(delta) * np.cos(theta)
    turn = np.arctan2(
        np.sin(theta) * np.sin(delta) * np.cos(phi), np.cos(delta) - np.sin(phi) * sine
    )
    return np.degrees(np.arcsin(sine)), wrap_longitude(lon + np.degrees(turn))


def distance_and_bearing(
    lat1: np.ndarray, lon1: np.ndarray, lat2: np.ndarray, lon2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return great-circle distance (m) and initial bearing (degrees) from points 1 to points 2."""
    phi1, phi2 = np.radians(lat1), np.radians(lat2)
    turn = np.radians(np.asarray(lon2) - lon1)
    haversine = (
        np.sin(0.5 * (phi2 - phi1)) ** 2 + np.cos(phi1) * np.cos(phi2) * np.sin(0.5 * turn) ** 2
    )
    bearing = np.arctan2(
        np.sin(turn) * np.cos(phi2),
        np.cos(phi1) * np.sin(phi2) - np.sin(phi1) * np.cos(phi2) * np.cos(turn),
    )
    return 2.0 * EARTH_RADIUS * np.arcsin(np.sqrt(haversine)), np.degrees(bearing)
