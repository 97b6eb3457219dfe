"""Maps are drawn without a network, from a coastline that is right."""

import socket
import warnings
from importlib.resources import files

import numpy as np
import pytest
import shapely
from halocast.report import build_page, write_picture
from halocast.report.coastline import land_polygons, land_within
from halocast.stores.open_run import open_run
from shapely.geometry import Point


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something tried to reach the network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def test_page_and_picture_are_drawn_with_all_sockets_blocked(make_run, no_network, tmp_path):
    directory = make_run(n_cycles=1)
    land_polygons.cache_clear()
    land_within.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # cartopy warns before it downloads
        tree = open_run(directory)
        assert "data:image/png" in build_page(tree)
        write_picture(tree, tmp_path / "picture.png")


@pytest.mark.parametrize(
    ("name", "lon", "lat"),
    [("Madrid", -3.7, 40.4), ("St John's", -53.0, 47.5), ("Dakar's hinterland", -16.0, 14.8),
     ("Pico, Azores", -28.3, 38.47), ("Cayenne's hinterland", -53.0, 4.0),
     ("Bermuda", -64.76, 32.3), ("Chukotka, west of 180", 179.5, 68.5),
     ("Chukotka, east of 180", -175.0, 67.0),
     ("Canberra", 149.1, -35.3), ("South Pole", 0.0, -89.9)],
)  # fmt: skip
def test_land_is_land(name, lon, lat):
    assert shapely.contains(land_polygons(), Point(lon, lat)).any()


@pytest.mark.parametrize(
    ("lon", "lat"), [(-40.0, 30.0), (-25.0, 20.0), (-9.9, 40.0), (0.0, 0.0), (51.0, 42.0)]
)
def test_sea_is_sea_and_the_caspian_too(lon, lat):
    assert not shapely.contains(land_polygons(), Point(lon, lat)).any()


def test_land_covers_29_percent_of_the_earth():
    def equal_area(points):
        return np.column_stack([points[:, 0], np.sin(np.deg2rad(points[:, 1]))])

    flat = shapely.transform(land_polygons(), equal_area)
    assert shapely.area(flat).sum() / (360 * 2) == pytest.approx(0.29, abs=0.005)


def test_no_ring_is_without_area_or_off_the_earth():
    polygons = land_polygons()
    assert shapely.is_valid(polygons).all()
    assert (shapely.area(polygons) > 0).all()
    west, south, east, north = shapely.total_bounds(polygons)
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90


def test_a_window_cuts_the_land_at_its_edges():
    box = (-70.0, -5.0, 5.0, 50.0)
    pieces = land_within(*box)
    assert pieces
    west, south, east, north = shapely.total_bounds(np.array(pieces))
    assert west >= box[0]
    assert east <= box[1]
    assert south >= box[2]
    assert north <= box[3]
    assert land_within(-45.0, -35.0, 25.0, 35.0) == ()


def test_the_coastline_is_small_and_says_where_it_is_from():
    data = files("halocast.report") / "data"
    assert len((data / "coastline.npz").read_bytes()) < 600_000
    assert "public domain" in (data / "COASTLINE.txt").read_text(encoding="utf-8")
