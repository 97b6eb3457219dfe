"""The mistakes of a run file, each in a sentence: its key, its value, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, get_args

from halocast.filters import FILTERS, LABORATORY, refusal
from halocast.settings import Settings


def sentence(problem: Mapping[str, Any], root: type[Settings]) -> str:
    """Say one mistake: key, value, and what would be right.

    Parameters
    ----------
    problem
        An entry of pydantic's ``ValidationError.errors()``.
    root
        What was validated.
    """
    loc = [str(part) for part in problem["loc"]]
    key = ".".join(part for part in loc if part not in _TAGS)
    value = problem.get("input")
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(loc, root)
        close = difflib.get_close_matches(loc[-1], known)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    if problem["type"] == "missing":
        return f"{key}: is missing"
    if problem["type"] == "union_tag_invalid" and key == "filter":
        return _no_method(str(problem["ctx"]["tag"]))
    message = problem["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(value, dict) else f" = {value!r}"
    what = f"{key}{shown}: " if key else ""
    return f"{what}{message[:1].lower()}{message[1:]}"


def _no_method(name: str) -> str:
    """Say why a filter's method cannot be had."""
    if name in LABORATORY:
        return f"filter.method = {name!r}: {refusal(name)}"
    close = difflib.get_close_matches(name, [*FILTERS, *LABORATORY])
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(FILTERS)}"
    return f"filter.method = {name!r}: unknown; {hint}"


# discriminator values that pydantic puts into the path of a mistake
_TAGS = {
    "sphere", "plane", "shallow-water", "linear-gaussian", "north-atlantic", "nature", "exact",
    "rwm", "pcn", "mala", "pcnl", "hmc", "python", "external", "identity", "arctan", "anderson",
    "miyoshi", *FILTERS,
}  # fmt: skip


def _keys_beside(loc: list[str], root: type[Settings]) -> list[str]:
    """Return the keys a section takes, given the path of an unknown key in it."""
    kind: Any = root
    for part in loc[:-1]:
        kind = _step(kind, part)
        if kind is None:
            return []
    fields = getattr(kind, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _step(kind: Any, part: str) -> Any:
    fields = getattr(kind, "model_fields", {})
    if part in fields:
        return fields[part].annotation
    options = _sections(kind)
    for option in options:
        tags = (option.model_fields.get(name) for name in ("kind", "method", "by"))
        tag = next((found for found in tags if found is not None), None)
        if tag is not None and part in get_args(tag.annotation):
            return option
        if part in option.model_fields:
            return option.model_fields[part].annotation
    return options[0] if len(options) == 1 else None


def _sections(kind: Any) -> list[Any]:
    """Return the sections that a union, perhaps of annotated unions, is of."""
    if hasattr(kind, "model_fields"):
        return [kind]
    return [section for part in get_args(kind) for section in _sections(part)]
