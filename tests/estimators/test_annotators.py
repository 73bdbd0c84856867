"""Annotators who err alone and together: their matrices, r and its bound, what joins them."""

import numpy as np
import pytest
from problems import noisy

from alfs_cli.errors import InputError
from alfs_cli.estimators import estimate_transition
from alfs_cli.estimators.annotators import annotators
from alfs_cli.estimators.crowds import crowd_summary
from alfs_cli.estimators.parts.copies import some_of
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.evidence.crowd import Crowd
from alfs_cli.noise import class_clean_levels

T3 = np.array([[0.7, 0.3, 0.0], [0.0, 0.8, 0.2], [0.1, 0.0, 0.9]])
GOOD = 0.9 * np.eye(3) + 0.1 / 3


def marks(count=2000):
    """Return labels (N, 3) of annotators who err alone, and the true labels (N,)."""
    y = np.random.default_rng(0).choice(3, size=count, p=[0.5, 0.3, 0.2])
    return np.stack([noisy(y, T, 10 + m) for m, T in enumerate((T3, GOOD, T3))], axis=1), y


def together(count=1500, people=5):
    """Return labels (N, M) where a third of the examples look half like the next class, and T."""
    generator = np.random.default_rng(4)
    y = generator.integers(3, size=count)
    seen = np.where(generator.random(count) < 1 / 3, generator.uniform(0.2, 0.6, count), 0)
    is_seen = generator.random((count, people)) < seen[:, None]
    labels = np.where(is_seen, (y[:, None] + 1) % 3, y[:, None])
    share = seen.mean()
    return labels, y, (1 - share) * np.eye(3) + share * np.roll(np.eye(3), 1, axis=1)


@pytest.fixture(scope="module")
def alone():
    labels, y = marks()
    return Crowd(labels, 3), y


@pytest.fixture(scope="module")
def hard():
    labels, y, T = together()
    return Crowd(labels, 3), y, T


def sample_of(crowd):
    labels = crowd.marks.max(axis=1)
    probs = np.full((len(labels), crowd.num_classes), 1 / crowd.num_classes)
    return Sample(probs, labels, annotations=crowd.marks, crowd=crowd)


def test_each_annotator_gets_a_matrix_with_bounds_around_the_true_one(alone):
    crowd, y = alone
    drawn = []  # T as these labels have it
    for m, found in enumerate(crowd.model.transitions):
        counts = np.zeros((3, 3))
        np.add.at(counts, (y, crowd.marks[:, m]), 1)
        drawn.append(counts / counts.sum(axis=1, keepdims=True))
        assert found == pytest.approx(drawn[m], abs=0.06)
    assert (crowd.posterior.argmax(axis=1) == y).mean() > 0.93
    summary = crowd_summary(crowd, confidence=0.95)
    assert [one.labels for one in summary.annotators] == [2000] * 3
    inside = [
        (np.array(one.transition_low) <= T + 1e-9) & (np.array(one.transition_high) >= T - 1e-9)
        for one, T in zip(summary.annotators, drawn, strict=True)
    ]
    assert np.mean(inside) > 0.85
    wide = crowd_summary(crowd, confidence=0.99).annotators[0].noise_rate
    one = summary.annotators[0].noise_rate
    assert wide.low <= one.low < one.value < one.high <= wide.high


def test_missing_votes_are_no_votes():
    labels, _ = marks(4000)
    labels[::3, 1] = -1
    labels[1::3, 2] = -1
    assert Crowd(labels, 3).model.transitions[0] == pytest.approx(T3, abs=0.09)


def test_errors_made_together_are_measured_and_r_stays_above_its_bound(hard):
    crowd, y, T = hard
    estimate = annotators(sample_of(crowd))
    low, high = estimate.spread(
        confidence=0.95, resamples=100, generator=np.random.default_rng(0)
    ).level
    assert low <= class_clean_levels(T).min() <= high
    assert low > 1
    summary = crowd_summary(crowd, confidence=0.95)
    wrong = (crowd.marks != y[:, None]).astype(float)
    apart = wrong - np.stack([wrong[y == cls].mean(axis=0) for cls in range(3)])[y]
    real = np.corrcoef(apart.T)[~np.eye(5, dtype=bool)].mean()
    assert summary.error_correlation.low <= real <= summary.error_correlation.high
    assert summary.effective.high <= 5
    assert summary.effective.value == pytest.approx(
        5 / (1 + 4 * summary.error_correlation.value), abs=1e-9
    )
    assert summary.effective.value < 4.6


def test_annotators_who_err_alone_may_count_in_full(alone):
    summary = crowd_summary(alone[0], confidence=0.95)
    assert summary.effective.high == pytest.approx(3, abs=0.01)
    assert summary.labels_per_example == 3


def test_given_labels_of_their_own_are_an_annotator_on_average(alone):
    crowd, _ = alone
    average = annotators(sample_of(crowd)).transition()
    assert average == pytest.approx(crowd.model.transitions.mean(axis=0), abs=0.02)
    first = Crowd(crowd.marks, 3, given=crowd.marks[:, 0])
    assert annotators(sample_of(first)).transition() == pytest.approx(T3, abs=0.09)


def test_evidence_is_one_more_vote_and_useless_evidence_none(hard):
    crowd, y, _ = hard
    votes = (crowd.posterior.argmax(axis=1) != y).mean()
    generator = np.random.default_rng(5)
    q = np.eye(3)[np.where(generator.random(len(y)) < 0.06, generator.integers(3, size=len(y)), y)]
    assert (crowd.joined(0.94 * q + 0.02).argmax(axis=1) != y).mean() < 0.7 * votes
    random = generator.dirichlet(np.ones(3), size=len(y))
    assert np.abs(crowd.joined(random) - crowd.posterior).max() < 0.05
    too_sure = 0.9999 * q + 0.0001 / 3
    assert (crowd.joined(too_sure).argmax(axis=1) != y).mean() < votes


def test_each_annotator_is_told_and_two_are_not_enough():
    labels, _ = marks(600)
    probs = np.full((600, 3), 1 / 3)
    estimate = estimate_transition(probs, labels[:, 0], method="annotators", annotations=labels)
    assert np.array(estimate.transition) == pytest.approx(T3, abs=0.15)
    assert [other.method for other in estimate.other_estimates] == [
        "annotator 1", "annotator 2", "annotator 3",
    ]  # fmt: skip
    assert any("err on the same examples" in reason for reason in estimate.trust.reasons)
    two = estimate_transition(probs, labels[:, 0], method="annotators", annotations=labels[:, :2])
    assert two.trust.level == "low"
    with pytest.raises(InputError, match="1 annotator has nobody to agree with"):
        estimate_transition(probs, labels[:, 0], method="annotators", annotations=labels[:, :1])


def test_some_of_a_sample_are_some_of_its_crowd(alone):
    crowd, _ = alone
    part = some_of(sample_of(crowd), np.arange(0, 2000, 4)).crowd
    assert part.marks.tolist() == crowd.marks[::4].tolist()
