"""How figures look: panels of lines, of matrices and of points, by matplotlib without a window."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alfs_cli.errors import UsageError
from alfs_cli.figures.figure import Lines, Matrices, Matrix, Scatter, Scatters
from alfs_cli.storage.writing import replacing

SUFFIXES = (".png", ".svg", ".pdf")
DOTS = 200  # per inch of a PNG
MOST_NUMBERED = 12  # classes up to which cells hold numbers
MOST_NAMED = 30  # classes up to which axes and legends name them
LONGEST = 14  # characters of a class name on an axis
ACROSS = 4  # panels of points in a row


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
    with replacing(path) as temporary:
        canvas.savefig(temporary, dpi=DOTS)


def draw_lines(figure: Lines) -> Any:
    """Return a matplotlib figure with the panels in one row, each with its legend."""
    canvas, axes = new_figure(len(figure.panels), width=3.6)
    canvas.suptitle(figure.title)
    for axis, panel in zip(axes, figure.panels, strict=True):
        axis.set(title=_plain(panel), xlabel=figure.x_axis, ylabel=figure.y_axis)
        for line in (line for line in figure.lines if line.panel == panel):
            style = ":" if line.is_dotted else "-"
            colour = "grey" if line.is_grey else None
            axis.plot(line.x, line.y, style, color=colour, label=_plain(line.name))
        axis.legend(fontsize="x-small")
    return canvas


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
