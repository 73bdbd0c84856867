"""Annotators who err independently, and their matrices."""

from itertools import pairwise

import numpy as np
import pytest
from alfs_cli.evidence.dawid_skene import dawid_skene
from problems import noisy

from alfs_cli.estimators.fitting import estimate_transition

T3 = np.array([[0.7, 0.3, 0.0], [0.0, 0.8, 0.2], [0.1, 0.0, 0.9]])
GOOD = 0.9 * np.eye(3) + 0.1 / 3


def marks(count=8000):
    y = np.random.default_rng(0).choice(3, size=count, p=[0.5, 0.3, 0.2])
    return np.stack([noisy(y, T, 10 + m) for m, T in enumerate((T3, GOOD, T3))], axis=1), y


def test_each_annotator_gets_a_matrix():
    labels, y = marks()
    fit = dawid_skene(labels, np.ones(len(labels)), 3)
    for found, T in zip(fit.transitions, (T3, GOOD, T3), strict=True):
        assert found == pytest.approx(T, abs=0.05)
    assert (fit.posterior.argmax(axis=1) == y).mean() > 0.93
    assert all(after >= before - 1e-9 for before, after in pairwise(fit.path))


def test_counted_patterns_are_repeated_rows():
    labels, _ = marks(2000)
    unique, counts = np.unique(labels, axis=0, return_counts=True)
    fit = dawid_skene(unique, counts.astype(float), 3)
    assert fit.transitions == pytest.approx(
        dawid_skene(labels, np.ones(2000), 3).transitions, abs=1e-6
    )


def test_missing_votes_are_no_votes():
    labels, _ = marks()
    labels[::3, 1] = -1
    labels[1::3, 2] = -1
    fit = dawid_skene(labels, np.ones(len(labels)), 3)
    assert fit.transitions[0] == pytest.approx(T3, abs=0.07)


def test_correlated_errors_are_warned_of_and_each_annotator_is_told():
    labels, _ = marks(2000)
    probs = np.full((2000, 3), 1 / 3)
    estimate = estimate_transition(probs, labels[:, 0], method="annotators", annotations=labels)
    assert np.array(estimate.transition) == pytest.approx(T3, abs=0.06)
    assert [other.method for other in estimate.other_estimates] == [
        "annotator 1", "annotator 2", "annotator 3",
    ]  # fmt: skip
    assert any("err on the same examples" in reason for reason in estimate.trust.reasons)
    two = estimate_transition(probs, labels[:, 0], method="annotators", annotations=labels[:, :2])
    assert two.trust.level == "low"
