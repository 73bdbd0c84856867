"""Suspects found block by block are those of all examples at once."""

from dataclasses import fields

import numpy as np
import pytest

from alfs_cli.estimators import estimate_transition
from alfs_cli.suspects import streamed
from alfs_cli.suspects.streamed import Suspects, added, judge_of, tallied
from tests.estimators.problems import seen_exactly

T = np.array([[0.8, 0.2, 0.0], [0.0, 0.9, 0.1], [0.1, 0.0, 0.9]])


@pytest.fixture(scope="module")
def case():
    """A judge fitted to a sample of 900 of 2,400 examples, and their evidence."""
    probs, given, true = seen_exactly(T, n_per_class=800)
    order = np.random.default_rng(0).permutation(len(given))
    probs, given, true = probs[order], given[order], true[order]
    estimate = estimate_transition(probs[:900], given[:900])
    return judge_of(probs[:900], given[:900], estimate), probs, given, true


def told(tally):
    suspects = [getattr(tally.suspects, part.name).tolist() for part in fields(Suspects)]
    return (
        tally.examples.tolist(), tally.agreeing, tally.hits.tolist(), tally.confidence.tolist(),
        tally.likely, tally.claimed, suspects,
    )  # fmt: skip


def of(judge, probs, given, places):
    return tallied(judge, probs[places], given[places], places, [f"{i}.png" for i in places])


@pytest.mark.parametrize("most", [10**6, 30])
def test_however_the_examples_are_cut(case, monkeypatch, most):
    """Even where only the ten worst of each class are kept."""
    monkeypatch.setattr(streamed, "MOST", most)
    monkeypatch.setattr(streamed, "LEAST", most // 3)
    judge, probs, given, _ = case
    whole = of(judge.alone(), probs, given, np.arange(2400))
    cuts = np.split(np.random.default_rng(1).permutation(2400), [1, 500, 501, 2000])
    parts = [of(judge.alone(), probs, given, np.sort(cut)) for cut in cuts]
    one, two = added(parts[::-1]), (parts[0] + parts[1]) + (parts[2] + (parts[3] + parts[4]))
    assert told(one) == told(two)
    assert told(one)[:6] == told(whole)[:6]
    for name in ("row", "label", "suggested", "path"):
        np.testing.assert_array_equal(getattr(one.suspects, name), getattr(whole.suspects, name))
    np.testing.assert_allclose(one.suspects.score, whole.suspects.score, atol=1e-12)
    assert np.bincount(whole.suspects.label, minlength=3).max() <= most // 3


def test_wrong_labels_are_found_with_the_class_they_should_have(case):
    judge, probs, given, true = case
    found = of(judge, probs, given, np.arange(2400))
    listed = found.suspects.score >= 0.5
    assert found.likely == listed.sum()
    rows = found.suspects.row[listed]
    wrong = np.flatnonzero(given != true)
    assert np.isin(rows, wrong).mean() > 0.8
    assert np.isin(wrong, rows).mean() > 0.6
    right = true[rows] == found.suspects.suggested[listed]
    assert right[np.isin(rows, wrong)].mean() > 0.9
    assert found.suspects.path[0] == f"{found.suspects.row[0]}.png"


def test_scores_are_nearly_those_in_memory(case):
    """The heads of a sample judge the sample itself fold by fold, and others by their mean."""
    judge, probs, given, _ = case
    inside = judge.weighed.scores(given[:900])
    found = of(judge, probs[:900], given[:900], np.arange(900)).suspects
    np.testing.assert_allclose(found.score, inside[found.row], atol=0.05)


def test_a_block_without_examples_adds_nothing(case):
    judge, probs, given, _ = case
    whole = of(judge, probs, given, np.arange(300))
    nothing = of(judge, probs, given, np.arange(0))
    assert told(whole + nothing) == told(whole)
