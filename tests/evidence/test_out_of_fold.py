"""Out-of-fold scores against scikit-learn and against the plain way of computing them."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from alfs_cli.data.folds import stratified_folds
from alfs_cli.errors import InputError
from alfs_cli.evidence.out_of_fold import (
    RIDGES,
    calibrated,
    calibration,
    fourier_map,
    linear_map,
    out_of_fold,
    principal_components,
    ridge_scores,
)


@pytest.fixture
def problem():
    """Three classes around three corners, 4 features: X (240, 4), labels (240,)."""
    generator = np.random.default_rng(0)
    labels = np.arange(240) % 3
    X = np.eye(4)[labels] * 2 + generator.normal(size=(240, 4))
    return X.astype(np.float32), labels


def test_folds_are_even_in_every_class(problem):
    _, labels = problem
    folds = stratified_folds(labels, 5, np.random.default_rng(1))
    table = np.array([[((labels == c) & (folds == f)).sum() for f in range(5)] for c in range(3)])
    assert table.min() >= 16
    assert table.max() <= 16
    assert (np.bincount(folds) == 48).all()


def test_ridge_scores_are_scikit_learns(problem):
    X, labels = problem
    fold_of = stratified_folds(labels, 4, np.random.default_rng(1))
    mapping = linear_map(X)
    Z = mapping(X).astype(np.float64)
    Y = np.eye(3)[labels] - np.bincount(labels) / len(labels)
    for ridge, scores in zip(RIDGES, ridge_scores(mapping, X, labels, 3, fold_of), strict=True):
        for fold in range(4):
            held = fold_of == fold
            model = Ridge(alpha=ridge * (~held).sum(), fit_intercept=False)
            expected = model.fit(Z[~held], Y[~held]).predict(Z[held])
            np.testing.assert_allclose(scores[held], expected, atol=2e-5)


def test_no_example_sees_its_own_label(problem):
    """Flipping the labels of one fold must not move that fold's scores."""
    X, labels = problem
    fold_of = stratified_folds(labels, 4, np.random.default_rng(1))
    held = fold_of == 2
    flipped = labels.copy()
    flipped[held] = (labels[held] + 1) % 3
    mapping = linear_map(X)
    before = next(iter(ridge_scores(mapping, X, labels, 3, fold_of)))
    after = next(iter(ridge_scores(mapping, X, flipped, 3, fold_of)))
    np.testing.assert_allclose(before[held], after[held], atol=1e-5)
    assert np.abs(before[~held] - after[~held]).max() > 0.01


def test_calibration_is_a_maximum(problem):
    """The gradient is right: no small step from the fitted parameters does better."""
    X, labels = problem
    fold_of = stratified_folds(labels, 4, np.random.default_rng(1))
    scores = next(iter(ridge_scores(linear_map(X), X, labels, 3, fold_of)))
    parameters, likelihood = calibration(scores, labels)
    probs = calibrated(scores, parameters)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert likelihood == pytest.approx(np.log(probs[np.arange(240), labels]).mean())
    for slope in (0.9, 1.1):
        for shift in np.vstack([np.zeros(3), 0.1 * np.eye(3), -0.1 * np.eye(3)]):
            moved = probs**slope * np.exp(shift)
            moved /= moved.sum(axis=1, keepdims=True)
            assert np.log(moved[np.arange(240), labels]).mean() <= likelihood + 1e-9


def test_fourier_features_make_a_gaussian_kernel():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(300, 3)).astype(np.float32)
    mapping = fourier_map(X, 20_000, np.random.default_rng(1))
    raw = np.cos(X[:20] @ mapping.weights + mapping.offsets)
    kernel = 2 * raw @ raw.T / raw.shape[1]
    squares = ((X[:20, None] - X[None, :20]) ** 2).sum(axis=2)
    width = (mapping.weights.std() ** 2) / 2
    np.testing.assert_allclose(kernel, np.exp(-width * squares), atol=0.04)


def test_curved_borders_take_fourier_features():
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, size=(600, 2))
    labels = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    fold_of = stratified_folds(labels, 5, np.random.default_rng(1))
    fit = out_of_fold(X, labels, 2, fold_of)
    assert "Fourier" in fit.name
    assert (fit.probs.argmax(axis=1) == labels).mean() > 0.93


def test_principal_components_are_numpys():
    X = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32) * np.arange(1, 7)
    found = principal_components(X, 3)
    centred = X - X.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(left[:, :3] * sizes[:3]), atol=1e-3)


def test_the_seed_decides(problem):
    X, labels = problem
    fold_of = stratified_folds(labels, 5, np.random.default_rng(1))
    first, again = (out_of_fold(X, labels, 3, fold_of, seed=7).probs for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_constant_features_say_nothing():
    labels = np.arange(40) % 2
    fold_of = stratified_folds(labels, 5, np.random.default_rng(0))
    fit = out_of_fold(np.ones((40, 3)), labels, 2, fold_of)
    np.testing.assert_allclose(fit.probs, 0.5, atol=0.15)


def test_nan_is_refused(problem):
    X, labels = problem
    X[3, 1] = np.nan
    with pytest.raises(InputError, match="NaN"):
        out_of_fold(X, labels, 3, np.zeros(240, dtype=np.int64))
