"""What counts overlap as noise never says that there is surely noise: overlap may be all of it."""

import numpy as np
import pytest

from alfs_cli.estimators.fitting import estimate_transition
from alfs_cli.estimators.parts.counts import Spread
from alfs_cli.estimators.parts.overlap import as_overlap
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
    assert found.noise_rate.low <= truth
    off = ~np.eye(4, dtype=bool)
    lows = np.array(found.transition_low)[off]
    assert (lows <= rate / 3).all()
    assert found.clean_level.high >= (np.inf if rate == 0 else (1 - rate) / (rate / 3))


@pytest.mark.parametrize("surest", [1.0, 0.9, 0.5])
@pytest.mark.parametrize("method", ["confident", "anchor", "joint-ml", "auto"])
def test_predictions_without_chances_prove_none_either(method, surest):
    """Right labels of classes that overlap, against predictions that are all equally sure."""
    probs, given, _ = gaussians(2.0, 0.0)
    predicted = np.eye(4)[probs.argmax(1)]
    told = np.where(predicted == 1, surest, (1 - surest) / 3)
    found = estimate_transition(told, given, method=method)
    assert (found.noise_rate.low, found.clean_level.high) == (0, np.inf)
    assert found.trust.level == "low"


def test_only_the_side_of_less_noise_moves():
    before = Spread(
        transition=(np.array([[0.7, 0.2], [0.1, 0.8]]), np.array([[0.8, 0.3], [0.2, 0.9]])),
        noise_rate=(0.15, 0.25),
        gap=(0.4, 0.6),
        class_levels=(np.array([2.0, 4.0]), np.array([4.0, 9.0])),
        level=(2.0, 4.0),
    )
    after = as_overlap(before)
    assert after.transition[0].tolist() == [[0.7, 0.0], [0.0, 0.8]]
    assert after.transition[1].tolist() == [[1.0, 0.3], [0.2, 1.0]]
    assert after.noise_rate == (0.0, 0.25)
    assert after.class_levels[0].tolist() == [2.0, 4.0]
    assert after.class_levels[1].tolist() == [np.inf, np.inf]
    assert (after.level, after.gap) == ((2.0, np.inf), (0.4, 1.0))
