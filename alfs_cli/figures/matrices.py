"""Figure 6: transition matrices, those of the paper's idea or any others.

Zhou et al., ICML 2021, supplementary material: the true label of a class may be the most frequent
one by a hair and still dominate, or be outnumbered by another and not.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.figures.figure import Matrices, Matrix
from alfs_cli.noise import clean_level, read_named_transition
from alfs_cli.results.estimate import NoiseEstimate

NAMES = ("cat", "dog", "owl", "fox", "bear", "deer")
KEPT = 0.2  # share of right labels in the paper's example
DOMINATED, OUTNUMBERED = 0.19, 0.3  # share of cats that are labelled owl: the paper's, and ours


def dominant_and_not() -> Matrices:
    """Return figure 6: clean labels dominate every class, or are outnumbered in one.

    The paper gives the shares 20 % and 19 % of its example; the other cells are ours.
    """
    panels = (
        _panel("clean labels dominate", _example(DOMINATED), NAMES),
        _panel("clean labels do not dominate", _example(OUTNUMBERED), NAMES),
    )
    return Matrices("Transition matrices", panels)


def _example(to_owl: float) -> FloatArray:
    """Return T (6, 6) with even noise, except that `to_owl` of the cats are labelled owl."""
    num_classes = len(NAMES)
    T = np.full((num_classes, num_classes), (1 - KEPT) / (num_classes - 1))
    np.fill_diagonal(T, KEPT)
    cat, owl = NAMES.index("cat"), NAMES.index("owl")
    T[cat] = (1 - KEPT - to_owl) / (num_classes - 2)
    T[cat, cat], T[cat, owl] = KEPT, to_owl
    return T


def from_files(files: Iterable[Path]) -> Matrices:
    """Return the transition matrices of files; raises InputError where one is no T."""
    panels = []
    for file in files:
        T, names = read_named_transition(file)
        panels.append(_panel(file.name, T.array, names or _numbers(T.num_classes)))
    return Matrices("Transition matrices", tuple(panels))


def of_estimate(estimate: NoiseEstimate) -> Matrices:
    """Return the estimated T beside the true one, where true labels are known."""
    names = estimate.data.classes
    panels = [_panel("estimated", np.array(estimate.transition), names)]
    if estimate.truth is not None:
        panels.append(_panel("true", np.array(estimate.truth.transition), names))
    return Matrices(f"Transition matrix of {estimate.data.source or 'the data'}", tuple(panels))


def _panel(name: str, T: FloatArray, names: tuple[str, ...]) -> Matrix:
    return Matrix(f"{name}\nclean level {clean_level(T):.4g}", T, names)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))
