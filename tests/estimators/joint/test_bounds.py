"""Bounds of T: classes that overlap are not said to be noisy where they need not be."""

import numpy as np
import pytest

from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators import estimate_transition
from alfs_cli.estimators.joint.bounds import cell_slack
from alfs_cli.estimators.joint.tuning import BOUNDS
from alfs_cli.evidence.out_of_fold import calibrated, calibration, linear_map, ridge_scores
from alfs_cli.noise import TransitionMatrix, inject

CLEAN = 4


def evidence(X, given, K):
    """Return out-of-fold probabilities (N, K) by linear ridge."""
    fold_of = stratified_folds(given, 5, np.random.default_rng(0))
    fits = [(s, *calibration(s, given)) for s in ridge_scores(linear_map(X), X, given, K, fold_of)]
    best, parameters, _ = max(fits, key=lambda fit: fit[2])
    return calibrated(best, parameters)


@pytest.mark.parametrize("draw", range(4))
def test_a_class_that_overlaps_may_be_without_noise(draw):
    """Heavy tails, which the head does not know: overlap of the clean class looks like noise."""
    random = np.random.default_rng([draw, 99])
    means = np.random.default_rng(11).standard_normal((5, 8))
    means *= 3.5 / np.sqrt(2) / np.linalg.norm(means, axis=1, keepdims=True)
    true = random.integers(0, 5, 2000)
    X = (means[true] + random.standard_t(5, (2000, 8))).astype(np.float32)
    T = np.eye(5)
    for one, other in ((0, 1), (2, 3), (3, 2)):
        T[one, one], T[one, other] = 0.7, 0.3
    given = inject(true, TransitionMatrix(T), random, draw="sampled")
    estimate = estimate_transition(evidence(X, given, 5), given)
    low, high = np.array(estimate.transition_low), np.array(estimate.transition_high)
    assert high[CLEAN, CLEAN] == 1
    assert (low[CLEAN, :CLEAN] == 0).all()
    noisy = np.diag(high)[[0, 2, 3]]
    assert (noisy >= 0.7).all()
    assert (noisy < 0.98).all(), noisy  # and those with noise are still said to have some


def test_noise_beyond_all_overlap_keeps_but_its_own_error():
    seen, noise = np.array([0.3, 0.1]), np.array([0.3, 0.2])
    assert cell_slack(seen, noise) == pytest.approx(BOUNDS.rate_error * noise)
    assert cell_slack(seen, noise / 2)[0] == pytest.approx(
        BOUNDS.own_overlap_error * 0.15 + BOUNDS.rate_error * 0.15
    )


@pytest.mark.parametrize(("seed", "n"), [(11, 10), (60, 15)])
def test_the_gap_of_a_dozen_labels_stays_between_its_limits(seed, n):
    """A normal bound of a difference of probabilities may lie anywhere; a saved one may not."""
    generator = np.random.default_rng(seed)
    K, _ = int(generator.integers(2, 4)), generator.integers(8, 30)
    labels = generator.integers(K, size=n)
    labels[:K] = range(K)
    probs = generator.dirichlet(np.full(K, 0.2), size=n)
    probs += float(generator.choice([0, 0.2, 0.5])) * np.eye(K)[labels]
    probs /= probs.sum(axis=1, keepdims=True)
    gap = estimate_transition(probs, labels).gap
    assert -1 <= gap.low <= gap.value <= gap.high <= 1
    assert gap.value < 0
