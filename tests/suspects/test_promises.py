"""Promises of lists: kept, narrower for longer lists, and none where nothing may be promised."""

from dataclasses import replace

import numpy as np
import pytest

from alfs_cli.noise import symmetric
from alfs_cli.results.estimate import Bounded, Promise
from alfs_cli.suspects.precision import LIKELY, Expected
from alfs_cli.suspects.promises import as_expected, barely, expected_of_likely, promised
from alfs_cli.suspects.scores import weighed_scores
from alfs_cli.suspects.weighing import Weighed
from tests.estimators.problems import seen_exactly

RATE = Bounded(0.2, 0.15, 0.25)
NONE = np.zeros(0, dtype=np.int64)


@pytest.fixture(scope="module")
def judged():
    """Return scores of 2,000 labels of which a fifth is wrong, the models, and which are wrong."""
    T = symmetric(0.2, 4).array
    parts = [seen_exactly(T, n_per_class=250, certainty=one) for one in (0.95, 0.999)]
    probs, given, true = map(np.concatenate, zip(*parts, strict=True))
    scores, weighed = weighed_scores(probs, given, T, np.full(4, 0.25), RATE)
    return scores, weighed, given != true


def test_promises_are_kept_and_less_certain_for_shorter_lists(judged):
    scores, weighed, wrong = judged
    likely = np.flatnonzero(scores.score >= LIKELY)
    possible = np.argsort(-scores.score)[len(likely) : len(likely) + 300]
    whole, few = (
        promised(scores.score, likely[:n], possible[:n], scores.expected, weighed, len(wrong))
        for n in (None, 8)
    )
    assert whole.likely.low <= wrong[likely].mean() <= whole.likely.high
    assert whole.possible.low <= wrong[possible].mean() <= whole.possible.high
    assert few.likely.low < whole.likely.low
    assert whole.possible.low == 0  # the noise rate's lower bound leaves nothing for them
    assert whole.possible.value < LIKELY < whole.likely.value


def test_reviewed_labels_are_promised_as_they_are(judged):
    scores, weighed, wrong = judged
    known = np.zeros(len(wrong), dtype=bool)
    known[:10] = True
    settled = replace(scores, score=np.where(known, wrong, scores.score), known=known)

    def of(places):
        found = promised(settled.score, NONE, places, None, weighed, len(wrong), known=known)
        return found.possible

    share = wrong[:10].mean()
    assert of(np.arange(10)) == Promise(share, share, share)
    half, other = of(np.arange(20)), of(np.arange(10, 20))
    for part in ("value", "low", "high"):
        mean = (share + getattr(other, part)) / 2
        assert getattr(half, part) == pytest.approx(mean)


def test_nothing_is_promised_of_no_labels(judged):
    scores, weighed, wrong = judged
    found = promised(scores.score, NONE, NONE, None, weighed, len(wrong))
    assert (found.likely, found.possible) == (Promise(), Promise())


def test_wrong_labels_found_among_the_likely_are_not_expected_again(judged):
    scores, weighed, wrong = judged
    possible = np.flatnonzero(scores.score < LIKELY)[:200]
    many, none = (
        promised(scores.score, NONE, possible, None, weighed, len(wrong), found=found).possible
        for found in (0.0, 400.0)
    )
    assert none.value < many.value


def models(gain):
    """Return no models, with a gain, of labels of which some may be wrong."""
    return Weighed((), (), gain, Bounded(0.001, 0.0, 0.1))


def test_a_single_label_with_next_to_no_gain_is_never_called_likely(monkeypatch):
    """However sure the models are: one-label lists of clean data are wrong as often as right."""
    monkeypatch.setattr(Weighed, "expected_rate", 0.0)
    scores, expected = as_expected(np.array([0.999]), 0.001, models(0.5))
    assert expected is None
    assert scores.max() < LIKELY
    scores, expected = as_expected(np.full(9, 0.999), 0.001, models(90.0))
    assert expected is not None
    assert scores.mean() == pytest.approx(expected.value)


def test_sums_over_all_say_what_the_scores_themselves_say(monkeypatch):
    monkeypatch.setattr(Weighed, "expected_rate", 0.05)
    scores = np.linspace(0.6, 1, 50)
    _, expected = as_expected(scores, 0.1, models(90.0))
    by_sums = expected_of_likely(float(scores.mean()), 50, 0.1, models(90.0))
    assert isinstance(expected, Expected)
    assert by_sums == expected


def test_what_is_not_likely_after_all_keeps_its_order_below():
    scores = np.array([0.5, 0.7, 1.0])
    assert (np.diff(barely(scores)) > 0).all()
    assert barely(scores).max() < LIKELY
