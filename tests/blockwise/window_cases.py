"""A small field for window methods, with operators and errors of all kinds."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from halocast.filters import FILTERS
from halocast.filters.base import BlockGroup, BlockObservations, BlockUpdate, make_group
from halocast.filters.local_settings import LocalSettings
from halocast.filters.memory import Remembered
from halocast.filters.window_methods import WINDOW_METHODS, WINDOW_SETTINGS
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.noise import ModelNoise
from halocast.samplers.densities import ARCTAN, GAUSSIAN, IDENTITY, STUDENT_T

SHAPE, FIELDS = (9, 19), 3
N = SHAPE[0] * SHAPE[1]
STATIC = ("hybrid-covariance", "hybrid-gain", "enoi")  # these need static states

OWN = '''
"""A filter of one's own: perturbed observations, one scalar gain a field."""
import numpy as np
from halocast.filters.window import from_members


class Nudge:
    def __init__(self, gain=0.3):
        self.gain = gain

    def analyse(self, window):
        count = 0.0 if window.memory is None else float(window.memory)
        pull = (window.weight * (window.value - window.predicted)).mean(axis=1)
        members = window.forecast + self.gain * pull[:, None] / (1.0 + count)
        return from_members(members, memory=np.array(count + 1.0))
'''


def static_file(fields: int, shape: tuple[int, int]) -> str:
    """Write static states, and return the path."""
    path = Path(tempfile.gettempdir()) / f"halocast-static-{fields}-{shape[0]}-{shape[1]}.npy"
    rng = np.random.default_rng(1)
    partial = path.with_name(f"{path.name}.{os.getpid()}.npy")
    np.save(partial, 0.05 * rng.normal(size=(12, fields, *shape)))
    partial.replace(path)
    return str(path)


_OF_ITS_OWN: dict[str, dict[str, Any]] = {
    "python": {"class": "my_filter:Nudge", "source": OWN},
    "tail-etkf": {"interval": 1.0, "half_life": 2.0, "tail": 12},
}
# what brings more of a method's code into play
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in WINDOW_METHODS},
    **{
        f"{name} by covariances": (name, {"localization": "covariances"})
        for name, method in WINDOW_METHODS.items()
        if "covariances" in method.localization[1:]
    },
    "etkf rotated": ("etkf", {"rotation": 1, "inflation": 1.05}),
    "etkf of small blocks": ("etkf", {"block": (1, 1), "halo": 2.0}),
    "sir jittered": ("sir", {"jitter": 0.3, "threshold": 1.0}),
    "ensrf adaptive": ("ensrf", {"adaptive": {"by": "anderson"}, "rtps": 0.3}),
    "enkf adaptive": ("enkf", {"adaptive": {"by": "miyoshi"}, "gain": "svd"}),
    "rhf rotated": ("rhf", {"rotation": True}),
}


def settings_of(method: str, **options: Any) -> LocalSettings:
    """Settings of a window method on blocks."""
    halo = 0.0 if WINDOW_METHODS[method].own_only else 4.0
    given = {"block": (3, 4), "halo": halo, **_OF_ITS_OWN.get(method, {}), **options}
    if method in STATIC:
        given.setdefault("static", static_file(FIELDS, SHAPE))
    return WINDOW_SETTINGS[method].model_validate({"method": method, **given})


class Scene(NamedTuple):
    """One analysis of a whole field: members and noise (m, F, N)."""

    forecast: np.ndarray
    noise: np.ndarray
    noise_sd: np.ndarray
    seen: BlockObservations

    def group(
        self, settings: LocalSettings, numbers: np.ndarray | None = None, cycle: int = 3,
        memory: Remembered | None = None,
    ) -> BlockGroup:  # fmt: skip
        """The group of some blocks, of all without ``numbers``."""
        grid = Grid.plane(*SHAPE, 1.0, 1.0, periodic=(False, True))
        blocks = partition(SHAPE, settings.block)
        incidence = FILTERS[settings.method].incidence(settings, blocks, self.seen.cell, grid)
        return make_group(
            np.arange(blocks.n_blocks) if numbers is None else numbers, blocks, incidence,
            self.seen, self.forecast, self.noise, ModelNoise.independent(self.noise_sd, grid),
            grid=grid, seed=11, cycle=cycle,
        )._replace(memory=memory)  # fmt: skip


def random_scene(seed: int = 0, m: int = 9, p: int = 30, mixed: bool = False) -> Scene:
    """Observations crowd in the western half, so that some blocks see none."""
    rng = np.random.default_rng(seed)
    field, row = rng.integers(0, FIELDS, p), rng.integers(0, 5, p)
    cell = row * SHAPE[1] + rng.integers(2, 5, p)
    noise_sd = np.full((FIELDS, N), 0.3)
    noise = noise_sd * rng.normal(size=(m, FIELDS, N))
    seen = BlockObservations(
        rng.permutation(1000)[:p], field * N + cell, field, cell, 0.5 * rng.normal(size=p),
        rng.uniform(0.2, 0.6, p),
        rng.choice([IDENTITY, ARCTAN], p).astype(np.int32) if mixed else np.full(p, IDENTITY, "i4"),
        np.zeros(p), np.ones(p),
        (rng.choice([GAUSSIAN, STUDENT_T], p) if mixed else np.full(p, GAUSSIAN)).astype(np.int8),
        np.full(p, 3.0),
    )  # fmt: skip
    return Scene(0.4 * rng.normal(size=(m, FIELDS, N)), noise, noise_sd, seen)


def update(group: BlockGroup, settings: LocalSettings) -> BlockUpdate:
    """Update a group as an engine does."""
    return FILTERS[settings.method].update(group, settings)


class Whole(NamedTuple):
    """The updates of several groups, put together."""

    members: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    health: dict[str, np.ndarray]
    memory: Remembered


def joined(
    scene: Scene, settings: LocalSettings, groups: list[np.ndarray], **address: Any
) -> Whole:
    """Update group by group, in the order given."""
    blocks = partition(SHAPE, settings.block)
    out = Whole(np.empty_like(scene.forecast), np.empty((FIELDS, N)), np.empty((FIELDS, N)), {}, {})
    for numbers in groups:
        group = scene.group(settings, numbers, **address)
        found = update(group, settings)
        out.members[:, :, group.cells] = found.members
        out.mean[:, group.cells] = found.mean
        out.spread[:, group.cells] = found.spread
        for name, values in found.health.items():
            out.health.setdefault(name, np.empty(blocks.n_blocks))[numbers] = values
        out.memory.update(found.memory or {})
    return out


def assert_same(one: Whole, other: Whole) -> None:
    """Every number of two answers is the same, bit by bit."""
    for name in ("members", "mean", "spread"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.health.keys() == other.health.keys()
    for name, values in one.health.items():
        np.testing.assert_array_equal(values, other.health[name], err_msg=name)
    assert one.memory.keys() == other.memory.keys()
    for block, parts in one.memory.items():
        for a, b in zip(parts, other.memory[block], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"memory of block {block}")
