"""Values move toward the plausible inside their bounds, and all that follows from T follows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.estimators.plausible import at_rate, plausible
from alfs_cli.noise import class_clean_levels, symmetric
from alfs_cli.results.consistency import check_estimate
from alfs_cli.results.estimate import Bounded
from tests.conftest import make_estimate


@given(st.integers(2, 6), st.floats(0.001, 0.6), st.integers(0, 2**32 - 1))
def test_t_reaches_the_rate_and_keeps_its_shape(K, rate, seed):
    generator = np.random.default_rng(seed)
    prior = generator.dirichlet(np.full(K, 5.0))
    T = 0.7 * np.eye(K) + 0.3 * generator.dirichlet(np.ones(K), K)
    found = at_rate(T, prior, rate)
    assert found.sum(axis=1) == pytest.approx(np.ones(K))
    off = ~np.eye(K, dtype=bool)
    if (np.diag(found) > 0.021).all():
        assert 1 - prior @ np.diag(found) == pytest.approx(rate)
        assert found[off] / T[off] == pytest.approx(
            np.full(K * (K - 1), found[off].sum() / T[off].sum())
        )


def test_a_t_without_noise_is_given_even_noise():
    even = np.full(4, 0.25)
    assert at_rate(np.eye(4), even, 0.3) == pytest.approx(symmetric(0.3, 4).array)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.9])
def test_values_stay_inside_their_bounds_and_agree(rate):
    before = replace(make_estimate(), noise_rate=Bounded(0.11, 0.02, 0.6))
    after = plausible(before, rate)
    assert before.noise_rate.low <= after.noise_rate.value <= before.noise_rate.high
    assert abs(after.noise_rate.value - rate) <= abs(before.noise_rate.value - rate)
    T, prior = np.array(after.transition), np.array(after.class_prior)
    assert 1 - prior @ np.diag(T) == pytest.approx(after.noise_rate.value)
    assert after.clean_level.value == pytest.approx(class_clean_levels(T).min())
    assert after.clean_level.low <= before.clean_level.low <= before.clean_level.high
    assert "usually have" in after.trust.reasons[-1]
    assert check_estimate(after, where="here") == after


@pytest.mark.parametrize("T", [np.eye(3), symmetric(0.2, 3).array])
def test_a_class_without_examples_is_left_as_it_is(T):
    """It gives no labels away, and none goes to it."""
    T = T.copy()
    T[2] = [0, 0, 1]
    T[:2, :2] += np.eye(2) * T[:2, 2:]
    T[:2, 2] = 0
    found = at_rate(T, np.array([0.5, 0.5, 0.0]), 0.1)
    assert found[2].tolist() == [0, 0, 1]
    assert found[:2, 2].tolist() == [0, 0]
    assert found[:2, :2] == pytest.approx(symmetric(0.1, 2).array)


def test_one_class_alone_has_no_noise_to_scale():
    assert at_rate(np.eye(2), np.array([1.0, 0.0]), 0.1) == pytest.approx(np.eye(2))
