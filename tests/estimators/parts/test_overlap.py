"""What counts overlap as noise never says that there is surely noise: overlap may be all of it."""

import numpy as np
import pytest

from alfs_cli.estimators.fitting import estimate_transition
from alfs_cli.estimators.parts.counts import Spread
from alfs_cli.estimators.parts.overlap import allowing_for, unforeseen
from alfs_cli.noise import inject, symmetric


def gaussians(distance, rate, K=4, N=3_000):
    """Return exact probabilities of the given label, these labels, and the true noise rate."""
    rng = np.random.default_rng([K, N])
    true = rng.integers(0, K, N)
    X = rng.standard_normal((N, K)) + distance * np.eye(K)[true] / np.sqrt(2)
    T = symmetric(rate, K).array if rate else np.eye(K)
    given = inject(true, symmetric(rate, K), rng) if rate else true
    logits = X * distance / np.sqrt(2)
    q = np.exp(logits - logits.max(1, keepdims=True))
    return q / q.sum(1, keepdims=True) @ T, given, (given != true).mean()


@pytest.mark.parametrize("distance", [1.5, 2.5, 5.0])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("method", ["confident", "anchor"])
def test_no_noise_is_proved_that_is_not_there(method, distance, rate):
    probs, given, truth = gaussians(distance, rate)
    found = estimate_transition(probs, given, method=method)
    assert found.noise_rate.low <= truth + 0.01
    off = ~np.eye(4, dtype=bool)
    lows = np.array(found.transition_low)[off]
    assert (lows <= rate / 3 + 0.02).all()
    assert found.clean_level.high >= (np.inf if rate == 0 else (1 - rate) / (rate / 3)) * 0.9


def test_what_is_foreseen_is_still_known():
    """Labels of two classes apart, a fifth of them against probabilities of .99: they are wrong."""
    given = np.tile([0, 0, 0, 0, 1, 1, 1, 1, 1, 0], 100)
    probs = np.tile([[0.99, 0.01]] * 5 + [[0.01, 0.99]] * 5, (100, 1))
    found = estimate_transition(probs, given, method="confident")
    assert 0.1 < found.noise_rate.low < 0.2 <= found.noise_rate.high


def test_only_the_side_of_less_noise_moves():
    before = Spread(
        transition=(np.array([[0.7, 0.2], [0.1, 0.8]]), np.array([[0.8, 0.3], [0.2, 0.9]])),
        noise_rate=(0.15, 0.25),
        gap=(0.4, 0.6),
        class_levels=(np.array([2.0, 4.0]), np.array([4.0, 9.0])),
        level=(2.0, 4.0),
    )
    after = allowing_for(np.array([0.05, 0.1]), before, np.array([0.5, 0.5]))
    assert after.transition[0].tolist() == [[0.7, pytest.approx(0.1)], [0.0, 0.8]]
    assert after.transition[1].tolist() == [[pytest.approx(0.9), 0.3], [0.2, 1.0]]
    assert after.noise_rate == (0.0, 0.25)
    assert after.class_levels[0].tolist() == [2.0, 4.0]
    assert after.class_levels[1].tolist() == [pytest.approx(9.0), np.inf]
    assert after.level == (2.0, pytest.approx(9.0))
    assert after.gap == (0.4, pytest.approx(0.8))
    same = allowing_for(np.zeros(2), before, np.array([0.5, 0.5]))
    assert same.noise_rate == before.noise_rate
    assert same.transition[0].tolist() == before.transition[0].tolist()


def test_what_probabilities_do_not_foresee():
    assert unforeseen(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])).tolist() == pytest.approx(
        [0.5 / 3, 0.2 / 3]
    )
    assert unforeseen(np.eye(3)).tolist() == [0.0, 0.0, 0.0]
