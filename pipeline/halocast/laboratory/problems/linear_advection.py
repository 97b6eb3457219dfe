"""Linear advection on a ring: what the exact Kalman filter can be run on.

The set-up of Raanes, Carrassi & Bertino (2015), as DAPPER documents it: 1000 scalars carried along
at one a step, 40 of them observed every 5 steps, damping and noise in balance. Where DAPPER draws
its noise's covariance from a sample, here it is the one the sample is of.
"""

from __future__ import annotations

import numpy as np

from halocast.laboratory.problem import Problem
from halocast.models.small import linear_advection

_STEPS, _DAMPING, _WAVES = 5, 0.98, 25


def raanes2015(n: int = 1000, observed: int = 40) -> Problem:
    """A damped ring with smooth noise, error variance 0.01."""
    noise = linear_advection.wave_root(n, min(_WAVES, (n - 1) // 2), 0.1)
    # noise of variance 1 is added every step and fades with the rest: a sum over the steps
    gathered = np.sqrt((1 - _DAMPING ** (2 * _STEPS)) / (1 - _DAMPING**2))
    start = np.sqrt(5.0) * noise
    scalar = (np.arange(observed) * n) // observed
    return Problem(
        name="linear-advection-raanes2015",
        dimension=n,
        advance=lambda members, _: linear_advection.advance(members, _STEPS, _DAMPING),
        scalar=scalar,
        error=np.full(scalar.size, 0.1),
        start=np.zeros(n),
        start_sd=np.sqrt(np.square(start).sum(axis=1)),
        start_root=start,
        noise_sd=gathered * np.sqrt(np.square(noise).sum(axis=1)),
        noise_root=gathered * noise,
        cycles=2012,
        burn_in=12,
        tangent=lambda state, _: linear_advection.tangent(state.size, _STEPS, _DAMPING),
        positions=np.arange(float(n))[:, None],
        period=np.array([float(n)]),
    )
