"""How figures look: panels of lines, of matrices and of points, by matplotlib without a window."""

import math
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from alfs_cli.errors import UsageError
from alfs_cli.figures.figure import Curve, Curves, Lines, Matrices, Matrix, Scatter, Scatters
from alfs_cli.storage.writing import replacing

SUFFIXES = (".png", ".svg", ".pdf")
DOTS = 200  # per inch of a PNG
MOST_NUMBERED = 12  # classes up to which cells hold numbers
MOST_NAMED = 30  # classes up to which axes and legends name them
LONGEST = 14  # characters of a class name on an axis
ACROSS = 4  # panels of points in a row
ABREAST = 3  # panels of lines or curves in a row
GREYS = ("0.35", "0.55", "0.7")  # of curves that are there for comparison, in turn


def new_figure(
    columns: int = 1, rows: int = 1, *, width: float = 5.0, height: float = 3.6
) -> tuple[Any, Any]:
    """Return a matplotlib figure without a window, and its axes (rows * columns,).

    `width` and `height` are those of a panel, in inches. The settings are matplotlib's defaults,
    even if the current folder has a matplotlibrc.
    """
    from matplotlib import rcdefaults
    from matplotlib.figure import Figure as Canvas

    rcdefaults()
    canvas = Canvas(figsize=(width * columns, height * rows), layout="constrained")
    return canvas, canvas.subplots(rows, columns, squeeze=False).ravel()


def save(canvas: Any, path: Path) -> None:
    """Write a figure in the format of the suffix; raises UsageError for an unknown suffix."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"cannot draw '{path}': its suffix is not one of {', '.join(SUFFIXES)}",
            help="for example --plot loss.png",
        )
    _lay_out(canvas)
    with replacing(path) as temporary:
        canvas.savefig(temporary, dpi=DOTS)


def _lay_out(canvas: Any) -> None:
    """Place the panels, once for all formats: matplotlib would draw them all anew for each."""
    canvas.set_dpi(DOTS)
    canvas.get_layout_engine().execute(canvas)
    canvas.set_layout_engine("none")


def draw_lines(figure: Lines) -> Any:
    """Return a matplotlib figure with the panels in rows, each with its legend."""
    columns = min(ABREAST, len(figure.panels))
    canvas, axes = new_figure(columns, math.ceil(len(figure.panels) / columns), width=3.6)
    canvas.suptitle(figure.title)
    for axis, panel in zip(axes, figure.panels, strict=False):
        axis.set(title=_plain(panel), xlabel=figure.x_axis, ylabel=figure.y_axis)
        for line in (line for line in figure.lines if line.panel == panel):
            style = ":" if line.is_dotted else "-"
            colour = "grey" if line.is_grey else None
            axis.plot(line.x, line.y, style, color=colour, label=_plain(line.name))
        axis.legend(fontsize="x-small")
    _leave_empty(axes[len(figure.panels) :])
    return canvas


def draw_curves(figure: Curves) -> Any:
    """Return a matplotlib figure with the panels in rows, each with its legend below."""
    panels = figure.panels
    longest = max(sum(curve.panel == panel for curve in figure.curves) for panel in panels)
    columns = 2 if len(panels) == 4 else min(ABREAST, len(panels))
    canvas, axes = new_figure(
        columns, math.ceil(len(panels) / columns), width=4.8, height=4.0 + 0.17 * longest
    )
    dashed = any(curve.is_dashed for curve in figure.curves)
    canvas.suptitle(figure.title + ("\ndashed: not proved robust to the noise" if dashed else ""))
    for axis, panel in zip(axes, panels, strict=False):
        _draw_panel(axis, [curve for curve in figure.curves if curve.panel == panel])
        axis.set(title=_plain(panel), xlabel="epoch", ylabel=figure.y_axis)
    _leave_empty(axes[len(panels) :])
    return canvas


def _draw_panel(axis: Any, curves: Sequence[Curve]) -> None:
    """Draw curves with their spread, coloured in their order, those for comparison in grey."""
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    own = sum(not curve.is_grey for curve in curves)
    colours = iter(colormaps["plasma"](np.linspace(0, 0.88, own)))
    greys = cycle(GREYS)
    for curve in curves:
        colour = next(greys) if curve.is_grey else next(colours)
        axis.plot(
            curve.x,
            curve.y,
            "--" if curve.is_dashed else "-",
            marker="o" if len(curve.x) == 1 else None,
            color=colour,
            label=f"{_plain(curve.name)}: {curve.note}",
        )
        if curve.spread is not None and len(curve.x) == 1:
            axis.errorbar(curve.x, curve.y, curve.spread, color=colour, capsize=3)
        elif curve.spread is not None:
            low, high = curve.y - curve.spread, curve.y + curve.spread
            axis.fill_between(curve.x, low, high, color=colour, alpha=0.12, linewidth=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(alpha=0.3)
    axis.legend(
        fontsize="small",
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        handlelength=3,
        frameon=False,
    )


def draw_matrices(figure: Matrices) -> Any:
    """Return a matplotlib figure with the matrices in one row and one colour bar."""
    from matplotlib.colors import Normalize

    most = max(float(panel.values.max()) for panel in figure.panels)
    widest = max(len(panel.names) for panel in figure.panels)
    size = 4.2 if widest <= 8 else 5.8
    canvas, axes = new_figure(len(figure.panels), width=size, height=size + 0.7)
    canvas.suptitle(figure.title)
    scale = Normalize(0, most)
    image = None
    for axis, panel in zip(axes, figure.panels, strict=True):
        image = axis.imshow(panel.values, norm=scale, cmap="Blues")
        axis.set(title=_plain(panel.panel), xlabel="given label", ylabel="true class")
        _name_classes(axis, panel.names)
        if len(panel.names) <= MOST_NUMBERED:
            _write_numbers(axis, panel, most)
    canvas.colorbar(image, ax=list(axes), shrink=0.8, label="share of the true class")
    return canvas


def _name_classes(axis: Any, names: Sequence[str]) -> None:
    if len(names) > MOST_NAMED:
        return
    shown = [_plain(name if len(name) <= LONGEST else f"{name[: LONGEST - 2]}..") for name in names]
    is_long = max(map(len, shown)) > 2
    axis.set_xticks(range(len(names)), shown, rotation=90 if is_long else 0)
    axis.set_yticks(range(len(names)), shown)


def _write_numbers(axis: Any, panel: Matrix, most: float) -> None:
    """Write the value of every cell that is not 0, in white where the cell is dark."""
    size = 9 if len(panel.names) <= 6 else 7
    for (i, j), value in np.ndenumerate(panel.values):
        if value >= 0.005:  # rounds to 0.01
            colour = "white" if value > 0.6 * most else "black"
            axis.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=size, color=colour)


def draw_scatters(figure: Scatters) -> Any:
    """Return a matplotlib figure with the panels in rows, and one legend of the classes."""
    columns = min(ACROSS, len(figure.panels))
    rows = math.ceil(len(figure.panels) / columns)
    canvas, axes = new_figure(columns, rows, width=3.6, height=4.0)
    canvas.suptitle(figure.title)
    colours = class_colours(len(figure.class_names))
    for axis, panel in zip(axes, figure.panels, strict=False):
        _draw_points(axis, panel, colours)
    _leave_empty(axes[len(figure.panels) :])
    handles = _legend(figure, colours)
    if handles:
        canvas.legend(handles=handles, loc="outside right center", fontsize="small")
    return canvas


def class_colours(count: int) -> Any:
    """Return a colour for each of `count` classes (count, 4)."""
    from matplotlib import colormaps

    if count <= 10:
        return colormaps["tab10"](np.arange(count))
    if count <= 20:
        return colormaps["tab20"](np.arange(count))
    return colormaps["hsv"](np.linspace(0, 1, count, endpoint=False))


def _draw_points(axis: Any, panel: Scatter, colours: Any) -> None:
    size = 12 if len(panel.classes) <= 500 else 5
    for these, style in (
        (~panel.is_wrong, {"marker": "o", "linewidths": 0, "s": size}),
        (panel.is_wrong, {"marker": "x", "linewidths": 0.7, "s": 2 * size}),
    ):
        x, y = panel.positions[these].T
        axis.scatter(x, y, c=colours[panel.classes[these]], rasterized=True, **style)
    axis.set(title=_plain(panel.panel), xticks=[], yticks=[], xlabel=panel.caption)
    axis.title.set_fontsize("medium")
    axis.set_aspect("equal", adjustable="datalim")


def _legend(figure: Scatters, colours: Any) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = []
    if len(figure.class_names) <= MOST_NAMED:
        handles = [
            Line2D([], [], marker="o", linestyle="", color=colour, label=_plain(name[:LONGEST]))
            for name, colour in zip(figure.class_names, colours, strict=True)
        ]
    if any(panel.is_wrong.any() for panel in figure.panels):
        handles.append(Line2D([], [], marker="x", linestyle="", color="black", label="wrong label"))
    return handles


def _leave_empty(axes: Any) -> None:
    for axis in axes:
        axis.set_axis_off()


def _plain(text: str) -> str:
    """Return a text in which matplotlib reads no formula."""
    return text.replace("$", r"\$")
