"""Classes with too few examples for their noise to be estimated."""

import numpy as np

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.data.tuning import TUNING


def rare_classes(counts: IntArray) -> BoolArray:
    """Return a mask (K,) of the classes to set aside, given the number of examples of each (K,).

    It is False everywhere if fewer than two classes would be left.

    >>> rare_classes(np.array([100, 100, 3]))
    array([False, False,  True])
    """
    carried = counts[counts > 0]
    median = float(np.median(carried)) if len(carried) else 0.0
    rare = counts < max(min(TUNING.rare_examples, TUNING.rare_share * median), 1)
    return rare if (~rare).sum() >= 2 else np.zeros(len(counts), dtype=np.bool_)
