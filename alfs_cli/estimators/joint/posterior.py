"""What an example truly is, given its evidence and T: q(true | x), ready for Bayes' rule.

Two ways, and the one under which held-out labels are likelier is taken. Deconvolution undoes T
example by example and is sharpened by one power for all; few examples bear it. A linear head fitted
to the given labels through T, in folds, also mends how the evidence confuses classes; it has K^2
numbers and wants thousands of examples.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from alfs_cli.arrays import FloatArray, IntArray, Probabilities
from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators.joint.ascent import RIDGE
from alfs_cli.estimators.joint.scores import Scores, scores_of
from alfs_cli.estimators.joint.ties import SMALLEST
from alfs_cli.estimators.joint.tuning import POSTERIOR
from alfs_cli.noise.threads import one_blas_thread


class TrueClass(Protocol):
    """A way from the evidence of a data set to what its examples truly are."""

    def __call__(self, rows: slice | IntArray) -> FloatArray:
        """Return q(true | x) of some rows, (n, K)."""
        ...

    def on(self, probs: Probabilities) -> "TrueClass":
        """Return the same way for other examples, by their evidence (n, K)."""
        ...


SHARPENED_ON = 20_000  # examples that one power is fitted on
FITTED_ON = 2 * 10**6  # numbers (N K) that heads are fitted on
BLOCK_NUMBERS = 2**22
IN_CACHE = 2**15  # numbers that many steps in a row find in the cache
NEVER = 1e-9  # no label is quite impossible


def true_class_probs(probs: Probabilities, T: FloatArray) -> FloatArray:
    """Return q(true | x) (N, K) with q T closest to p(given | x) in likelihood.

    Richardson-Lucy steps from q = p: positive, rows sum to 1, no inverse of T.
    """
    found = np.empty(probs.shape)
    with one_blas_thread():  # the products are small: threads would mostly wait
        for rows in blocks(len(probs), len(T), numbers=IN_CACHE):
            found[rows] = _deconvolved_block(np.asarray(probs[rows], dtype=np.float64).T, T).T
    return found


def _deconvolved_block(p: FloatArray, T: FloatArray) -> FloatArray:
    """Return q (K, n) for p (K, n): with the classes in rows, sums over them run along the rows."""
    p, to_given = np.ascontiguousarray(p), np.ascontiguousarray(T.T)
    q = np.maximum(p, 1e-12)
    q /= q.sum(axis=0)
    for _ in range(POSTERIOR.deconvolution_steps):
        seen = to_given @ q
        np.maximum(seen, 1e-12, out=seen)
        np.divide(p, seen, out=seen)
        q *= T @ seen
        q /= np.maximum(q.sum(axis=0), 1e-300)
    return q


def true_class(probs: Probabilities, labels: IntArray, T: FloatArray) -> TrueClass:
    """Return q(true | x) of the likelier way, from p(given | x) (N, K), labels (N,) and T.

    No cell of T is 0 (`possible`).
    """
    N, K = probs.shape
    few = np.linspace(0, N - 1, min(N, SHARPENED_ON)).astype(np.int64)
    sharp = Sharpened(probs, T, _power(probs[few], labels[few], T))
    if not 2 < K <= POSTERIOR.max_head_classes or POSTERIOR.folds * K > N:
        return sharp
    fold_of = stratified_folds(labels, POSTERIOR.folds, np.random.default_rng(0))
    with one_blas_thread():
        head = Head(probs, fold_of, *_heads(probs, labels, T, fold_of))
    by_head, by_power = head(few), sharp(few)
    likelier = _likelihood(by_head, labels[few], T) > _likelihood(by_power, labels[few], T)
    return head if likelier and not _loses_a_class(by_head, by_power) else sharp


def mended(probs: Probabilities, labels: IntArray, fitted_on: IntArray) -> TrueClass | None:
    """Return p(given | x) with what the evidence confuses put right, fitted in folds to some rows.

    None where classes or examples are too few for it, or classes too many.
    """
    N, K = len(fitted_on), probs.shape[1]
    if not 2 < K <= POSTERIOR.max_head_classes or POSTERIOR.folds * K > N:
        return None
    fold_of = stratified_folds(labels, POSTERIOR.folds, np.random.default_rng(0))
    with one_blas_thread():
        fitted = _heads(probs[fitted_on], labels[fitted_on], np.eye(K), fold_of[fitted_on])
    return Head(probs, fold_of, *fitted)


def _loses_a_class(q: FloatArray, before: FloatArray) -> bool:
    """Say whether a class of some examples has next to none of them left, by q(true | x) (n, K).

    Where two classes swap nearly half of their labels, one that is called empty is likelier still.
    """
    had = before.sum(axis=0)
    return bool(
        (
            (q.sum(axis=0) < POSTERIOR.least_share_kept * had)
            & (had >= POSTERIOR.least_examples_kept)
        ).any()
    )


def possible(T: FloatArray, labels: IntArray) -> FloatArray:
    """Return T without impossible labels: cells that nothing was counted in may hold an example.

    Where T is counted, for many classes, a cell is half an example's worth at least.
    """
    if len(T) <= POSTERIOR.max_head_classes:
        return np.maximum(T, NEVER)
    examples = np.maximum(np.bincount(labels, minlength=len(T)), 1)
    filled = np.maximum(T, 0.5 / examples[:, None])
    return np.asarray(filled / filled.sum(axis=1, keepdims=True), dtype=np.float64)


def blocks(count: int, width: int, *, numbers: int = BLOCK_NUMBERS) -> Iterator[slice]:
    """Yield runs of rows of (count, width) that are worked on at once."""
    size = max(1, numbers // width)
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _likelihood(q: FloatArray, labels: IntArray, T: FloatArray) -> float:
    """Return the log-likelihood of given labels (n,) under q T, q (n, K)."""
    seen = (q * T[:, labels].T).sum(axis=1)
    return float(np.log(np.maximum(seen, 1e-300)).sum())


# Deconvolution.


@dataclass(frozen=True, eq=False)
class Sharpened:
    """q^power, q by deconvolution of the evidence (N, K), rows summing to 1."""

    probs: Probabilities
    T: FloatArray
    power: float

    def __call__(self, rows: slice | IntArray) -> FloatArray:
        """Return q^power of some rows, (n, K)."""
        return _to_power(_deconvolved(self.probs[rows], self.T), self.power)

    def on(self, probs: Probabilities) -> "Sharpened":
        """Return the same for other examples."""
        return replace(self, probs=probs)


def _deconvolved(probs: Probabilities, T: FloatArray) -> FloatArray:
    if len(T) > POSTERIOR.max_deconvolved_classes:
        return np.asarray(probs, dtype=np.float64)
    return true_class_probs(probs, T)


def _to_power(q: FloatArray, power: float) -> FloatArray:
    raised = np.maximum(q, NEVER) ** power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def _power(probs: Probabilities, labels: IntArray, T: FloatArray) -> float:
    """Return the power of highest likelihood: early-stopped deconvolution is too flat."""
    q, columns = _deconvolved(probs, T), T[:, labels].T

    def loss(log_power: float) -> float:
        seen = (_to_power(q, float(np.exp(log_power))) * columns).sum(axis=1)
        return -float(np.log(np.maximum(seen, 1e-300)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))


# A head.


@dataclass(frozen=True, eq=False)
class Head:
    """softmax(log p M_f + c_f) with M (F, K, K), c (F, K) of the fold f that left the row out."""

    probs: Probabilities
    fold_of: IntArray
    M: FloatArray
    c: FloatArray

    def __call__(self, rows: slice | IntArray) -> FloatArray:
        """Return the posterior of some rows (n, K), each by the head that left it out."""
        L = _log_scores(self.probs[rows])
        folds = self.fold_of[rows]
        Z = np.empty_like(L)
        for fold in range(len(self.M)):
            held = folds == fold
            Z[held] = L[held] @ self.M[fold] + self.c[fold]
        Z -= Z.max(axis=1, keepdims=True)
        np.exp(Z, out=Z)
        return np.asarray(Z / Z.sum(axis=1, keepdims=True), dtype=np.float64)

    def on(self, probs: Probabilities) -> "Head":
        """Return the mean of the heads, for examples that none of them was fitted to."""
        alone = np.zeros(len(probs), dtype=np.int64)
        mean = self.M.mean(axis=0, keepdims=True), self.c.mean(axis=0, keepdims=True)
        return Head(probs, alone, *mean)


def _log_scores(probs: Probabilities) -> FloatArray:
    L = np.log(np.maximum(np.asarray(probs, dtype=np.float64), SMALLEST))
    return np.asarray(L - L.mean(axis=1, keepdims=True), dtype=np.float64)


def _heads(
    probs: Probabilities, labels: IntArray, T: FloatArray, fold_of: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Fit a head to all folds but one, for each; the next starts where the last one ended."""
    N, most = len(labels), max(FITTED_ON // len(T), 1)
    some = np.arange(N)
    if most < N:
        some = np.sort(np.random.default_rng(0).choice(N, most, replace=False))
    scores = scores_of(np.asarray(probs[some], dtype=np.float64), labels[some])
    found, folds = np.append(scores.unwhiten, scores.centre), fold_of[some][scores.order]
    heads = []
    for fold in range(POSTERIOR.folds):
        found = _fit_through(scores.among(np.flatnonzero(folds != fold)), T, found)
        heads.append(_of_log_probs(scores, found))
    matrices, offsets = zip(*heads, strict=True)
    return np.stack(matrices), np.stack(offsets)


def _fit_through(
    scores: Scores, T: FloatArray, start: FloatArray, *, max_iterations: int = 150
) -> FloatArray:
    """Return (A, b) (K D + K,) of highest likelihood of softmax(A s + b)^T T, T held."""
    K, D = scores.unwhiten.shape
    N = scores.values.shape[1]

    likelihood = scores.likelihood

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        A = parameters[: K * D].reshape(K, D)
        found = likelihood(A, parameters[K * D :], T)
        gradient = np.append((found.by_A / N - RIDGE * A).ravel(), found.by_b / N)
        return -found.log_likelihood / N + RIDGE / 2 * float((A**2).sum()), -gradient

    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iterations, "ftol": 1e-8, "maxcor": 10},
    ).x
    return np.asarray(found)


def _of_log_probs(scores: Scores, found: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (M, c) with softmax(log p M + c) the head (A, b) (K D + K,) on whitened scores."""
    K, D = scores.unwhiten.shape
    # whitened scores are (log p - mean) W with W the inverse of unwhiten on its range
    W = np.linalg.pinv(scores.unwhiten.T)
    M = W @ found[: K * D].reshape(K, D).T
    return np.asarray(M), np.asarray(found[K * D :] - scores.centre @ M)
