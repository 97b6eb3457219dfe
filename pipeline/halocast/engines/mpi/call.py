"""A task on its way: pickled where it is submitted, made again where it is done.

So what cannot be pickled is an error of the line that submits it, and what cannot be made again
(a function of a module that a rank does not have) is an error of the task.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Result(NamedTuple):
    """Stands for a result among the arguments of a task."""

    number: int


class Call(NamedTuple):
    """A function and its arguments, pickled."""

    pickled: bytes

    @classmethod
    def of(cls, function: Callable[..., Any], arguments: Sequence[Any]) -> Call:
        """Pickle a function and its arguments, results among them as `Result`."""
        return cls(pickle.dumps((function, tuple(arguments))))

    def __call__(self, results: Mapping[int, Any]) -> Any:
        """Call the function, with the results it needs."""
        function, arguments = pickle.loads(self.pickled)
        return function(*(results[a.number] if isinstance(a, Result) else a for a in arguments))
