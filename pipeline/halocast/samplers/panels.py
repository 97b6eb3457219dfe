"""Gauss-Legendre panels for likelihoods with features narrower than a lattice resolves.

Panels, at most one noise sd wide, are bisected until the likelihood's integral over each agrees
with that over its halves. A panel on which the likelihood is negligible is left as it is, unless
a peak that its nodes may have stepped over is nearer than the panel's width: the mesh is graded
towards every peak until the peak is resolved. Where a density has a kink, a panel ends, and those
on both sides are narrow: quantiles are taken between nodes, of which none is at the tip.

Rounding ends it too, as for a scalar of 300 seen to 1e-4: a difference by rounding is small and
does not fall from a panel to its halves, and no panel is so narrow that its nodes are few doubles.

Cost: 30 evaluations of operator and density a panel, about 2 log2(sqrt(q) / width) panels more
than the 14 or so of a smooth likelihood.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numba import njit

from halocast.samplers.densities import IDENTITY, LAPLACE, apply_operator, log_density
from halocast.samplers.likelihoods import log_likelihood_at
from halocast.samplers.nodes import GAUSS_W, GAUSS_X, POINTS

AGREED = 1e-11
ROUNDING = 1e-6  # a difference by rounding is hardly larger, but for log likelihoods that are huge
NARROWEST = 4e-12  # width of a panel, over the size of the numbers it is of
IRRELEVANT = 100.0


@njit(cache=True, nogil=True, error_model="numpy")
def find_peaks(obs, s, origin, sd, work, n):
    """Where the likelihood (w = 1) may peak, where it has kinks, and its highest logarithm.

    Peaks are the roots of each residual, found by bisection between lattice nodes, and the
    local maxima of the likelihood on the lattice. Kinks, sorted, are the roots for Laplace errors.
    """
    peaks, count = np.empty(n * (1 + obs.start[s + 1] - obs.start[s])), 0
    kinks, bent = np.empty(peaks.size - n), 0
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
            if obs.noise_kind[o] == LAPLACE:
                kinks[bent] = peaks[count]
                bent += 1
            count += 1
    return peaks[:count], np.sort(kinks[:bent]), best


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
def panel_difference(obs, s, origin, sd, a, b, peaks, best, scratch):
    """By what share the likelihood on [a, b] differs from that on its halves; 0 if it is nothing.

    It is where it is negligible at the nodes and no peak is nearer than the panel's width.
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
            return 0.0
    whole, halves = 0.0, 0.0
    for i in range(POINTS):
        whole += GAUSS_W[i] * exp(scratch[0, i] - highest)
        left, right = exp(scratch[1, i] - highest), exp(scratch[2, i] - highest)
        halves += 0.5 * GAUSS_W[i] * (left + right)
    return abs(whole - halves) / halves


@njit(cache=True, nogil=True, error_model="numpy")
def cut_at_kinks(a, b, kinks, stack):
    """Put the pieces of [a, b] between kinks on the empty stack, the first on top; how many."""
    top, end = 0, b
    for k in range(kinks.size - 1, -1, -1):
        if a < kinks[k] < end:
            push(stack, top, kinks[k], end, np.inf)
            end = kinks[k]
            top += 1
    push(stack, top, a, end, np.inf)
    return top + 1


@njit(cache=True, nogil=True, error_model="numpy")
def steep_at_kink(a, b, kinks, log_like):
    """Whether [a, b] ends at a kink and the log likelihood at its nodes changes by 2 or more."""
    touches = False
    for kink in kinks:
        touches = touches or kink in (a, b)
    return touches and abs(log_like[0] - log_like[POINTS - 1]) > 2.0


@njit(cache=True, nogil=True, error_model="numpy")
def push(stack, top, a, b, difference):
    """Put the panel [a, b] on the stack, with the difference of the one it is half of."""
    stack[top, 0], stack[top, 1], stack[top, 2] = a, b, difference


@njit(cache=True, nogil=True, error_model="numpy")
def narrowest_panel(obs, s, origin, sd, center):
    """Width below which rounding leaves nothing to resolve, in model-noise sd."""
    size = max(abs(origin + sd * center[0]), abs(origin + sd * center[center.size - 1]))
    for o in range(obs.start[s], obs.start[s + 1]):
        if obs.operator[o] == IDENTITY:
            size = max(size, abs(obs.value[o]))
    return NARROWEST * size / sd


@njit(cache=True, nogil=True, error_model="numpy")
def bisect_panels(obs, s, origin, sd, center, half_width, peaks, kinks, best):
    """Panels, at most 1 wide, on which the likelihood is resolved: edges (count, 2), count."""
    narrowest = max(narrowest_panel(obs, s, origin, sd, center), 2.0**-40)
    largest = max(ROUNDING, 1e-14 * abs(best))
    edges, count = np.empty((256, 2)), 0
    stack = np.empty((64 + kinks.size, 3))
    scratch = np.empty((3, POINTS))
    covered = -np.inf
    for j in range(center.size):
        begin, end = max(center[j] - half_width, covered), center[j] + half_width
        pieces = max(int(np.ceil(end - begin)), 0)
        for piece in range(pieces):
            a = begin + (end - begin) * piece / pieces
            b = begin + (end - begin) * (piece + 1) / pieces
            top = cut_at_kinks(a, b, kinks, stack)
            while top > 0:
                top -= 1
                a, b, before = stack[top, 0], stack[top, 1], stack[top, 2]
                found = panel_difference(obs, s, origin, sd, a, b, peaks, best, scratch)
                rounding = 0.25 * before < found < largest
                steep = steep_at_kink(a, b, kinks, scratch[0])
                if b - a > narrowest and (steep or not (found <= AGREED or rounding)):
                    middle = 0.5 * (a + b)
                    push(stack, top, middle, b, found)
                    push(stack, top + 1, a, middle, found)
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
