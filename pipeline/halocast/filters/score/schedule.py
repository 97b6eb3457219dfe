"""The steps of the training, whatever computes them: Adam's numbers, its rate, and when to stop."""

from __future__ import annotations

import numpy as np

from halocast.errors import RunError
from halocast.filters.score.settings import CdsmSettings

FORGET, FORGET_SQUARE, TINY = 0.9, 0.999, 1e-8  # as published (Kingma & Ba 2015)


def rate_at(step: int, settings: CdsmSettings) -> float:
    """Return the rate of a step (the first is 1): it falls as a cosine, to 0 with the last."""
    return settings.training_rate * 0.5 * (1 + np.cos(np.pi * step / settings.training_steps))


def require_finite(loss: float, step: int, settings: CdsmSettings) -> None:
    """Refuse to go on from a loss that is not finite."""
    if not np.isfinite(loss):
        raise RunError(
            "the loss of the score's training is not finite",
            where=f"step {step} of {settings.training_steps}",
            remedy="lower training_rate",
        )
