"""What the noise may be: weights by likelihood, scores by Bayes, promises that hold the truth."""

import numpy as np
import pytest

from alfs_cli.noise import symmetric
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.promises import promised
from alfs_cli.suspects.scores import weighed_scores
from alfs_cli.suspects.tuning import TUNING
from tests.estimators.problems import seen_exactly

WIDE, KNOWN = Bounded(0.3, 0.0, 0.9), Bounded(0.2, 0.15, 0.25)
EVEN = np.full(4, 0.25)


def judged(T, certainty=0.97, n=500):
    probs, given, true = seen_exactly(T, n_per_class=n, certainty=certainty)
    return (*weighed_scores(probs, given, T, EVEN, KNOWN), probs, given, true)


def test_weights_are_a_distribution_over_rates_that_the_bounds_allow():
    _, weighed, _, given, true = judged(symmetric(0.2, 4).array)
    assert weighed.weights.sum() == pytest.approx(1)
    assert weighed.rates @ weighed.weights == pytest.approx((given != true).mean(), abs=0.05)
    rates, weights = weighed.by_rate()
    assert (np.diff(rates) > 0).all()
    assert rates @ weights == pytest.approx(weighed.rates @ weighed.weights)


def test_scores_are_means_over_models_of_bayes_rule_in_the_order_of_tempered_weights():
    _, weighed, _, given, _ = judged(symmetric(0.2, 4).array, n=100)
    scores = weighed.scores(given)
    means = [by_hand(weighed.models, given, place) for place in range(len(given))]
    assert np.sort(scores) == pytest.approx(np.sort(means), abs=1e-9)
    order = np.array([by_hand(weighed.order, given, place) for place in range(len(given))])
    apart = np.diff(order[np.lexsort((order, scores))])
    assert (apart >= -1e-9).all()


def by_hand(by_view, given, place):
    """Return the probability that a label is wrong, averaged over models one by one."""
    found = 0.0
    for see, models in by_view:
        q = (1 - TUNING.blunders) * see(np.array([place]))[0] + TUNING.blunders / 4
        for model in models:
            for rate, weight in zip(model.rates, model.weights, strict=True):
                T = rate * model.shape + np.diag(1 - rate * model.shape.sum(axis=1))
                joint = q * T[:, given[place]]
                found += weight * (1 - joint[given[place]] / joint.sum())
    return found


def test_the_order_blends_more_models_than_the_rates():
    """The likeliest of many approximations is not the only one that says which labels are wrong."""
    _, weighed, *_ = judged(symmetric(0.2, 4).array)
    count = [sum(len(models) for _, models in some) for some in (weighed.models, weighed.order)]
    assert count[0] < count[1]
    for some in (weighed.models, weighed.order):
        total = sum(model.weights.sum() for _, models in some for model in models)
        assert total == pytest.approx(1)


@pytest.mark.parametrize("certainty", [0.6, 0.8, 0.97])
def test_clean_labels_are_not_called_likely_wrong_whatever_the_estimate_says(certainty):
    """T of much noise, bounds that say nothing, labels that were drawn from the evidence."""
    generator = np.random.default_rng(1)
    probs = generator.dirichlet(np.full(4, 4 * (1 - certainty)), 1000)
    given = (probs.cumsum(axis=1) > generator.random((1000, 1))).argmax(axis=1)
    scores, _ = weighed_scores(probs, given, symmetric(0.4, 4).array, EVEN, WIDE)
    assert (scores.score >= 0.5).sum() <= 1
    assert scores.disagrees.sum() > 0


def erring(K, noise, wrong, N=2_000):
    """Return predictions (N, K) that err, labels with noise, and which of these are wrong."""
    rng = np.random.default_rng([K, N])
    true = rng.integers(0, K, N)
    confused = (true // 2 * 2 + 1 - true % 2) % K  # neighbours in pairs
    predicted = np.where(rng.random(N) < wrong, confused, true)
    given = np.where(rng.random(N) < noise, (true + rng.integers(1, K, N)) % K, true)
    return np.eye(K)[predicted], given, given != true


@pytest.mark.parametrize("surest", [1.0, 0.9])
@pytest.mark.parametrize("K", [2, 4, 10])
@pytest.mark.parametrize(("noise", "wrong"), [(0.0, 0.03), (0.0, 0.3), (0.05, 0.2), (0.2, 0.2)])
def test_predictions_alone_do_not_say_which_of_two_is_wrong(K, noise, wrong, surest):
    probs, given, is_wrong = erring(K, noise, wrong)
    disagrees = np.flatnonzero(probs.argmax(axis=1) != given)
    counted = symmetric(len(disagrees) / len(given), K).array
    probs = np.where(probs == 1, surest, (1 - surest) / (K - 1))
    rate = Bounded(len(disagrees) / len(given), 0.0, 0.5)
    scores, weighed = weighed_scores(probs, given, counted, np.full(K, 1 / K), rate)
    assert (scores.score < 0.5).all()
    assert scores.disagrees.nonzero()[0].tolist() == disagrees.tolist()
    found = promised(scores.score, disagrees[:0], disagrees, None, weighed, len(given)).possible
    assert found.low <= is_wrong[disagrees].mean() <= found.high
    assert weighed.rates.max() <= len(disagrees) / len(given)


def test_people_may_have_said_how_many_labels_are_wrong():
    """Bounds of the noise rate that trusted labels gave: most of what disagrees is then wrong."""
    probs, given, is_wrong = erring(4, 0.2, 0.03)
    known = Bounded(0.2, 0.18, 0.22)
    scores, weighed = weighed_scores(probs, given, symmetric(0.2, 4).array, EVEN, known)
    listed = np.flatnonzero(scores.score >= 0.5)
    found = promised(scores.score, listed, listed[:0], scores.expected, weighed, 2_000).likely
    assert 0.5 < found.low <= is_wrong[listed].mean() <= found.high


def test_predictions_judge_other_examples_alike():
    probs, given, _ = erring(4, 0.1, 0.1)
    _, weighed = weighed_scores(probs, given, symmetric(0.2, 4).array, EVEN, WIDE)
    elsewhere = weighed.on(probs[:50])
    quantiles = weighed.quantiles(given)
    assert elsewhere.scores_by(quantiles, given[:50]) == pytest.approx(
        weighed.scores_by(quantiles, given)[:50]
    )
