"""Out-of-fold scores as a head takes them: whitened, in columns, sorted by given label."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.joint.likelihood import Likelihood
from alfs_cli.estimators.joint.ties import SMALLEST

Single = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scores:
    """Whitened functions (D, N) of the out-of-fold scores, sorted by given label.

    `start[j]` is the first place of label j; `order` the places in the data set; `unwhiten` (K, D)
    and `centre` (K,) give the log-probabilities back, up to a constant for each example. For a head
    that only scales and shifts each class's score `values` are the log-probabilities themselves
    and `unwhiten` is (K,), ones.
    """

    values: Single
    start: IntArray
    order: IntArray
    unwhiten: FloatArray
    centre: FloatArray

    @property
    def is_scaled(self) -> bool:
        """Whether the head scales each class's score alone: A is (K,), not (K, D)."""
        return self.unwhiten.ndim == 1

    @property
    def labels(self) -> IntArray:
        """Given labels (N,) in this order."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @cached_property
    def likelihood(self) -> Likelihood:
        """The likelihood of heads on these scores."""
        return Likelihood(self.values, self.start, is_scaled=self.is_scaled)

    def among(self, columns: IntArray) -> "Scores":
        """Return the scores of some examples, by increasing columns, in the same coordinates."""
        return replace(
            self,
            values=np.ascontiguousarray(self.values[:, columns]),
            start=np.searchsorted(columns, self.start),
            order=self.order[columns],
        )


def scores_of(
    probs: FloatArray, labels: IntArray, *, products: Literal["none", "squares", "all"] = "none"
) -> Scores:
    """Return the centred, whitened log-probabilities (N, K), with products of them.

    Classes whose scores are normal with one covariance have a softmax of linear scores for
    posterior, with a covariance each a softmax of quadratic ones. Squares alone are enough where
    the probabilities are surer, or less sure, than they should be.
    """
    K = probs.shape[1]
    L = np.log(np.maximum(probs, SMALLEST))
    L -= L.mean(axis=1, keepdims=True)
    if products != "none":
        first, second = np.triu_indices(K) if products == "all" else 2 * (np.arange(K),)
        unit = (L - L.mean(axis=0)) / max(float(L.std()), 1e-12)
        L = np.concatenate([L, unit[:, first] * unit[:, second]], axis=1)
    centre = L.mean(axis=0)
    L -= centre
    values, vectors = np.linalg.eigh(L.T @ L / len(L))
    kept = values > 1e-7 * max(float(values[-1]), 1e-300)
    values, vectors = values[kept], vectors[:, kept]
    order = np.argsort(labels, kind="stable")
    rows = (L[order] @ (vectors / np.sqrt(values))).T
    start = np.searchsorted(labels[order], np.arange(K + 1))
    return Scores(
        np.ascontiguousarray(rows, dtype=np.float32),
        start.astype(np.int64),
        order,
        np.asarray(vectors * np.sqrt(values))[:K],
        centre[:K],
    )


def scaled_scores_of(probs: FloatArray, labels: IntArray) -> Scores:
    """Return the log-probabilities (N, K) for a head of one factor and one shift for each class.

    For many classes, where a head that mixes them has too many parameters. Giving it more scores
    of each class to weigh lets it take noise for overlap (benchmarks/estimators.py, gauss50).
    """
    K = probs.shape[1]
    order = np.argsort(labels, kind="stable")
    L = np.log(np.maximum(probs[order], SMALLEST))
    L -= L.mean(axis=1, keepdims=True)
    start = np.searchsorted(labels[order], np.arange(K + 1))
    values = np.ascontiguousarray(L.T, dtype=np.float32)
    return Scores(values, start.astype(np.int64), order, np.ones(K), np.zeros(K))


def head_probs(scores: Scores, A: FloatArray, b: FloatArray) -> Single:
    """Return softmax(A s + b), (K, N)."""
    weights = A.astype(np.float32)
    Z: Single = weights[:, None] * scores.values if scores.is_scaled else weights @ scores.values
    Z += b.astype(np.float32)[:, None]
    Z -= Z.max(axis=0)
    np.exp(Z, out=Z)
    Z /= Z.sum(axis=0)
    return Z


def through(scores: Scores, Q: Single, T: FloatArray) -> tuple[Single, float]:
    """Return P(true | x, given) (K, N) and the log-likelihood of the given labels."""
    R = np.empty_like(Q)
    columns = T.astype(np.float32)
    for j in range(len(T)):
        span = slice(int(scores.start[j]), int(scores.start[j + 1]))
        np.multiply(Q[:, span], columns[:, j, None], out=R[:, span])
    likelihood = np.maximum(R.sum(axis=0), np.float32(1e-30))
    R /= likelihood
    return R, float(np.log(likelihood).sum(dtype=np.float64))


def counts_by_label(scores: Scores, weights: Single) -> FloatArray:
    """Return sums (K, K) of weights (K, N) over the examples with each given label."""
    K = len(weights)
    sums = np.zeros((K, K))
    for j in range(K):
        span = slice(int(scores.start[j]), int(scores.start[j + 1]))
        sums[:, j] = weights[:, span].sum(axis=1, dtype=np.float64)
    return sums
