"""What places cost: ``python tests/benchmarks/bench_places.py``.

Microseconds of a small chunk's write, read and check and of a commit, the least of several rounds
(the machine may be busy); and the requests a cycle makes of an object store, which are counted.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import zarr

sys.path.insert(0, str(Path(__file__).parents[1] / "objects"))

from halocast.engines.serial import SerialEngine
from halocast.runs import carry_out, create_run
from halocast.stores.arrays import array_layout, create_arrays
from halocast.stores.chunk_files import ChunkFiles
from halocast.stores.commits import Commits
from halocast.stores.places import locate
from object_cases import small
from wire import Wire

ROUNDS, OPERATIONS = 12, 250


def least(operation: Callable[[int], object], operations: int = OPERATIONS) -> float:
    """Return the microseconds of an operation in the best of some rounds."""
    best = np.inf
    for r in range(ROUNDS):
        began = time.perf_counter()
        for i in range(operations):
            operation(r * operations + i)
        best = min(best, (time.perf_counter() - began) / operations)
    return 1e6 * best


def chunks(where: str) -> None:
    """Print the cost of chunks and commits at a place."""
    place = locate(where)
    group = zarr.create_group(place.for_zarr("r+"))
    shape = (ROUNDS * OPERATIONS, 8, 8)
    create_arrays(group, {"a": array_layout(shape, (1, 8, 8), "f8", ("t", "y", "x"))})
    files, values = ChunkFiles(place, group["a"]), np.ones((1, 8, 8))  # type: ignore[arg-type]
    (place / "commits").make_folder()
    commits = Commits(place / "commits")
    costs = {
        "write": least(lambda i: files.write((i, 0, 0), values)),
        "read": least(lambda i: files.read((i, 0, 0))),
        "exists": least(lambda i: files.exists((i, 0, 0))),
        "commit": least(lambda i: commits.append(i + 1, {"cycle": i + 1}), 50),
    }
    print(f"{where}: " + ", ".join(f"{name} {cost:.1f} µs" for name, cost in costs.items()))


def requests() -> None:
    """Print the requests of each cycle of a small run."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urlopen(Request(f"http://{host}:{port}/runs", method="PUT"), timeout=10).close()
    with Wire((host, port)) as wire:
        os.environ |= {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
        os.environ["AWS_ENDPOINT_URL"] = wire.url

        def count(what: str) -> None:
            words = [data.split(b" ", 1)[0].decode("latin1") for data in wire.seen]
            asked = Counter(w for w in words if w in ("GET", "PUT", "HEAD", "POST", "DELETE"))
            print(f"s3, {what}: {dict(asked)}")
            wire.seen.clear()

        create_run(small(), "s3://runs/bench")
        count("the run is made")
        carry_out("s3://runs/bench", SerialEngine(), watch=lambda p: count(f"cycle {p.cycle}"))
    server.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        chunks(folder + "/disk")
    chunks("memory://bench/chunks")
    requests()
