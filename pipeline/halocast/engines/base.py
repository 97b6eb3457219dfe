"""The contract of an engine: it runs tasks at places and moves their results; nothing else.

A *task* is a plain function of its arguments. A *place* is a number; the engine sends tasks of one
place to one worker as far as it can, so members stay where they were forecast. A *handle* stands
for a result that may not exist yet; handles are passed as arguments to further tasks, and their
data move from worker to worker, never through the driver.

The cycle is written once against this contract (``halocast.cycle``), which is why all engines give
the same bits: they call the same functions with the same arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol


class Engine(Protocol):
    """Runs the tasks of a run.

    Attributes
    ----------
    name
        As in the run file.
    places
        How many places there are: into how many parts members and blocks are cut by default.
    lookahead
        How many cycles may be under way behind the one that is waited for.
    recomputes
        Whether a lost result is computed again from its ancestors. Such an engine remembers all
        ancestors; reading members back from a checkpoint lets it forget.
    """

    name: str
    places: int
    lookahead: int
    recomputes: bool

    def submit(self, name: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Any:
        """Plan ``task(*args)`` and return its handle; ``name`` is unique within a run."""
        ...

    def start(self, handles: Sequence[Any]) -> list[Any]:
        """Begin what was planned, and keep the results of ``handles`` (returned, in order)."""
        ...

    def value(self, handle: Any) -> Any:
        """Wait for a result that was kept, and fetch it. Errors of the task are raised here."""
        ...

    def each(self, task: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """Run ``task(*item)`` of every item, independent of each other; yield results as done."""
        ...

    def close(self) -> None:
        """Release what the engine holds."""
        ...
