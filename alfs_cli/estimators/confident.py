"""Confident learning, through cleanlab."""

import numpy as np
from numpy.typing import NDArray

from alfs_cli.estimators.counts import CountedEstimate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def confident(probs: FloatArray, labels: IntArray) -> CountedEstimate:
    """Count the examples that are confidently of each class, by given label.

    Northcutt et al., JAIR 2021: an example counts for class j if its probability of j reaches the
    mean probability of j among the examples labelled j. cleanlab's confident joint has given labels
    on its rows; the counts returned here have true classes on theirs. Overlap of the classes in
    the evidence is counted as noise, so the clean level comes out too low rather than too high.
    """
    from cleanlab.count import compute_confident_joint

    K = probs.shape[1]
    present = np.flatnonzero(np.bincount(labels, minlength=K))
    joint = np.zeros((K, K))
    if len(present) == 1:  # there is no other class to be confident of
        joint[present, present] = len(labels)
    elif len(present) == K:
        joint[:] = compute_confident_joint(labels, probs, calibrate=False)
    else:  # classes that no example carries: count among the others
        place = np.full(K, -1)
        place[present] = np.arange(len(present))
        kept = probs[:, present]
        kept = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-300)
        counted = compute_confident_joint(place[labels], kept, calibrate=False)
        joint[np.ix_(present, present)] = counted
    return CountedEstimate("confident", joint.T, np.bincount(labels, minlength=K))
