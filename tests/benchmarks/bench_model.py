"""How long a member-hour of 70 x 80 x 3 layers takes, and how near the machine's limit that is.

Run as a script: ``python tests/benchmarks/bench_model.py``. Times are CPU seconds of one core, the
least of several, because other work on the machine only ever adds to them.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from halocast.grid import Grid
from halocast.models.shallow_water import ShallowWater, ShallowWaterSettings

START = np.datetime64("2024-08-01T00:00:00", "s")
HOUR = np.timedelta64(3600, "s")
SHAPE, LAYERS, STEPS, STAGES = (70, 80), 3, 48, 4

# Counted in the row kernels, a cell, layer and stage; each comparison, copy and mask left out.
OPERATIONS = 148
DIVISIONS = 4
# Arrays of a whole layer that a stage reads or writes beyond the row windows: the state, its
# start, the sum and the next state (u, v, e, T), the heat and the rest thickness.
STREAMS = 4 * 5 + 2


class Window(NamedTuple):
    """A forcing window."""

    times: np.ndarray
    fields: dict[str, np.ndarray]


def north_atlantic(**changes: Any) -> tuple[ShallowWater, np.ndarray, Any]:
    """Build the ocean of the demo's size: model, state and prepared forcing."""
    ny, nx = SHAPE
    j, i = np.mgrid[:ny, :nx]
    depth = 4500 + 1000 * np.sin(i / 7) * np.cos(j / 9)
    depth[:12, :15] = 0.0
    grid = Grid.sphere(10.0, 45.0, ny, -60.0, -20.0, nx, depth=depth)
    model = ShallowWater(ShallowWaterSettings(**changes), grid)
    ssh = 0.3 * np.sin(i / 6) * np.cos(j / 5) + 0.2 * np.tanh((j - 40) / 4)
    fields = {"ssh": np.stack([ssh, ssh]), "t": np.stack([300.0 - 0.2 * j] * 2)}
    window = Window(np.array([START, START + 3 * HOUR]), fields)
    return model, model.initial_state(window), model.prepare_forcing(window)


def member_hour(model: ShallowWater, state: np.ndarray, forcing: Any, repeats: int = 20) -> float:
    """CPU seconds of one hour of one member, the least of ``repeats``."""
    model.advance(state, START, START + HOUR, forcing)
    times = []
    for _ in range(repeats):
        began = time.process_time()
        model.advance(state, START, START + HOUR, forcing)
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Print the figures."""
    cells = SHAPE[0] * SHAPE[1] * LAYERS
    calls = cells * STEPS * STAGES
    print(f"one member-hour of {SHAPE[0]} x {SHAPE[1]} x {LAYERS}, CPU seconds of one core")
    for name, changes in (
        ("RK4, 75 s, float64", {}),
        ("RK4, 75 s, float32", {"precision": "float32"}),
        ("split-explicit, 600 s", {"time_stepping": "split-explicit", "time_step": 600}),
        ("split-explicit, 900 s", {"time_stepping": "split-explicit", "time_step": 900}),
    ):
        model, state, forcing = north_atlantic(**changes)
        closed, opened = member_hour(model, state, None), member_hour(model, state, forcing)
        print(f"  {name:24s} closed {closed:.4f}   with open edges and nudging {opened:.4f}")
        if name.startswith("RK4") and "64" in name:
            reference = closed
    rate = calls / reference
    print(f"RK4 float64: {1e9 / rate:.2f} ns a cell, layer and stage")
    flops = OPERATIONS * rate / 1e9
    print(f"  {OPERATIONS} operations and {DIVISIONS} divisions: {flops:.1f} GFlop/s")
    print(f"  {8 * STREAMS} bytes beyond the windows: {8 * STREAMS * rate / 1e9:.1f} GB/s")
    model, state, _ = north_atlantic()
    began = time.process_time()
    for member in range(10):
        model.initial_perturbation(1, member)
    print(f"initial perturbation of a member: {(time.process_time() - began) / 10:.4f}")
    window = Window(
        np.array([START, START + 3 * HOUR]),
        {"ssh": np.stack([state[0]] * 2), "t": np.stack([state[3]] * 2)},
    )
    began = time.process_time()
    for _ in range(10):
        model.prepare_forcing(window)
    print(f"preparing the forcing of a cycle: {(time.process_time() - began) / 10:.4f}")


if __name__ == "__main__":
    main()
