"""A picture on the page: its data, what it shows in words, and what to see in it."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from halocast.report.style import png_uri, svg_uri

PAGE_WIDTH = 12.0  # inches of figure across the page: letters then have one size everywhere


@dataclass(frozen=True)
class Picture:
    """A figure, ready for the page.

    ``alt`` says what is drawn to those who do not see it, ``caption`` what to look for; ``width``
    is in percent of the page's.
    """

    uri: str
    width: float
    alt: str
    caption: str

    @classmethod
    def of_map(cls, figure: Figure, alt: str, caption: str) -> Picture:
        """Take a map: pixels, for its many cells would make a heavy drawing."""
        return cls(png_uri(figure), _share(figure), alt, caption)

    @classmethod
    def of_chart(cls, figure: Figure, alt: str, caption: str) -> Picture:
        """Take a chart: a drawing, sharp at any size."""
        return cls(svg_uri(figure), _share(figure), alt, caption)


def _share(figure: Figure) -> float:
    return round(min(100.0, 100.0 * figure.get_size_inches()[0] / PAGE_WIDTH), 1)
