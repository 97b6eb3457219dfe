"""The quasi-geostrophic ocean as Sakov & Oke (2008) observe it (and as DAPPER documents it).

129 x 129 values of the stream function, 300 of them observed every 5 units of time with error
variance 4, spread evenly through the state from a first one that moves from cycle to cycle, which
looks like satellite tracks. The truth and the members begin as states of one long run from rest,
as documented: 400 of them, from its 700th output to its 4700th. The run is not steady: for all that
time the wind adds energy faster than friction takes it (the root mean square of psi grows from 6 to
41), so how hard a trial is depends on which state its truth begins with.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.errors import ConfigError
from halocast.laboratory.problem import Problem
from halocast.models.small import quasi_geostrophic

SIDE = 129
_OBSERVED, _STEPS, _DT = 300, 4, 1.25
_SPIN_UP, _SPACING, _STATES = 700, 10, 400  # outputs, every 5 units of time


def sakov2008() -> Problem:
    """300 of 129 x 129 observed every 5 units of time, error variance 4."""
    row, column = np.divmod(np.arange(SIDE**2), SIDE)
    return Problem(
        name="quasi-geostrophic-sakov2008",
        dimension=SIDE**2,
        advance=lambda members, _: quasi_geostrophic.advance(members, _STEPS, _DT),
        scalar=tracks(0),
        error=np.full(_OBSERVED, 2.0),
        start=np.zeros(SIDE**2),
        start_sd=np.zeros(SIDE**2),
        draw_start=_state_of_long_run,
        observed_at=tracks,
        cycles=300,
        burn_in=50,
        positions=np.stack([row, column], axis=1).astype(float),
    )


def tracks(cycle: int) -> np.ndarray:
    """Which scalars are observed in a cycle, (300,); the same for every seed."""
    every = SIDE**2 // _OBSERVED
    first = int(every * uniforms(Address(0, cycle, Purpose.NATURE_OBSERVATIONS, 0), 1)[0])
    return (np.arange(_OBSERVED) * SIDE**2) // _OBSERVED + first


def _state_of_long_run(seed: int, purpose: Purpose, index: int) -> np.ndarray:
    """Return a state of the long run, no two of them the same one under one seed."""
    place = 0 if purpose == Purpose.NATURE_STATE else 1 + index
    if place >= _STATES:
        raise ConfigError(
            f"the long run of quasi-geostrophic-sakov2008 has states for {_STATES - 1} members",
            remedy=f"use {_STATES - 1} or fewer",
        )
    order = np.argsort(uniforms(Address(seed, 0, Purpose.CLIMATE, 0), _STATES), kind="stable")
    return long_run()[order[place]]


@lru_cache(maxsize=1)
def long_run() -> np.ndarray:
    """Run the model from a slightly uneven rest, and keep 400 states, (400, n): a minute.

    An even start would stay mirrored about the middle for ever.
    """
    state = 0.1 * normals(Address(0, 0, Purpose.CLIMATE, 0), SIDE**2)[None]
    state = quasi_geostrophic.advance(state, _STEPS * _SPIN_UP, _DT)
    states = []
    for _ in range(_STATES):
        state = quasi_geostrophic.advance(state, _STEPS * _SPACING, _DT)
        states.append(state[0])
    return np.array(states)
