"""What nearest neighbours say of the labels without a head: the closed bounds, knn and hoc."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from alfs_cli.estimators.hoc import hoc_from
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.estimators.knn import NEIGHBOURS, knn_from
from alfs_cli.estimators.parts.sample import Answer, Sample
from alfs_cli.evidence.neighbours import nearest
from alfs_cli.results.estimate import NeighbourCheck

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ASKED = 5000  # examples whose neighbours are looked up: enough to hold the estimate against
MOST_TRIPLED = 100  # classes beyond which so few triples say nothing of T
PURITY_NUMBERS = 5 * 10**5  # posteriors that purity is measured on
LEAST = 20  # examples below which neighbours say nothing


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The nearest neighbours (n, k) of some examples (n,), nearest first."""

    places: IntArray
    asked: IntArray

    def others(self, sample: Sample) -> tuple[Answer, ...]:
        """Return what `knn` says of these examples, and `hoc` where classes are not many."""
        which = (self.places, self.asked, sample.labels, sample.num_classes)
        if sample.num_classes > MOST_TRIPLED:
            return (knn_from(*which),)
        return (knn_from(*which), hoc_from(*which))


def neighbourhood_of(sample: Sample) -> Neighbourhood | None:
    """Return the neighbours of at most ASKED examples; None without features or with too few."""
    N = len(sample.labels)
    if sample.features is None or N < LEAST:
        return None
    asked = np.unique(np.linspace(0, N - 1, min(N, ASKED)).astype(np.int64))
    return Neighbourhood(nearest(sample.features, min(NEIGHBOURS, N - 1), of=asked), asked)


def neighbour_check(
    near: Neighbourhood, sample: Sample, T: FloatArray, *, confidence: float
) -> NeighbourCheck:
    """Return closed bounds of the noise rate from A, the agreement of nearest neighbours.

    Two examples of one true class i, labelled independently, agree with probability
    sum_j T_ij^2. That is at least T_ii^2 and at most max_j T_ij, and T_ii where the clean label
    leads, so that 1 - sqrt(A) <= noise <= 1 - A (Jensen). Neighbours of different classes agree
    less: A is at least purity times what pure neighbours would show, so that the lower bound is
    1 - sqrt(A / purity) and the upper one stands. Purity is the estimate's own.
    """
    first, asked = near.places[:, 0], near.asked
    same = int((sample.labels[first] == sample.labels[asked]).sum())
    n = len(asked)
    least = float(betaincinv(same, n - same + 1, 1 - confidence)) if same else 0.0
    most = float(betaincinv(same + 1, n - same, confidence)) if same < n else 1.0
    part = slice(0, None, max(1, n * sample.num_classes // PURITY_NUMBERS))
    here, there = (true_class_probs(sample.probs[rows[part]], T) for rows in (asked, first))
    purity = float((here * there).sum(axis=1).mean())
    return NeighbourCheck(
        examples=n,
        agreement=same / n,
        purity=purity,
        noise_low=1 - float(np.sqrt(min(1.0, most / max(purity, 1e-9)))),
        noise_high=1 - least,
    )
