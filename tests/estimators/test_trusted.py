"""Trusted labels: they mend what given labels cannot tell, and reviewed ones settle themselves."""

from functools import cache

import numpy as np
import pytest
from problems import gaussians, held_out

from alfs_cli.data import Trusted, random_sample
from alfs_cli.estimators import estimate_transition
from alfs_cli.estimators.combined import combined
from alfs_cli.estimators.parts.reviewed import settled
from alfs_cli.estimators.parts.sample import Sample, rate_of
from alfs_cli.estimators.tuning import WITH_TRUSTED
from alfs_cli.estimators.with_trusted import (
    CENTRE,
    fit_weights,
    sampled_noise_rate,
    with_trusted,
)
from alfs_cli.noise import row_total_variation, rows_of_counts

# The fit without trusted labels, which is the same whatever is trusted.
pytestmark = pytest.mark.usefixtures("estimates_made_once")
K = 3


@cache
def drawn_from_evidence(seed=4):
    """Return probabilities, labels that know nothing beyond x, and true ones: a third is wrong."""
    X, y = gaussians(K, 2500, 2.2, seed=seed)
    posterior = held_out(X, y, K)
    steps = posterior.cumsum(axis=1)
    given = (np.random.default_rng(seed).random((len(y), 1)) < steps).argmax(axis=1)
    return held_out(X, given, K), given, y


def some(y, count, seed=0):
    places = np.sort(np.random.default_rng(seed).choice(len(y), count, replace=False))
    return places, y[places]


def test_noise_that_no_likelihood_sees_is_mended():
    """Labels drawn from the evidence look clean; 200 true ones tell, better than counts do."""
    probs, given, y = drawn_from_evidence()
    counts = np.zeros((K, K))
    np.add.at(counts, (y, given), 1)
    T, rate = rows_of_counts(counts), (given != y).mean()
    blind = estimate_transition(probs, given)
    assert blind.noise_rate.value < 0.5 * rate
    seen = estimate_transition(probs, given, trusted=some(y, 200))
    counted = estimate_transition(probs, given, method="gold", trusted=some(y, 200))
    assert seen.method == "joint-ml + 200 trusted"
    assert seen.noise_rate.value == pytest.approx(rate, abs=0.06)
    errors = [row_total_variation(np.array(one.transition), T) for one in (blind, seen, counted)]
    assert errors[1] < 0.4 * errors[0]
    assert errors[1] < errors[2]
    assert seen.noise_rate.low <= rate <= seen.noise_rate.high
    assert "gold" in [other.method for other in seen.other_estimates]


@pytest.mark.parametrize("count", [5, 40, 150])
def test_true_labels_that_agree_take_nothing_away(count):
    """Few of them know less than the labels do: their own bounds alone would be far wider."""
    X, y = gaussians(K, 1500, 4.0, seed=2)
    given = y.copy()
    wrong = np.random.default_rng(3).random(len(y)) < 0.2
    given[wrong] = (y[wrong] + 1) % K
    probs = held_out(X, given, K)
    blind = estimate_transition(probs, given)
    seen = estimate_transition(probs, given, trusted=some(y, count))
    assert seen.clean_level.low >= blind.clean_level.low > 1
    assert seen.noise_rate.low >= blind.noise_rate.low
    assert seen.noise_rate.high <= blind.noise_rate.high
    assert seen.noise_rate.low <= wrong.mean() <= seen.noise_rate.high


@pytest.mark.slow
def test_bounds_cover_whatever_sample_is_trusted():
    """The rate lies within and r above its bound for at least seven of eight samples."""
    probs, given, y = drawn_from_evidence()
    counts = np.zeros((K, K))
    np.add.at(counts, (y, given), 1)
    T, rate = rows_of_counts(counts), (given != y).mean()
    r = min(T[i, i] / np.delete(T[i], i).max() for i in range(K))
    held = [
        (one.noise_rate.low <= rate <= one.noise_rate.high, one.clean_level.low <= r)
        for seed in range(8)
        for one in [estimate_transition(probs, given, trusted=some(y, 150, seed))]
    ]
    assert np.sum(held, axis=0).min() >= 7


def test_what_is_right_already_is_left_alone():
    """Symmetric noise on classes apart: the one rate is better than what 100 labels could say."""
    X, y = gaussians(K, 1500, 9.0)
    generator = np.random.default_rng(3)
    given = np.where(generator.random(1500) < 0.3, generator.integers(K, size=1500), y)
    probs = held_out(X, given, K)
    blind = estimate_transition(probs, given)
    seen = estimate_transition(probs, given, trusted=some(y, 100))
    T = 0.7 * np.eye(K) + 0.1
    errors = [row_total_variation(np.array(one.transition), T) for one in (blind, seen)]
    assert errors[1] < errors[0] + 0.02


def test_the_weights_are_a_maximum():
    """No small step raises the penalised likelihood, by a loop."""
    generator = np.random.default_rng(0)
    views = np.log(generator.dirichlet(np.ones(K), (80, 5)).transpose(0, 2, 1))
    true, times = generator.integers(K, size=80), generator.integers(0, 3, 80).astype(float)

    def slow(weights):
        total = -0.5 * np.array(WITH_TRUSTED.prior_precision) @ (weights - CENTRE) ** 2
        for n in range(80):
            eta = views[n] @ weights
            total += times[n] * (eta[true[n]] - np.log(np.exp(eta).sum()))
        return total

    best = fit_weights(views, true, times)
    for place in range(5):
        for step in (-0.02, 0.02):
            moved = best.copy()
            moved[place] += step
            assert slow(moved) < slow(best)


def test_T_has_a_noise_rate_within_the_bounds():
    """25 labels are too few to correct T, but not to say that its noise rate is impossible."""
    probs, given, y = drawn_from_evidence()
    places, true = some(y, 25)
    sample = Sample(probs, given, trusted=random_sample(places, true))
    before = combined(probs, given)
    found = with_trusted(sample, before)
    low, _ = found.sampled.bounds(0.95)
    assert rate_of(before) < low - 0.05
    assert rate_of(found) == pytest.approx(low)
    np.testing.assert_allclose(found.transition().sum(axis=1), 1)
    assert found.prior().sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_class_without_noise_is_not_said_to_have_some(seed):
    """Two of five classes have noise; overlap looks like noise of another, whatever is trusted."""
    X, y = gaussians(5, 2000, 2.7, seed=seed)
    given = np.where((y == 0) & (np.random.default_rng(6).random(len(y)) < 0.3), 1, y)
    given = np.where((y == 2) & (np.random.default_rng(7).random(len(y)) < 0.4), 3, given)
    probs = held_out(X, given, 5)
    before = combined(probs, given)
    counts = np.zeros((5, 5))
    np.add.at(counts, (y, given), 1)
    T = rows_of_counts(counts)
    found = with_trusted(Sample(probs, given, trusted=random_sample(*some(y, 80))), before)
    for estimate in (before, found):
        generator = np.random.default_rng(0)
        spread = estimate.spread(confidence=0.95, resamples=100, generator=generator)
        low, high = spread.transition
        assert (low <= T + 1e-9).all()
        assert (high + 1e-9 >= T).all()
        assert high[0, 0] < 1
        assert low[2, 3] > 0


def test_a_sample_by_given_label_tells_the_noise_rate():
    """Sixty examples of each label; the rare label is wrong far more often than the others."""
    generator = np.random.default_rng(5)
    y = generator.choice(K, 4000, p=[0.45, 0.45, 0.1])
    X = 4 * np.eye(K)[y] + generator.normal(size=(4000, K))
    given = np.where(generator.random(4000) < 0.1, 2, y)
    probs = held_out(X, given, K)
    before = combined(probs, given)
    rate, held, unweighted = float((given != y).mean()), [], []
    for seed in range(60):
        draws = np.random.default_rng(seed)
        places = np.concatenate(
            [draws.choice(np.flatnonzero(given == cls), 60, replace=False) for cls in range(K)]
        )
        sample = Sample(probs, given, trusted=random_sample(places, y[places]))
        low, high = sampled_noise_rate(before, sample).bounds(0.95)
        held.append((low <= rate, rate <= high))
        unweighted.append((given[places] != y[places]).mean())
    assert np.mean(unweighted) > 1.5 * rate
    assert np.mean(held, axis=0).min() >= 0.85  # 95 %, less three standard errors


def test_reviewed_suspects_settle_their_own_labels_only():
    """A hundred suspects found wrong do not make the others suspicious."""
    probs, given, y = drawn_from_evidence()
    before = combined(probs, given)
    wrong = np.flatnonzero(given != y)[:100]
    sample = Sample(probs, given, trusted=Trusted(wrong, y[wrong], is_random=False))
    after = settled(before, sample)
    assert rate_of(before) < rate_of(after) <= rate_of(before) + 100 / len(y) + 1e-9
    right = np.flatnonzero(given == y)[:100]
    kept = settled(before, Sample(probs, given, trusted=Trusted(right, y[right], False)))
    assert rate_of(kept) <= rate_of(before) + 1e-9
    assert any("100 reviewed" in text for text in (after.reason, kept.reason))


def test_a_sample_is_put_in_order():
    found = random_sample([5, 2, 9], [0, 1, 2])
    assert (found.places.tolist(), found.true.tolist()) == ([2, 5, 9], [1, 0, 2])
    assert found.among(np.array([2, 3, 9]), 10).places.tolist() == [0, 2]
