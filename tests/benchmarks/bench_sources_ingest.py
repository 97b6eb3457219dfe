"""What sampling, reading, regridding and ingesting the demo's files cost.

Run as a script: ``python tests/benchmarks/bench_sources_ingest.py``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from halocast.grid import Grid
from halocast.ingest import Domain, ingest
from halocast.sources.bathymetry import read_bathymetry
from halocast.sources.hycom import read_hycom, to_grid
from halocast.sources.synthetic.bathymetry_files import write_bathymetry
from halocast.sources.synthetic.drifter_files import write_drifters
from halocast.sources.synthetic.hycom_files import write_hycom
from halocast.sources.synthetic.ocean import AnalyticOcean
from halocast.sources.synthetic.swot_files import write_swot

BOX = (-60.0, -20.0, 10.0, 45.0)
START, STOP = np.datetime64("2024-08-01T00:00", "ns"), np.datetime64("2024-08-02T00:00", "ns")


def timed(what: str, call: Callable[[], Any]) -> Any:
    begin = time.perf_counter()
    result = call()
    print(f"{what:<58} {time.perf_counter() - begin:8.3f} s")
    return result


def bench_ocean() -> None:
    ocean = AnalyticOcean(0)
    for ny, nx in ((70, 80), (70, 80), (1000, 1000)):  # the first compiles
        lat, lon = np.linspace(10, 45, ny)[:, None], np.linspace(-60, -20, nx)
        timed(
            f"analytic ocean, {ny} x {nx}, four variables",
            lambda lat=lat, lon=lon: ocean.surface(START, lat, lon),
        )


def bench_full_resolution(folder: Path) -> None:
    ocean, grid = AnalyticOcean(0), Grid.sphere(10, 45, 70, -60, -20, 80)
    stop = START + np.timedelta64(6, "h")
    paths = timed(
        "write 3 steps of GLBy, 876 x 501", lambda: write_hycom(folder, ocean, START, stop)
    )
    ds = timed("read them", lambda: read_hycom(paths, BOX, START, stop))
    timed("average them over 70 x 80 cells", lambda: to_grid(ds, grid))


def bench_demo(folder: Path) -> None:
    ocean, store = AnalyticOcean(0), folder / "natl.zarr"
    (path,) = timed("write bathymetry", lambda: write_bathymetry(folder / "bathymetry"))
    land = read_bathymetry(path, (-61.0, -19.0, 9.0, 46.0))
    timed(
        "write HYCOM, every 8th by 4th point, 24 h",
        lambda: write_hycom(
            folder / "hycom", ocean, START, STOP, stride=(8, 4), missing=1, bathymetry=land
        ),
    )
    timed("write SWOT, 24 h", lambda: write_swot(folder / "swot", ocean, BOX, START, STOP))
    timed(
        "write drifters, 24 h",
        lambda: write_drifters(folder / "drifters", ocean, BOX, START, STOP, count=120),
    )
    domain = Domain(south=10, north=45, ny=70, west=-60, east=-20, nx=80)
    for name in ("demo_bathymetry", "demo_hycom", "demo_swot", "demo_drifters"):
        (report,) = timed(
            f"ingest {name}",
            lambda name=name: ingest(
                [name], store, domain=domain, start=START, stop=STOP,
                parameters={"directory": str(folder)},
            ),
        )  # fmt: skip
        print(report)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        bench_ocean()
        bench_full_resolution(Path(scratch) / "full")
        bench_demo(Path(scratch) / "demo")
