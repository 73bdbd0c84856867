"""Classes with next to no examples, of which nothing can be said."""

import numpy as np

from alfs_cli.arrays import BoolArray, IntArray

FEW = 10  # examples, and
SHARE = 0.1  # of the median class, below which a class is set aside


def rare_classes(counts: IntArray) -> BoolArray:
    """Say which classes are set aside, given examples by label (K,).

    None of them where fewer than two classes would be left.
    """
    carried = counts[counts > 0]
    least = min(FEW, SHARE * float(np.median(carried))) if len(carried) else 0.0
    rare = counts < max(least, 1)
    return rare if (~rare).sum() >= 2 else np.zeros(len(counts), dtype=np.bool_)
