"""The errors a user can meet: each says what is wrong, where, and what to do."""

from __future__ import annotations


class HalocastError(Exception):
    """Base of every error halocast raises on purpose.

    Parameters
    ----------
    what
        What is wrong, in one sentence, with the offending value.
    where
        The file, key, member, cell or time it was found at.
    remedy
        What the user can do about it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.remedy:
            lines.append(f"  to do: {self.remedy}")
        return "\n".join(lines)

    def __reduce__(self):  # keyword-only arguments must survive a trip between processes
        return _rebuild, (type(self), self.what, self.where, self.remedy)


def _rebuild(kind: type[HalocastError], what: str, where: str, remedy: str) -> HalocastError:
    return kind(what, where=where, remedy=remedy)


class InputError(HalocastError):
    """A product file, or what is in it, cannot be used."""


class ConfigError(HalocastError):
    """The run file asks for something impossible or unknown."""


class StoreError(HalocastError):
    """A zarr store is missing, damaged, of another version, or would be written unsafely."""


class ModelError(HalocastError):
    """A model left its domain of validity (CFL, NaN, negative thickness)."""


class RunError(HalocastError):
    """A run cannot start, continue or be compared."""


class RunStopped(RunError):
    """A run was asked to stop and has stopped; it can be resumed."""


class HalocastWarning(UserWarning):
    """Something the user should know that does not stop the run."""
