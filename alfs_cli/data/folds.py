"""Folds in which every class is dealt out evenly."""

import numpy as np

from alfs_cli.data.dataset import IntArray


def stratified_folds(labels: IntArray, folds: int, generator: np.random.Generator) -> IntArray:
    """Return a fold 0 .. folds - 1 for each example (N,): each class is dealt out evenly."""
    fold_of = np.empty(len(labels), dtype=np.int64)
    start = 0
    for cls in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == cls))
        fold_of[members] = (start + np.arange(len(members))) % folds
        start += len(members)
    return fold_of
