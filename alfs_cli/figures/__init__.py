"""Plots of losses, and the paper's figures with their numbers.

Zhou et al., ICML 2021. Those of FIGURES need no training; 3 is drawn from a sweep (`parameters`),
5, 7 and 8 from trained runs (`embedding`).
"""

from collections.abc import Callable

from alfs_cli.figures.figure import Drawable, save_all
from alfs_cli.figures.matrices import dominant_and_not
from alfs_cli.figures.theory import calibration, loss_curves, minimiser_against_parameter

FIGURES: dict[str, Callable[[], Drawable]] = {
    "fig1": calibration,
    "fig2": minimiser_against_parameter,
    "fig4": loss_curves,
    "fig6": dominant_and_not,
}
"""The paper's figures that need no training."""


__all__ = ["FIGURES", "Drawable", "save_all"]
