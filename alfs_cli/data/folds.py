"""Stratified folds: each has its share of every class, and no group is split."""

import numpy as np

from alfs_cli.arrays import IntArray


def stratified_folds(
    labels: IntArray,
    folds: int,
    generator: np.random.Generator,
    *,
    groups: IntArray | None = None,
) -> IntArray:
    """Return a fold 0 .. folds - 1 for each example (N,), each class spread evenly over the folds.

    Examples with the same number in `groups` (N,) are in one fold.

    >>> folds = stratified_folds(np.array([0, 0, 1, 1]), 2, np.random.default_rng(0))
    >>> sorted(folds[:2].tolist()), sorted(folds[2:].tolist())
    ([0, 1], [0, 1])
    """
    loads = np.zeros((int(labels.max(initial=-1)) + 1, folds), dtype=np.int64)
    fold_of = np.full(len(labels), -1)
    if groups is not None:
        _deal_groups(labels, groups, generator, loads, fold_of)
    start = 0
    for cls in np.unique(labels):
        members = generator.permutation(np.flatnonzero((labels == cls) & (fold_of < 0)))
        fold_of[members] = _evenly(loads[cls], len(members), start)
        start += len(members)
    return fold_of


def num_groups(labels: IntArray, groups: IntArray | None, num_classes: int) -> IntArray:
    """Return the number of groups with examples of each label, (K,).

    Without `groups` each example is a group of its own.
    """
    if groups is None:
        return np.bincount(labels, minlength=num_classes).astype(np.int64)
    pairs = np.unique(np.column_stack([groups, labels]), axis=0)
    return np.bincount(pairs[:, 1], minlength=num_classes).astype(np.int64)


def _deal_groups(
    labels: IntArray,
    groups: IntArray,
    generator: np.random.Generator,
    loads: IntArray,
    fold_of: IntArray,
) -> None:
    """Put each group of several examples into the fold with the fewest of its labels.

    The largest groups come first. `loads` (K, folds) counts labels by fold; it and `fold_of` (N,)
    are changed in place.
    """
    _, unit_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(unit_of.reshape(-1), kind="stable")
    several = generator.permutation(np.flatnonzero(sizes > 1))
    several = several[np.argsort(-sizes[several], kind="stable")]
    ends = np.cumsum(sizes)
    totals = loads.sum(axis=0)
    for unit in several:
        members = order[ends[unit] - sizes[unit] : ends[unit]]
        counts = np.bincount(labels[members], minlength=len(loads))
        fold = int(np.lexsort([totals, counts @ loads])[0])
        fold_of[members] = fold
        loads[:, fold] += counts
        totals[fold] += len(members)


def _evenly(load: IntArray, count: int, start: int) -> IntArray:
    """Return folds (count,) for single examples, so that `load` (folds,) becomes even."""
    folds = len(load)
    turn = np.roll(np.arange(folds), -(start % folds))
    if not load.any():
        return np.resize(turn, count)
    level = load[turn][:, None] + np.arange(count)
    places = np.argsort(level.T, axis=None, kind="stable")[:count]
    return np.asarray(turn[places % folds], dtype=np.int64)
