"""How figures look: one palette, safe for colour-blind readers, on paper and on a screen.

Categories take Okabe & Ito's colours (2008); fields take maps whose lightness runs one way (or
out from a light middle for differences), so they read in grey too.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK = "#1f2a33"
QUIET = "#66727c"
RULE = "#d9dee2"
WATER = "#f5f8fa"
LAND = "#e8e4dc"
COAST = "#8c877d"

COLOURS = {
    "analysis": "#0072B2",
    "forecast": "#56B4E9",
    "free-run": "#7d7d7d",
    "assimilated": "#0072B2",
    "withheld": "#E69F00",
    "rejected": "#D55E00",
    "expected": "#1f2a33",
    "observation": "#009E73",
}
CHAIN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

HEIGHT_MAP = LinearSegmentedColormap.from_list(
    "halocast_height",
    ["#0b1d3a", "#15456b", "#1f7389", "#3fa096", "#86c6a3", "#c9e3bd", "#f6f4e4"],
)
HEAT_MAP = LinearSegmentedColormap.from_list(
    "halocast_heat", ["#1d1147", "#51127c", "#8f2a77", "#cb3f61", "#f2704f", "#fdae68", "#fcf3c4"]
)
SPREAD_MAP = LinearSegmentedColormap.from_list(
    "halocast_spread", ["#f4f6ee", "#d5e3c6", "#a2c8a9", "#659f9c", "#3d6f8e", "#2a3f6f", "#1f1d45"]
)
DIFFERENCE_MAP = mpl.colormaps["RdBu_r"]
GAIN_MAP = mpl.colormaps["PRGn"]

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # the same run gives the same page, byte for byte
    "svg.hashsalt": "halocast",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside this context, leaving the user's settings alone."""
    with mpl.rc_context(_SETTINGS):
        yield


def png(figure: Figure, dpi: int = 150) -> bytes:
    """Render to PNG."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def png_uri(figure: Figure, dpi: int = 150) -> str:
    """Render to a PNG data URI: for maps, whose many cells would make a heavy drawing."""
    return "data:image/png;base64," + base64.b64encode(png(figure, dpi)).decode()


def svg_uri(figure: Figure) -> str:
    """Render to an SVG data URI: for charts, sharp at any size."""
    buffer = io.BytesIO()
    FigureCanvasSVG(figure)
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
