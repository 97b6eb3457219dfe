"""The bridge for pointwise observations of any operator and density: chains of observed scalars.

With one kernel (g = 1) the target of a block's p observed scalars is N(s; mean mu, B) times
prod_k g_k(s_k); with the paper's (g = 0), sum_j N(s; mu_j, Q) prod_k g_k(s_k). Every member runs a
chain of Gibbs sweeps, one coordinate at a time from its exact conditional by quadrature
(`halocast.samplers.quadrature`, at the quantile of a normal). All normals are addressed by member,
sweep and observed scalar, and in the last sweeps they come from a Gaussian companion chain that
was run backwards from the member's own draw (`halocast.filters.bridge.coordinates`): blocks draw
nothing of their own, and observations that say nothing leave a member where it was. Everything
else follows by Matheron's rule,

    x_i = mu_a(i) + noise_i, at x and s;    x_i + K_x K^-1 (s_i - x_i(s)),    K = B or Q.

For g = 0 the ancestors come first, from sweeps over (s, j) with both the non-centred and the
centred move of j (interweaved, Yu & Meng 2011): the weights are the conditional probabilities
averaged over members and the second half of the sweeps.

All blocks take a step together, so that the compiled kernels have long rows to work on. Cost: a
quadrature of about 1 microsecond a draw; for g = 0, m likelihoods more a draw.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from halocast.filters.bridge.companion import (
    STEP,
    Companion,
    condition,
    mean_over_members,
    take_observations,
)
from halocast.filters.bridge.coordinates import (
    companion_steps,
    condition_coordinate,
    draw_companion,
    fill_pair_normals,
    invert,
    unwind,
)
from halocast.filters.bridge.view import View, scalar_covariances
from halocast.samplers.likelihoods import ObservedScalars
from halocast.samplers.quadrature import Sampler


class Batch(NamedTuple):
    """The pairs of some blocks, block after block: P pairs, N blocks.

    Attributes
    ----------
    block
        The blocks, (N,).
    start
        CSR of their pairs, (N + 1,).
    scalar, weight, number
        Observed scalar and taper weight of each pair, and the address of its draws.
    square
        Where the (p, p) matrices of each block begin in a flat array, (N + 1,).
    """

    block: np.ndarray
    start: np.ndarray
    scalar: np.ndarray
    weight: np.ndarray
    number: np.ndarray
    square: np.ndarray


class Prior(NamedTuple):
    """The chains' prior: kernel and precision, flat (p, p) matrices; their mean, (P, m)."""

    kernel: np.ndarray
    precision: np.ndarray
    centre: np.ndarray


def make_batch(view: View, blocks: np.ndarray, number: np.ndarray) -> Batch:
    """Gather the pairs of some blocks; ``number`` is the address of each scalar's draws."""
    count = view.pair_start[blocks + 1] - view.pair_start[blocks]
    start = np.concatenate([[0], np.cumsum(count)])
    pairs = np.arange(start[-1]) + np.repeat(view.pair_start[blocks] - start[:-1], count)
    scalar = view.pair_scalar[pairs]
    square = np.concatenate([[0], np.cumsum(count**2)])
    return Batch(blocks, start, scalar, view.pair_weight[pairs], number[scalar], square)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_prior(view, batch, with_ensemble, kernel, precision, fine):
    """Fill the kernels B (with the ensemble) or Q and their precisions; ``fine`` (N,)."""
    for b in range(batch.block.size):
        scalars = batch.scalar[batch.start[b] : batch.start[b + 1]]
        p, own = scalars.size, slice(batch.square[b], batch.square[b + 1])
        noise, full = scalar_covariances(view, scalars)
        kernel[own] = (full if with_ensemble else noise).reshape(-1)
        fine[b] = invert(kernel[own].reshape(p, p), precision[own].reshape(p, p))


@njit(cache=True, nogil=True, error_model="numpy")
def start_companions(batch, prior, companion, push, fresh, state, normal, average, fine):
    """Draw the companions' ends into ``state`` (P, m), then unwind them: fills normal, average."""
    for b in range(batch.block.size):
        own, square = slice(batch.start[b], batch.start[b + 1]), slice(
            batch.square[b], batch.square[b + 1]
        )  # fmt: skip
        p = batch.start[b + 1] - batch.start[b]
        value, variance = companion.value[own], companion.variance[own]
        fine[b] = fine[b] and draw_companion(
            prior.kernel[square].reshape(p, p), value, variance, push[own], state[own]
        )
        unwind(
            prior.precision[square].reshape(p, p), prior.centre[own], value, variance,
            fresh[:, own], state[own], normal[:, own], average[own],
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def condition_all(batch, prior, state, k, mean, sd):
    """Conditional prior of the k-th coordinate of every block that has one, in order."""
    found = 0
    for b in range(batch.block.size):
        p = batch.start[b + 1] - batch.start[b]
        if k < p:
            own = slice(batch.start[b], batch.start[b + 1])
            precision = prior.precision[batch.square[b] : batch.square[b + 1]].reshape(p, p)
            centre = prior.centre[own]
            sd[found] = condition_coordinate(precision, state[own], centre, k, mean[found])
            found += 1


class Coordinate(NamedTuple):
    """The k-th coordinate of every block that has one: its pairs and their observations."""

    pairs: np.ndarray
    observations: ObservedScalars


def coordinates(batch: Batch, scalars: ObservedScalars) -> list[Coordinate]:
    """All coordinates in the order of a sweep."""
    size = np.diff(batch.start)
    found = []
    for k in range(size.max()):
        pairs = batch.start[:-1][size > k] + k
        found.append(Coordinate(pairs, take_observations(scalars, batch.scalar[pairs])))
    return found


def sweep(
    batch: Batch,
    prior: Prior,
    steps: list[Coordinate],
    sampler: Sampler,
    state: np.ndarray,
    normal: np.ndarray,
    share: float,
    average: np.ndarray,
) -> None:
    """One Gibbs sweep of all chains: ``state`` (P, m) is renewed at the quantiles of ``normal``.

    ``average`` (P,) grows by ``share`` times the conditional means averaged over members.
    """
    m = state.shape[1]
    for k, step in enumerate(steps):
        count = step.pairs.size
        mean, sd = np.empty((count, m)), np.empty(count)
        condition_all(batch, prior, state, k, mean, sd)
        weight = batch.weight[step.pairs]
        obs, _, expected, _, resolution = condition(sampler, step.observations, weight, mean, sd)
        drawn = np.empty((count, m))
        sampler.draw_scalars(
            obs, np.arange(count), weight, np.tile(np.arange(m, dtype=np.int32), (count, 1)),
            normal[step.pairs], STEP, resolution, drawn,
        )  # fmt: skip
        state[step.pairs] = drawn
        if share > 0:
            average[step.pairs] += share * mean_over_members(expected)


class Sampled(NamedTuple):
    """What chains found: K^-1 times where members (P, m) and their mean (P,) move to."""

    steps: np.ndarray
    goal: np.ndarray


def sample(
    batch: Batch,
    prior: Prior,
    steps: list[Coordinate],
    companion: Companion,
    sampler: Sampler,
    *,
    own: np.ndarray,
    middle: np.ndarray,
    fine: np.ndarray,
    sweeps: int,
    seed: int,
    cycle: int,
) -> Sampled:
    """Run the members' chains from their own prior draws.

    Parameters
    ----------
    own
        Each member's prior draw of the pairs, (P, m).
    middle
        Mean of the prior, (P,).
    fine
        Whether each block went well; updated, (N,).

    Notes
    -----
    The mean is the companion's, which is known, and what the true chains' conditional means differ
    from the companion's on the way: with likelihoods alike both are the same numbers.
    """
    fresh, normal = np.empty((2, sweeps, *own.shape))
    push, state = np.empty_like(own), own.copy()
    average, control = np.zeros((2, own.shape[0]))
    address = np.uint64(seed), cycle
    fill_pair_normals(batch.number, 0, *address, push)
    for t in range(sweeps):
        fill_pair_normals(batch.number, 2 + t, *address, fresh[t])
    start_companions(batch, prior, companion, push, fresh, state, normal, control, fine)
    second_half = sweeps - sweeps // 2
    for t in range(sweeps):
        share = 1.0 / second_half if t >= sweeps // 2 else 0.0
        sweep(batch, prior, steps, sampler, state, normal[t], share, average)
    goal = weigh(batch, prior, (average - control)[:, None])
    add_companion_goal(batch, prior, companion, middle[:, None], goal)
    return Sampled(weigh(batch, prior, state - own), goal[:, 0])


@njit(cache=True, nogil=True, error_model="numpy")
def add_companion_goal(batch, prior, companion, middle, goal):
    """Add K^-1 times the move of the companions' mean from ``middle`` (P, 1) to goal (P, 1)."""
    for b in range(batch.block.size):
        own = slice(batch.start[b], batch.start[b + 1])
        p = batch.start[b + 1] - batch.start[b]
        kernel = prior.kernel[batch.square[b] : batch.square[b + 1]].reshape(p, p)
        value, variance = companion.value[own], companion.variance[own]
        goal[own] += companion_steps(kernel, value, variance, np.zeros((p, 1)), middle[own])[0]


@njit(cache=True, nogil=True, error_model="numpy")
def weigh(batch, prior, difference):
    """K^-1 difference, block by block, (P, n)."""
    out = np.zeros(difference.shape)
    for b in range(batch.block.size):
        p = batch.start[b + 1] - batch.start[b]
        precision = prior.precision[batch.square[b] : batch.square[b + 1]].reshape(p, p)
        for k in range(p):
            for a in range(p):
                for i in range(difference.shape[1]):
                    out[batch.start[b] + k, i] += (
                        precision[k, a] * difference[batch.start[b] + a, i]
                    )
    return out
