"""The order and the sample in which examples are judged, whatever the order of rows in DATA."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data import LabelledDataset
from alfs_cli.data.duplicates import Digests, canonical_order, contents_of, digests_of, row_keys

MOST_REORDERED = 5 * 10**7  # given probabilities above which a reordered copy is too large


def in_canonical_order(dataset: LabelledDataset) -> tuple[LabelledDataset, Digests | None]:
    """Return a data set ordered by its contents, and the digests of the contents in that order.

    Random folds and samples then do not depend on how rows were shuffled. Where only probabilities
    are given there are no digests.
    """
    if dataset.images is None and dataset.features is None and dataset.texts is None:
        probs = dataset.pred_probs
        if probs is None or probs.size > MOST_REORDERED:
            return dataset, None
        return dataset.subset(np.lexsort([dataset.labels, row_keys(probs)])), None
    digests = digests_of(dataset)
    order = canonical_order(digests, dataset.labels)
    moved = [digests[place] for place in order]
    return replace(dataset.subset(order), contents=contents_of(moved)), moved


def sampled(dataset: LabelledDataset, count: int, seed: int) -> NDArray[np.int64]:
    """Return the sorted indices of `count` examples, the same share of each given label.

    There are at least two of each label, even if that makes more than `count`.
    """
    generator = np.random.default_rng([seed, 5])
    exact = dataset.given_counts * (count / len(dataset))
    sizes = np.floor(exact).astype(np.int64)
    largest = np.argsort(sizes - exact, kind="stable")[: count - int(sizes.sum())]
    sizes[largest] += 1
    chosen = []
    for cls, size in enumerate(sizes):
        members = np.flatnonzero(dataset.labels == cls)
        chosen.append(generator.permutation(members)[: max(2, size)])
    return np.sort(np.concatenate(chosen)).astype(np.int64)
