"""Trusted labels drawn with unequal chances: weighted they tell T, unweighted they would not."""

import numpy as np
import pytest
from problems import held_out

from alfs_cli.data import random_sample
from alfs_cli.estimators.parts.sample import Sample, rate_of
from alfs_cli.estimators.with_trusted import gold, with_trusted

K, N, DRAWN = 3, 3000, 500


def problem():
    """Return probabilities that know nothing, labels, true ones and doubts that see the noise."""
    generator = np.random.default_rng(1)
    true = generator.integers(0, K, N)
    wrong = generator.random(N) < 0.2
    given = np.where(wrong, (true + 1) % K, true)
    probs = held_out(generator.normal(size=(N, 2)), given, K)
    return probs, given, true, np.where(wrong, 4.0, 1.0)


def drawn(weights, seed):
    """Return places drawn without replacement in proportion to weights, and their chances."""
    rings = np.random.default_rng(seed).exponential(size=N) / weights
    order = np.argsort(rings)
    return order[:DRAWN], -np.expm1(-weights * rings[order[DRAWN]])


@pytest.mark.parametrize("method", [gold, with_trusted])
def test_weights_undo_draws_by_doubt(method):
    probs, given, true, doubt = problem()
    rate = float((given != true).mean())
    found = {"weighted": [], "unweighted": []}
    for seed in range(40 if method is gold else 3):
        places, chances = drawn(doubt, seed)
        for name, probability in (("weighted", chances[places]), ("unweighted", None)):
            trusted = random_sample(places, true[places], probability)
            found[name].append(rate_of(method(Sample(probs, given, trusted=trusted))))
    assert np.mean(found["unweighted"]) > 1.7 * rate
    assert np.mean(found["weighted"]) == pytest.approx(rate, abs=0.02 if method is gold else 0.05)


def test_equal_chances_are_no_chances():
    probs, given, true, _ = problem()
    places = np.arange(0, N, 7)
    plain, even = (
        gold(Sample(probs, given, trusted=random_sample(places, true[places], chances)))
        for chances in (None, np.full(len(places), 0.25))
    )
    assert even.counts == pytest.approx(plain.counts)


def test_bounds_of_weighted_counts_cover():
    """Both one-sided bounds at 95 %: at least 90 % hold together, with room for chance."""
    probs, given, true, doubt = problem()
    rate, held = float((given != true).mean()), 0
    for seed in range(60):
        places, chances = drawn(doubt, seed)
        trusted = random_sample(places, true[places], chances[places])
        low, high = gold(Sample(probs, given, trusted=trusted)).spread(
            confidence=0.95, resamples=300, generator=np.random.default_rng(seed)
        ).noise_rate  # fmt: skip
        held += low <= rate <= high
    assert held >= 50
