"""k-NN consensus: the commonest given label among an example's neighbours is taken as true."""

import numpy as np

from alfs_cli.arrays import IntArray
from alfs_cli.estimators.parts.counts import CountedEstimate
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.estimators.tuning import NEIGHBOURS
from alfs_cli.evidence.neighbours import nearest

TIE = 1e-3  # votes by which each rank counts less, so that only ties are decided by it


def knn(sample: Sample) -> CountedEstimate:
    """Return T from counts of all examples by the consensus of their neighbours and given label.

    The example itself has no vote. Of equally common labels the nearest neighbour's wins. Where
    neighbours are of other classes the consensus is wrong, so overlap is counted as noise.
    """
    X = sample.needed_features("knn")
    places = nearest(X, min(NEIGHBOURS.voting, len(X) - 1))
    return knn_from(places, np.arange(len(X)), sample.labels, sample.num_classes)


def knn_from(
    places: IntArray, asked: IntArray, labels: IntArray, num_classes: int
) -> CountedEstimate:
    """Return the estimate from examples `asked` (n,) and their neighbours `places` (n, k).

    Both are indices into `labels` (N,); neighbours come nearest first.
    """
    counts = np.zeros((num_classes, num_classes))
    np.add.at(counts, (consensus(labels[places], num_classes), labels[asked]), 1)
    return CountedEstimate("knn", counts, np.bincount(labels, minlength=num_classes))


def consensus(labels: IntArray, num_classes: int) -> IntArray:
    """Return the commonest label (N,) of each row of neighbours' labels (N, k), nearest first.

    >>> consensus(np.array([[2, 1, 1], [0, 2, 1]]), num_classes=3).tolist()
    [1, 0]
    """
    votes = np.zeros((len(labels), num_classes), dtype=np.float32)
    each = np.arange(len(labels))
    for place in range(labels.shape[1]):
        votes[each, labels[:, place]] += 1 - TIE * place
    return np.asarray(votes.argmax(axis=1))
