"""What ranks gain: a 280 x 320 ocean against the serial engine; what they move, and how fast.

    mpirun -n 2 python tests/benchmarks/bench_mpi.py              # all
    mpirun -n 2 python tests/benchmarks/bench_mpi.py exchange

The ocean is that of ``bench_engines.py``: 280 x 320 x 3, 24 members. Ranks and the serial engine
are timed one after the other in the same processes, after a run that compiles everything; the other
ranks sleep meanwhile. Quote the ratio. The exchange is the one of a cycle: tiles of 64 MB a rank,
all to all.
"""

from __future__ import annotations

import logging
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from bench_engines import large_ocean, seconds_a_cycle
from halocast.cycle import traffic
from halocast.engines import SerialEngine
from halocast.engines.base import Engine
from halocast.engines.mpi import MpiEngine, enlist

TILE_BYTES = 64_000_000


def peak_megabytes() -> float:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def processor_seconds() -> float:
    """Processor time of this process so far."""
    return time.process_time()


def on_every_rank(engine: Engine, task) -> list[float]:
    """Ask every rank for a number."""
    asked = [engine.submit(f"ask-{p}", task, place=p) for p in range(engine.places)]
    return [engine.value(handle) for handle in engine.start(asked)]


def speed_up(engine: MpiEngine) -> None:
    """Print ranks against the serial engine, what was moved, and the largest memory."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = large_ocean(Path(scratch))
        seconds_a_cycle(settings, Path(scratch, "warm"), engine)
        engine.moved.clear()
        before = sum(on_every_rank(engine, processor_seconds))
        engine.moved.clear()
        ranks = seconds_a_cycle(settings, Path(scratch, "ranks"), engine)
        moved = [m for m in engine.moved if "cut" in m]
        processor = sum(on_every_rank(engine, processor_seconds)) - before
        memory = on_every_rank(engine, peak_megabytes)
        engine.moved[:] = moved
        traffic.log_traffic(Path(scratch, "ranks"), engine)
        began = time.process_time()
        serial = seconds_a_cycle(settings, Path(scratch, "serial"), SerialEngine())
        alone = time.process_time() - began
    print(f"280 x 320 x 3, 24 members: serial {serial:.2f} s a cycle, {engine.places} ranks "
          f"{ranks:.2f} s; speed-up {serial / ranks:.2f} (asked of two: at least 1.7)")  # fmt: skip
    print(f"processor time of {settings.time.cycles} cycles: serial {alone:.1f} s, ranks together "
          f"{processor:.1f} s (waiting included)")  # fmt: skip
    print("largest memory of the ranks:", ", ".join(f"{m:.0f} MB" for m in memory))


def make_tile(number: int) -> np.ndarray:
    """Return a tile that nobody has seen."""
    return np.full(TILE_BYTES // 8, float(number))


def weigh(*tiles: np.ndarray) -> int:
    """Take tiles, and say how many bytes they are."""
    return sum(t.nbytes for t in tiles)


def exchange(engine: MpiEngine) -> None:
    """Print how fast tiles go from all ranks to all."""
    size, seconds = engine.places, []
    for _ in range(6):
        made = engine.start(
            [
                engine.submit(f"tile-{b}-{g}", make_tile, g, place=b)
                for b in range(size)
                for g in range(size)
            ]
        )
        took = [engine.submit(f"take-{g}", weigh, *made[g::size], place=g) for g in range(size)]
        began = time.perf_counter()
        engine.start(took)
        seconds.append(time.perf_counter() - began)
    nbytes = size * (size - 1) * TILE_BYTES
    best, middle = min(seconds), float(np.median(seconds))
    print(f"{nbytes / 1e6:.0f} MB between {size} ranks: {1e3 * middle:.0f} ms (best "
          f"{1e3 * best:.0f} ms), {nbytes / best / 1e9:.1f} GB/s")  # fmt: skip


if __name__ == "__main__":
    traffic.log.addHandler(logging.StreamHandler(sys.stdout))
    traffic.log.setLevel(logging.INFO)
    lead = MpiEngine(enlist())
    wanted = sys.argv[1:] or ["exchange", "speed-up"]
    if "exchange" in wanted:
        exchange(lead)
    if "speed-up" in wanted:
        speed_up(lead)
