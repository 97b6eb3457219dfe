"""The chains of a learned score: states drawn given what is known."""

from __future__ import annotations

import numpy as np

from halocast.blas import one_thread
from halocast.draws import Address, Purpose, normals
from halocast.filters.score.conditions import Known, condition_of
from halocast.filters.score.denoiser import Denoiser, score
from halocast.filters.score.sampling import langevin, noise_levels
from halocast.filters.score.settings import CdsmSettings


def sample(
    learned: Denoiser,
    settings: CdsmSettings,
    known: Known,
    start: np.ndarray,
    seed: int,
    cycle: int,
) -> np.ndarray:
    """Draw states given what is known, by chains that begin at ``start``.

    Parameters
    ----------
    known
        Rows of what is known, r of them.
    start
        A state for each, (r, n).

    Returns
    -------
    The ends of the chains, (r, k, n).

    Raises
    ------
    RunError
        The score is not finite.
    """
    k, (rows, n) = settings.chains, start.shape
    condition = np.repeat(condition_of(known, learned.units), k, axis=0)
    scaled = ((start - learned.centre) / learned.scale).astype(np.float32)
    first = np.repeat(scaled, k, axis=0)
    levels = noise_levels(*settings.noise, settings.levels).astype(np.float32)
    shape = settings.levels, settings.steps, rows * k, n
    kicks = normals(Address(seed, cycle, Purpose.LANGEVIN, 0), int(np.prod(shape)))

    def learned_score(states: np.ndarray, sd: float) -> np.ndarray:
        return score(learned.network, states, condition, sd)

    with one_thread():
        ends = langevin(
            learned_score, first, levels, settings.step_size,
            kicks.reshape(shape).astype(np.float32),
        )  # fmt: skip
    return learned.centre + learned.scale * ends.reshape(rows, k, n)
