"""Land for the maps, from a file that travels with the package: no map needs a network."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
import shapely
from shapely.geometry import Polygon


@cache
def land_polygons() -> np.ndarray:
    """Land of the world as shapely polygons in degrees (Natural Earth, 1:50 million)."""
    with (files("halocast.report") / "data" / "coastline.npz").open("rb") as file:
        data = np.load(file)
        steps, ring_points = data["steps"].astype(np.int64), data["ring_points"]
        polygon_rings, units = data["polygon_rings"], float(data["units_per_degree"])
    ends = np.cumsum(ring_points)
    total = np.cumsum(steps, axis=0)
    # within a ring steps add up from its own first point, so take off what came before it
    before = np.concatenate([np.zeros((1, 2), np.int64), total[ends[:-1] - 1]])
    points = (total - np.repeat(before, ring_points, axis=0)) / units
    rings = np.split(points, ends[:-1])
    polygons, first = [], 0
    for count in polygon_rings:
        polygons.append(Polygon(rings[first], rings[first + 1 : first + count]))
        first += count
    return np.array(polygons)


@lru_cache(maxsize=8)
def land_within(west: float, east: float, south: float, north: float) -> tuple[Polygon, ...]:
    """Land inside a box in degrees, cut at its edges.

    Asking for the same box gives the same polygons, which cartopy then projects only once.
    """
    box = shapely.box(west, south, east, north)
    polygons = land_polygons()
    near = polygons[shapely.intersects(polygons, box)]
    pieces = shapely.intersection(near, box)
    parts = shapely.get_parts(pieces)
    return tuple(p for p in parts if p.geom_type == "Polygon" and p.area > 0)
