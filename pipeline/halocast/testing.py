"""The conformance kits: does a model, or a filter, of one's own keep its promises?

In a script, ``check_model(model)`` returns what is broken, in words. In a test suite, derive from
`ModelTests` and give it a model; pytest then runs each promise as a test of its own:

    class TestMyModel(ModelTests):
        @pytest.fixture
        def model(self):
            return MyModel(settings, grid)

What is tested: the same answer twice, and a restart that changes no bit; finite states; a layout
that is true (shape, names, places); arguments that stay as they were; ``complete`` leaving alone
what nothing was drawn for. Nothing here knows what the model is of.

For filters there are ``check_filter`` and `FilterTests` (`halocast.testing_filter`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np

from halocast.errors import HalocastError
from halocast.grid import Place
from halocast.models.base import MODEL_MEMBERS, ForcingWindow, Model
from halocast.testing_filter import (
    FilterTests,
    check_filter,
    member_order_does_not_matter,
)

__all__ = [
    "PROMISES",
    "FilterTests",
    "ModelTests",
    "check_filter",
    "check_model",
    "member_order_does_not_matter",
]

_START = np.datetime64("2024-08-01T00:00:00", "s")
_STOP = np.datetime64("2024-08-01T02:00:00", "s")

Promise = Callable[[Model, "ForcingWindow | None", np.datetime64, np.datetime64], None]


def check_model(
    model: Model,
    forcing: ForcingWindow | None = None,
    start: np.datetime64 = _START,
    stop: np.datetime64 = _STOP,
) -> list[str]:
    """Try every promise of the model contract.

    Parameters
    ----------
    model
        The model.
    forcing
        Forcing that brackets the interval, or None where the model needs none.
    start, stop
        An interval the model can be advanced over, and over its first half.

    Returns
    -------
    One sentence a broken promise; empty where the model conforms.
    """
    broken = []
    for promise in PROMISES:
        try:
            promise(model, forcing, start, stop)
        except AssertionError as error:
            broken.append(f"{_words(promise)}: {error}")
        except (HalocastError, AttributeError, TypeError, ValueError, IndexError) as error:
            broken.append(f"{_words(promise)}: {type(error).__name__}: {error}")
    return broken


def _words(promise: Promise) -> str:
    return promise.__name__.replace("_", " ")


def has_the_members_of_a_model(
    model: Model, forcing: ForcingWindow | None, start: np.datetime64, stop: np.datetime64
) -> None:
    """Name, grid, layout and methods are there, and ``check`` has nothing to say."""
    missing = [name for name in MODEL_MEMBERS if not hasattr(model, name)]
    assert not missing, f"the class lacks {', '.join(missing)}"
    problems = model.check()
    assert problems == [], f"check() says {problems}"


def layout_is_true(
    model: Model, forcing: ForcingWindow | None, start: np.datetime64, stop: np.datetime64
) -> None:
    """Names are unique, places known, and every state has the layout's shape."""
    names = model.layout.names
    assert len(names) > 0, "the layout has no fields"
    assert len(set(names)) == len(names), f"field names repeat: {names}"
    places = {f.place for f in model.layout.fields}
    assert places <= set(get_args(Place)), f"unknown places {places}"
    state = model.initial_state(forcing)
    after = model.advance(state, start, stop, model.prepare_forcing(forcing))
    for what, values in (
        ("initial_state", state),
        ("initial_perturbation", model.initial_perturbation(0, 0)),
        ("advance", after),
    ):
        _assert_state(model, what, values)


def _assert_state(model: Model, what: str, values: np.ndarray) -> None:
    shape = (len(model.layout), *model.grid.shape)
    assert values.shape == shape, f"{what} has shape {values.shape}, the layout says {shape}"
    assert values.dtype == np.float64, f"{what} is {values.dtype}, not float64"


def states_are_finite(
    model: Model, forcing: ForcingWindow | None, start: np.datetime64, stop: np.datetime64
) -> None:
    """From the initial state, perturbed too, over the interval."""
    prepared = model.prepare_forcing(forcing)
    state = model.initial_state(forcing)
    perturbed = model.apply_perturbation(state, model.initial_perturbation(1, 0))
    _assert_state(model, "apply_perturbation", perturbed)
    for what, values in (
        ("initial_state", state),
        ("apply_perturbation", perturbed),
        ("advance", model.advance(state, start, stop, prepared)),
        ("advance of a perturbed state", model.advance(perturbed, start, stop, prepared)),
    ):
        bad = np.argwhere(~np.isfinite(values))
        assert not bad.size, (
            f"{what} is not finite at (field, row, column) {tuple(bad[0].tolist())}"
        )


def same_answer_twice(
    model: Model, forcing: ForcingWindow | None, start: np.datetime64, stop: np.datetime64
) -> None:
    """Equal calls give equal bits, whatever was called in between."""
    prepared = model.prepare_forcing(forcing)
    state = _perturbed(model, forcing)
    first = model.advance(state, start, stop, prepared)
    model.advance(first, start, stop, prepared)
    again = model.advance(state, start, stop, model.prepare_forcing(forcing))
    _assert_equal("advance", first, again)
    _assert_equal("initial_state", model.initial_state(forcing), model.initial_state(forcing))
    one = model.initial_perturbation(7, 3)
    model.initial_perturbation(7, 4)
    _assert_equal("initial_perturbation", one, model.initial_perturbation(7, 3))


def restart_changes_nothing(
    model: Model, forcing: ForcingWindow | None, start: np.datetime64, stop: np.datetime64
) -> None:
    """Stopping half-way and going on gives the bits of going straight through."""
    prepared = model.prepare_forcing(forcing)
    state = _perturbed(model, forcing)
    middle = start + (stop - start) // 2
    straight = model.advance(state, start, stop, prepared)
    half = model.advance(state, start, middle, prepared)
    _assert_equal("advance in two pieces", straight, model.advance(half, middle, stop, prepared))


def arguments_stay_as_they_were(
    model: Model, forcing: ForcingWindow | None, start: np.datetime64, stop: np.datetime64
) -> None:
    """No method writes into what it was given, and results do not share memory with it."""
    prepared = model.prepare_forcing(forcing)
    state = _perturbed(model, forcing)
    increment = model.initial_perturbation(2, 0)
    cells, drawn, ancestor = _columns(model, state)
    calls: list[tuple[str, Callable[..., Any], tuple[np.ndarray, ...]]] = [
        ("advance", lambda s: model.advance(s, start, stop, prepared), (state,)),
        ("apply_perturbation", model.apply_perturbation, (state, increment)),
        ("complete", model.complete, (drawn, ancestor, cells)),
    ]
    for what, method, arguments in calls:
        before = [a.copy() for a in arguments]
        result = method(*arguments)
        for was, now in zip(before, arguments):
            assert np.array_equal(was, now, equal_nan=True), f"{what} changes its arguments"
            assert not np.shares_memory(result, now), f"{what} returns its argument's memory"


def complete_leaves_alone_what_was_not_drawn(
    model: Model, forcing: ForcingWindow | None, start: np.datetime64, stop: np.datetime64
) -> None:
    """Where the draw equals the ancestor, bit by bit, nothing below changes, in any cut."""
    cells, ancestor, _ = _columns(model, _perturbed(model, forcing))
    _assert_equal("complete", ancestor, model.complete(ancestor.copy(), ancestor, cells))
    drawn = ancestor.copy()
    drawn[0] += 0.01
    whole = model.complete(drawn, ancestor, cells)
    assert whole.shape == drawn.shape, f"complete has shape {whole.shape}, not {drawn.shape}"
    cut = cells.size // 3
    pieces = [
        model.complete(drawn[:, part].copy(), ancestor[:, part].copy(), cells[part])
        for part in (slice(0, cut), slice(cut, None))
    ]
    _assert_equal("complete in two groups of cells", whole, np.concatenate(pieces, axis=1))


PROMISES: tuple[Promise, ...] = (
    has_the_members_of_a_model,
    layout_is_true,
    states_are_finite,
    same_answer_twice,
    restart_changes_nothing,
    arguments_stay_as_they_were,
    complete_leaves_alone_what_was_not_drawn,
)


def _perturbed(model: Model, forcing: ForcingWindow | None) -> np.ndarray:
    return model.apply_perturbation(model.initial_state(forcing), model.initial_perturbation(1, 0))


def _columns(model: Model, state: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sea cells, their values (F, c), and a copy of these."""
    cells = np.flatnonzero(model.grid.sea)
    values = np.ascontiguousarray(state.reshape(len(model.layout), -1)[:, cells])
    return cells, values, values.copy()


def _assert_equal(what: str, one: np.ndarray, other: np.ndarray) -> None:
    bits = [np.ascontiguousarray(a, dtype=float).view(np.int64) for a in (one, other)]
    different = np.argwhere(bits[0] != bits[1])
    if different.size:
        at = tuple(different[0].tolist())
        raise AssertionError(
            f"{what} is not bitwise the same: {len(different)} values differ, "
            f"the first at {at}: {float(one[at])!r} and {float(other[at])!r}"
        )


class ModelTests:
    """Derive a pytest class from this and give it a fixture ``model``; a test a promise."""

    def forcing(self, model: Model) -> ForcingWindow | None:
        """Forcing that brackets ``interval``; override it where the model needs some."""
        return None

    def interval(self) -> tuple[np.datetime64, np.datetime64]:
        """Interval that the model can be advanced over, and over its first half."""
        return _START, _STOP

    def _try(self, promise: Promise, model: Model) -> None:
        promise(model, self.forcing(model), *self.interval())

    def test_has_the_members_of_a_model(self, model: Model) -> None:
        self._try(has_the_members_of_a_model, model)

    def test_layout_is_true(self, model: Model) -> None:
        self._try(layout_is_true, model)

    def test_states_are_finite(self, model: Model) -> None:
        self._try(states_are_finite, model)

    def test_same_answer_twice(self, model: Model) -> None:
        self._try(same_answer_twice, model)

    def test_restart_changes_nothing(self, model: Model) -> None:
        self._try(restart_changes_nothing, model)

    def test_arguments_stay_as_they_were(self, model: Model) -> None:
        self._try(arguments_stay_as_they_were, model)

    def test_complete_leaves_alone_what_was_not_drawn(self, model: Model) -> None:
        self._try(complete_leaves_alone_what_was_not_drawn, model)
