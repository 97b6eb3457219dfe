"""Small runs, and cycles to put into them, for the tests of the stores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from halocast.grid import Grid
from halocast.state import Field, StateLayout
from halocast.stores.run_store import CycleRecord, RunSpec

HOUR = np.timedelta64(1, "h")
START = np.datetime64("2024-03-01T00:00:00")


def ocean_layout(layers: int = 3) -> StateLayout:
    """The layout of a layered ocean: layer 0 has no thickness of its own."""
    names = {"u": "eastward velocity", "v": "northward velocity", "t": "temperature"}
    units = {"u": "m s-1", "v": "m s-1", "t": "K"}
    places = {"u": "east", "v": "north", "t": "center"}
    fields = [Field("ssh", None, "m", "sea-surface height", "sea_surface_height_above_geoid")]
    for k in range(layers):
        if k:
            fields.append(Field("h", k, "m", f"thickness of layer {k}"))
        for v in "uvt":
            fields.append(Field(v, k, units[v], f"{names[v]} in layer {k}", place=places[v]))
    return StateLayout(tuple(fields))


def ocean_grid(ny: int = 6, nx: int = 7) -> Grid:
    """A box of the Atlantic with a corner of land."""
    depth = np.full((ny, nx), 4000.0)
    depth[: ny // 3, : nx // 3] = 0.0
    return Grid.sphere(20.0, 20.0 + ny / 4, ny, -60.0, -60.0 + nx / 4, nx, depth)


def ocean_spec(n_cycles: int = 3, **changes) -> RunSpec:
    """A short run on the small ocean."""
    spec = RunSpec(
        times=START + np.arange(1, n_cycles + 1) * HOUR,
        grid=ocean_grid(),
        layout=ocean_layout(),
        members=4,
        n_blocks=12,
        max_slots=9000,
        tracks=("analysis", "free"),
        config="seed: 7\n",
        record={"seed": 7},
    )
    return replace(spec, **changes)


def plane_spec(n_cycles: int = 3, size: int = 5, **changes) -> RunSpec:
    """A run of the linear-Gaussian model beside its Kalman filter."""
    spec = RunSpec(
        times=START + np.arange(1, n_cycles + 1) * HOUR,
        grid=Grid.plane(size, size, 1.0, 1.0, periodic=(True, True)),
        layout=StateLayout((Field("z", None, "1", "scalar"),)),
        members=3,
        n_blocks=6,
        max_slots=4096,
        tracks=("analysis", "free"),
        reference=True,
    )
    return replace(spec, **changes)


def cycle_record(spec: RunSpec, cycle: int, *, rows: int = 10, raw: int = 25) -> CycleRecord:
    """A cycle of noise, the same whenever it is asked for."""
    rng = np.random.default_rng([cycle, 1])
    shape = (len(spec.layout), *spec.grid.shape)
    time = spec.times[cycle - 1].astype("datetime64[ns]") - rng.integers(0, 3600, rows)
    return CycleRecord(
        groups={group: rng.normal(size=shape) for group in spec.field_groups},
        table={
            "time": time,
            "value": rng.normal(size=rows),
            "variable": rng.integers(0, 4, rows).astype("i1"),
            "fate": rng.integers(1, 3, rows).astype("i2"),
        },
        fates=(1000 * cycle, rng.integers(0, 8, raw).astype("i2")),
        health={
            "ess": rng.uniform(1, 9, spec.n_blocks),
            "observations": rng.integers(0, 9, spec.n_blocks),
        },
        scores=[score_row("analysis", "truth", v, rng) for v in ("ssh", "u")],
    )


def score_row(what: str, against: str, variable: str, rng: np.random.Generator) -> dict:
    """One tidy row of scores."""
    names = {"what": what, "against": against, "variable": variable}
    return {**names, **dict(zip(("rmse", "bias", "spread", "crps"), rng.uniform(size=4))), "n": 42}


def run_cycle(store, cycle: int, *, checkpoint: bool = True, **sizes) -> None:
    """Write and commit one cycle of noise."""
    record = cycle_record(store.spec, cycle, **sizes)
    digests = store.write_cycle(cycle, record)
    if checkpoint:
        for track in store.spec.tracks:
            for member in range(store.spec.members):
                store.write_checkpoint(
                    track, cycle, member, member_state(store.spec, cycle, member)
                )
    store.commit(cycle, {"checkpoint": checkpoint}, digests)


def member_state(spec: RunSpec, cycle: int, member: int) -> np.ndarray:
    """A member's state (F, ny, nx) after a cycle."""
    shape = (len(spec.layout), *spec.grid.shape)
    return np.random.default_rng([cycle, member, 2]).normal(size=shape)
