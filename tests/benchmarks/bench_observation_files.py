"""What SWOT and drifter files cost: ``python tests/benchmarks/bench_observation_files.py``."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from halocast.sources.drifters import read_drifters
from halocast.sources.swot import read_swot
from halocast.sources.synthetic.drifter_files import write_drifters
from halocast.sources.synthetic.ocean import AnalyticOcean
from halocast.sources.synthetic.swot_files import write_swot
from halocast.sources.synthetic.swot_orbit import passes_over

BOX = (-60.0, -20.0, 10.0, 45.0)
DAY = np.datetime64("2024-08-01"), np.datetime64("2024-08-02")


def timed(label: str, call):
    """Call once to warm up (compilation, imports), then print the time of a second call."""
    call()
    begin = time.perf_counter()
    result = call()
    print(f"{label:<58} {time.perf_counter() - begin:7.2f} s")
    return result


def swot(folder: Path, ocean: AnalyticOcean) -> None:
    """A day of passes over the North Atlantic, and a whole pass read for a box."""
    timed("orbit: passes over the box in 10 days",
          lambda: passes_over(BOX, DAY[0], DAY[0] + np.timedelta64(10, "D")))  # fmt: skip
    paths = timed("write the Basic passes of a day",
                  lambda: write_swot(folder, ocean, BOX, *DAY, seed=1))  # fmt: skip
    rows = timed(f"read those {len(paths)} passes",
                 lambda: [read_swot(path, box=BOX) for path in paths])  # fmt: skip
    print(f"  {sum(r.sizes['row'] for r in rows)} rows, "
          f"{sum(int((r['fate'] == 0).sum()) for r in rows)} candidates")  # fmt: skip
    (whole, *_) = write_swot(folder / "whole", ocean, BOX, *DAY, seed=1, whole_pass=True)
    timed("read a whole pass (9866 x 69) cropped to the box", lambda: read_swot(whole, box=BOX))


def drifters(folder: Path, ocean: AnalyticOcean) -> None:
    """120 drifters over two days, hourly and six-hourly."""
    two_days = DAY[0], DAY[0] + np.timedelta64(2, "D")
    for hours in (1, 6):
        (path,) = timed(f"write 120 drifters x 48 h, every {hours} h",
                        lambda h=hours: write_drifters(folder, ocean, BOX, *two_days,
                                                       interval_hours=h, seed=1))  # fmt: skip
        rows = timed("read them", lambda p=path: read_drifters(p, box=BOX))
        print(f"  {rows.sizes['row']} rows")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        swot(Path(name), AnalyticOcean(1))
        drifters(Path(name), AnalyticOcean(1))
