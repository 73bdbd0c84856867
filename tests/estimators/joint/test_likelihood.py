"""The likelihood in blocks, against all examples at once in double precision."""

from dataclasses import replace

import numpy as np
import pytest

from alfs_cli.estimators.joint import likelihood as module
from alfs_cli.estimators.joint.families import heads_of
from alfs_cli.estimators.joint.scores import scaled_scores_of, scores_of


def problem(K=4, N=500, *, is_scaled=False):
    """Return scores, a head near the start, T, and counts of a prior; class 2 has no label."""
    generator = np.random.default_rng(0)
    labels = generator.integers(K, size=N)
    labels[labels == 2] = 1
    probs = generator.dirichlet(np.full(K, 0.3), size=N)
    scores = (scaled_scores_of if is_scaled else scores_of)(probs, labels)
    A = scores.unwhiten + 0.1 * generator.standard_normal(scores.unwhiten.shape)
    b = scores.centre + 0.1 * generator.standard_normal(K)
    T = 0.7 * np.eye(K) + 0.3 * generator.dirichlet(np.ones(K), size=K)
    return scores, A, b, T, 3.0 * np.bincount(labels, minlength=K)


def penalised(scores, A, b, T, prior):
    """Return log-likelihood and the logarithm of the prior, of all at once."""
    X = scores.values.astype(np.float64)
    Z = (A[:, None] * X if scores.is_scaled else A @ X) + b[:, None]
    Q = np.exp(Z - Z.max(axis=0))
    Q /= Q.sum(axis=0)
    seen = (Q * T[:, scores.labels]).sum(axis=0)
    return np.log(seen).sum(), prior @ np.log(Q.mean(axis=1)), Q


def slopes(function, at, step=1e-5):
    """Return central differences of a function of an array."""
    found = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        moved = np.zeros(at.shape)
        moved[place] = step
        found[place] = (function(at + moved) - function(at - moved)) / (2 * step)
    return found


@pytest.mark.parametrize("block", [2**18, 300])
@pytest.mark.parametrize("is_scaled", [False, True])
def test_sums_are_those_of_all_examples_at_once(monkeypatch, block, is_scaled):
    monkeypatch.setattr(module, "BLOCK", block)
    scores, A, b, T, prior = problem(is_scaled=is_scaled)
    found = scores.likelihood(A, b, T, prior)
    assert len(scores.likelihood.blocks) == (1 if block > 300 else 7)
    log_likelihood, _, Q = penalised(scores, A, b, T, prior)
    posterior = Q * T[:, scores.labels]
    posterior /= posterior.sum(axis=0)
    counts = posterior @ np.eye(4)[scores.labels]
    assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-6)
    assert found.shares == pytest.approx(Q.mean(axis=1), rel=1e-5)
    assert found.counts == pytest.approx(counts, abs=1e-3)
    assert not found.counts[:, 2].any()
    for by, slope in (
        (found.by_A, slopes(lambda one: sum(penalised(scores, one, b, T, prior)[:2]), A)),
        (found.by_b, slopes(lambda one: sum(penalised(scores, A, one, T, prior)[:2]), b)),
    ):
        assert by == pytest.approx(slope, abs=2e-3)
    alone = scores.likelihood(A, b, T)
    slope = slopes(lambda one: penalised(scores, A, one, T, prior)[0], b)
    assert alone.by_b == pytest.approx(slope, abs=2e-3)


def test_a_quadratic_head_without_hope_is_left_after_one_family():
    """It is fitted to the end where the linear heads are not far ahead."""
    generator = np.random.default_rng(2)
    labels = generator.integers(6, size=4000)
    X = 3 * np.eye(6)[labels] + generator.standard_normal((4000, 6))
    probs = np.exp(3 * X)
    probs /= probs.sum(axis=1, keepdims=True)
    linear, quadratic = heads_of(probs, labels)
    start_T = np.eye(6)
    rivals = linear.fitted(start_T)
    assert len(quadratic.fitted(start_T, rivals)) == 1
    behind = [replace(one, score=one.score - 1e4) for one in rivals]
    assert len(quadratic.fitted(start_T, behind)) == len(quadratic.fitted(start_T)) > 3
