"""Checks of an estimate by nearest neighbours: closed-form bounds, `knn` and `hoc`."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.hoc import hoc_from
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.estimators.knn import knn_from
from alfs_cli.estimators.parts.sample import Answer, Sample
from alfs_cli.estimators.tuning import NEIGHBOURS
from alfs_cli.evidence.neighbours import nearest
from alfs_cli.results.estimate import NeighbourCheck

PURITY_NUMBERS = 5 * 10**5  # probabilities of the subsample on which purity is measured


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Examples `asked` (n,) and their neighbours `places` (n, k), nearest first, as indices."""

    places: IntArray
    asked: IntArray

    def others(self, sample: Sample) -> tuple[Answer, ...]:
        """Return the estimates of `knn` and, unless there are many classes, of `hoc`."""
        which = (self.places, self.asked, sample.labels, sample.num_classes)
        if sample.num_classes > NEIGHBOURS.most_classes_for_triples:
            return (knn_from(*which),)
        return (knn_from(*which), hoc_from(*which))


def neighbourhood_of(sample: Sample) -> Neighbourhood | None:
    """Return the neighbours of at most `NEIGHBOURS.asked` examples, evenly spaced by row.

    Returns None where there are no features, or too few examples.
    """
    N = len(sample.labels)
    if sample.features is None or NEIGHBOURS.least_examples > N:
        return None
    asked = np.unique(np.linspace(0, N - 1, min(N, NEIGHBOURS.asked)).astype(np.int64))
    places = nearest(sample.features, min(NEIGHBOURS.voting, N - 1), of=asked)
    return Neighbourhood(places, asked)


def neighbour_check(
    near: Neighbourhood, sample: Sample, T: FloatArray, *, confidence: float
) -> NeighbourCheck:
    """Return closed-form bounds of the noise rate from A, the agreement of nearest neighbours.

    Two examples of one true class i, labelled independently, agree with probability
    sum_j T_ij^2. It is at least T_ii^2, and at most max_j T_ij, which is T_ii where the right label
    leads. So 1 - sqrt(A) <= noise <= 1 - A (Jensen). Neighbours of different classes agree less
    often: A is at least purity times the agreement of pure neighbours. So the lower bound becomes
    1 - sqrt(A / purity), and the upper bound holds as it is. Purity, the probability that two
    neighbours share their true class, is computed from the estimate's own posteriors.
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
