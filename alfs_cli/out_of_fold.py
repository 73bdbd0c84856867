"""Out-of-fold probabilities from features: ridge classifiers on linear or random Fourier features.

Random Fourier features stand for a Gaussian kernel (Rahimi & Recht, NeurIPS 2007). Regression of
the one-hot labels needs one Gram matrix per fold and no iterations, and its shrinkage withstands
wrong labels better than a logistic fit does (benchmarks/evidence.py). Map and ridge are those of
highest held-out likelihood.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Features = NDArray[np.float32]
Progress = Callable[[str, int, int], None]

RIDGES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.003)  # per example, features scaled to mean square 1
MIN_FOURIER, MAX_FOURIER = 256, 2048
BLOCK = 8192


def stratified_folds(labels: IntArray, folds: int, generator: np.random.Generator) -> IntArray:
    """Return a fold 0 .. folds - 1 for each example (N,): each class is dealt out evenly."""
    fold_of = np.empty(len(labels), dtype=np.int64)
    start = 0
    for cls in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == cls))
        fold_of[members] = (start + np.arange(len(members))) % folds
        start += len(members)
    return fold_of


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
    _, vectors = np.linalg.eigh(scatter)
    basis = vectors[:, ::-1][:, :size].astype(np.float32)
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


@dataclass(frozen=True, eq=False)
class Fit:
    """Out-of-fold probabilities (N, K), how they were made, their mean log-likelihood."""

    probs: FloatArray
    name: str
    log_likelihood: float


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
        raise InputError("features hold NaN or infinite values")
    size = int(np.clip(len(rows) // 2, MIN_FOURIER, MAX_FOURIER))
    maps = {
        "linear ridge": linear_map(rows),
        f"ridge on {size} Fourier features": fourier_map(
            rows, size, np.random.default_rng([seed, 2])
        ),
    }
    fits = []
    for step, (name, mapping) in enumerate(maps.items()):
        if progress is not None:
            progress("fitting folds", step, len(maps))
        for scores in ridge_scores(mapping, rows, labels, num_classes, fold_of):
            probs, log_likelihood = calibrated(scores, labels)
            fits.append(Fit(probs, name, log_likelihood))
    return max(fits, key=lambda fit: fit.log_likelihood)


def ridge_scores(
    mapping: FourierMap, X: Features, labels: IntArray, num_classes: int, fold_of: IntArray
) -> Iterator[Features]:
    """Yield out-of-fold least-squares scores (N, K) of the one-hot labels, one ridge at a time."""
    folds = int(fold_of.max()) + 1
    prior = np.bincount(labels, minlength=num_classes) / len(labels)
    size = len(mapping.mean)
    grams = np.zeros((folds, size, size))
    targets = np.zeros((folds, size, num_classes))
    held = [np.flatnonzero(fold_of == f) for f in range(folds)]
    for fold, members in enumerate(held):
        for rows in _blocks(len(members)):
            chosen = members[rows]
            Z = mapping(X[chosen])
            Y = -np.tile(prior, (len(chosen), 1)).astype(np.float32)
            Y[np.arange(len(chosen)), labels[chosen]] += 1
            grams[fold] += Z.T @ Z
            targets[fold] += Z.T @ Y
    gram, target = grams.sum(axis=0), targets.sum(axis=0)
    eigen = [np.linalg.eigh(gram - grams[f]) for f in range(folds)]
    for ridge in RIDGES:
        scores = np.empty((len(X), num_classes), dtype=np.float32)
        for fold, members in enumerate(held):
            values, vectors = eigen[fold]
            penalty = ridge * (len(X) - len(members))
            rotated = vectors.T @ (target - targets[fold])
            W = vectors @ (rotated / (np.maximum(values, 0) + penalty)[:, None])
            weights = W.astype(np.float32)
            for rows in _blocks(len(members)):
                scores[members[rows]] = mapping(X[members[rows]]) @ weights
        yield scores


def calibrated(scores: Features, labels: IntArray) -> tuple[FloatArray, float]:
    """Return softmax(a s + b) with a and b (K,) of highest likelihood, and that mean likelihood.

    K + 1 numbers fitted on the out-of-fold scores: too few to memorise labels.
    """
    from scipy.optimize import minimize

    N, K = scores.shape
    S = scores.astype(np.float64)
    each = np.arange(N)
    spread = float(S.std()) or 1.0
    counts = np.bincount(labels, minlength=K)

    def softmax(parameters: FloatArray) -> FloatArray:
        logits = parameters[0] * S + parameters[1:]
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        return np.asarray(logits / logits.sum(axis=1, keepdims=True), dtype=np.float64)

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        P = softmax(parameters)
        loss = -float(np.log(np.maximum(P[each, labels], 1e-300)).mean())
        P[each, labels] -= 1
        gradient = np.concatenate([[float((P * S).mean() * K)], P.mean(axis=0)])
        return loss, gradient

    start = np.concatenate([[1 / spread], np.log((counts + 1) / (N + K))])
    result = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return softmax(result.x), -float(result.fun)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))
