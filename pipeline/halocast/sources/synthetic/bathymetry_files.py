"""A synthetic sea floor of the North Atlantic, written in the formats of the bathymetries.

The floor deepens with age away from the Mid-Atlantic Ridge as in the plate model GDH1 (Stein &
Stein 1992, Nature 359, 123), carries abyssal hills and seamounts, and rises where the Azores, Cape
Verde, Barbados, the Corner and Great Meteor seamounts and the Tail of the Grand Bank are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from halocast.draws import Address, Purpose, uniforms
from halocast.sources.regrid import fill_from_nearest
from halocast.sources.sphere import Box

Convention = Literal["etopo2022", "etopo1-nodes", "etopo1-cells", "etopo5", "gebco"]

_STREAM = 1_000_002  # the "cycle" of this module's addresses
_KM = 111.195  # in a degree
_SPREADING = 11.0  # half rate, km in a million years
_RIDGE_LAT = [0.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 38.0, 41.0, 45.0, 50.0, 60.0]
_RIDGE_LON = [-25.0, -41.0, -46.5, -45.7, -45.1, -42.0, -36.5, -31.0, -29.5, -28.0, -29.5, -29.0]

# rises and islands: latitude, longitude, radius (km, a Gaussian's), height above the floor (m)
_PLACES = np.array(
    [
        (39.0, -31.0, 800.0, 700.0),  # the swell around the Azores
        (38.5, -28.5, 180.0, 700.0),  # their plateau
        (38.5, -28.2, 24.0, 3300.0),  # Pico
        (37.8, -25.5, 22.0, 3700.0),  # São Miguel
        (38.7, -27.2, 20.0, 3000.0),  # Terceira
        (39.4, -31.2, 14.0, 3000.0),  # Flores
        (16.0, -24.0, 250.0, 1500.0),  # the rise of Cape Verde
        (15.1, -23.6, 28.0, 4300.0),  # Santiago
        (14.9, -24.4, 20.0, 4500.0),  # Fogo
        (17.05, -25.2, 24.0, 4500.0),  # Santo Antão
        (16.6, -24.3, 20.0, 4300.0),  # São Nicolau
        (16.1, -22.8, 26.0, 4300.0),  # Boa Vista
        (13.2, -59.5, 40.0, 5700.0),  # Barbados
        (30.0, -28.5, 60.0, 4300.0),  # Great Meteor seamount, below the surface
        (35.5, -51.5, 120.0, 2600.0),  # Corner seamounts
    ]
)
_BANK = (46.2, -51.0, 370.0, 60.0, -80.0)  # the Grand Bank: where, reach and slope (km), height


def sea_floor(lat: np.ndarray, lon: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the synthetic elevation (m, upwards) on axes (degrees), shape (n_lat, n_lon)."""
    lat, lon = np.asarray(lat, float), (np.asarray(lon, float) + 180.0) % 360.0 - 180.0
    stretch = np.cos(np.deg2rad(lat))[:, None] * _KM
    age = np.abs(lon - np.interp(lat, _RIDGE_LAT, _RIDGE_LON)[:, None]) * stretch / _SPREADING
    young, old = 2600.0 + 365.0 * np.sqrt(age), 5651.0 - 2473.0 * np.exp(-0.0278 * age)
    floor = -np.where(age < 20.0, young, old)
    floor += 300.0  # sediment
    floor += _hills(lat, lon, seed)
    for place in (*_PLACES, *_seamounts(seed)):
        floor += _bump(lat, lon, *place)
    lat0, lon0, reach, slope, height = _BANK
    away = np.hypot((lat - lat0)[:, None] * _KM, (lon - lon0) * stretch)
    share = 0.5 * (1.0 - np.tanh((away - reach) / slope))
    return floor * (1.0 - share) + height * share


def _hills(lat: np.ndarray, lon: np.ndarray, seed: int) -> np.ndarray:
    count = 24
    draw = uniforms(Address(seed, _STREAM, Purpose.SYNTHETIC_FILES, 0), 3 * count)
    length, angle, phase = draw.reshape(3, count)
    wave = 2 * np.pi / (0.4 + 2.0 * length)  # per degree
    # hills run along the ridge, roughly north to south
    east, north = wave * np.cos(0.8 * (angle - 0.5)), wave * np.sin(0.8 * (angle - 0.5))
    hills = np.zeros((lat.size, lon.size))
    for k in range(count):  # sin(a + b) = sin a cos b + cos a sin b: outer products are cheap
        a, b = north[k] * lat + 2 * np.pi * phase[k], east[k] * lon
        hills += np.outer(np.sin(a), np.cos(b)) + np.outer(np.cos(a), np.sin(b))
    return 75.0 * hills


def _seamounts(seed: int) -> np.ndarray:
    count = 90
    draw = uniforms(Address(seed, _STREAM, Purpose.SYNTHETIC_FILES, 1), 4 * count)
    up, across, size, height = draw.reshape(4, count)
    return np.stack(
        [5.0 + 45.0 * up, -65.0 + 50.0 * across, 8.0 + 17.0 * size, 500.0 + 1500.0 * height], 1
    )


def _bump(
    lat: np.ndarray, lon: np.ndarray, lat0: float, lon0: float, radius: float, height: float
) -> np.ndarray:
    along = np.exp(-0.5 * ((lat - lat0) * _KM / radius) ** 2)
    across = np.exp(-0.5 * ((lon - lon0) * _KM * np.cos(np.deg2rad(lat0)) / radius) ** 2)
    return height * np.outer(along, across)


def write_bathymetry(
    directory: str | Path,
    *,
    box: Box = (-62.0, -18.0, 8.0, 47.0),
    convention: Convention = "etopo2022",
    minutes: int = 5,
    seed: int = 0,
    elevation: xr.Dataset | None = None,
) -> list[Path]:
    """Write a bathymetry over a box, in one of the conventions.

    Parameters
    ----------
    directory
        Where the file goes; made if it is not there.
    box
        (west, east, south, north) in degrees, whole multiples of the spacing.
    minutes
        Spacing in minutes of arc (the products: 1, ETOPO5: 5, GEBCO: 1/4).
    seed
        Chooses hills and seamounts.
    elevation
        ``elevation(lat, lon)`` in metres to show instead of the synthetic floor, interpolated
        bilinearly.

    Returns
    -------
    The one file written.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    nodes = convention in ("etopo1-nodes", "etopo5")
    lat = _points(box[2], box[3], minutes, nodes)
    lon = _points(box[0], box[1], minutes, nodes)
    if elevation is None:
        height, source = sea_floor(lat, lon, seed), "simulated sea floor"
    else:
        filled = elevation.copy(data={"elevation": fill_from_nearest(elevation.elevation.values)})
        resampled = filled.interp(lat=lat, lon=lon, kwargs={"fill_value": None})
        height = resampled["elevation"].transpose("lat", "lon").values
        source = f"resampled from {elevation.attrs.get('title', 'another bathymetry')}"
    name, ds = _dataset(convention, lat, lon, height, minutes)
    ds.attrs |= {"source": f"Simulated: {source}, in the format of {convention}"}
    path = folder / name
    ds.to_netcdf(path, engine="scipy" if name.endswith(".grd") else "h5netcdf")
    return [path]


def _points(low: float, high: float, minutes: int, nodes: bool) -> np.ndarray:
    count = round((high - low) * 60 / minutes)
    return low + (np.arange(count + 1) if nodes else np.arange(count) + 0.5) * minutes / 60.0


def _dataset(
    convention: Convention, lat: np.ndarray, lon: np.ndarray, height: np.ndarray, minutes: int
) -> tuple[str, xr.Dataset]:
    """File name and content."""
    attrs: dict[str, Any]
    north, east = {"units": "degrees_north"}, {"units": "degrees_east"}
    if convention == "etopo2022":
        z = ("z", height.astype("f4"), {"long_name": "z", "units": "meters", "grid_mapping": "crs"})
        crs = ((), np.int32(0), {"grid_mapping_name": "latitude_longitude"})
        axes = {
            "lat": ("lat", lat, {"standard_name": "latitude", **north}),
            "lon": ("lon", lon, {"standard_name": "longitude", **east}),
        }
        ds = xr.Dataset({"z": (("lat", "lon"), *z[1:]), "crs": crs}, axes)
        ds.attrs = {"Conventions": "CF-1.5", "node_offset": 1}
        return f"ETOPO_2022_v1_{60 * minutes}s_N90W180_bed.nc", ds
    if convention == "gebco":
        attrs = {"standard_name": "height_above_mean_sea_level", "units": "m"}
        z16 = (("lat", "lon"), np.rint(height).astype("i2"), attrs)
        axes = {"lat": ("lat", lat, north), "lon": ("lon", lon, east)}
        ds = xr.Dataset({"elevation": z16}, axes, {"Conventions": "CF-1.6", "node_offset": 1})
        return "GEBCO_2024.nc", ds
    if convention == "etopo5":
        east_of_greenwich, order = np.unique(lon % 360.0, return_index=True)
        rose = height[:, order].astype("f4")
        attrs = {"long_name": "Relief Of the Surface of the Earth", "units": "meters",
                 "_FillValue": np.float32(-1e34), "missing_value": np.float32(-1e34)}  # fmt: skip
        axes = {
            "ETOPO05_Y": ("ETOPO05_Y", lat, {**north, "point_spacing": "even"}),
            "ETOPO05_X": ("ETOPO05_X", east_of_greenwich, {**east, "modulo": " "}),
        }
        return "etopo5.nc", xr.Dataset({"ROSE": (("ETOPO05_Y", "ETOPO05_X"), rose, attrs)}, axes)
    z32 = (("y", "x"), np.rint(height).astype("i4"), {"long_name": "z"})
    axes = {"y": ("y", lat, {"long_name": "y"}), "x": ("x", lon, {"long_name": "x"})}
    attrs = {"Conventions": "COARDS/CF-1.0", "node_offset": int(convention == "etopo1-cells")}
    letter = "c" if convention == "etopo1-cells" else "g"
    return f"ETOPO1_Bed_{letter}_gmt4.grd", xr.Dataset({"z": z32}, axes, attrs)
