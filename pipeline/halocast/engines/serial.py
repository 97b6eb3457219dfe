"""The serial engine: every task at once, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


class SerialEngine:
    """Runs each task when it is submitted; a handle is the result itself."""

    name = "serial"
    places = 1
    lookahead = 0
    recomputes = False

    def submit(self, name: str, task: Callable[..., Any], *args: Any, place: int = 0) -> Any:
        """Run ``task(*args)`` now."""
        return task(*args)

    def start(self, handles: Sequence[Any]) -> list[Any]:
        """Return the results, which exist already."""
        return list(handles)

    def value(self, handle: Any) -> Any:
        """Return the result."""
        return handle

    def each(self, task: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """Run the task of one item after the other."""
        return (task(*item) for item in items)

    def close(self) -> None:
        """Do nothing: nothing is held."""
