"""Map panels: a field on the sphere with its coasts, or on a plane with plain axes."""

from __future__ import annotations

from dataclasses import dataclass

import cartopy.crs as ccrs
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from halocast.report.coastline import land_within
from halocast.report.style import COAST, INK, LAND, QUIET, WATER
from halocast.report.view import RunView

PLATE = ccrs.PlateCarree()
MARGIN, NARROW = 0.14, 0.02  # of the domain's size, left around it so that coasts show
HIGHEST_MERCATOR = 78.0


@dataclass(frozen=True)
class Window:
    """What a map shows: its box in the axes' unit, its projection (None on a plane)."""

    west: float
    east: float
    south: float
    north: float
    projection: ccrs.Projection | None

    @classmethod
    def around(cls, view: RunView, margin: float = MARGIN) -> Window:
        """The domain with a margin, a share of its size."""
        (south, north), (west, east) = ((e[0], e[-1]) for e in view.edges)
        if not view.geographic:
            return cls(west, east, south, north, None)
        dy, dx = margin * (north - south), margin * (east - west)
        west, east = max(west - dx, -180.0), min(east + dx, 180.0)
        south, north = max(south - dy, -89.0), min(north + dy, 89.0)
        middle = (west + east) / 2
        flat = max(abs(south), abs(north)) > HIGHEST_MERCATOR
        projection = ccrs.PlateCarree(middle) if flat else ccrs.Mercator(middle)
        return cls(west, east, south, north, projection)

    @property
    def aspect(self) -> float:
        """Height of the map over its width."""
        if self.projection is None:
            return (self.north - self.south) / (self.east - self.west)
        corners = self.projection.transform_points(
            PLATE, np.array([self.west, self.east]), np.array([self.south, self.north])
        )
        (x0, y0), (x1, y1) = corners[:, :2]
        return float(abs((y1 - y0) / (x1 - x0)))


class Sheet:
    """A figure of map panels in rows and columns, each with room for its colour bar.

    Positions are computed, not negotiated: maps have a fixed shape, and laying them out by their
    labels takes longer than drawing them. Sizes are in inches.
    """

    LEFT, RIGHT, TOP, BOTTOM = 0.5, 0.9, 0.36, 0.34
    TALLEST = 6.5

    def __init__(
        self, window: Window, rows: int, columns: int, width: float = 12.0, footer: float = 0.0
    ) -> None:
        self.window, self.rows, self.columns = window, rows, columns
        room = width / columns - self.LEFT - self.RIGHT
        self._height = min(room * window.aspect, self.TALLEST)
        self._width = self._height / window.aspect
        self._slot = width / columns, self._height + self.TOP + self.BOTTOM
        self._footer = footer
        self.figure = Figure(figsize=(width, rows * self._slot[1] + footer))

    def maps(self) -> list[Axes]:
        """Make all panels maps, row by row from the top left."""
        return [self.map(k) for k in range(self.rows * self.columns)]

    def map(self, place: int) -> Axes:
        """Make one panel a map."""
        box = self._box(place, self._width)
        axis = self.figure.add_axes(box, projection=self.window.projection)
        _dress(axis, self.window)
        return axis

    def chart(self, place: int) -> Axes:
        """Make one panel a chart as high as the maps and as wide as its slot."""
        return self.figure.add_axes(self._box(place, self._slot[0] - self.LEFT - 0.45, 0.3, 0.12))

    def _box(
        self, place: int, width: float, left: float = 0.0, bottom: float = 0.0
    ) -> tuple[float, float, float, float]:
        row, column = divmod(place, self.columns)
        total_width, total_height = self.figure.get_size_inches()
        below = self.rows - 1 - row
        return (
            float((column * self._slot[0] + self.LEFT + left) / total_width),
            float((self._footer + below * self._slot[1] + self.BOTTOM + bottom) / total_height),
            float((width - left) / total_width),
            float((self._height - bottom) / total_height),
        )


def _dress(axis: Axes, window: Window) -> None:
    axis.grid(False)
    if window.projection is None:
        axis.set(xlim=(window.west, window.east), ylim=(window.south, window.north))
        axis.set_aspect("equal")
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.yaxis.set_major_locator(MaxNLocator(5))
        return
    box = (window.west, window.east, window.south, window.north)
    axis.set_extent(box, crs=PLATE)  # type: ignore[attr-defined]
    land = land_within(window.west - 2, window.east + 2, window.south - 2, window.north + 2)
    axis.add_geometries(  # type: ignore[attr-defined]
        land, crs=PLATE, facecolor=LAND, edgecolor=COAST, linewidth=0.5, zorder=3
    )
    axis.set_facecolor(WATER)
    axis.spines["geo"].set(edgecolor=QUIET, linewidth=0.7)
    lines = axis.gridlines(  # type: ignore[attr-defined]
        draw_labels={"bottom": "x", "left": "y"},
        linewidth=0.4,
        color=INK,
        alpha=0.18,
        xlocs=MaxNLocator(5).tick_values(window.west, window.east),
        ylocs=MaxNLocator(5).tick_values(window.south, window.north),
        x_inline=False,
        y_inline=False,
    )
    lines.xlabel_style = lines.ylabel_style = {"size": 7.5, "color": INK}


def transform(window: Window) -> dict:
    """Keyword arguments that place data given in the grid's own coordinates."""
    return {} if window.projection is None else {"transform": PLATE}


def fill(
    axis: Axes,
    window: Window,
    view: RunView,
    values: np.ndarray,
    colours: Colormap,
    limits: tuple[float, float],
    units: str,
    title: str,
) -> None:
    """Colour the cells of a field, outline the domain and put a colour bar beside it."""
    y, x = view.edges
    mesh = axis.pcolormesh(
        x, y, np.ma.masked_invalid(values), cmap=colours, vmin=limits[0], vmax=limits[1],
        rasterized=True, zorder=2, **transform(window),
    )  # fmt: skip
    known = values[np.isfinite(values)]
    below = bool(known.size) and float(known.min()) < limits[0]
    above = bool(known.size) and float(known.max()) > limits[1]
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}
    inset = axis.inset_axes((1.02, 0.0, 0.028, 1.0))
    side = extend.get((below, above), "neither")
    bar = axis.figure.colorbar(mesh, cax=inset, extend=side, extendfrac=0.03)
    bar.set_label(units)
    bar.outline.set_visible(False)
    bar.ax.grid(False)
    axis.set_title(title)
    outline(axis, window, view)
    if not view.sea.all():
        _grey_land(axis, window, view)


def outline(axis: Axes, window: Window, view: RunView) -> None:
    """Draw the edge of the model's domain."""
    if window.projection is None:
        return
    (south, north), (west, east) = ((e[0], e[-1]) for e in view.edges)
    axis.plot(
        [west, east, east, west, west], [south, south, north, north, south],
        color=INK, linewidth=0.8, zorder=5, **transform(window),
    )  # fmt: skip


def _grey_land(axis: Axes, window: Window, view: RunView) -> None:
    """Show the model's own land cells, which are coarser than the coast."""
    y, x = view.edges
    land = np.ma.masked_where(view.sea, np.ones(view.shape))
    axis.pcolormesh(
        x, y, land, cmap=ListedColormap([LAND]), zorder=2.5, rasterized=True, **transform(window)
    )


def arrows(
    axis: Axes, window: Window, view: RunView, u: np.ndarray, v: np.ndarray, across: int = 26
) -> None:
    """Draw currents as arrows, about ``across`` of them along a row, with a key."""
    step = max(1, round(view.shape[1] / across))
    start = step // 2
    y, x = (a[start::step] for a in view.axes)
    u, v = u[start::step, start::step], v[start::step, start::step]
    speed = np.hypot(u, v)
    known = speed[np.isfinite(speed)]
    if known.size == 0 or known.max() == 0:
        return
    fast = float(np.quantile(known, 0.98))
    key = nice_number(fast)
    # a fast arrow is as long as 1.8 times the distance between arrows
    scale = fast * (view.axes[1].size / step) / 1.8
    width_share = (view.edges[1][-1] - view.edges[1][0]) / (window.east - window.west)
    quiver = axis.quiver(
        x, y, u, v, color=INK, scale=scale / width_share, scale_units="width", width=0.0016,
        headwidth=3.6, headlength=4.2, headaxislength=3.8, zorder=4, alpha=0.85,
        **transform(window),
    )  # fmt: skip
    axis.quiverkey(
        quiver, 0.88, 1.035, key, f"{key:g} m/s", labelpos="W", coordinates="axes",
        fontproperties={"size": 8}, labelsep=0.05,
    )  # fmt: skip


def nice_number(value: float) -> float:
    """Round to 1, 2 or 5 times a power of ten, downwards."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(f for f in (1.0, 2.0, 5.0) if f * power <= value * 1.0001) * power)


def symmetric_limits(*fields: np.ndarray, share: float = 0.995) -> tuple[float, float]:
    """Limits around 0 that hold all but the most extreme values of the fields."""
    values = np.concatenate([np.abs(f[np.isfinite(f)]).ravel() for f in fields])
    top = float(np.quantile(values, share)) if values.size else 0.0
    top = top if top > 0 else 1.0
    return -top, top


def plain_limits(*fields: np.ndarray, share: float = 0.995) -> tuple[float, float]:
    """Limits that hold all but the most extreme values of the fields."""
    values = np.concatenate([f[np.isfinite(f)].ravel() for f in fields])
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(q) for q in np.quantile(values, [1 - share, share]))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def spread_limits(field: np.ndarray) -> tuple[float, float]:
    """Limits from 0 that hold all but the most extreme values of a spread."""
    known = field[np.isfinite(field)]
    top = float(np.quantile(known, 0.995)) if known.size else 0.0
    return 0.0, top if top > 0 else 1.0
