"""Where the truth falls among the members: rank histograms.

Of m members and a truth drawn from the same distribution every rank 0 … m (the number of members
below the truth) is equally likely, so a flat histogram is what a reliable ensemble shows; a U
says too little spread, a dome too much, a slope a bias (Hamill 2001, Mon. Wea. Rev. 129, 550).
Against observations the members must carry the observation's error too, or the U is only that
missing error.
"""

from __future__ import annotations

import numpy as np


def rank_counts(members: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Count the ranks of the truth among the members.

    Parameters
    ----------
    members
        Shape (m, n).
    truth
        Shape (n,).

    Returns
    -------
    Counts, shape (m + 1,), float: a truth that ties with t members adds 1 / (t + 1) to each of
    the t + 1 ranks it could have. Places where anything is NaN are left out.
    """
    members = np.asarray(members, dtype=float)
    truth = np.asarray(truth, dtype=float)
    m = members.shape[0]
    valid = np.isfinite(truth) & np.isfinite(members).all(axis=0)
    lowest = (members[:, valid] < truth[valid]).sum(axis=0)
    ties = (members[:, valid] == truth[valid]).sum(axis=0)
    # each place adds its share from its lowest to its highest rank: a sum of steps
    steps = np.zeros(m + 2)
    np.add.at(steps, lowest, 1.0 / (ties + 1))
    np.add.at(steps, lowest + ties + 1, -1.0 / (ties + 1))
    return np.maximum(np.cumsum(steps)[: m + 1], 0.0)


def probability_transform(reduced: np.ndarray) -> np.ndarray:
    """Turn reduced innovations into probabilities, shape (p,): the rank in an endless ensemble.

    Φ(d) of d = ``centred_innovation(…)``; uniform on (0, 1) where the forecast, taken as
    Gaussian, is reliable (Dawid 1984; Gneiting et al. 2007). It needs no members, only what a
    run store keeps of each observation.
    """
    from scipy.special import ndtr

    return ndtr(reduced)
