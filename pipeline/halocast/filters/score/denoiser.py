"""The conditional denoiser, and its score.

A state with noise of standard deviation s is cleaned by (Karras et al. 2022, their eq. 7)

    D(x, c, s) = skip x + out F(in x, c, ln(s) / 4)
    skip = 1 / (1 + s²),    out = s / sqrt(1 + s²),    in = 1 / sqrt(1 + s²)

with F the network and states of variance 1. Trained on E |D - clean|², it is the mean of what is
clean given the noisy x and the condition c, so that the score of the noisy states is
(Vincent 2011; Tweedie's formula)

    grad log p_s(x | c) = (D(x, c, s) - x) / s²
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from halocast.errors import RunError
from halocast.filters.score.conditions import Units
from halocast.filters.score.network import Network, forward


class Denoiser(NamedTuple):
    """A trained network F, and the units that it thinks in.

    Attributes
    ----------
    network
        F: inputs (noisy state, condition, ln(s) / 4), output as the state.
    centre, scale
        Mean and standard deviation of each scalar of the state, (n,).
    units
        Those of the condition.
    """

    network: Network
    centre: np.ndarray
    scale: np.ndarray
    units: Units


def denoise(
    network: Network, noisy: np.ndarray, condition: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """Return D in the network's units.

    Parameters
    ----------
    noisy, condition, sd
        Shapes (k, n), (k, c) and (k, 1), float32.
    """
    grown = np.sqrt(1 + sd * sd)
    inputs = np.concatenate([noisy / grown, condition, np.log(sd) / 4], axis=1)
    return noisy / (grown * grown) + sd / grown * forward(network, inputs)


def score(network: Network, noisy: np.ndarray, condition: np.ndarray, sd: float) -> np.ndarray:
    """Return the score of noisy states (k, n) at noise ``sd``, in the network's units, (k, n).

    Raises
    ------
    RunError
        It is not finite: the training went wrong, or the states are far from all it has seen.
    """
    noise = np.full((len(noisy), 1), sd, np.float32)
    found = (denoise(network, noisy, condition, noise) - noisy) / np.float32(sd * sd)
    return checked(found, f"noise level {sd:.3g}")


def checked(found: np.ndarray, where: str) -> np.ndarray:
    """Return a score as it is; refuse one that is not finite."""
    if not np.isfinite(found).all():
        raise RunError(
            "the score is not finite",
            where=where,
            remedy="train with a smaller training_rate, or more states; see that the forecast and "
            "the observations are finite",
        )
    return found
