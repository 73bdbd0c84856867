"""Dual-T: T as the product of two matrices, through the most probable class as intermediate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray
from alfs_cli.estimators.anchor import anchors_of
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.estimators.parts.resampled import ResampledEstimate
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.noise import rows_of_counts


def dual_t(sample: Sample) -> ResampledEstimate:
    """Return T = T_a T_b, after Yao et al., NeurIPS 2020.

    T_a, from the true to the intermediate class, is read at anchor points; T_b, from the
    intermediate class to the given label, is counted. Yao et al. take the posterior of an
    overconfident network for the intermediate class. A calibrated p(given | x) in its place would
    count the noise twice, so here it is p(given | x) deconvolved by T_b.
    """
    probs, labels, K = sample.probs, sample.labels, sample.num_classes
    predicted = probs.argmax(axis=1)
    seen = np.zeros((K, K))
    np.add.at(seen, (predicted, labels), 1)
    q = true_class_probs(probs, rows_of_counts(seen))
    anchors = [anchors_of(q, predicted, cls, int((labels == cls).sum())) for cls in range(K)]
    prior = q.mean(axis=0)

    def product(counts: FloatArray, weights: Sequence[NDArray[Any]]) -> FloatArray:
        T_a = np.eye(K)
        for cls, (members, weight) in enumerate(zip(anchors, weights, strict=True)):
            if len(members):
                T_a[cls] = weight @ q[members] / weight.sum()
        T = T_a @ rows_of_counts(counts)
        return np.asarray(T / T.sum(axis=1, keepdims=True))

    def redraw(generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        total = int(seen.sum())
        counts = generator.multinomial(total, seen.ravel() / total).reshape(K, K)
        weights = [
            np.bincount(generator.integers(max(len(some), 1), size=len(some)), minlength=len(some))
            for some in anchors
        ]
        chosen = generator.integers(len(q), size=min(len(q), 2000))  # rows, enough for a mean
        return product(counts.astype(np.float64), weights), q[chosen].mean(axis=0)

    T = product(seen, [np.ones(len(some)) for some in anchors])
    return ResampledEstimate("dual-t", T, prior / prior.sum(), redraw, len(labels), most=1000)
