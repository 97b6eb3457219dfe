"""The conformance kit of a filter of one's own (`halocast.filters.own`); see `halocast.testing`.

In a script, ``check_filter(MyFilter())`` returns what is broken, in words. In a test suite:

    class TestMyFilter(FilterTests):
        @pytest.fixture
        def own(self):
            return MyFilter()

What is tested, on windows of several sizes with one and with many observations: an analysis of the
window's shape, finite, of float64; the same answer twice, whatever was asked in between; arguments
that stay as they were; a memory that a checkpoint can hold. That a block without observations keeps
its forecast is the engines' part: the filter is not asked there.

`member_order_does_not_matter` is a promise of some: filters that draw nothing by member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.filters.memory import from_bytes, pack, to_bytes, unpack
from halocast.filters.own import OwnFilter
from halocast.filters.window import Analysis, Window
from halocast.samplers.densities import GAUSSIAN

_SIZES = ((1, 2, 1), (6, 5, 1), (12, 8, 5), (30, 10, 40))  # scalars, members, observations

Promise = Callable[[OwnFilter], None]


def check_filter(own: OwnFilter) -> list[str]:
    """Try every promise of a filter.

    Parameters
    ----------
    own
        The filter: something with ``analyse(window)``.

    Returns
    -------
    One sentence a broken promise; empty where the filter conforms.
    """
    broken = []
    for promise in PROMISES:
        try:
            promise(own)
        except AssertionError as error:
            broken.append(f"{_words(promise)}: {error}")
        except Exception as error:  # the user's code runs here, and may raise anything
            broken.append(f"{_words(promise)}: {type(error).__name__}: {error}")
    return broken


def _words(promise: Promise) -> str:
    return promise.__name__.replace("_", " ")


def windows() -> Iterator[Window]:
    """Make the windows that filters are tried on: one for each size, observations of scalars."""
    for k, (n, m, p) in enumerate(_SIZES):
        drawn = normals(Address(2024, k, Purpose.INITIAL_STATE, 0), 2 * m * n + 2 * p)
        quiet = drawn[: m * n].reshape(m, n) + np.arange(n)
        sd = np.full(n, 0.2)
        members = quiet + sd * drawn[m * n : 2 * m * n].reshape(m, n)
        u = uniforms(Address(2024, k, Purpose.OBSERVATION_NOISE, 0), 3 * p).reshape(3, p)
        scalar = (u[0] * n).astype(np.int64)
        error = 0.3 + u[1]
        yield Window(
            forecast=members, predicted=members[:, scalar], number=100 + 3 * np.arange(p),
            value=scalar + drawn[2 * m * n :][:p], error=error, weight=0.1 + 0.9 * u[2],
            noise_kind=np.full(p, GAUSSIAN, np.int8), df=np.ones(p), scalar=scalar,
            noise_free=quiet, predicted_noise_free=quiet[:, scalar], noise_sd=sd,
            taper=None, taper_between=None, seed=7, cycle=5, block=k,
        )  # fmt: skip


def gives_an_analysis(own: OwnFilter) -> None:
    """An `Analysis` of the window's shape, float64."""
    for window in windows():
        found = own.analyse(window)
        name = type(found).__name__
        assert isinstance(found, Analysis), f"analyse returns {name}, not an Analysis"
        m, n = window.forecast.shape
        for what, shape in (("members", (m, n)), ("mean", (n,)), ("spread", (n,))):
            values = getattr(found, what)
            assert np.shape(values) == shape, f"{what} has shape {np.shape(values)}, not {shape}"
            assert values.dtype == np.float64, f"{what} is {values.dtype}, not float64"


def analyses_are_finite(own: OwnFilter) -> None:
    """With one observation and with many, with two members and with more."""
    for window in windows():
        found, (m, n), p = own.analyse(window), window.forecast.shape, window.value.size
        for what in ("members", "mean", "spread"):
            bad = np.argwhere(~np.isfinite(getattr(found, what)))
            assert not bad.size, (
                f"{what} of {m} members, {n} scalars and {p} observations is not finite at "
                f"{tuple(bad[0].tolist())}"
            )
        assert (found.spread >= 0).all(), "the spread is negative"


def same_analysis_twice(own: OwnFilter) -> None:
    """Equal windows give equal bits, whatever was asked in between."""
    first = [own.analyse(window) for window in windows()]
    again = [own.analyse(window) for window in reversed(list(windows()))][::-1]
    for one, other in zip(first, again, strict=True):
        for what in ("members", "mean", "spread"):
            _assert_equal(what, getattr(one, what), getattr(other, what))


def window_stays_as_it_was(own: OwnFilter) -> None:
    """Nothing is written into the window, and members are not its memory."""
    for window in windows():
        before = [x.copy() if isinstance(x, np.ndarray) else x for x in window]
        found = own.analyse(window)
        for name, was, now in zip(window._fields, before, window, strict=True):
            if isinstance(was, np.ndarray) and isinstance(now, np.ndarray):
                assert np.array_equal(was, now), f"analyse changes window.{name}"
                assert not np.shares_memory(now, found.members), f"members are window.{name}"


def memory_can_be_kept(own: OwnFilter) -> None:
    """What is left for the next cycle is found again there, from a checkpoint too."""
    for window in windows():
        memory = own.analyse(window).memory
        if memory is None:
            continue
        parts = pack(memory, "a window of the kit")
        stored = from_bytes(to_bytes({0: parts}), "a checkpoint")[0]
        ahead = [
            own.analyse(window._replace(cycle=window.cycle + 1, memory=unpack(kept)))
            for kept in (parts, stored)
        ]
        _assert_equal("members of the next cycle", ahead[0].members, ahead[1].members)


PROMISES: tuple[Promise, ...] = (
    gives_an_analysis,
    analyses_are_finite,
    same_analysis_twice,
    window_stays_as_it_was,
    memory_can_be_kept,
)


def member_order_does_not_matter(own: OwnFilter) -> None:
    """Members in another order give the same members in that order, to rounding."""
    for window in windows():
        order = np.roll(np.arange(window.members)[::-1], 1)
        turned = {
            name: getattr(window, name)[order]
            for name in ("forecast", "predicted", "noise_free", "predicted_noise_free")
        }
        one, other = own.analyse(window), own.analyse(window._replace(**turned))
        size = np.abs(one.members).max()
        apart = np.abs(one.members[order] - other.members).max()
        assert apart <= 1e-8 * size, f"members differ by {apart:.3g} when their order does"


def _assert_equal(what: str, one: np.ndarray, other: np.ndarray) -> None:
    bits = [np.ascontiguousarray(a, dtype=float).view(np.int64) for a in (one, other)]
    different = np.argwhere(bits[0] != bits[1])
    assert not different.size, (
        f"{what} are not bitwise the same: {len(different)} values differ, the first at "
        f"{tuple(different[0].tolist())}"
    )


class FilterTests:
    """Derive a pytest class from this and give it a fixture ``own``; a test a promise."""

    def test_gives_an_analysis(self, own: OwnFilter) -> None:
        gives_an_analysis(own)

    def test_analyses_are_finite(self, own: OwnFilter) -> None:
        analyses_are_finite(own)

    def test_same_analysis_twice(self, own: OwnFilter) -> None:
        same_analysis_twice(own)

    def test_window_stays_as_it_was(self, own: OwnFilter) -> None:
        window_stays_as_it_was(own)

    def test_memory_can_be_kept(self, own: OwnFilter) -> None:
        memory_can_be_kept(own)
