"""What is expected of a list: monotone in what speaks for it, and the scores say the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from alfs_cli.noise import symmetric
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.precision import (
    LIKELY,
    Doubted,
    Expected,
    Listed,
    expected_of_doubted,
    expected_precision,
    rescaled,
)
from alfs_cli.suspects.scores import weighed_scores
from alfs_cli.suspects.tuning import LEARNED
from tests.estimators.problems import seen_exactly

SURE = Listed(claimed=0.95, gain=400.0, overlap=0.01)
share = st.floats(0, 1)


@given(st.integers(1, 10**5), share, st.floats(-5, 1e6), st.floats(-1, 1), st.floats(-1, 9))
def test_bounds_hold_the_value_whatever_the_list(count, score, gain, overlap, left):
    likely = [Listed(score, gain, overlap, is_given) for is_given in (False, True)]
    doubted = expected_of_doubted(Doubted(score, gain, left))
    assert doubted.value <= max(score, LIKELY)
    for expected in (*map(expected_precision, likely), doubted):
        found = expected.among(count)
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high
        assert found.value == expected.value


@pytest.mark.parametrize("value", [0.02, 0.5, 0.93])
@pytest.mark.parametrize("size", [0.7, 12.0])
@pytest.mark.parametrize("count", [1, 6, 400])
def test_bounds_are_quantiles_of_the_beta_binomial_distribution(value, size, count):
    found = Expected(value, size).among(count)
    exact = betabinom(count, value * size, (1 - value) * size)
    assert found.low == pytest.approx(min(exact.ppf(0.05) / count, value))
    assert found.high == pytest.approx(max(exact.ppf(0.95) / count, value))


@pytest.mark.parametrize(
    "worse",
    [{"claimed": 0.6}, {"overlap": 0.4}],
    ids=lambda changed: next(iter(changed)),
)
def test_what_speaks_against_a_list_lowers_what_is_expected(worse):
    assert expected_precision(replace(SURE, **worse)).value < expected_precision(SURE).value


def test_a_shorter_list_and_a_smaller_gain_are_less_certain():
    sure = expected_precision(SURE)
    assert sure.among(5).low < sure.among(200).low
    assert expected_precision(replace(SURE, gain=2.0)).among(200).low < sure.among(200).low - 0.2


def test_nothing_is_promised_beyond_what_the_regressions_were_fitted_to():
    most, more = (expected_precision(replace(SURE, gain=gain)) for gain in (1e3, 1e7))
    assert more == most
    assert most.value < 0.98
    assert most.size < 100


def test_probabilities_of_a_model_from_elsewhere_are_less_certain():
    given, own = (expected_precision(replace(SURE, is_given=one)) for one in (True, False))
    assert given.size < own.size
    assert expected_precision(replace(SURE, is_given=True, claimed=0.6)) == given
    for worse in ({"overlap": 0.4}, {"gain": 3.0}):
        assert expected_precision(replace(SURE, is_given=True, **worse)).value < given.value


def test_a_part_of_a_list_is_no_more_certain_than_the_whole():
    whole = Expected(0.8, 20.0)
    part = whole.among(10, 0.7)
    assert part.value == pytest.approx(0.7)
    assert part.low < whole.among(200, 0.7).low


@given(st.lists(st.floats(0.5, 1), min_size=1, max_size=30), st.floats(0.5, 1))
def test_rescaled_scores_reach_the_mean_in_the_same_order(scores, mean):
    before = np.array(scores)
    after = rescaled(before, mean, least=0.5)
    assert ((after >= 0.5 - 1e-9) & (after <= 1 + 1e-9)).all()
    assert (np.diff(after[before.argsort()]) >= -1e-9).all()
    if before.min() > 0.51 and before.max() < 0.99:
        assert after.mean() == pytest.approx(mean, abs=1e-6)


def test_scores_of_likely_labels_have_the_expected_mean():
    T, even = symmetric(0.3, 4).array, np.full(4, 0.25)
    probs, labels, true = seen_exactly(T, n_per_class=400, certainty=0.97)
    scores, _ = weighed_scores(probs, labels, T, even, Bounded(0.3, 0.25, 0.35))
    likely = scores.score >= LIKELY
    assert scores.expected is not None
    assert scores.score[likely].mean() == pytest.approx(scores.expected.value)
    low = scores.expected.among(int(likely.sum())).low
    assert (labels != true)[likely].mean() >= low


def test_where_too_few_may_be_wrong_none_is_likely_and_the_order_stays():
    generator = np.random.default_rng(0)
    probs = generator.dirichlet(np.full(5, 0.6), 150)  # classes overlap; labels drawn from them
    labels = (probs.cumsum(axis=1) > generator.random((150, 1))).argmax(axis=1)
    T = symmetric(0.5, 5).array
    scores, weighed = weighed_scores(probs, labels, T, np.full(5, 0.2), Bounded(0.5, 0.0, 0.9))
    if scores.expected is None:
        assert (scores.score < LIKELY).all()
    else:
        count = int((scores.score >= LIKELY).sum())
        assert scores.expected.among(count).low >= LEARNED.least_low
    before = weighed.scores(labels)
    most = before.argsort()[-5:]
    assert (np.diff(scores.score[most]) >= 0).all()
