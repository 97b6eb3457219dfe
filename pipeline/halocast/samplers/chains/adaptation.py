"""The step, adapted in burn-in and then left alone (Robbins & Monro 1951).

    log step += 0.5 / (1 + t)^0.6 (a - a*),    a the acceptance probability of iteration t < burn-in

A chain whose step keeps following its own past does not keep its target invariant; hence it stops.
"""

from __future__ import annotations

from math import exp, log

from numba import njit

RWM, PCN, MALA, PCNL, HMC = range(5)

# the acceptance each kernel does best at, and the longest step that can be of use to it
TARGET_ACCEPTANCE = (0.234, 0.35, 0.574, 0.574, 0.65)
LONGEST = (4.0, 0.999, 1.4, 0.999, 1.0)
SHORTEST = 1e-6


@njit(cache=True, nogil=True, error_model="numpy")
def adapt(step, iteration, log_ratio, target, longest):
    """Return the next step, given the log Metropolis ratio of this one (NaN: a rejection)."""
    probability = exp(min(log_ratio, 0.0)) if log_ratio == log_ratio else 0.0
    change = 0.5 / (1.0 + iteration) ** 0.6 * (probability - target)
    return min(max(exp(log(step) + change), SHORTEST), longest)
