"""Anchor points: T from the given labels of the most probable examples of each class."""

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.parts.counts import CountedEstimate
from alfs_cli.estimators.tuning import ANCHORS


def anchor(probs: FloatArray, labels: IntArray) -> CountedEstimate:
    """Return T from the given labels of each class's most probable examples.

    Patrini et al., CVPR 2017, Eq. 12, read the probabilities of one example a class; here the
    labels of several are counted. The probabilities (N, K) are out-of-fold, so the counts are
    unbiased. Where noise depends on the class alone and T[j, j] is the largest of its column,
    P(given = j | x) <= T[j, j] for every x: anchors never understate the noise of their class.
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
    """Return the indices of the anchor points of class `cls`, most probable first.

    Anchor points are among the examples whose most probable class (N,) is `cls`. `given` is the
    number of examples that carry its label; it sets how many anchor points there are.
    """
    size = int(max(ANCHORS.share * given, ANCHORS.least))
    members = np.flatnonzero(predicted == cls)
    return members[np.argsort(-probs[members, cls], kind="stable")[:size]]
