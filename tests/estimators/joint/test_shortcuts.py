"""What is decided on a sample, or done in blocks, against the slow way."""

from dataclasses import replace

import numpy as np
import pytest
from problems import noisy_problem

from alfs_cli.estimators.joint import families
from alfs_cli.estimators.joint.posterior import (
    possible,
    true_class,
    true_class_probs,
)
from alfs_cli.estimators.joint.tuning import FAMILIES, POSTERIOR
from alfs_cli.estimators.joint_ml import joint_ml
from alfs_cli.noise import transition_of


def test_a_head_that_a_sample_rules_out_would_not_have_won(monkeypatch):
    """The joint estimate is the same, and one kind of head is fitted to the sample alone."""
    T = transition_of("symmetric", 0.3, 4).array
    probs, given, _ = noisy_problem(T, count=3000, distance=4.0)
    slow = joint_ml(probs, given)
    seen = []
    plain = families.candidates
    monkeypatch.setattr(
        families,
        "candidates",
        lambda scores, T, **more: seen.append(scores.values.shape) or plain(scores, T, **more),
    )
    fewer = replace(FAMILIES, both_heads_examples=2000, sample_margin=0.5, sample_examples=1500)
    monkeypatch.setattr(families, "FAMILIES", fewer)
    fast = joint_ml(probs, given)
    assert [N for _, N in seen] == [1500, 1500, 3000]
    np.testing.assert_array_equal(fast.transition(), slow.transition())
    assert fast.best.score == slow.best.score


def test_deconvolution_in_blocks_is_plain_deconvolution():
    generator = np.random.default_rng(0)
    T = generator.dirichlet(np.ones(5), 5) * 0.4 + 0.6 * np.eye(5)
    probs = generator.dirichlet(np.ones(5), 20_000)
    q = np.maximum(probs, 1e-12)
    q /= q.sum(axis=1, keepdims=True)
    for _ in range(POSTERIOR.deconvolution_steps):
        q *= (probs / np.maximum(q @ T, 1e-12)) @ T.T
        q /= q.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(true_class_probs(probs, T), q, rtol=1e-9)


@pytest.mark.parametrize("count", [2000])
def test_heads_that_start_from_one_another_tell_the_true_class(count):
    """As well as the posterior of the model that made the labels, nearly."""
    T = transition_of("symmetric", 0.3, 4).array
    probs, given, true = noisy_problem(T, count=count, distance=5.0)
    q = true_class(probs, given, possible(T, given))(slice(None))
    np.testing.assert_allclose(q.sum(axis=1), 1)
    assert (q.argmax(axis=1) == true).mean() >= (probs.argmax(axis=1) == true).mean() - 0.005
