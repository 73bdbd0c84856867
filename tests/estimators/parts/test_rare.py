"""Classes with next to no examples do not speak for the others."""

from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_digits

from alfs_cli.data import random_sample
from alfs_cli.data.rare import rare_classes
from alfs_cli.estimators import ESTIMATORS, estimate_transition
from alfs_cli.estimators.parts.rare import without_rare
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.estimators.with_trusted import gold


@pytest.fixture(scope="module")
def digits():
    """Return features and labels of four digits, 12 % of them wrong."""
    data = load_digits()
    X, y = data.data[data.target < 4], data.target[data.target < 4]
    generator = np.random.default_rng(0)
    flipped = generator.random(len(y)) < 0.12
    y[flipped] = (y[flipped] + generator.integers(1, 4, flipped.sum())) % 4
    return X, y


@pytest.fixture(scope="module")
def before(digits):
    """Return what a method estimates of them; made once."""
    return cache(lambda method: estimate_transition(*digits, features=True, method=method))


@pytest.mark.slow
@pytest.mark.parametrize("few", [1, 3])
@pytest.mark.parametrize("method", ["auto", "confident", "hoc", "knn", "dual-t"])
def test_a_stray_label_changes_nothing_for_the_others(digits, before, method, few):
    X, y = digits
    before = before(method)
    stray = y.copy()
    stray[np.flatnonzero(y == 3)[:few]] = 4
    after = estimate_transition(X, stray, features=True, method=method)
    assert after.noise_rate.value == pytest.approx(before.noise_rate.value, abs=0.015)
    T = np.array(after.transition)
    np.testing.assert_allclose(T[:4, :4], before.transition, atol=0.03)
    np.testing.assert_allclose(T.sum(axis=1), 1)
    np.testing.assert_array_equal(T[4], np.eye(5)[4])
    assert after.clean_level.low > 0.5 * before.clean_level.low
    assert [cls.judged for cls in after.class_clean_level] == [True] * 4 + [False]
    assert np.isfinite(after.transition_high).all()
    reasons = " ".join(after.trust.reasons)
    assert f"class '4' has {few} example{'s' if few > 1 else ''}: set aside" in reasons
    assert after.evidence.folds == before.evidence.folds == 5


def test_what_is_rare():
    assert not rare_classes(np.array([50, 60, 40])).any()
    assert not rare_classes(np.array([5, 5, 5, 2])).any()
    assert rare_classes(np.array([0, 5, 5])).tolist() == [True, False, False]
    assert rare_classes(np.array([200, 9, 10, 300, 150])).tolist() == [False, True] + [False] * 3
    assert rare_classes(np.array([40, 3, 4, 50, 45])).tolist() == [False, True] + [False] * 3
    assert not rare_classes(np.array([900, 0])).any()
    assert not rare_classes(np.zeros(3, np.int64)).any()


def test_bounds_of_a_class_set_aside_claim_nothing(digits):
    X, y = digits
    found = estimate_transition(X, np.where(np.arange(len(y)) == 5, 4, y), features=True)
    assert found.transition_low[4] == (0.0,) * 5
    assert found.transition_high[4] == (1.0,) * 5
    assert 0 < found.transition_high[0][4] < 0.05
    assert (found.class_clean_level[4].low, found.class_clean_level[4].high) == (0, np.inf)
    assert set(ESTIMATORS) >= {one.method.split()[0] for one in found.other_estimates}


def test_trusted_examples_keep_their_chances_beside_a_rare_class():
    """Wrong labels are drawn four times as often, and one class has a single example."""
    generator = np.random.default_rng(4)
    true = generator.integers(0, 3, 3000)
    wrong = generator.random(3000) < 0.1
    given = np.where(wrong, (true + 1) % 3, true)
    given[0], true[0], wrong[0] = 3, 3, False
    chances = np.where(wrong, 0.4, 0.1)
    places = np.flatnonzero(generator.random(3000) < chances)
    trusted = random_sample(places, true[places], chances[places])
    sample = Sample(np.full((3000, 4), 0.25), given, trusted=trusted)
    found = without_rare(gold)(sample)
    assert (1 - found.prior() @ found.transition().diagonal()) == pytest.approx(0.1, abs=0.03)
