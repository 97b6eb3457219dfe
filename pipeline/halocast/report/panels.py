"""Map panels: a field on the sphere with its coasts, or on a plane with plain axes."""

from __future__ import annotations

from dataclasses import dataclass

import cartopy.crs as ccrs
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from halocast.report.coastline import land_within
from halocast.report.style import COAST, INK, LAND, QUIET, WATER
from halocast.report.view import RunView

PLATE = ccrs.PlateCarree()
MARGIN = 0.14  # of the domain's size, left around it so that coasts show
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
    def around(cls, view: RunView) -> Window:
        """The domain with a margin."""
        (south, north), (west, east) = ((e[0], e[-1]) for e in view.edges)
        if not view.geographic:
            return cls(west, east, south, north, None)
        dy, dx = MARGIN * (north - south), MARGIN * (east - west)
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


def panel_grid(
    window: Window, rows: int, columns: int, width: float = 12.0
) -> tuple[Figure, list[Axes]]:
    """Make a figure of map panels with room for a colour bar beside each (width in inches)."""
    each = width / columns
    height = (each - 1.15) * window.aspect + 0.55
    figure = Figure(
        figsize=(width, rows * height), layout=ConstrainedLayoutEngine(wspace=0.03, hspace=0.04)
    )
    count = rows * columns
    return figure, [panel_axis(figure, window, rows, columns, k + 1) for k in range(count)]


def panel_axis(figure: Figure, window: Window, rows: int, columns: int, place: int) -> Axes:
    """Add one map panel to a figure, as ``Figure.add_subplot`` does."""
    axis = figure.add_subplot(rows, columns, place, projection=window.projection)
    _dress(axis, window)
    return axis


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
    bar = axis.figure.colorbar(
        mesh,
        ax=axis,
        shrink=0.92,
        pad=0.015,
        aspect=26,
        extend=extend.get((below, above), "neither"),
        extendfrac=0.03,
    )
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
    key = nice_number(float(np.quantile(known, 0.98)))
    # an arrow of the key's speed is as long as 1.8 times the distance between arrows
    scale = key * (view.axes[1].size / step) / 1.8
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
