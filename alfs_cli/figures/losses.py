"""The plot of one loss, of `alfs losses show --plot`."""

from pathlib import Path

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.certificate.risk import risk_at
from alfs_cli.figures.drawing import new_figure, save
from alfs_cli.losses import Loss
from alfs_cli.losses.fitting import example_weight


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
