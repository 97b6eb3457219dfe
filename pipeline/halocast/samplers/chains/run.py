"""Running chains: what is drawn where, and which move comes when.

An iteration is one step of the kernel, then moves of the ancestor (their algebra:
`halocast.samplers.chains.problem` and `.ancestors`):

* the centred draw, m p multiplications and no likelihood, every time; not where p is
  large (it freezes there, and would be half the cost);
* a draw of m likelihoods, the shifted and the non-centred one in turn, as often as the kernel has
  spent as many likelihoods itself; so moves of the ancestor double the cost of a chain at most,
  however many members, scalars or leapfrog steps.

One random ancestor proposed together with the state (the joint move: j' from p(j), the state by pCN
about mu_j') is correct too. It is not run: it tries one ancestor for one likelihood, as the draws
do, but has to fit the new ancestor and the new state at once. Such a move that starts from
s - mu_j' instead of s - mu_j is not reversible, however natural it looks.

Chains start from the prior: ancestors drawn systematically from p(j), so that chains begin at
different ones, u from N(0, I). The prior is wider than any posterior, which is what R-hat needs to
see chains that do not meet; a start weighted by the likelihood would put every chain at the same
ancestor and hide that they cannot leave it. Burn-in is what it costs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from halocast.draws import Purpose, fill_normals, fill_uniforms
from halocast.errors import RunError
from halocast.samplers.chains.adaptation import (
    HMC,
    LONGEST,
    MALA,
    PCN,
    PCNL,
    RWM,
    TARGET_ACCEPTANCE,
    adapt,
)
from halocast.samplers.chains.ancestors import move_centred, move_non_centred, move_shifted
from halocast.samplers.chains.health import check
from halocast.samplers.chains.kernels.hmc import step_hmc
from halocast.samplers.chains.kernels.mala import step_mala
from halocast.samplers.chains.kernels.pcn import step_pcn
from halocast.samplers.chains.kernels.pcnl import step_pcnl
from halocast.samplers.chains.kernels.rwm import step_rwm
from halocast.samplers.chains.problem import prepare
from halocast.samplers.chains.settings import KERNELS, ChainSettings
from halocast.samplers.chains.target import Chains, ChainTarget
from halocast.samplers.chains.walk import HERE, ROWS, S, U, evaluate, evaluate_gradient

# A chain's draws: 2^27 elements, its own; the normals of iteration t are elements t p … t p + p - 1
# of the first half, its uniforms elements 4 t … 4 t + 3 of the second. Iteration 0 is the start.
_STRETCH, _UNIFORMS, _ROW = 2**27, 2**26, 4
_CHUNK = 512  # normals drawn at a time, about
_CENTRED_UP_TO = 64  # scalars
_CHAIN = int(Purpose.CHAIN)


def run_chains(
    target: ChainTarget, settings: ChainSettings, seed: int, cycle: int, index: int
) -> Chains:
    """Sample a target.

    Parameters
    ----------
    target
        The posterior; its arrays are not changed.
    settings
        Kernel, lengths, first step.
    seed, cycle, index
        The random address; ``index`` is the block's.

    Raises
    ------
    RunError
        When iterations times scalars are more than a chain has random numbers for, about 7e7.
    """
    iterations = settings.burn_in + settings.per_chain + 1
    if iterations * max(target.sd.size, _ROW) > _UNIFORMS:
        raise RunError(
            f"{iterations} iterations of {target.sd.size} scalars exceed a chain's random numbers",
            where=f"block {index}",
            remedy="ask for fewer samples, or more chains, or smaller blocks",
        )
    kernel = KERNELS.index(settings.kernel)
    samples, ancestor, log_like, acceptance, step, r_hat, ess, distinct = _run(
        target, kernel, settings.chains, settings.burn_in, settings.per_chain, settings.step,
        settings.target_acceptance or TARGET_ACCEPTANCE[kernel], LONGEST[kernel],
        settings.leapfrog_steps, np.uint64(seed), cycle, index,
    )  # fmt: skip
    return Chains(samples, ancestor, log_like, acceptance, step, r_hat, ess, distinct)


@njit(cache=True, nogil=True, error_model="numpy")
def _run(
    target, kernel, chains, burn_in, n, first_step, goal, longest, leapfrog_steps,
    seed, cycle, index,
):  # fmt: skip
    m, p = target.mean.shape
    problem, kinship = prepare(target)
    samples, log_like = np.empty((chains, n, p)), np.zeros((chains, n))
    ancestor = np.empty((chains, n), np.int32)
    acceptance, step = np.ones(chains), np.full(chains, min(first_step, longest))
    prior = np.exp(kinship.log_prior - kinship.log_prior.max())
    common = np.empty(1)
    fill_uniforms(common, seed, cycle, _CHAIN, index, _UNIFORMS)
    if kinship.free.size == 0:
        _draw_ancestors(prior, common[0], ancestor.reshape(chains * n))
    else:
        start = np.empty(chains, np.int64)
        _draw_ancestors(prior, common[0], start)
        for c in range(chains):
            acceptance[c], step[c] = _run_one(
                problem, kinship, kernel, start[c], burn_in, step[c], goal, longest,
                leapfrog_steps, seed, cycle, index, c * _STRETCH,
                samples[c], ancestor[c], log_like[c],
            )  # fmt: skip
    _fill_atoms(target, ancestor, samples)
    r_hat, ess, distinct = check(samples, ancestor, log_like, m)
    return samples, ancestor, log_like, acceptance, step, r_hat, ess, distinct


@njit(cache=True, nogil=True, error_model="numpy")
def _draw_ancestors(weight, uniform, out):
    """Systematic draws from weights (m,), increasing."""
    total = weight.sum()
    j, cumulative = 0, weight[0]
    for i in range(out.size):
        while (i + uniform) * total > cumulative * out.size and j < weight.size - 1:
            j += 1
            cumulative += weight[j]
        out[i] = j


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_atoms(target, ancestor, samples):
    for k in range(target.sd.size):
        if target.sd[k] > 0.0:
            continue
        for c in range(ancestor.shape[0]):
            for t in range(ancestor.shape[1]):
                samples[c, t, k] = target.mean[ancestor[c, t], k]


@njit(cache=True, nogil=True, error_model="numpy")
def _step(problem, walk, kernel, j, log_like, step, normal, uniform, leapfrog_steps):
    if kernel == RWM:
        return step_rwm(problem, walk, j, log_like, step, normal, uniform)
    if kernel == PCN:
        return step_pcn(problem, walk, j, log_like, step, normal, uniform)
    if kernel == MALA:
        return step_mala(problem, walk, j, log_like, step, normal, uniform)
    if kernel == PCNL:
        return step_pcnl(problem, walk, j, log_like, step, normal, uniform)
    return step_hmc(problem, walk, j, log_like, step, normal, uniform, leapfrog_steps)


@njit(cache=True, nogil=True, error_model="numpy")
def _refresh(problem, walk, kernel, j):
    """Place the chain anew and return log g, with its gradient if the kernel needs one."""
    if kernel in (RWM, PCN):
        return evaluate(problem, j, walk, HERE)
    return evaluate_gradient(problem, j, walk, HERE)


@njit(cache=True, nogil=True, error_model="numpy")
def _run_one(
    problem, kinship, kernel, j, burn_in, step, goal, longest, leapfrog_steps, seed, cycle, index,
    element, samples, ancestor, log_likes,
):  # fmt: skip
    """Run one chain; fill its columns, return acceptance and step."""
    m, p = problem.mean.shape
    n, walk = log_likes.size, np.zeros((ROWS, max(p, problem.scalar.size)))
    log_weight, centred = np.empty(m), kinship.whitened.size > 0 and p <= _CENTRED_UP_TO
    period = max(1, m // (leapfrog_steps if kernel == HMC else 1))
    rows = max(1, _CHUNK // p)
    normals, uniforms = np.empty((rows, p)), np.empty((rows, _ROW))
    accepted, log_like = 0, 0.0
    for t in range(burn_in + n + 1):
        at = t % rows
        if at == 0:
            fill_normals(normals.reshape(rows * p), seed, cycle, _CHAIN, index, element + t * p)
            fill_uniforms(
                uniforms.reshape(rows * _ROW), seed, cycle, _CHAIN, index,
                element + _UNIFORMS + t * _ROW,
            )  # fmt: skip
        if t == 0:
            walk[U, :p] = normals[0]
            log_like = _refresh(problem, walk, kernel, j)
            continue
        normal, uniform = normals[at], uniforms[at]
        move = _step(problem, walk, kernel, j, log_like, step, normal, uniform, leapfrog_steps)
        log_like = move.log_like
        if t % period == 0:
            if t // period % 2 == 0:
                chosen = move_shifted(problem, kinship, walk, j, uniform[1], log_weight)
            else:
                chosen = move_non_centred(problem, kinship, walk, j, uniform[1], log_weight)
            if chosen != j:
                j = chosen
                log_like = _refresh(problem, walk, kernel, j)
        if centred:
            j = move_centred(kinship, walk, j, uniform[2], log_weight)
        if t <= burn_in:
            step = adapt(step, t - 1, move.log_ratio, goal, longest)
            continue
        accepted += move.accepted
        i = t - burn_in - 1
        ancestor[i], log_likes[i] = j, log_like
        for k in range(p):
            samples[i, kinship.free[k]] = walk[S, k]
    return accepted / n, step
