"""A picture on the page: its data, what it shows in words, and what to see in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A figure, ready for the page.

    ``alt`` says what is drawn to those who do not see it; ``caption`` says what to look for.
    """

    uri: str
    alt: str
    caption: str
