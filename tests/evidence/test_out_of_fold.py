"""Out-of-fold scores against scikit-learn and against the plain way of computing them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from alfs_cli.data.folds import stratified_folds
from alfs_cli.errors import InputError
from alfs_cli.evidence import out_of_fold as module
from alfs_cli.evidence.out_of_fold import (
    Folds,
    best_ridge,
    calibrated,
    calibration,
    fourier_map,
    linear_map,
    members_of,
    out_of_fold,
    principal_components,
    ridge_scores,
)
from alfs_cli.evidence.tuning import OUT_OF_FOLD


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
    for ridge, scores in zip(
        OUT_OF_FOLD.ridges, ridge_scores(mapping, X, labels, 3, fold_of), strict=True
    ):
        for fold in range(4):
            held = fold_of == fold
            model = Ridge(alpha=ridge * (~held).sum(), fit_intercept=False)
            expected = model.fit(Z[~held], Y[~held]).predict(Z[held])
            np.testing.assert_allclose(scores[held], expected, atol=2e-5)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_the_other_folds_moments_are_a_difference(problem, pool):
    """Against products of the examples that are not in the fold."""
    X, labels = problem
    held = members_of(stratified_folds(labels, 4, np.random.default_rng(1)))
    folds = Folds.of(linear_map(X), X, labels, 3, held, pool)
    Z = folds.mapping(X).astype(np.float64)
    Y = np.eye(3)[labels] - np.bincount(labels) / len(labels)
    for fold, members in enumerate(held):
        rest = np.setdiff1d(np.arange(len(X)), members)
        gram = Z[rest].T @ Z[rest]
        np.testing.assert_allclose(folds.gram - folds.grams[fold], gram, atol=1e-4)  # float32
        W = np.linalg.solve(gram + 0.3 * len(rest) * np.eye(4), Z[rest].T @ Y[rest])
        np.testing.assert_allclose(folds.weights(fold, 0.3), W, atol=1e-5)


def test_of_few_examples_all_choose_the_ridge(problem, pool):
    """Against the likelihood of every ridge, calibrated on all examples."""
    X, labels = problem
    fold_of = stratified_folds(labels, 4, np.random.default_rng(1))
    mapping = linear_map(X)
    scores = ridge_scores(mapping, X, labels, 3, fold_of)
    slow = [calibration(one, labels)[1] for one in scores]
    folds = Folds.of(mapping, X, labels, 3, members_of(fold_of), pool)
    likelihood, ridge = best_ridge(folds, pool)
    assert likelihood == pytest.approx(max(slow), abs=1e-6)
    assert ridge == OUT_OF_FOLD.ridges[int(np.argmax(slow))]


def test_one_fold_chooses_much_the_same_ridge(pool, monkeypatch):
    """What it loses against the best of all is next to nothing."""
    generator = np.random.default_rng(3)
    labels = np.arange(3000) % 3
    X = (np.eye(30)[labels] * 2 + generator.normal(size=(3000, 30))).astype(np.float32)
    fold_of = stratified_folds(labels, 5, generator)
    mapping = linear_map(X)
    slow = [calibration(one, labels)[1] for one in ridge_scores(mapping, X, labels, 3, fold_of)]
    monkeypatch.setattr(module, "OUT_OF_FOLD", replace(OUT_OF_FOLD, chosen_on=500))
    folds = Folds.of(mapping, X, labels, 3, members_of(fold_of), pool)
    _, ridge = best_ridge(folds, pool)
    assert slow[OUT_OF_FOLD.ridges.index(ridge)] > max(slow) - 2e-3


@pytest.mark.parametrize("is_curved", [False, True])
def test_a_sample_says_that_borders_are_straight(is_curved, monkeypatch):
    """It leaves curved features out where they cannot win, and only there."""
    generator = np.random.default_rng(0)
    labels = np.arange(1200) % 4
    X = 2 * np.eye(20)[labels] + generator.normal(size=(1200, 20))
    if is_curved:
        X = generator.uniform(-1, 1, size=(1200, 2))
        labels = (X > 0).sum(axis=1) % 2
    fold_of = stratified_folds(labels, 5, np.random.default_rng(1))
    some = replace(OUT_OF_FOLD, sampled=600, most_fourier=256, clearly=0.02)
    monkeypatch.setattr(module, "OUT_OF_FOLD", some)
    made = []
    plain = module.Folds.of

    def counted(mapping, X, *rest):
        made.append((mapping.weights is not None, len(X)))
        return plain(mapping, X, *rest)

    monkeypatch.setattr(module.Folds, "of", counted)
    slow = out_of_fold(X, labels, 4, fold_of)
    assert (True, 1200) in made
    made.clear()
    monkeypatch.setattr(module, "OUT_OF_FOLD", replace(some, both_up_to=1000))
    fast = out_of_fold(X, labels, 4, fold_of)
    assert ((True, 1200) in made) is is_curved
    assert fast.map == slow.map == ("fourier" if is_curved else "linear")
    np.testing.assert_array_equal(fast.probs, slow.probs)


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
