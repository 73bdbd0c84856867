"""The two-stage likelihood: p(given | x) = softmax(A s + b)^T T on K-dimensional scores s(x).

The noise-adaptation layer of Goldberger & Ben-Reuven, ICLR 2017, fitted on out-of-fold scores
instead of inside a network: noise that depends on the true class alone does so given any function
of x, so nothing is lost by going to K dimensions. Examples lie in columns, sorted by given label.

T's rows are softmaxes of logits that share parameters by a tie (K, K): cells of a row with the same
number are equal, the diagonal (-1) has logit 0. One number for all cells off the diagonal is
symmetric noise, one a row is a rate for each class, K (K - 1) numbers any T.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.joint.tuning import HEAD

Single = NDArray[np.float32]

SMALLEST = 1e-6  # probabilities below it carry no more evidence
RIDGE = 1e-6  # of A; next to none, for the directions that the data leave open
LOGIT_FLOOR = -14.0  # a rate of a millionth, which stands for none
MAX_INFORMATION = 2 * 10**7  # numbers in the matrix of scores from which information is counted
INFORMATION_BLOCK = 2**19  # of them worked on at once, so that they stay in the cache


def symmetric_tie(K: int) -> IntArray:
    """Return the tie of T with one rate for all classes."""
    return np.where(np.eye(K, dtype=bool), -1, 0).astype(np.int64)


def row_tie(K: int) -> IntArray:
    """Return the tie of T with one rate for each true class."""
    rows = np.repeat(np.arange(K)[:, None], K, axis=1)
    return np.where(np.eye(K, dtype=bool), -1, rows).astype(np.int64)


def full_tie(K: int) -> IntArray:
    """Return the tie of an unrestricted T."""
    tie = np.full((K, K), -1, dtype=np.int64)
    off = ~np.eye(K, dtype=bool)
    tie[off] = np.arange(K * (K - 1))
    return tie


def strong_tie(strength: FloatArray, *, least: float, most: int) -> IntArray:
    """Return the tie of T with one rate for each class and the strongest cells free.

    `strength` (K, K) ranks the cells; those above `least` are free, at most `most` in all.
    """
    K = len(strength)
    ranked = np.where(np.eye(K, dtype=bool), -np.inf, strength).ravel()
    chosen = np.argsort(-ranked, kind="stable")[:most]
    chosen = chosen[ranked[chosen] > least]
    tie = row_tie(K)
    tie.ravel()[chosen] = K + np.arange(len(chosen))
    return tie


def tied_transition(theta: FloatArray, tie: IntArray) -> FloatArray:
    """Return T (K, K) of free logits theta under a tie."""
    logits = np.where(tie >= 0, theta[np.maximum(tie, 0)] if len(theta) else 0.0, 0.0)
    logits -= logits.max(axis=1, keepdims=True)
    T = np.exp(logits)
    return np.asarray(T / T.sum(axis=1, keepdims=True), dtype=np.float64)


def tied_logits(T: FloatArray, tie: IntArray) -> FloatArray:
    """Return the logits whose T under a tie is near a given one: means over the tied cells."""
    logits = np.log(np.maximum(T, SMALLEST)) - np.log(np.maximum(np.diag(T), SMALLEST))[:, None]
    off = tie >= 0
    count = np.bincount(tie[off])
    return np.asarray(
        np.clip(np.bincount(tie[off], logits[off]) / count, LOGIT_FLOOR, 14.0), dtype=np.float64
    )


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

    def among(self, columns: IntArray) -> "Scores":
        """Return the scores of some examples, by increasing columns, in the same coordinates."""
        return replace(
            self,
            values=np.ascontiguousarray(self.values[:, columns]),
            start=np.searchsorted(columns, self.start),
            order=self.order[columns],
        )


def scores_of(probs: FloatArray, labels: IntArray, *, is_quadratic: bool = False) -> Scores:
    """Return the centred, whitened log-probabilities (N, K), with their products if quadratic.

    Classes whose scores are normal with one covariance have a softmax of linear scores for
    posterior, with a covariance each a softmax of quadratic ones.
    """
    K = probs.shape[1]
    L = np.log(np.maximum(probs, SMALLEST))
    L -= L.mean(axis=1, keepdims=True)
    if is_quadratic:
        first, second = np.triu_indices(K)
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


@dataclass(frozen=True, eq=False)
class HeadFit:
    """A fitted head and T of one family, with the log-likelihood of the given labels."""

    family: str
    tie: IntArray
    A: FloatArray
    b: FloatArray
    theta: FloatArray
    transition: FloatArray
    log_likelihood: float
    probs: Single


def fit_head(
    scores: Scores,
    family: str,
    tie: IntArray | None,
    start: "HeadFit | None" = None,
    *,
    near: FloatArray | None = None,
    max_iterations: int = 300,
) -> HeadFit:
    """Return the maximum-likelihood head and T under a tie; no tie is T = I.

    Starts at the head of `start` (the given log-probabilities without one) and at T near `near`.
    A Dirichlet prior worth `prior_examples` examples a class holds the shares of the true classes
    near those of the labels: with few examples, two classes that swap labels would merge into one.
    """
    K, N = len(scores.centre), scores.values.shape[1]
    A = scores.unwhiten if start is None else start.A
    b = scores.centre if start is None else start.b
    fixed = np.full((K, K), -1, dtype=np.int64)
    cells = fixed if tie is None else tie
    theta = np.zeros(0) if tie is None or near is None else tied_logits(near, tie)
    off = cells >= 0
    size = A.size
    expected = np.zeros(K) if tie is None else HEAD.prior_examples * K / N * np.diff(scores.start)

    def transition(logits: FloatArray) -> FloatArray:
        return np.eye(K) if tie is None else tied_transition(logits, cells)

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        weights = parameters[:size].reshape(A.shape)
        T = transition(parameters[size + K :])
        Q = head_probs(scores, weights, parameters[size : size + K])
        R, log_likelihood = through(scores, Q, T)
        counts = counts_by_label(scores, R)
        by_cell = counts - T * counts.sum(axis=1, keepdims=True)
        R -= Q
        share = np.maximum(Q.mean(axis=1, dtype=np.float64), SMALLEST)
        if tie is not None:
            pull = (expected / (N * share)).astype(np.float32)
            R += Q * (pull[:, None] - pull @ Q)
        value = log_likelihood + float(expected @ np.log(share))
        gradient = np.concatenate(
            [
                (_by_weight(scores, R) / N - RIDGE * weights).ravel(),
                R.sum(axis=1, dtype=np.float64) / N,
                np.bincount(cells[off], by_cell[off], minlength=len(theta)) / N,
            ]
        )
        return -value / N + RIDGE / 2 * float((weights**2).sum()), -gradient

    result = minimize(
        objective,
        np.concatenate([A.ravel(), b, theta]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None)] * (size + K) + [(LOGIT_FLOOR, 14.0)] * len(theta),
        options={"maxiter": max_iterations, "ftol": 1e-9, "gtol": 1e-6, "maxcor": 20},
    )
    A = result.x[:size].reshape(A.shape)
    b, theta = result.x[size : size + K], result.x[size + K :]
    T = transition(theta)
    Q = head_probs(scores, A, b)
    return HeadFit(family, cells, A, b, theta, T, through(scores, Q, T)[1], Q)


def _by_weight(scores: Scores, residual: Single) -> FloatArray:
    """Return the derivative of the log-likelihood by A, of residuals (K, N)."""
    if scores.is_scaled:
        return np.asarray(np.einsum("kn,kn->k", residual, scores.values), dtype=np.float64)
    return np.asarray(residual @ scores.values.T, dtype=np.float64)


def cell_covariance(scores: Scores, fit: HeadFit) -> tuple[FloatArray, FloatArray]:
    """Return the covariance of theta (P, P) and dT/dtheta (K, K, P).

    The inverse of the summed outer products of the examples' scores in all parameters, the head's
    included, so that what the head and T can trade against each other counts as uncertainty. A head
    of more than `max_parameters` is held fixed, and the variance is multiplied instead.
    """
    N, P = scores.values.shape[1], len(fit.theta)
    head = fit.A.size + len(fit.b)
    has_head = head <= HEAD.max_parameters
    width = P + (head if has_head else 0)
    kept = np.arange(N)
    if N * width > MAX_INFORMATION:
        kept = np.linspace(0, N - 1, max(MAX_INFORMATION // width, 4 * width)).astype(np.int64)
        kept = np.unique(np.minimum(kept, N - 1))
    jacobian, size = _log_jacobian(fit), max(1, INFORMATION_BLOCK // width)
    information = np.zeros((width, width))
    for first in range(0, len(kept), size):
        rows = _derivatives(scores, fit, jacobian, kept[first : first + size], has_head=has_head)
        information += rows @ rows.T
    information *= N / len(kept)
    information[np.diag_indices(width)] += HEAD.prior_precision
    covariance = np.linalg.inv(information)[-P:, -P:] * (
        1 if has_head else HEAD.held_variance_factor
    )
    return np.asarray(covariance), np.asarray(jacobian * fit.transition[:, :, None])


def _log_jacobian(fit: HeadFit) -> FloatArray:
    """Return the derivatives (K, K, P) of log T by theta."""
    T, K, P = fit.transition, len(fit.b), len(fit.theta)
    jacobian = np.zeros((K, K, P))
    share = np.zeros((K, P))
    rows, columns = np.nonzero(fit.tie >= 0)
    np.add.at(share, (rows, fit.tie[rows, columns]), T[rows, columns])
    jacobian[rows, columns, fit.tie[rows, columns]] = 1.0
    jacobian -= share[:, None, :]
    return jacobian


def _derivatives(
    scores: Scores, fit: HeadFit, jacobian: FloatArray, columns: IntArray, *, has_head: bool
) -> FloatArray:
    """Return the derivatives (P, n) of some examples' log-likelihood by all parameters.

    `columns` (n,) increase. The head's come first, theta's last.
    """
    Q = fit.probs[:, columns].astype(np.float64)
    start = np.searchsorted(columns, scores.start)
    labels = np.repeat(np.arange(len(start) - 1), np.diff(start))
    R = Q * fit.transition[:, labels]
    R /= np.maximum(R.sum(axis=0), 1e-30)
    by_theta = np.empty((len(fit.theta), len(columns)))
    for label, (first, last) in enumerate(pairwise(start)):
        by_theta[:, first:last] = jacobian[:, label].T @ R[:, first:last]
    if not has_head:
        return by_theta
    moved = R - Q
    X = scores.values[:, columns].astype(np.float64)
    by_weight = moved * X if scores.is_scaled else moved[:, None, :] * X[None]
    return np.concatenate([by_weight.reshape(fit.A.size, len(columns)), moved, by_theta])
