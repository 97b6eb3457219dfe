"""The layout of a state."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.grid import Grid
from halocast.state import Field, StateLayout


def a_layout() -> StateLayout:
    return StateLayout(
        (
            Field("ssh", None, "m", "sea-surface height"),
            Field("u", 0, "m s-1", "eastward velocity", place="east"),
            Field("v", 0, "m s-1", "northward velocity", place="north"),
            Field("h", 1, "m", "thickness"),
            Field("u", 1, "m s-1", "eastward velocity", place="east"),
        )
    )


def test_names_are_variable_and_layer():
    layout = a_layout()
    assert layout.names == ("ssh", "u0", "v0", "h1", "u1")
    assert len(layout) == 5
    assert [layout.index(name) for name in layout.names] == list(range(5))


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(KeyError, match=r"no field 't0'.*ssh, u0, v0, h1, u1"):
        a_layout().index("t0")


def test_layers_of_a_variable_are_together():
    assert a_layout().variables() == {"ssh": [0], "u": [1, 4], "v": [2], "h": [3]}


def test_every_field_is_wet_where_it_lives():
    sea = np.ones((4, 5), bool)
    sea[2, 2] = False
    grid = Grid.plane(4, 5, 1, 1, sea=sea)
    wet = a_layout().wet(grid)
    assert wet.shape == (5, 4, 5)
    for values, place in zip(wet, ("center", "east", "north", "center", "east")):
        np.testing.assert_array_equal(values, grid.wet_at(place))
