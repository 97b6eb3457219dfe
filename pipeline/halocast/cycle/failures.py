"""Members whose forecast failed: found where they are forecast, decided upon where all meet.

A forecast fails when the model raises `ModelError` or leaves a value that is not finite. The
failure travels with the batch to every group of blocks, so that all groups take the same decision
(``ensemble.on_failure``), for the analysed ensemble and for the free run each on its own:

    fail     the run ends with the failures' error; `halocast resume` may go on with another policy
    drop     the ensemble goes on without the member: the filter gets fewer, and the member's stored
             state is NaN from then on
    replace  the member takes the forecast of a healthy one, the donor, and its own model noise.
             Donors are drawn by address (seed, cycle, member) among the healthy, nobody twice
             before everybody once

A state that is NaN throughout is how a dropped member is known in the cycles after; under
``replace`` such a member comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from halocast.draws import Address, Purpose, uniforms
from halocast.errors import ModelError

Policy = Literal["fail", "drop", "replace"]

_LEAST = 2  # members an ensemble can go on with: one has no spread


class Failure(NamedTuple):
    """A member without a forecast; ``error`` is None where it was dropped in an earlier cycle."""

    track: str
    member: int
    error: ModelError | None


class Roster(NamedTuple):
    """Who of m members takes part in an update, and whose forecast each of them has.

    Attributes
    ----------
    size
        m.
    members, source
        Numbers of the k members that take part, rising, and of those whose forecast they take;
        shape (k,). They differ where members were replaced.
    account
        What happened in this cycle, one entry a failed member, for the commit record.
    """

    size: int
    members: np.ndarray
    source: np.ndarray
    account: tuple[dict[str, Any], ...] = ()

    def forecasts(self, values: np.ndarray) -> np.ndarray:
        """Take the forecasts (k, …) out of those of all members (m, …)."""
        return self._rows(values, self.source)

    def own(self, values: np.ndarray) -> np.ndarray:
        """Take what is the members' own, e.g. noise, (k, …) out of that of all (m, …)."""
        return self._rows(values, self.members)

    def to_all(self, values: np.ndarray) -> np.ndarray:
        """Put values (k, …) back to their members (m, …); NaN for who takes no part."""
        if self.members.size == self.size:
            return values
        out = np.full((self.size, *values.shape[1:]), np.nan)
        out[self.members] = values
        return out

    def _rows(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        if np.array_equal(rows, np.arange(self.size)):
            return values
        return values[rows]


def advance_members(
    advance: Callable[[int, np.ndarray], np.ndarray],
    states: np.ndarray | Sequence[np.ndarray],
    numbers: np.ndarray,
    track: str,
    cycle: int,
) -> tuple[np.ndarray, list[Failure]]:
    """Advance the members ``numbers`` of a track and find who failed; returns (b, F, ny, nx).

    ``advance`` gets a member's place among them and its state (F, ny, nx), which is asked for once,
    when its turn comes. The states of members that failed are NaN.
    """
    out, failed = np.empty(0), []
    for k, number in enumerate(numbers.tolist()):
        state = states[k]
        if k == 0:
            out = np.empty((numbers.size, *state.shape))
        try:
            if cycle > 1 and _was_dropped(state):
                failed.append(Failure(track, number, None))
                out[k] = np.nan
                continue
            out[k] = advance(k, state)
            _require_finite(out[k])
        except ModelError as error:
            failed.append(Failure(track, number, _placed(error, track, number, cycle)))
            out[k] = np.nan
    return out, failed


def _was_dropped(state: np.ndarray) -> bool:
    return bool(np.isnan(state.flat[0])) and bool(np.isnan(state).all())


def _require_finite(state: np.ndarray) -> None:
    finite = np.isfinite(state)
    if not finite.all():
        bad = np.argwhere(~finite)
        raise ModelError(
            f"{len(bad)} values of the forecast are not finite",
            where=f"field {bad[0][0]}, cell ({', '.join(map(str, bad[0][1:]))})",
            remedy="let the model raise a ModelError that says what went wrong",
        )


def _placed(error: ModelError, track: str, member: int, cycle: int) -> ModelError:
    return ModelError(
        error.what,
        where=f"member {member} of the {track}, cycle {cycle}; {error.where}",
        remedy=error.remedy,
    )


def make_roster(
    policy: Policy, failures: Sequence[Failure], track: str, members: int, seed: int, cycle: int
) -> Roster:
    """Decide how a track goes on; the same whatever the order of the failures.

    Raises
    ------
    ModelError
        A member failed and the policy is ``fail``, or too few are left to go on with.
    """
    mine = sorted((f for f in failures if f.track == track), key=lambda f: f.member)
    everybody = np.arange(members)
    if not mine:
        return Roster(members, everybody, everybody)
    errors = [f.error for f in mine if f.error is not None]
    if policy == "fail" and errors:
        raise _fatal(errors, "let the run go on without such members: `halocast resume` with "
                     "--set ensemble.on_failure=drop (or replace) --accept-changes")  # fmt: skip
    healthy = np.setdiff1d(everybody, [f.member for f in mine])
    if healthy.size < min(_LEAST, members):
        raise _fatal(errors, f"look at the analysis: {healthy.size} of {members} members are left")
    if policy == "replace":
        return _replaced(mine, healthy, track, members, seed, cycle)
    account = [_entry(f, "dropped") for f in mine if f.error is not None]
    return Roster(members, healthy, healthy, tuple(account))


def _replaced(
    failed: list[Failure], healthy: np.ndarray, track: str, members: int, seed: int, cycle: int
) -> Roster:
    source, account = np.arange(members), []
    free: list[int] = []
    for failure in failed:
        free = free or healthy.tolist()
        address = Address(seed, cycle, Purpose.DONOR, failure.member)
        # the two tracks draw different elements of the member's sequence
        u = uniforms(address, 1, start=0 if track == "analysis" else 1)[0]
        donor = free.pop(int(u * len(free)))
        source[failure.member] = donor
        account.append(_entry(failure, "replaced") | {"donor": donor})
    return Roster(members, np.arange(members), source, tuple(account))


def _entry(failure: Failure, done: str) -> dict[str, Any]:
    error = failure.error
    return {
        "track": failure.track,
        "member": failure.member,
        "done": done,
        "what": "was dropped in an earlier cycle" if error is None else error.what,
        "where": "" if error is None else error.where,
    }


def _fatal(errors: list[ModelError], remedy: str) -> ModelError:
    """Return the error a run ends with: the first member's, and how many there are."""
    if not errors:
        return ModelError("too many members were dropped", remedy=remedy)
    first = errors[0]
    what = first.what if len(errors) == 1 else f"{len(errors)} members failed: {first.what}"
    return ModelError(what, where=first.where, remedy=f"{first.remedy}; or {remedy}".strip("; "))
