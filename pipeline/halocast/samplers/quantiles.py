"""Quantiles of an observed scalar given its ancestor, by its cumulative at the nodes.

The density at the nodes is integrated by the trapezoidal rule with its end correction, and is a
parabola with the right area in between: the quantiles' error is of fourth order in the step.
"""

from __future__ import annotations

from math import erfc, exp, sqrt

import numpy as np
from numba import njit

from halocast.samplers.nodes import UNDERFLOW, fill_column


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_log_density(center, x, log_like, density):
    """Fill the density of one ancestor from logarithms, relative to its highest."""
    highest = -np.inf
    for g in range(x.size):
        d = x[g] - center
        density[g] = log_like[g] - 0.5 * d * d
        highest = max(highest, density[g])
    for g in range(x.size):
        density[g] = exp(density[g] - highest)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_spacing(x, half_gap, bend, per_two_gaps):
    for g in range(1, x.size):
        gap = x[g] - x[g - 1]
        half_gap[g] = 0.5 * gap
        bend[g] = gap * gap / 12.0
        per_two_gaps[g] = 1.0 / (x[min(g + 1, x.size - 1)] - x[g - 1])


@njit(cache=True, nogil=True, error_model="numpy")
def _integrate(density, half_gap, bend, per_two_gaps, slope, cumulative):
    """Integrate by the trapezoidal rule with its end correction, h^2 / 12 times the slopes."""
    last = density.size - 1
    slope[0], slope[last] = 0.0, 0.0
    for g in range(1, last):
        slope[g] = (density[g + 1] - density[g - 1]) * per_two_gaps[g]
    for g in range(1, last + 1):
        linear = half_gap[g] * (density[g] + density[g - 1])
        area = linear + bend[g] * (slope[g - 1] - slope[g])
        cumulative[g] = min(max(area, 0.5 * linear), 1.5 * linear)
    total = 0.0
    cumulative[0] = 0.0
    for g in range(1, last + 1):
        total += cumulative[g]
        cumulative[g] = total
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _quantile_at_normal(x, density, cumulative, normal):
    """The place where a cumulative equals that of a standard normal at ``normal``.

    Within a cell, t from 0 to 1, the density is linear plus what makes up the cell's area:
    p(t) = p0 + (p1 - p0) t + 6 c t (1 - t); inverted in closed form without c, then by Newton.
    """
    low, high = 0, x.size - 1
    target = 0.5 * erfc(-normal / sqrt(2.0)) * cumulative[high]
    while high - low > 1:
        middle = (low + high) // 2
        if cumulative[middle] <= target:
            low = middle
        else:
            high = middle
    p0, slope, width = density[low], density[high] - density[low], x[high] - x[low]
    cell = cumulative[high] - cumulative[low]
    if not cell > 0.0:
        return x[low]
    mean = cell / width
    bump = mean - p0 - 0.5 * slope
    area = mean * (target - cumulative[low]) / cell
    linear = area * (p0 + 0.5 * slope) / mean
    t = min(2.0 * linear / (p0 + sqrt(max(p0 * p0 + 2.0 * slope * linear, 0.0))), 1.0)
    for _ in range(3):
        p = p0 + t * (slope + 6.0 * bump * (1.0 - t))
        if p > 0.0:
            error = t * (p0 + t * (0.5 * slope + bump * (3.0 - 2.0 * t))) - area
            t = min(max(t - error / p, 0.0), 1.0)
    return x[low] + width * t


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_ancestor(work, j, h):
    """Fill density and cumulative of ancestor j over its window; return its mass."""
    first, last = work.first[j], work.last[j]
    x, like, density = work.x[first:last], work.like[first:last], work.density[first:last]
    spacing = (work.half_gap[first:last], work.bend[first:last], work.per_two_gaps[first:last])
    slope, cumulative = work.slope[first:last], work.cumulative[first:last]
    fill_column(work.center[j], x, work.table, h, density)
    for g in range(x.size):
        density[g] *= like[g]
    mass = _integrate(density, *spacing, slope, cumulative)
    if mass > UNDERFLOW:
        return mass
    _fill_log_density(work.center[j], x, work.log_like[first:last], density)
    return _integrate(density, *spacing, slope, cumulative)


@njit(cache=True, nogil=True, error_model="numpy")
def draw_quantiles(work, n, h, ancestor, normal, out):
    """Fill ``out`` (m,) with the place of each member's quantile, given its ancestor.

    An ancestor's density is factor x likelihood, from logarithms where the product underflows.
    """
    _fill_spacing(work.x[:n], work.half_gap, work.bend, work.per_two_gaps)
    for j in range(work.center.size):
        member, first, last = work.order[j], work.first[j], work.last[j]
        filled = False
        for i in range(ancestor.size):
            if ancestor[i] != member:
                continue
            if not filled:
                filled = True
                _fill_ancestor(work, j, h)
            out[i] = _quantile_at_normal(
                work.x[first:last], work.density[first:last], work.cumulative[first:last], normal[i]
            )


@njit(cache=True, nogil=True, error_model="numpy")
def fill_mixture(work, n, h, weight):
    """Return the mixture's density at the nodes; ``weight`` (m,) are the ancestors' own masses."""
    _fill_spacing(work.x[:n], work.half_gap, work.bend, work.per_two_gaps)
    mixture = np.zeros(n)
    for j in range(work.center.size):
        w, first, last = weight[work.order[j]], work.first[j], work.last[j]
        if not w > 0.0:
            continue
        factor = w / _fill_ancestor(work, j, h)
        for g in range(first, last):
            mixture[g] += factor * work.density[g]
    return mixture


@njit(cache=True, nogil=True, error_model="numpy")
def mixture_quantiles(work, n, mixture, normal, out):
    """Fill ``out`` with the places where the mixture's cumulative is that of standard normals."""
    cumulative = work.cumulative[:n]
    spacing = (work.half_gap[:n], work.bend[:n], work.per_two_gaps[:n])
    _integrate(mixture, *spacing, work.slope[:n], cumulative)
    for i in range(normal.size):
        out[i] = _quantile_at_normal(work.x[:n], mixture, cumulative, normal[i])
