"""A filter of the user's: a class named in the run file, with one method.

    filter: {method: python, class: "my_filter:MyFilter", options: {gain: 0.5}, halo: 6}

The class is called with the options, ``MyFilter(gain=0.5)``, once a process. Its
``analyse(window)`` gets a `halocast.filters.window.Window`, a block with the observations in its
halo, and returns an `Analysis`; `from_members` makes one of members. What it leaves in
``Analysis.memory`` it finds in the next cycle's window: an array, or a tuple of arrays.

    import numpy as np
    from halocast.filters.window import from_members

    class MyFilter:
        def analyse(self, window):
            innovation = window.value - window.predicted
            share = 1.0 / (1.0 + window.variance)
            return from_members(window.forecast + (share * innovation).mean(axis=1)[:, None])

`halocast.testing.check_filter` tells whether it keeps the promises of a filter.
"""

from __future__ import annotations

import json
import traceback
from functools import lru_cache
from typing import Literal, Protocol

import numpy as np
from pydantic import Field

from halocast.errors import ConfigError, HalocastError, RunError
from halocast.filters.window import Analysis, Window
from halocast.own_code import OwnClassSettings, load_object


class OwnFilter(Protocol):
    """What a filter of one's own is."""

    def analyse(self, window: Window) -> Analysis:
        """Return the analysis of a window, the same whenever it is asked for."""


class PythonFilterSettings(OwnClassSettings):
    """A filter that is a Python class of the user's."""

    method: Literal["python"] = Field("python", description="The filter.")


def load_own_filter(settings: PythonFilterSettings) -> OwnFilter:
    """Import the user's class and make the filter; once a process and settings.

    Raises
    ------
    ConfigError
        There is no such class, it refuses the options, or it has no ``analyse``.
    """
    return _load(settings.class_, settings.source, json.dumps(settings.options, sort_keys=True))


@lru_cache(maxsize=8)
def _load(reference: str, source: str | None, options: str) -> OwnFilter:
    kind, given = load_object(reference, source, "filter.class"), json.loads(options)
    try:
        made = kind(**given)
    except HalocastError:
        raise
    except Exception as error:  # the user's code runs here, and may raise anything
        raise ConfigError(
            f"{reference} cannot be made with {given or 'no options'}: "
            f"{type(error).__name__}: {error}",
            where="filter.options" if given else "filter.class",
            remedy="the class is called with the options, by keyword",
        ) from error
    if not callable(getattr(made, "analyse", None)):
        raise ConfigError(
            f"{reference} is no filter: it lacks analyse",
            where="filter.class",
            remedy="give it a method analyse(self, window), and try it with "
            "halocast.testing.check_filter",
        )
    own: OwnFilter = made
    return own


def analyse(window: Window, settings: PythonFilterSettings) -> Analysis:
    """Let the user's filter analyse a window.

    Raises
    ------
    ConfigError
        It cannot be made.
    RunError
        It raised something, or returned what is no analysis.
    """
    own = load_own_filter(settings)
    where = f"cycle {window.cycle}, block {window.block}"
    try:
        found = own.analyse(window)
    except HalocastError:
        raise
    except Exception as error:  # the user's code runs here, and may raise anything
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise RunError(
            f"{settings.class_}.analyse raised {type(error).__name__}: {error}",
            where=f"{frame.filename.rsplit('/', 1)[-1]}, line {frame.lineno}; {where}",
            remedy="try the filter with halocast.testing.check_filter",
        ) from error
    shape = window.forecast.shape
    if not isinstance(found, Analysis) or np.shape(found.members) != shape:
        returned = np.shape(getattr(found, "members", found))
        raise RunError(
            f"{settings.class_}.analyse returned {type(found).__name__} of shape {returned}, not "
            f"an Analysis of members {shape}",
            where=where,
            remedy="return halocast.filters.window.from_members(members)",
        )
    return found
