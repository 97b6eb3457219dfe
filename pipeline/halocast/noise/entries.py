"""From the settings of the model noise to base fields and how they show in the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.noise.base_fields import BaseField, correlated_field, white_field
from halocast.noise.parts import Part, PointPart, VelocityPart
from halocast.noise.response import SurfaceResponse
from halocast.noise.settings import FieldNoise
from halocast.state import StateLayout


@dataclass(frozen=True)
class Entry:
    """An entry of the settings: its key, and the positions of its field and of its layers below."""

    key: str
    noise: FieldNoise
    field: int
    below: tuple[int, ...]


def find_entries(
    settings: Mapping[str, FieldNoise], layout: StateLayout, response: SurfaceResponse | None
) -> list[Entry]:
    """Find the fields of the settings' entries; in the order of the state's fields."""
    entries: dict[int, Entry] = {}
    for name, noise in settings.items():
        key = f"ensemble.model_noise.{name}"
        field = _field(name, key, layout)
        if field in entries:
            raise ConfigError(
                f"{name} has noise twice: {entries[field].key} is for the same field",
                where=key,
                remedy="keep one of them",
            )
        if noise.balanced and (response is None or field != response.surface):
            _refuse_balance(key, layout, response)
        below = _layers_below(field, key, noise, layout)
        entries[field] = Entry(key, noise, field, below)
    return [entries[f] for f in sorted(entries)]


def _field(name: str, key: str, layout: StateLayout) -> int:
    if name in layout.names:
        return layout.index(name)
    variables = layout.variables()
    if name in variables:
        return variables[name][0]
    raise ConfigError(
        f"the state has no field {name}",
        where=key,
        remedy=f"use one of {', '.join(layout.names)}",
    )


def _refuse_balance(key: str, layout: StateLayout, response: SurfaceResponse | None) -> None:
    if response is None:
        raise ConfigError(
            "the model has no velocity to balance",
            where=f"{key}.balanced",
            remedy="set balanced to false",
        )
    raise ConfigError(
        "only sea-surface height can be balanced",
        where=f"{key}.balanced",
        remedy=f"set it for {layout.names[response.surface]}",
    )


def _layers_below(field: int, key: str, noise: FieldNoise, layout: StateLayout) -> tuple[int, ...]:
    variable = layout.fields[field].variable
    layers = layout.variables()[variable]
    below = layers[layers.index(field) + 1 :]
    if len(noise.layers) > len(below):
        raise ConfigError(
            f"shares for {len(noise.layers)} layers below {layout.names[field]}; "
            f"{variable} has {len(below)}",
            where=f"{key}.layers",
            remedy=f"give at most {len(below)}",
        )
    return tuple(below[: len(noise.layers)])


def base_field(entry: Entry, grid: Grid, start: int) -> BaseField:
    """Return the base field of an entry, white or correlated; ``start`` is its first address."""
    if entry.noise.correlation == "white":
        return white_field(grid, entry.field * grid.n_cells)
    return correlated_field(entry.noise, grid, start, entry.key)


def parts_of(
    entry: Entry, base: int, wet: np.ndarray, response: SurfaceResponse | None
) -> list[Part]:
    """How an entry's base field shows in the state."""
    sd = entry.noise.sd
    parts: list[Part] = [PointPart(base, entry.field, sd * wet[entry.field])]
    for field, share in zip(entry.below, entry.noise.layers):
        parts.append(PointPart(base, field, sd * share * wet[field]))
    if entry.noise.balanced and response is not None:
        parts += _balanced_parts(sd, base, wet, response)
    return parts


def _balanced_parts(sd: float, base: int, wet: np.ndarray, response: SurfaceResponse) -> list[Part]:
    weights = response.geostrophy
    parts: list[Part] = []
    for u, v, potential in zip(response.u, response.v, response.potential):
        if potential.any():
            parts.append(VelocityPart(base, int(u), sd * potential, "east", weights))
            parts.append(VelocityPart(base, int(v), sd * potential, "north", weights))
    for field, thickening in zip(response.thickness, response.thickening):
        if thickening.any():
            parts.append(PointPart(base, int(field), sd * thickening * wet[field]))
    return parts
