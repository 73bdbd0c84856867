"""Out-of-fold probabilities from features: ridge classifiers on linear or random Fourier features.

Random Fourier features stand for a Gaussian kernel (Rahimi & Recht, NeurIPS 2007). Regression of
the one-hot labels needs one Gram matrix per fold and no iterations, and its shrinkage withstands
wrong labels better than a logistic fit does (benchmarks/evidence.py). Map and ridge are those of
highest held-out likelihood.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, solve
from threadpoolctl import threadpool_limits

from alfs_cli.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Features = NDArray[np.float32]
Progress = Callable[[str, int, int], None]

RIDGES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.003)  # per example, features scaled to mean square 1
MIN_FOURIER, MAX_FOURIER = 256, 2048
BLOCK = 8192
CALIBRATED_ON = 20_000  # examples: enough for K + 1 numbers
SCORES_AT_ONCE = 2**26


def principal_components(X: NDArray[np.uint8] | Features, size: int) -> Features:
    """Return the `size` leading principal components of rows (N, D), centred, float32."""
    mean = np.zeros(X.shape[1])
    for rows in _blocks(len(X)):
        mean += X[rows].astype(np.float32).sum(axis=0)
    mean = (mean / len(X)).astype(np.float32)
    scatter = np.zeros((X.shape[1], X.shape[1]), dtype=np.float32)
    for rows in _blocks(len(X)):
        centred = X[rows].astype(np.float32) - mean
        scatter += centred.T @ centred
    last = X.shape[1] - 1
    with threadpool_limits(1, user_api="blas"):
        _, vectors = eigh(scatter, subset_by_index=[max(0, last - size + 1), last])
    basis = vectors[:, ::-1].astype(np.float32)
    basis *= np.sign(basis.sum(axis=0) + 1e-12)  # eigenvectors have no sign of their own
    out = np.empty((len(X), basis.shape[1]), dtype=np.float32)
    for rows in _blocks(len(X)):
        out[rows] = (X[rows].astype(np.float32) - mean) @ basis
    return out


@dataclass(frozen=True, eq=False)
class FourierMap:
    """x -> cos(x W + b) - mean, scaled to mean square 1; W None is the identity map."""

    weights: Features | None
    offsets: Features | None
    mean: Features
    scale: float

    def __call__(self, X: Features) -> Features:
        """Return features (n, D) as they are judged: mapped, centred, scaled."""
        raw = X
        if self.weights is not None and self.offsets is not None:
            raw = np.cos(X @ self.weights + self.offsets)
        return np.asarray((raw - self.mean) * np.float32(self.scale), dtype=np.float32)


def linear_map(X: Features) -> FourierMap:
    """Return the map that only centres and scales."""
    mean = X.mean(axis=0)
    square = float(((X - mean) ** 2).mean())
    return FourierMap(None, None, mean, 1 / np.sqrt(square) if square > 0 else 1.0)


def fourier_map(X: Features, size: int, generator: np.random.Generator) -> FourierMap:
    """Return random Fourier features of a Gaussian kernel, bandwidth by the median distance."""
    first = generator.integers(len(X), size=2000)
    second = generator.integers(len(X), size=2000)
    distances = ((X[first] - X[second]) ** 2).sum(axis=1)
    median = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
    W = generator.normal(size=(X.shape[1], size)) * np.sqrt(2 / median)
    b = generator.uniform(0, 2 * np.pi, size)
    weights, offsets = W.astype(np.float32), b.astype(np.float32)
    sample = np.cos(X[generator.permutation(len(X))[:BLOCK]] @ weights + offsets)
    mean = sample.mean(axis=0)
    square = float(((sample - mean) ** 2).mean())
    return FourierMap(weights, offsets, mean, 1 / np.sqrt(square) if square > 0 else 1.0)


Map = Literal["linear", "fourier"]


@dataclass(frozen=True, eq=False)
class Fit:
    """Out-of-fold probabilities (N, K), how they were made, their mean log-likelihood."""

    probs: FloatArray
    name: str
    log_likelihood: float
    map: Map = "linear"


def out_of_fold(
    X: NDArray[np.floating],
    labels: IntArray,
    num_classes: int,
    fold_of: IntArray,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fit:
    """Return out-of-fold probabilities (N, K) of the given labels from features (N, D).

    Linear and Fourier features are tried, each with the ridges of RIDGES; the highest held-out
    likelihood after calibration is kept.
    """
    rows = np.ascontiguousarray(X, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise InputError(
            "features hold NaN or infinite values",
            help="fill those values in, or leave the rows or columns out",
        )
    size = int(np.clip(len(rows) // 2, MIN_FOURIER, MAX_FOURIER))
    curved = fourier_map(rows, size, np.random.default_rng([seed, 2]))
    maps: tuple[tuple[Map, str, FourierMap], ...] = (
        ("linear", "linear ridge", linear_map(rows)),
        ("fourier", f"ridge on {size} Fourier features", curved),
    )
    fits = []
    for step, (kind, name, mapping) in enumerate(maps):
        if progress is not None:
            progress("fitting folds", step, len(maps))
        fit = best_ridge(name, mapping, rows, labels, num_classes, fold_of)
        fits.append(replace(fit, map=kind))
    return max(fits, key=lambda fit: fit.log_likelihood)


def best_ridge(
    name: str,
    mapping: FourierMap,
    X: Features,
    labels: IntArray,
    num_classes: int,
    fold_of: IntArray,
) -> Fit:
    """Return the fit on one map whose ridge has the highest held-out likelihood."""
    seen = np.linspace(0, len(X) - 1, min(len(X), CALIBRATED_ON)).astype(np.int64)
    best, scale, highest = None, np.zeros(0), -np.inf
    for scores in ridge_scores(mapping, X, labels, num_classes, fold_of):
        parameters, log_likelihood = calibration(scores[seen], labels[seen])
        if best is None or log_likelihood > highest:
            best, scale, highest = scores, parameters, log_likelihood
    if best is None:
        raise InputError(
            "there is nothing to fit", help="give features that differ between examples"
        )
    return Fit(calibrated(best, scale), name, highest)


def ridge_scores(
    mapping: FourierMap, X: Features, labels: IntArray, num_classes: int, fold_of: IntArray
) -> Iterator[Features]:
    """Yield out-of-fold least-squares scores (N, K) of the one-hot labels, one ridge at a time.

    Folds are worked on side by side, each with one BLAS thread: threads inside of BLAS wait for one
    another, and on busy cores that takes many times as long as the work.
    """
    held = [np.flatnonzero(fold_of == f) for f in range(int(fold_of.max()) + 1)]
    together = max(1, SCORES_AT_ONCE // (len(X) * num_classes))
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        moments = pool.map(lambda members: _moments(mapping, X, labels, num_classes, members), held)
        grams, targets = (np.stack(parts) for parts in zip(*moments, strict=True))
        gram, target = grams.sum(axis=0), targets.sum(axis=0)
        for first in range(0, len(RIDGES), together):
            ridges = RIDGES[first : first + together]
            scores = np.empty((len(X), len(ridges), num_classes), dtype=np.float32)

            def score(fold: int, ridges: tuple[float, ...], scores: Features) -> None:
                members, weights = held[fold], []
                for ridge in ridges:
                    penalised = gram - grams[fold]
                    penalty = ridge * (len(X) - len(members))
                    penalised[np.diag_indices_from(penalised)] += penalty
                    moment = target - targets[fold]
                    weights.append(solve(penalised, moment, assume_a="pos", overwrite_a=True))
                W = np.concatenate(weights, axis=1).astype(np.float32)
                for rows in _blocks(len(members)):
                    made = mapping(X[members[rows]]) @ W
                    scores[members[rows]] = made.reshape(-1, len(ridges), num_classes)

            list(pool.map(partial(score, ridges=ridges, scores=scores), range(len(held))))
            for place in range(len(ridges)):
                yield np.ascontiguousarray(scores[:, place])


def _moments(
    mapping: FourierMap, X: Features, labels: IntArray, num_classes: int, members: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return Z'Z (D, D) and Z'Y (D, K) of a fold, Y the one-hot labels less their overall mean."""
    prior = np.bincount(labels, minlength=num_classes) / len(labels)
    gram = np.zeros((len(mapping.mean), len(mapping.mean)))
    moment = np.zeros((len(mapping.mean), num_classes))
    for rows in _blocks(len(members)):
        chosen = members[rows]
        Z = mapping(X[chosen])
        Y = -np.tile(prior, (len(chosen), 1)).astype(np.float32)
        Y[np.arange(len(chosen)), labels[chosen]] += 1
        gram += Z.T @ Z
        moment += Z.T @ Y
    return gram, moment


def calibration(scores: Features, labels: IntArray) -> tuple[FloatArray, float]:
    """Return (a, b) (1 + K,) of highest likelihood for softmax(a s + b), and that mean likelihood.

    K + 1 numbers fitted on out-of-fold scores: too few to memorise labels.
    """
    from scipy.optimize import minimize

    N, K = scores.shape
    S = scores.astype(np.float64)
    each = np.arange(N)
    spread = float(S.std()) or 1.0
    counts = np.bincount(labels, minlength=K)

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        P = calibrated(S, parameters)
        loss = -float(np.log(np.maximum(P[each, labels], 1e-300)).mean())
        P[each, labels] -= 1
        gradient = np.concatenate([[float((P * S).mean() * K)], P.mean(axis=0)])
        return loss, gradient

    start = np.concatenate([[1 / spread], np.log((counts + 1) / (N + K))])
    with threadpool_limits(1, user_api="blas"):  # vectors of K + 1: threads only wait
        result = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return result.x, -float(result.fun)


def calibrated(scores: NDArray[np.floating], parameters: FloatArray) -> FloatArray:
    """Return softmax(a s + b) (N, K), parameters (1 + K,) = (a, b)."""
    logits = parameters[0] * scores.astype(np.float64) + parameters[1:]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return np.asarray(logits / logits.sum(axis=1, keepdims=True), dtype=np.float64)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))
