"""The numbers of a figure, and how they are written as CSV.

What is drawn is computed first: lines over x or epochs, matrices, or points in the plane. Each kind
says what its CSV holds and draws itself by matplotlib, which is imported only then.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from alfs_cli.arrays import BoolArray, FloatArray, IntArray
from alfs_cli.storage.writing import write_text


class Drawable(Protocol):
    """A figure of any kind."""

    def csv(self) -> str:
        """Return the numbers as CSV."""

    def draw(self) -> Any:
        """Return a matplotlib figure."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a panel, y (M,) over x (M,); a dotted line is a reference, in grey if `is_grey`."""

    panel: str
    name: str
    x: FloatArray
    y: FloatArray
    is_dotted: bool = False
    is_grey: bool = False


@dataclass(frozen=True, eq=False)
class Lines:
    """Panels of lines with common axis labels."""

    title: str
    x_axis: str
    y_axis: str
    lines: tuple[Line, ...]

    @property
    def panels(self) -> tuple[str, ...]:
        """The names of the panels in order."""
        return tuple(dict.fromkeys(line.panel for line in self.lines))

    def csv(self) -> str:
        """Return the numbers as CSV: panel, line, x, y."""
        return _written(
            ("panel", "line", self.x_axis, self.y_axis),
            (
                (line.panel, line.name, f"{x:.6g}", f"{y:.6g}")
                for line in self.lines
                for x, y in zip(line.x, line.y, strict=True)
            ),
        )

    def draw(self) -> Any:
        """Return a matplotlib figure with the panels in one row."""
        from alfs_cli.figures.drawing import draw_lines

        return draw_lines(self)


@dataclass(frozen=True, eq=False)
class Curve:
    """A line of a panel over epochs: the mean y (M,) of n runs at x (M,), std `spread` (M,).

    `note` has its numbers, for the legend. `spread` is None for a single run.
    """

    panel: str
    name: str
    note: str
    x: FloatArray
    y: FloatArray
    spread: FloatArray | None
    n: int
    is_dashed: bool = False
    is_grey: bool = False


@dataclass(frozen=True, eq=False)
class Curves:
    """Panels of accuracy over epochs; a dashed line is of a loss not proved robust to its noise."""

    title: str
    y_axis: str
    curves: tuple[Curve, ...]

    @property
    def panels(self) -> tuple[str, ...]:
        """The names of the panels in order."""
        return tuple(dict.fromkeys(curve.panel for curve in self.curves))

    def csv(self) -> str:
        """Return the numbers as CSV: panel, line, epoch, mean, standard deviation, n."""
        return _written(
            ("panel", "line", "epoch", self.y_axis, "std", "n"),
            (
                (
                    curve.panel,
                    curve.name,
                    f"{epoch:.0f}",
                    f"{y:.6g}",
                    "" if curve.spread is None else f"{curve.spread[i]:.6g}",
                    curve.n,
                )
                for curve in self.curves
                for i, (epoch, y) in enumerate(zip(curve.x, curve.y, strict=True))
            ),
        )

    def draw(self) -> Any:
        """Return a matplotlib figure with the panels in rows, each with its legend below."""
        from alfs_cli.figures.drawing import draw_curves

        return draw_curves(self)


@dataclass(frozen=True, eq=False)
class Matrix:
    """A panel with a matrix (K, K), rows = true class, and the names of the classes."""

    panel: str
    values: FloatArray
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Matrices:
    """Transition matrices side by side, on one scale of colours."""

    title: str
    panels: tuple[Matrix, ...]

    def csv(self) -> str:
        """Return the numbers as CSV: panel, true class, given label, value."""
        return _written(
            ("panel", "true class", "given label", "value"),
            (
                (panel.panel, true, given, f"{panel.values[i, j]:.6g}")
                for panel in self.panels
                for i, true in enumerate(panel.names)
                for j, given in enumerate(panel.names)
            ),
        )

    def draw(self) -> Any:
        """Return a matplotlib figure with the matrices in one row and one colour bar."""
        from alfs_cli.figures.drawing import draw_matrices

        return draw_matrices(self)


@dataclass(frozen=True, eq=False)
class Scatter:
    """A panel of examples in the plane: positions (N, 2), true classes (N,), wrong labels (N,).

    `caption` says in numbers how well the classes are apart.
    """

    panel: str
    positions: FloatArray
    classes: IntArray
    is_wrong: BoolArray
    caption: str


@dataclass(frozen=True, eq=False)
class Scatters:
    """Panels of examples, coloured by the true class, the wrong labels marked."""

    title: str
    class_names: tuple[str, ...]
    panels: tuple[Scatter, ...]

    def csv(self) -> str:
        """Return the numbers as CSV: panel, x, y, true class, whether the label is wrong."""
        return _written(
            ("panel", "x", "y", "true class", "wrong label"),
            (
                (panel.panel, f"{x:.6g}", f"{y:.6g}", self.class_names[true], int(wrong))
                for panel in self.panels
                for (x, y), true, wrong in zip(
                    panel.positions, panel.classes, panel.is_wrong, strict=True
                )
            ),
        )

    def draw(self) -> Any:
        """Return a matplotlib figure with the panels in rows."""
        from alfs_cli.figures.drawing import draw_scatters

        return draw_scatters(self)


def _written(names: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return stream.getvalue()


def save_all(name: str, figure: Drawable, folder: Path) -> tuple[Path, ...]:
    """Draw a figure; return the paths of NAME.png, NAME.svg and NAME.csv in the folder."""
    from alfs_cli.figures.drawing import save

    paths = tuple(folder / f"{name}{suffix}" for suffix in (".png", ".svg", ".csv"))
    drawn = figure.draw()
    for path in paths[:2]:
        save(drawn, path)
    write_text(paths[2], figure.csv())
    return paths
