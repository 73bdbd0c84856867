"""Plots of losses, and the paper's figures with their numbers.

Zhou et al., ICML 2021: figure 1 (calibration), 2 (minimiser against parameter), 4 (losses) and 6
(transition matrices). The numbers of each are computed as a `Figure`, then drawn. matplotlib is
imported only to draw.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.certificate.risk import log_softmax, risk_at
from alfs_cli.errors import UsageError
from alfs_cli.losses import Loss, SeparableSum, parse_loss
from alfs_cli.losses.fitting import example_weight
from alfs_cli.losses.minimisers import convex_minimiser
from alfs_cli.noise import asymmetric, symmetric
from alfs_cli.storage.writing import replacing, write_text

SUFFIXES = (".png", ".svg", ".pdf")
ROW = (0.4, 0.2, 0.15, 0.15, 0.1)  # a row of T for figure 2; the paper does not give its own
DESCENTS, STEPS = 20, 1000  # gradient descents for each point of figure 2, and steps of each


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a panel, y (M,) over x (M,); a dotted line is a reference."""

    panel: str
    name: str
    x: FloatArray
    y: FloatArray
    is_dotted: bool = False


@dataclass(frozen=True, eq=False)
class Figure:
    """The numbers of a figure: panels of lines with common axis labels, or matrices."""

    title: str
    x_axis: str
    y_axis: str
    lines: tuple[Line, ...] = ()
    matrices: tuple[tuple[str, FloatArray], ...] = ()

    def csv(self) -> str:
        """Return the numbers as CSV: panel, line, x, y; or panel, row, column, value."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        if self.matrices:
            writer.writerow(("panel", self.y_axis, self.x_axis, "value"))
            for name, matrix in self.matrices:
                for (i, j), value in np.ndenumerate(matrix):
                    writer.writerow((name, i, j, f"{value:.6g}"))
        else:
            writer.writerow(("panel", "line", self.x_axis, self.y_axis))
            for line in self.lines:
                for x, y in zip(line.x, line.y, strict=True):
                    writer.writerow((line.panel, line.name, f"{x:.6g}", f"{y:.6g}"))
        return stream.getvalue()


def calibration() -> Figure:
    """Return figure 1: the minimal risk H(eta), and the minimum H^-(eta) on the wrong side.

    H(eta) = min_u eta l(u) + (1 - eta) l(1 - u) for two classes. A loss is calibrated if H^- > H
    for every eta except 1/2. H^- has a kink for losses that are completely but not strictly
    asymmetric.
    """
    eta = np.linspace(0, 1, 101)
    lines = []
    for text in ("mae", "agce:a=1,q=2", "agce:a=1,q=0.5", "aul:a=2,p=0.5", "ael:a=1"):
        loss = _separable(text)
        least, wrong = least_risks(loss, eta)
        lines += [Line(text, "H", eta, least), Line(text, "H-", eta, wrong, is_dotted=True)]
    return Figure("Least risk, and least risk on the wrong side", "eta", "risk", tuple(lines))


def least_risks(loss: SeparableSum, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return H (M,) and H^- (M,) at eta (M,), on a grid of u that contains 0, 1/2 and 1."""
    u = np.linspace(0, 1, 4001)
    value = loss.value(u)
    risk = eta[:, None] * value + (1 - eta[:, None]) * value[::-1]
    wrong = (u - 0.5) * (2 * eta[:, None] - 1) <= 0
    return risk.min(axis=1), np.where(wrong, risk, np.inf).min(axis=1)


def _separable(text: str) -> SeparableSum:
    found = parse_loss(text).separable()
    if found is None:
        raise UsageError(
            f"'{text}' is not a function of u alone",
            help="alfs losses list names those that are: ce, mae, gce, agce, aul, ael, ...",
        )
    return found


FAMILIES: dict[str, tuple[str, FloatArray, float]] = {
    # text of the loss, values of a, and the threshold of section 3 for w_m / w_n = 2
    "AGCE, q = 0.5": ("agce:a={},q=0.5", np.linspace(0.05, 1.0, 20), 1 / 3),
    "AUL, p = 2": ("aul:a={},p=2", np.linspace(1.1, 3.0, 20), 2.0),
    "AEL": ("ael:a={}", np.linspace(0.2, 3.0, 20), 1 / np.log(2)),
}


def minimiser_against_parameter() -> Figure:
    """Return figure 2: the true class's probability at the minimiser, against the parameter a.

    The lines are the exact minimiser by the optimality conditions, and the median of gradient
    descents from random logits. The vertical line is where the loss becomes asymmetric on the row.
    """
    row = np.array([ROW])
    lines = []
    for family, (text, values, threshold) in FAMILIES.items():
        losses = [parse_loss(text.format(float(value))) for value in values]
        exact = [convex_minimiser(_separable(str(loss)), row)[0, 0] for loss in losses]
        descended = [float(np.median(descend(loss))) for loss in losses]
        lines += [
            Line(family, "exact", values, np.array(exact)),
            Line(family, "gradient descent, median", values, np.array(descended)),
            Line(family, "threshold", np.full(2, threshold), np.array([0.5, 1.0]), is_dotted=True),
        ]
    return Figure("Where the risk is least", "parameter a", "u of the true class", tuple(lines))


def descend(loss: Loss, *, descents: int = DESCENTS, steps: int = STEPS) -> FloatArray:
    """Return the true class's probability (descents,) after gradient descent on the risk of ROW.

    Logits start from N(0, I); the learning rate is 1.
    """
    rng = np.random.default_rng(0)
    z = rng.normal(size=(descents, len(ROW)))
    w, parts = np.tile(ROW, (descents, 1)), loss.parts(len(ROW))
    for _ in range(steps):
        z -= risk_at(parts, log_softmax(z), w)[1]
    return np.asarray(np.exp(log_softmax(z))[:, 0])


def loss_curves() -> Figure:
    """Return figure 4: the three asymmetric losses with several parameters, as l(u) - l(1)."""
    u = np.linspace(0.005, 1, 200)
    families = {
        "AGCE": ("agce:a=0.1,q=0.5", "agce:a=1,q=0.5", "agce:a=1,q=1", "agce:a=1,q=2"),
        "AUL": ("aul:a=1.1,p=2", "aul:a=2,p=2", "aul:a=2,p=1", "aul:a=2,p=0.5"),
        "AEL": ("ael:a=0.2", "ael:a=0.5", "ael:a=1", "ael:a=2.5"),
    }
    lines = []
    for panel, texts in families.items():
        for text in texts:
            value = _separable(text).value(u)
            lines.append(Line(panel, text, u, value - value[-1]))
    return Figure("Asymmetric losses", "u", "l(u) - l(1)", tuple(lines))


def transition_matrices() -> Figure:
    """Return figure 6: the noise of the paper's experiments, for ten classes at rate 0.4."""
    return Figure(
        "Transition matrices, rate 0.4",
        "given label",
        "true class",
        matrices=(
            ("symmetric", symmetric(0.4, 10).array),
            ("asymmetric, MNIST", asymmetric(0.4, 10, dataset="mnist").array),
            ("asymmetric, CIFAR-10", asymmetric(0.4, 10, dataset="cifar10").array),
        ),
    )


FIGURES: dict[str, Callable[[], Figure]] = {
    "fig1": calibration,
    "fig2": minimiser_against_parameter,
    "fig4": loss_curves,
    "fig6": transition_matrices,
}
"""The paper's figures that need no training."""


def save_all(name: str, folder: Path) -> tuple[Path, ...]:
    """Compute and draw a figure of FIGURES; return the paths of NAME.png, NAME.svg, NAME.csv."""
    figure = FIGURES[name]()
    paths = tuple(folder / f"{name}{suffix}" for suffix in (".png", ".svg", ".csv"))
    drawn = draw(figure)
    for path in paths[:2]:
        save(drawn, path)
    write_text(paths[2], figure.csv())
    return paths


def draw(figure: Figure) -> Any:
    """Return a matplotlib figure with the panels in one row."""
    panels = [name for name, _ in figure.matrices] or list(
        dict.fromkeys(line.panel for line in figure.lines)
    )
    drawn, axes = new_figure(len(panels), width=3.6)
    drawn.suptitle(figure.title)
    for axis, panel in zip(axes, panels, strict=True):
        axis.set(title=panel, xlabel=figure.x_axis, ylabel=figure.y_axis)
        for line in (line for line in figure.lines if line.panel == panel):
            axis.plot(line.x, line.y, ":" if line.is_dotted else "-", label=line.name)
        for name, matrix in figure.matrices:
            if name == panel:
                axis.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
        if figure.lines:
            axis.legend(fontsize="x-small")
    return drawn


def new_figure(columns: int = 1, *, width: float = 5.0, height: float = 3.6) -> tuple[Any, Any]:
    """Return a matplotlib figure without a window, and its axes (columns,).

    The settings are matplotlib's defaults, even if the current folder has a matplotlibrc.
    """
    from matplotlib import rcdefaults
    from matplotlib.figure import Figure as Canvas

    rcdefaults()
    canvas = Canvas(figsize=(width * columns, height), layout="constrained")
    return canvas, canvas.subplots(1, columns, squeeze=False)[0]


def save(canvas: Any, path: Path) -> None:
    """Write a figure in the format of the suffix; raises UsageError for an unknown suffix."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"cannot draw '{path}': its suffix is not one of {', '.join(SUFFIXES)}",
            help="for example --plot loss.png",
        )
    with replacing(path) as temporary:
        canvas.savefig(temporary, dpi=150)


def plot_loss(loss: Loss, path: Path, *, num_classes: int = 10) -> None:
    """Write a plot of the loss over u = p_y, and of the weight of an example relative to CE.

    The other classes share 1 - u equally. A loss of the whole vector has other values where they do
    not.
    """
    u = np.linspace(1e-3, 1 - 1e-3, 400)
    canvas, (left, right) = new_figure(2)
    left.plot(u, loss_on_path(loss, u, num_classes))
    left.set(xlabel="probability u of the label", ylabel="loss", title=str(loss))
    right.plot(u, example_weight(loss, u, num_classes), label="+".join(t.name for t in loss.terms))
    right.axhline(1.0, color="grey", linestyle=":", label="cross entropy")
    right.set(xlabel="probability u of the label", ylabel="weight of an example", yscale="log")
    right.legend()
    save(canvas, path)


def loss_on_path(loss: Loss, u: FloatArray, num_classes: int) -> FloatArray:
    """Return the loss (M,) at u (M,) if the other classes share 1 - u equally."""
    probs = np.repeat(((1 - u) / (num_classes - 1))[:, None], num_classes, axis=1)
    probs[:, 0] = u
    w = np.zeros_like(probs)
    w[:, 0] = 1.0
    return risk_at(loss.parts(num_classes), np.log(probs), w)[0]
