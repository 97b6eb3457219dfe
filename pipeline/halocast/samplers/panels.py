"""Gauss-Legendre panels for likelihoods with features narrower than a lattice resolves.

Panels, at most one noise sd wide, are bisected until the likelihood's integral over each agrees
with that over its halves. A panel on which the likelihood is negligible is left as it is, unless
a peak that its nodes may have stepped over is nearer than the panel's width: the mesh is graded
towards every peak until the peak is resolved.

Cost: 30 evaluations of operator and density a panel, about 2 log2(sqrt(q) / width) panels more
than the 14 or so of a smooth likelihood.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numba import njit

from halocast.samplers.densities import apply_operator, log_density
from halocast.samplers.likelihoods import log_likelihood_at
from halocast.samplers.nodes import GAUSS_W, GAUSS_X, POINTS

AGREED = 1e-11
IRRELEVANT = 100.0


@njit(cache=True, nogil=True, error_model="numpy")
def find_peaks(obs, s, origin, sd, work, n):
    """Where the likelihood (w = 1) may peak, and its highest logarithm there.

    Peaks are the roots of each residual, found by bisection between lattice nodes, and the
    local maxima of the likelihood on the lattice.
    """
    peaks, count = np.empty(n * (1 + obs.start[s + 1] - obs.start[s])), 0
    x, log_like = work.x, work.log_like
    best = -np.inf
    for g in range(n):
        best = max(best, log_like[g])
        left, right = log_like[max(g - 1, 0)], log_like[min(g + 1, n - 1)]
        if log_like[g] >= left and log_like[g] >= right and log_like[g] > min(left, right):
            peaks[count] = x[g]
            count += 1
    for o in range(obs.start[s], obs.start[s + 1]):
        residual = work.residual[o - obs.start[s]]
        for g in range(1, n):
            if (residual[g - 1] > 0.0) == (residual[g] > 0.0):
                continue
            a, b = x[g - 1], x[g]
            for _ in range(50):
                middle = 0.5 * (a + b)
                z = origin + sd * middle
                h = apply_operator(obs.operator[o], z, obs.center[o], obs.scale[o])
                if (obs.value[o] - h > 0.0) == (residual[g - 1] > 0.0):
                    a = middle
                else:
                    b = middle
            peaks[count] = 0.5 * (a + b)
            best = max(best, log_likelihood_at(obs, s, 1.0, origin + sd * peaks[count]))
            count += 1
    return peaks[:count], best


@njit(cache=True, nogil=True, error_model="numpy")
def panel(obs, s, origin, sd, a, b, log_like):
    """Fill the log likelihood (w = 1) at the Gauss-Legendre nodes of [a, b]; the highest."""
    log_like[:] = 0.0
    middle, radius = origin + sd * 0.5 * (a + b), sd * 0.5 * (b - a)
    for o in range(obs.start[s], obs.start[s + 1]):
        value, operator, center, scale = obs.value[o], obs.operator[o], obs.center[o], obs.scale[o]
        error, kind, df = obs.error[o], obs.noise_kind[o], obs.df[o]
        for i in range(POINTS):
            h = apply_operator(operator, middle + radius * GAUSS_X[i], center, scale)
            log_like[i] += log_density(kind, value - h, error, df)
    return log_like.max()


@njit(cache=True, nogil=True, error_model="numpy")
def panel_resolved(obs, s, origin, sd, a, b, peaks, best, scratch):
    """Whether the likelihood on [a, b] agrees with that on its halves, or cannot matter.

    It cannot where it is negligible at the nodes and no peak is nearer than the panel's width.
    """
    middle = 0.5 * (a + b)
    highest = panel(obs, s, origin, sd, a, b, scratch[0])
    highest = max(highest, panel(obs, s, origin, sd, a, middle, scratch[1]))
    highest = max(highest, panel(obs, s, origin, sd, middle, b, scratch[2]))
    if not highest > best - IRRELEVANT:
        near = False
        for peak in peaks:
            near = near or (peak > a - (b - a) and peak < b + (b - a))
        if not near:
            return True
    whole, halves = 0.0, 0.0
    for i in range(POINTS):
        whole += GAUSS_W[i] * exp(scratch[0, i] - highest)
        left, right = exp(scratch[1, i] - highest), exp(scratch[2, i] - highest)
        halves += 0.5 * GAUSS_W[i] * (left + right)
    return abs(whole - halves) <= AGREED * halves


@njit(cache=True, nogil=True, error_model="numpy")
def bisect_panels(obs, s, origin, sd, center, half_width, peaks, best):
    """Panels, at most 1 wide, on which the likelihood is resolved: edges (count, 2), count."""
    deepest = 40
    edges, count = np.empty((256, 2)), 0
    stack = np.empty((deepest + 2, 3))
    scratch = np.empty((3, POINTS))
    covered = -np.inf
    for j in range(center.size):
        begin, end = max(center[j] - half_width, covered), center[j] + half_width
        pieces = max(int(np.ceil(end - begin)), 0)
        for piece in range(pieces):
            stack[0, 0] = begin + (end - begin) * piece / pieces
            stack[0, 1] = begin + (end - begin) * (piece + 1) / pieces
            stack[0, 2] = 0.0
            top = 1
            while top > 0:
                top -= 1
                a, b, depth = stack[top, 0], stack[top, 1], stack[top, 2]
                if depth < deepest and not panel_resolved(
                    obs, s, origin, sd, a, b, peaks, best, scratch
                ):
                    middle = 0.5 * (a + b)
                    stack[top, 0], stack[top, 1], stack[top, 2] = middle, b, depth + 1
                    stack[top + 1, 0], stack[top + 1, 1], stack[top + 1, 2] = a, middle, depth + 1
                    top += 2
                    continue
                if count == edges.shape[0]:
                    larger = np.empty((2 * count, 2))
                    larger[:count] = edges
                    edges = larger
                edges[count, 0], edges[count, 1] = a, b
                count += 1
        covered = end
    return edges, count
