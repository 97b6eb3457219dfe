"""Any filter, made local: the state is analysed one stretch after the other.

Each stretch of a few scalars is a window of its own with the observations that the taper lets it
see, their weights the largest taper of its scalars (R-localization; Hunt et al. 2007). Draws are
shared by all stretches, so that members fit where stretches meet. This is for a small state in
memory; the big engines have blocks (`halocast.filters.blockwise`).

Cost: n / size analyses of ``size`` scalars and a halo's observations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from halocast.errors import ConfigError
from halocast.filters.window import Analysis, Window


def by_stretches(
    analyse: Callable[[Window, Any], Analysis], size: int = 1
) -> Callable[[Window, Any], Analysis]:
    """Return the analysis that makes ``analyse`` local, ``size`` scalars at a time.

    The window must have a taper; the least of ``health`` is reported, and memory is a tuple of the
    stretches' memories. A stretch that sees nothing keeps its forecast.
    """

    def local(window: Window, settings: Any) -> Analysis:
        if window.taper is None:
            raise ConfigError(
                "a filter cannot be local without a taper",
                where="window.taper",
                remedy="give the method tapers, with the distance at which observations end",
            )
        parts = []
        for k, begin in enumerate(range(0, window.forecast.shape[1], size)):
            part = _stretch(window, slice(begin, begin + size), k)
            parts.append(_kept(part) if part.value.size == 0 else analyse(part, settings))
        keys = set().union(*(part.health for part in parts))
        return Analysis(
            np.concatenate([part.members for part in parts], axis=1),
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.spread for part in parts]),
            {k: min(part.health[k] for part in parts if k in part.health) for k in sorted(keys)},
            tuple(part.memory for part in parts),
        )

    return local


def _kept(part: Window) -> Analysis:
    members = part.forecast
    return Analysis(members, members.mean(axis=0), members.std(axis=0, ddof=1), {}, part.memory)


def _stretch(window: Window, own: slice, k: int) -> Window:
    assert window.taper is not None
    weight = window.taper[own].max(axis=0)
    seen = np.flatnonzero(weight > 0)
    place = np.full(window.forecast.shape[1] + 1, -1)  # the last: observations of no scalar
    place[own] = np.arange(window.taper[own].shape[0])
    return window._replace(
        forecast=window.forecast[:, own],
        noise_free=window.noise_free[:, own],
        noise_sd=window.noise_sd[own],
        predicted=window.predicted[:, seen],
        predicted_noise_free=window.predicted_noise_free[:, seen],
        number=window.number[seen],
        value=window.value[seen],
        error=window.error[seen],
        weight=window.weight[seen] * weight[seen],
        noise_kind=window.noise_kind[seen],
        df=window.df[seen],
        scalar=place[window.scalar[seen]],
        taper=None,
        taper_between=None,
        block=k,
        memory=None if window.memory is None else window.memory[k],
    )
