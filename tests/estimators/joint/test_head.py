"""The likelihood, its gradient and the ties, against slower truths."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_digits

from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators.joint import information
from alfs_cli.estimators.joint.head import cell_covariance, fit_head
from alfs_cli.estimators.joint.scores import head_probs, scores_of
from alfs_cli.estimators.joint.ties import (
    full_tie,
    no_tie,
    row_tie,
    symmetric_tie,
    tied_logits,
    tied_transition,
)
from alfs_cli.estimators.joint.tuning import HEAD
from alfs_cli.estimators.joint_ml import joint_ml
from alfs_cli.evidence.out_of_fold import out_of_fold
from alfs_cli.noise import inject, transition_of


def scored(K=3, N=400, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(K, size=N)
    logits = 1.5 * np.eye(K)[labels] + generator.standard_normal((N, K))
    probs = np.exp(logits)
    return scores_of(probs / probs.sum(axis=1, keepdims=True), labels), labels


@pytest.mark.parametrize("tie", [symmetric_tie(4), row_tie(4), full_tie(4)])
def test_tied_rows_sum_to_one_and_logits_come_back(tie):
    """tied_logits inverts tied_transition."""
    theta = np.random.default_rng(0).normal(-2, 0.5, tie.max() + 1)
    T = tied_transition(theta, tie)
    assert T.sum(axis=1) == pytest.approx(np.ones(4))
    assert tied_logits(T, tie) == pytest.approx(theta)


def test_no_tie_is_no_noise():
    scores, labels = scored()
    assert (tied_transition(np.zeros(0), no_tie(3)) == np.eye(3)).all()
    fit = fit_head(scores, "no noise", None)
    assert (fit.transition == np.eye(3)).all()
    said = np.log(fit.probs[labels[scores.order], np.arange(len(labels))]).sum()
    assert fit.log_likelihood == pytest.approx(said, rel=1e-5)


def test_the_start_gives_the_probabilities_back():
    """Without a fit the head is the softmax of the log-probabilities it was given."""
    generator = np.random.default_rng(1)
    probs = generator.dirichlet(np.ones(3), 50)
    labels = generator.integers(3, size=50)
    scores = scores_of(probs, labels)
    Q = head_probs(scores, scores.unwhiten, scores.centre)
    assert pytest.approx(probs[scores.order], abs=1e-4) == Q.T


def test_the_fit_reports_the_log_likelihood_of_the_given_labels():
    """Against sum_n log sum_i q_i T[i, given], by a loop."""
    scores, _ = scored()
    fit = fit_head(scores, "symmetric", symmetric_tie(3), near=np.full((3, 3), 1 / 3))
    Q = head_probs(scores, fit.A, fit.b).astype(np.float64)
    slow = sum(
        np.log(sum(Q[i, n] * fit.transition[i, label] for i in range(3)))
        for n, label in enumerate(scores.labels)
    )
    assert fit.log_likelihood == pytest.approx(slow, rel=1e-5)


def test_the_fit_is_a_maximum():
    """No small step in T's logits raises the likelihood: the gradient is right."""
    scores, _ = scored(N=2000)
    near = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    fit = fit_head(scores, "rates", row_tie(3), near=near)
    Q = fit.probs.astype(np.float64)
    each = np.arange(Q.shape[1])

    def likelihood(theta):
        T = tied_transition(theta, fit.tie)
        return np.log((Q.T @ T)[each, scores.labels]).sum()

    best = likelihood(fit.theta)
    for place in range(3):
        for step in (-0.3, 0.3):
            moved = fit.theta.copy()
            moved[place] += step
            assert likelihood(moved) <= best + 1e-2


def test_more_freedom_never_fits_worse():
    """none <= symmetric <= a rate by class <= full, each started at the last."""
    scores, _ = scored(N=1500)
    none = fit_head(scores, "none", None)
    near = 0.85 * np.eye(3) + 0.05
    same = fit_head(scores, "symmetric", symmetric_tie(3), none, near=near)
    rows = fit_head(scores, "rows", row_tie(3), same, near=same.transition)
    full = fit_head(scores, "full", full_tie(3), rows, near=rows.transition)
    values = [fit.log_likelihood for fit in (none, same, rows, full)]
    assert all(after >= before - 0.05 for before, after in pairwise(values))


def test_the_covariance_is_positive():
    """A covariance has no negative directions, and errors of T's rows cancel."""
    scores, _ = scored(N=1500)
    fit = fit_head(scores, "full", full_tie(3), near=0.7 * np.eye(3) + 0.1)
    covariance, jacobian = cell_covariance(scores, fit)
    assert np.linalg.eigvalsh(covariance).min() > 0
    assert jacobian.sum(axis=1) == pytest.approx(np.zeros((3, 6)), abs=1e-12)


def test_the_fit_is_the_highest_point_of_likelihood_and_prior():
    """No small step from it raises sum log p(given) + sum_k a_k log share_k, summed in float64."""
    scores, _ = scored(K=4, N=300, seed=5)
    labels, X = scores.labels, scores.values.astype(np.float64)
    fit = fit_head(scores, "full", full_tie(4), near=np.full((4, 4), 0.1) + 0.6 * np.eye(4))
    worth = HEAD.prior_examples * 4 * np.bincount(labels) / len(labels)

    def height(step):
        A, b = fit.A + step[: fit.A.size].reshape(fit.A.shape), fit.b + step[fit.A.size :][:4]
        Z = A @ X + b[:, None]
        Q = np.exp(Z - Z.max(axis=0))
        Q /= Q.sum(axis=0)
        T = tied_transition(fit.theta + step[fit.A.size + 4 :], fit.tie)
        own = (Q * T[:, labels]).sum(axis=0)
        return float(np.log(own).sum() + worth @ np.log(Q.mean(axis=1)))

    size = fit.A.size + 4 + len(fit.theta)
    steps = 0.02 * np.random.default_rng(0).standard_normal((40, size))
    top = height(np.zeros(size))
    assert all(height(step) < top for step in steps)
    slopes = [(height(1e-4 * e) - height(-1e-4 * e)) / 2e-4 for e in np.eye(size)[: fit.A.size + 4]]
    assert np.abs(slopes).max() < 0.2  # of 300 examples


@pytest.mark.slow
def test_classes_that_swap_labels_stay_two(monkeypatch):
    """At 40 % both ways the likelihood alone makes one class of 180 5s and 180 6s."""
    X, y = load_digits(return_X_y=True)
    T = transition_of("asymmetric", 0.4, 10, dataset="digits")
    given = inject(y, T, np.random.default_rng([0, 11]), draw="sampled")
    fold_of = stratified_folds(given, 5, np.random.default_rng([0, 1]))
    probs = out_of_fold(X.astype(np.float32), given, 10, fold_of).probs
    shares = []
    for worth in (0.0, HEAD.prior_examples):
        monkeypatch.setattr(
            "alfs_cli.estimators.joint.ascent.HEAD", replace(HEAD, prior_examples=worth)
        )
        shares.append((joint_ml(probs, given).prior() / np.bincount(given) * len(y)).min())
    assert shares[0] < 0.3
    assert shares[1] > 0.5


@pytest.mark.parametrize("tie", [symmetric_tie(3), full_tie(3)])
def test_information_is_the_same_in_blocks(tie, monkeypatch):
    scores, _ = scored()
    fit = fit_head(scores, "", tie, near=np.full((3, 3), 1 / 3))
    whole, _ = cell_covariance(scores, fit)
    monkeypatch.setattr(information, "BLOCK", 500)
    np.testing.assert_allclose(cell_covariance(scores, fit)[0], whole, rtol=1e-8)


def test_scores_of_some_examples_are_their_columns():
    scores, labels = scored()
    some = np.arange(0, 400, 3)
    part = scores.among(some)
    np.testing.assert_array_equal(part.labels, scores.labels[some])
    np.testing.assert_array_equal(part.labels, labels[part.order])
    np.testing.assert_array_equal(part.values, scores.values[:, some])
