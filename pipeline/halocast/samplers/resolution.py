"""How finely a scalar must be integrated: found, not assumed.

Accuracy is checked on the untapered likelihood (w = 1, the narrowest), hence in the same way for
every block that sees the scalar:

* a lattice starts at twice the step asked for, finer where the likelihood's poles are near; the
  integrals over even and over odd nodes estimate its error at twice its own step, and the error
  at its own is about their square; above 1e-5 it is halved, and below half the step asked for
* Gauss-Legendre panels are bisected until each agrees with its halves to 1e-11; a likelihood with
  a kink (Laplace errors) always has them
* a window whose ends still carry mass is doubled (observations far from every member), up to 56
  model-noise sd, or 448 for Laplace errors: their tails pull a scalar further than any other's.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.samplers.densities import IDENTITY, LAPLACE, ROOT_2
from halocast.samplers.likelihoods import fill_residuals, fill_untapered
from halocast.samplers.nodes import (
    POINTS,
    UNDERFLOW,
    fill_factors,
    lattice_size,
    lay_lattice,
    lay_panels,
    room_for,
    sum_nodes,
)
from halocast.samplers.panels import bisect_panels, find_peaks

HALF_WIDTH, WIDEST, WIDEST_KINKED = 7.0, 56.0, 448.0
RESOLVED = 1e-5
ENDED = 1e-10
COARSEST, FINEST = 2.0, 0.5  # lattice steps, in units of the step asked for
POLE = 4.0  # steps wanted within the distance of a likelihood's pole


class Resolution(NamedTuple):
    """How one scalar is integrated: lattice step (0: panels) and half-width of the windows."""

    h: float
    half_width: float


@njit(cache=True, nogil=True, error_model="numpy")
def lay_nodes(obs, s, origin, sd, step, resolution, work):
    """Lay the nodes of one scalar and take the residuals; return (scratch, nodes)."""
    h, half_width = resolution.h, resolution.half_width
    lattice = h if h > 0.0 else FINEST * step
    work = room_for(work, lattice_size(work.center, half_width, lattice))
    n = lay_lattice(work, half_width, lattice)
    fill_residuals(obs, s, origin, sd, work, n)
    if h > 0.0:
        return work, n
    fill_untapered(obs, s, work, n)
    peaks, kinks, best = find_peaks(obs, s, origin, sd, work, n)
    edges, count = bisect_panels(obs, s, origin, sd, work.center, half_width, peaks, kinks, best)
    work = room_for(work, count * POINTS)
    n = lay_panels(work, edges, count, half_width)
    fill_residuals(obs, s, origin, sd, work, n)
    return work, n


@njit(cache=True, nogil=True, error_model="numpy")
def _guess_step(obs, s, work, n, h):
    """The lattice step that the likelihood's poles suggest, given its residuals at step h.

    A Student-t's likelihood has them about sqrt(residual^2 + sd^2) / |slope of the residual| off
    the axis; the trapezoidal rule wants steps below a quarter of that. Only a first guess.
    """
    nearest = np.inf
    for o in range(obs.start[s], obs.start[s + 1]):
        error, residual = obs.error[o], work.residual[o - obs.start[s]]
        for g in range(1, n):
            slope = abs(residual[g] - residual[g - 1])
            squared = residual[g] * residual[g] + error * error
            if squared < nearest * slope * slope:
                nearest = squared / (slope * slope)
    return h * sqrt(nearest) / POLE


@njit(cache=True, nogil=True, error_model="numpy")
def operator_width(obs, s, sd):
    """How far off the axis the operators' own poles are, in model-noise sd.

    They do not move when a taper flattens the likelihood, and a lattice that happens to lie
    symmetrically about one cannot see it in its even and odd sums.
    """
    width = np.inf
    for o in range(obs.start[s], obs.start[s + 1]):
        if obs.operator[o] != IDENTITY:
            width = min(width, obs.scale[o] / sd)
    return width


@njit(cache=True, nogil=True, error_model="numpy")
def has_kink(obs, s):
    """Whether the likelihood of scalar ``s`` has a kink."""
    found = False
    for o in range(obs.start[s], obs.start[s + 1]):
        found = found or obs.noise_kind[o] == LAPLACE
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _widest_kinked(obs, s, origin, sd, center):
    """How wide windows may get to hold the mass of observations of the scalar itself.

    A mode is between its ancestor and the farthest observation, and no further from its ancestor
    than the slopes of Laplace likelihoods can pull it, their sum.
    """
    pull, reach = 0.0, 0.0
    for o in range(obs.start[s], obs.start[s + 1]):
        if obs.operator[o] != IDENTITY:
            return WIDEST
        pull += ROOT_2 * sd / obs.error[o] if obs.noise_kind[o] == LAPLACE else np.inf
        place = (obs.value[o] - origin) / sd
        reach = max(reach, abs(place - center[0]), abs(place - center[center.size - 1]))
    return max(WIDEST, min(HALF_WIDTH + min(pull, reach), WIDEST_KINKED))


@njit(cache=True, nogil=True, error_model="numpy")
def _windows_end(work):
    """Whether every ancestor's window holds its mass, with nothing left at the ends."""
    if underflow(work.even, work.odd):
        return False
    for j in range(work.center.size):
        total = work.even[j] + work.odd[j]
        for g in (work.first[j], work.last[j] - 1):
            if not work.factor[g, j] * work.like[g] <= ENDED * total:
                return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def agree(even, odd):
    """Whether the sums over even and over odd nodes agree for every ancestor."""
    agreed = True
    for j in range(even.size):
        agreed = agreed and abs(even[j] - odd[j]) <= RESOLVED * (even[j] + odd[j])
    return agreed


@njit(cache=True, nogil=True, error_model="numpy")
def underflow(even, odd):
    """Whether the sum over all nodes is lost to underflow for some ancestor."""
    lowest = np.inf
    for j in range(even.size):
        lowest = min(lowest, even[j] + odd[j])
    return not lowest > UNDERFLOW


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(obs, s, origin, sd, step, work):
    """Find the resolution the untapered likelihood needs; leave nodes, likelihood and sums filled.

    Returns scratch, number of nodes, resolution, highest log likelihood and its node.
    """
    finest = FINEST * step
    h, half_width = COARSEST * step, HALF_WIDTH
    work, n = lay_nodes(obs, s, origin, sd, step, Resolution(h, half_width), work)
    sharpest = operator_width(obs, s, sd) / POLE
    guess = min(_guess_step(obs, s, work, n, h), sharpest)
    kinked = has_kink(obs, s)
    widest = _widest_kinked(obs, s, origin, sd, work.center) if kinked else WIDEST
    laid = not (guess < h or kinked)
    if not laid:
        h = 0.0 if kinked or sharpest < 0.7 * finest else max(guess, finest)
    while True:
        resolution = Resolution(h, half_width)
        if not laid:
            work, n = lay_nodes(obs, s, origin, sd, step, resolution, work)
        laid = False
        fill_factors(work, n, h)
        highest, peak = fill_untapered(obs, s, work, n)
        sum_nodes(work.factor, work.low, work.high, work.rule, work.like, n, 1, work.even, work.odd)
        if h > 0.0 and not agree(work.even, work.odd):
            h = max(0.5 * h, finest) if h > finest else 0.0
        elif half_width < widest and not _windows_end(work):
            half_width *= 2.0
        else:
            return work, n, resolution, highest, peak
