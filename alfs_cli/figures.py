"""Drawings of losses, and the paper's figures with their numbers. matplotlib is loaded late."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.documents import replacing
from alfs_cli.errors import UsageError
from alfs_cli.fitting import example_weight
from alfs_cli.losses import Loss

FloatArray = NDArray[np.float64]
SUFFIXES = (".png", ".svg", ".pdf")


def new_figure(columns: int = 1, *, width: float = 5.0, height: float = 3.6) -> tuple[Any, Any]:
    """Return a figure that no window shows, and its axes (columns,)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure; the suffix says the form. Raises UsageError for another suffix."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"cannot draw '{path}': its suffix is none of {', '.join(SUFFIXES)}",
            help="for example --plot loss.png",
        )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)


def plot_loss(loss: Loss, path: Path, *, num_classes: int = 10) -> None:
    """Draw the loss over u = p_y, and the weight of an example beside cross entropy's.

    The other classes share 1 - u equally, K = 10: for losses of the whole vector that is one path
    of many.
    """
    u = np.linspace(1e-3, 1 - 1e-3, 400)
    figure, (left, right) = new_figure(2)
    left.plot(u, loss_on_path(loss, u, num_classes))
    left.set(xlabel="probability u of the label", ylabel="loss", title=str(loss))
    right.plot(u, example_weight(loss, u, num_classes), label=loss.terms[-1].name)
    right.axhline(1.0, color="grey", linestyle=":", label="cross entropy")
    right.set(xlabel="probability u of the label", ylabel="weight of an example", yscale="log")
    right.legend()
    save_figure(figure, path)


def loss_on_path(loss: Loss, u: FloatArray, num_classes: int) -> FloatArray:
    """Return the loss (M,) at u (M,) where the other classes share 1 - u equally."""
    probs = np.repeat(((1 - u) / (num_classes - 1))[:, None], num_classes, axis=1)
    probs[:, 0] = u
    w = np.zeros_like(probs)
    w[:, 0] = 1.0
    values = [c * part.risk(np.log(probs), w)[0] for c, part in loss.parts(num_classes)]
    return np.asarray(np.sum(values, axis=0))
