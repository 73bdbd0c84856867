"""Anchor points: the labels of the examples that are most surely of each class."""

import numpy as np
from numpy.typing import NDArray

from alfs_cli.estimators.parts.counts import CountedEstimate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ANCHOR_SHARE = 0.03  # of the examples of a class; Patrini et al. take the 97 % quantile
MIN_ANCHORS = 20


def anchor(probs: FloatArray, labels: IntArray) -> CountedEstimate:
    """Count the given labels of each class's most probable examples.

    After Patrini et al., CVPR 2017, Eq. 12, with the labels counted instead of one example's
    probabilities read: the scores are out of fold, so the counts are unbiased. Where noise depends
    on the class alone and T[j, j] is the largest of its column, P(given = j | x) <= T[j, j] for
    every x: the noise of a class is at most what its anchors show.
    """
    K = probs.shape[1]
    given_counts = np.bincount(labels, minlength=K)
    counts = np.zeros((K, K))
    predicted = probs.argmax(axis=1)
    for cls in range(K):
        members = anchors_of(probs, predicted, cls, int(given_counts[cls]))
        if len(members):
            counts[cls] = np.bincount(labels[members], minlength=K)
    return CountedEstimate("anchor", counts, given_counts, by_column=False)


def anchors_of(probs: FloatArray, predicted: IntArray, cls: int, given: int) -> IntArray:
    """Return the places of a class's most probable examples, of which `given` carry its label."""
    size = int(max(ANCHOR_SHARE * given, MIN_ANCHORS))
    members = np.flatnonzero(predicted == cls)
    return members[np.argsort(-probs[members, cls], kind="stable")[:size]]
