"""Probabilities that are predictions alone, as a tree, a nearest neighbour or a person gives them.

Each row names a class, and all are equally sure. Where a label differs, nothing tells whether the
label is wrong or the prediction.
"""

import numpy as np

from alfs_cli.arrays import Probabilities

ROUNDING = 1e-6  # differences between probabilities that are rounding


def predictions_alone(probs: Probabilities) -> bool:
    """Return whether each row of probs (N, K) says a class and nothing else, all equally surely.

    >>> predictions_alone(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    True
    >>> predictions_alone(np.array([[0.9, 0.05, 0.05], [0.05, 0.05, 0.9]]))
    True
    >>> predictions_alone(np.array([[0.9, 0.05, 0.05], [0.8, 0.1, 0.1]]))
    False
    """
    K = probs.shape[1]
    top = np.asarray(probs.max(axis=1), dtype=np.float64)
    if not len(top) or np.ptp(top) > ROUNDING or top[0] <= 1 / K + ROUNDING:
        return False
    rest = (1 - top[0]) / (K - 1)  # what each other class has, where none is second
    return bool(probs.min() >= rest - ROUNDING)
