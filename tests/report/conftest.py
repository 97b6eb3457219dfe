"""Run trees made by hand, with the structure ``halocast.stores.open_run`` gives."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from halocast.diagnostics import field_rows, observation_rows
from halocast.grid import Grid
from halocast.state import Field, StateLayout

VARIABLES = ("ssh", "u", "v", "t")
OCEAN = StateLayout(
    (
        Field("ssh", None, "m", "sea-surface height"),
        Field("u", 0, "m s-1", "eastward velocity", place="east"),
        Field("v", 0, "m s-1", "northward velocity", place="north"),
        Field("t", 0, "K", "temperature"),
        Field("h", 1, "m", "thickness"),
        Field("u", 1, "m s-1", "eastward velocity", place="east"),
        Field("v", 1, "m s-1", "northward velocity", place="north"),
        Field("t", 1, "K", "temperature"),
    )
)
PLANE = StateLayout((Field("z", None, "1", "state"),))
TYPICAL = {"ssh": 0.08, "u": 0.15, "v": 0.15, "t": 0.8, "h": 20.0, "z": 0.3}
INSTRUMENT = {"ssh": 0.02, "u": 0.05, "v": 0.05, "t": 0.3, "z": 0.1}


def bumps(rng, y, x, count, size):
    """A smooth random field of unit variance on the axes."""
    total = np.zeros((y.size, x.size))
    for _ in range(count):
        cy, cx = rng.uniform(y[0], y[-1]), rng.uniform(x[0], x[-1])
        total += rng.normal() * np.exp(-((y[:, None] - cy) ** 2 + (x - cx) ** 2) / (2 * size**2))
    return total / total.std()


def ocean_truth(rng, grid, cycle):
    y, x = grid.y[:, None], grid.x
    f = 1e-4 * np.sin(np.deg2rad(np.maximum(y, 8))) / np.sin(np.deg2rad(40))
    axis = 36 + 1.8 * np.sin(np.deg2rad(18 * (x + 0.01 * cycle)))
    ssh = 0.3 - 0.45 * np.tanh((y - axis) / 1.6) + 0.006 * (30 - y)
    ssh = ssh + 0.12 * bumps(np.random.default_rng(5), grid.y, grid.x - 0.02 * cycle, 60, 1.6)
    eta_y, eta_x = np.gradient(ssh, 55e3, 45e3)
    u, v = -9.81 / f * eta_y, 9.81 / f * eta_x
    t = 273.15 + 27 - 0.55 * (y - 10) - 3 * np.tanh((y - axis) / 1.2) + 0 * x
    deep = np.full(grid.shape, 600.0) + 100 * ssh
    return np.stack([ssh, u, v, t, deep, 0.4 * u, 0.4 * v, t - 8])


def swath(rng, grid, cycle):
    """Cells under a slanted swath with its nadir gap."""
    y, x = np.meshgrid(grid.y, grid.x, indexing="ij")
    west, east = grid.x[0], grid.x[-1]
    middle = west + (east - west) * ((0.37 * cycle) % 1.0) + 0.25 * (y - y.mean())
    off = np.abs(x - middle)
    half = 0.02 * (east - west)
    return (off < 1.2 * half) & (off > 0.25 * half) & grid.sea


@pytest.fixture(scope="session")
def make_tree():
    return build_tree


def build_tree(
    n_cycles=6,
    geographic=True,
    truth=True,
    free=True,
    observed=True,
    shape=(35, 40),
    kalman=False,
    seed=3,
):
    rng = np.random.default_rng(seed)
    if geographic:
        y = np.linspace(10, 45, shape[0], endpoint=False) + 17.5 / shape[0]
        x = np.linspace(-60, -20, shape[1], endpoint=False) + 20 / shape[1]
        depth = np.full(shape, 4000.0)
        depth[np.hypot(y[:, None] - 38.5, x + 28.5) < 0.8] = 0
        depth[(y[:, None] < 13) & (x < -58)] = 0
        grid, layout, size = Grid(y, x, depth, depth > 0), OCEAN, 3.0
    else:
        grid, layout, size = Grid.plane(*shape, 1.0, 1.0), PLANE, 4.0
    wet = layout.wet(grid)
    start, hour = np.datetime64("2024-01-16T00", "ns"), np.timedelta64(1, "h")
    times = start + np.arange(1, n_cycles + 1) * hour
    scale = np.array([TYPICAL[f.variable] for f in layout.fields])[:, None, None]

    def error(size=size):
        return scale * np.stack([bumps(rng, grid.y, grid.x, 80, size) for _ in layout.fields])

    free_error, ratio = error(), np.ones(grid.shape)
    fields = {key: [] for key in TRACKS}
    truths, rows, tables, fates, ess, counts = [], [], [], [], [], []
    for cycle in range(1, n_cycles + 1):
        true = ocean_truth(rng, grid, cycle) if geographic else error()
        seen = swath(rng, grid, cycle) if observed else np.zeros(grid.shape, bool)
        wander = 0.15 * error()
        forecast_ratio = np.minimum(1.0, ratio * 1.06)
        ratio = np.where(seen, 0.3, forecast_ratio)
        state = {
            "free_run": true + free_error + wander,
            "forecast": true + free_error * forecast_ratio + wander,
            "analysis": true + free_error * ratio + wander,
        }
        deviation = {
            "free_run": 0.95 * scale * np.ones((1, *grid.shape)),
            "forecast": 0.95 * scale * forecast_ratio,
            "analysis": 0.95 * scale * ratio,
        }
        for track in state:
            for statistic, values in (("mean", state[track]), ("spread", deviation[track])):
                fields[f"{track}/{statistic}"].append(np.where(wet, values, np.nan))
        truths.append(true)
        table = observe(rng, grid, layout, true, state, deviation, seen, cycle, geographic)
        tables.append(table)
        raw = np.concatenate(
            [np.full(8 * table["fate"].size, 7), table["fate"], [3] * 40, [20] * 25, [4] * 3]
        )
        fates.append(raw if observed else np.zeros(0, int))
        n_blocks = -(-shape[0] // 2) * -(-shape[1] // 2)
        touched = rng.uniform(size=n_blocks) < 0.3
        ess.append(np.where(touched, rng.beta(5, 2, n_blocks) * 25, 25.0))
        counts.append(np.where(touched, rng.integers(1, 9, n_blocks), 0))
        rows.append(score(grid, layout, true, state, deviation, table, truth, free, wet))
    return assemble(grid, layout, times, fields, truths if truth else None, free, kalman,
                    tables, fates, rows, ess, counts)  # fmt: skip


TRACKS = [f"{t}/{s}" for t in ("free_run", "forecast", "analysis") for s in ("mean", "spread")]


def observe(rng, grid, layout, true, state, deviation, seen, cycle, geographic):
    """A table of observations of one cycle: swath heights and drifters, some withheld."""
    cells = np.flatnonzero(seen)
    drifters = rng.choice(np.flatnonzero(grid.sea), 25 if seen.any() else 0, replace=False)
    if geographic:
        parts = [(0, cells, cycle)] + [(c, drifters, -1) for c in (1, 2, 3)]
    else:
        parts = [(0, cells, cycle)]
    names = VARIABLES if geographic else ("z",)
    columns: dict[str, list] = {}
    for code, where, platform in parts:
        field, j, i = code, *np.divmod(where, grid.shape[1])
        name = names[code]
        sd = INSTRUMENT[name]
        platforms = (
            np.full(where.size, platform) if platform >= 0 else 60000 + np.arange(where.size)
        )
        fate = np.where((platforms % 5 == 0) | (platforms == 3), 2, 1)
        fate[rng.uniform(size=where.size) < 0.01] = 6
        data = {
            "lat": grid.y[j],
            "lon": grid.x[i],
            "variable": np.full(where.size, code),
            "value": true[field, j, i] + sd * rng.normal(size=where.size),
            "error": np.full(where.size, sd),
            "fate": fate,
            "platform": platforms,
            "product": np.full(where.size, 1 if code == 0 else 5),
            "count": np.full(where.size, 9 if code == 0 else 1),
            "forecast_mean": state["forecast"][field, j, i],
            "forecast_spread": deviation["forecast"][field, j, i],
            "analysis_mean": state["analysis"][field, j, i],
            "analysis_spread": deviation["analysis"][field, j, i],
            "free_mean": state["free_run"][field, j, i],
            "free_spread": (deviation["free_run"] * np.ones(grid.shape))[field, j, i],
        }
        for key, values in data.items():
            columns.setdefault(key, []).append(values)
    return {key: np.concatenate(values) for key, values in columns.items()}


def score(grid, layout, true, state, deviation, table, truth, free, wet):
    labels = {"analysis": "analysis", "forecast": "forecast", "free_run": "free-run"}
    if not free:
        labels.pop("free_run")
    rows = []
    for track, what in labels.items():
        if truth:
            spread = deviation[track] * np.ones(grid.shape)
            crps = 0.6 * np.abs(state[track] - true)
            rows += field_rows(what, "truth", grid, layout, state[track], spread, true, crps)
        column = "free" if track == "free_run" else track
        for fate, against in ((1, "assimilated"), (2, "withheld")):
            here = table["fate"] == fate
            members = table[f"{column}_mean"][here] + table[f"{column}_spread"][here] * np.linspace(
                -1.5, 1.5, 7
            ).reshape(-1, 1)
            names = VARIABLES if layout is OCEAN else ("z",)
            rows += observation_rows(
                what, against, names, table["variable"][here], table["value"][here], members
            )
    return rows


def assemble(grid, layout, times, fields, truths, free, kalman, tables, fates, rows, ess, counts):
    sphere = grid.geometry == "sphere"
    axes = ("lat", "lon") if sphere else ("y", "x")
    coordinates = {"time": ("cycle", times), axes[0]: ("y", grid.y), axes[1]: ("x", grid.x)}
    n = len(times)

    def dataset(stack):
        stack = np.stack(stack)
        out = {}
        for name, places in layout.variables().items():
            attrs = {"units": layout.fields[places[0]].units}
            if layout.fields[places[0]].layer is None:
                out[name] = (("cycle", "y", "x"), stack[:, places[0]], attrs)
            else:
                layers = np.full((n, 2, *grid.shape), np.nan)
                for place in places:
                    layers[:, layout.fields[place].layer] = stack[:, place]
                out[name] = (("cycle", "layer", "y", "x"), layers, attrs)
        layer = {} if "u" not in out else {"layer": [0, 1]}
        return xr.Dataset(out, coordinates | layer)

    groups = {
        f"/{key}": dataset(values)
        for key, values in fields.items()
        if free or not key.startswith("free_run")
    }
    if truths is not None:
        groups["/truth"] = dataset(truths)
    if kalman:
        groups["/kalman_filter/mean"] = groups["/analysis/mean"] * 0.98
        groups["/kalman_filter/spread"] = groups["/analysis/spread"]
    slots = max([t["fate"].size for t in tables] + [1])
    padded = {}
    for key in tables[0]:
        block = np.full((n, slots), np.nan if tables[0][key].dtype.kind == "f" else -1,
                        dtype=tables[0][key].dtype)  # fmt: skip
        for k, t in enumerate(tables):
            block[k, : t[key].size] = t[key]
        if free or not key.startswith("free_"):
            padded[key] = (("cycle", "slot"), block)
    padded["n"] = ("cycle", np.array([t["fate"].size for t in tables]))
    groups["/observations"] = xr.Dataset(padded, {"time": ("cycle", times)})
    width = max([f.size for f in fates] + [1])
    raw = np.full((n, width), -1)
    for k, f in enumerate(fates):
        raw[k, : f.size] = f
    groups["/fates"] = xr.Dataset(
        {"fate": (("cycle", "slot"), raw), "n": ("cycle", np.array([f.size for f in fates]))}
    )
    groups["/health"] = xr.Dataset(
        {
            "ess": (("cycle", "block"), np.stack(ess)),
            "observations": (("cycle", "block"), np.stack(counts)),
        }
    )
    keys = sorted({(r["what"], r["against"], r["variable"]) for cycle in rows for r in cycle})
    values = {m: np.full((n, len(keys)), np.nan) for m in ("rmse", "bias", "spread", "crps", "n")}
    for k, cycle in enumerate(rows):
        for r in cycle:
            s = keys.index((r["what"], r["against"], r["variable"]))
            for m in values:
                values[m][k, s] = r[m]
    groups["/scores"] = xr.Dataset(
        {m: (("cycle", "score"), v) for m, v in values.items()},
        {
            name: ("score", [key[i] for key in keys])
            for i, name in enumerate(("what", "against", "variable"))
        },
    )
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["record"] = json.dumps(
        {
            "halocast": "0.1.0",
            "python": "3.11.9",
            "seed": 20240116,
            "git_commit": "0123456789abcdef",
            "started": "2024-02-01T10:00:00Z",
            "machine": {"cpu": "<unknown & unnamed>", "cores": 2},
        }
    )
    tree.attrs["config"] = (
        "name: natl-demo\nensemble: {members: 25}\nlocalization: {block_shape: [2, 2]}\n"
    )
    return tree
