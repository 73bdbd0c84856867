"""Every estimator of the table: recovers known noise, rows are true classes, never NaN."""

import numpy as np
import pytest

from alfs_cli.errors import AlfsError
from alfs_cli.estimators import ESTIMATORS, estimate_transition
from alfs_cli.noise import symmetric
from tests.estimators.problems import noisy_problem

T3 = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.1, 0.9]])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_rows_are_true_classes(name):
    """Guards the convention: swapping rows and columns must fail here."""
    probs, given, _ = noisy_problem(T3)
    found = np.array(estimate_transition(probs, given, method=name).transition)
    assert found[0, 1] == pytest.approx(0.3, abs=0.05)
    assert found[1, 0] == pytest.approx(0.0, abs=0.05)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("rate", [0.2, 0.4])
def test_recovers_symmetric_noise(name, rate):
    T = symmetric(rate, 4).array
    probs, given, _ = noisy_problem(T)
    estimate = estimate_transition(probs, given, method=name)
    np.testing.assert_allclose(estimate.transition, T, atol=0.05)
    assert estimate.noise_rate.value == pytest.approx(rate, abs=0.04)
    assert estimate.dominant is True


@pytest.mark.parametrize("name", ESTIMATORS)
def test_permuting_classes_permutes_T(name):
    probs, given, _ = noisy_problem(T3, n_per_class=500)
    order = np.array([2, 0, 1])
    place = np.argsort(order)
    plain = np.array(estimate_transition(probs, given, method=name).transition)
    moved = np.array(estimate_transition(probs[:, order], place[given], method=name).transition)
    np.testing.assert_allclose(moved, plain[np.ix_(order, order)], atol=1e-6)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_never_nan_where_a_class_is_never_given_or_never_predicted(name):
    probs, given, _ = noisy_problem(T3, n_per_class=200)
    for labels in (given % 2, np.where(given == 2, 0, given)):
        estimate = estimate_transition(probs, labels, method=name)
        T = np.array(estimate.transition)
        assert np.isfinite(T).all()
        np.testing.assert_allclose(T.sum(axis=1), 1, atol=1e-9)
    flat = np.tile([0.5, 0.4, 0.1], (600, 1))
    T = np.array(estimate_transition(flat, given, method=name).transition)
    assert np.isfinite(T).all()


def test_value_is_the_least_ratio_of_the_matrix_and_lies_in_its_bounds():
    probs, given, _ = noisy_problem(T3, n_per_class=300)
    estimate = estimate_transition(probs, given)
    T = np.array(estimate.transition)
    rest = T - np.diag(np.diag(T))
    with np.errstate(divide="ignore"):
        levels = np.diag(T) / rest.max(axis=1)
    assert estimate.clean_level.value == levels.min()
    assert estimate.clean_level.low <= levels.min() <= estimate.clean_level.high
    for i, found in enumerate(estimate.class_clean_level):
        assert found.value == levels[i]
        assert found.low <= found.value <= found.high
    assert (np.array(estimate.transition_low) <= T).all()
    assert (np.array(estimate.transition_high) >= T).all()
    rate = estimate.noise_rate
    assert rate.value == pytest.approx(1 - np.array(estimate.class_prior) @ np.diag(T))


def test_features_go_in_too():
    generator = np.random.default_rng(0)
    true = np.arange(900) % 3
    X = 4 * np.eye(3)[true] + generator.normal(size=(900, 3))
    flips = generator.random(900) < 0.2
    given = np.where(flips, (true + 1) % 3, true)
    estimate = estimate_transition(X, given, features=True)
    assert estimate.noise_rate.value == pytest.approx(0.2, abs=0.04)
    assert estimate.evidence.kind == "features"


def test_clean_labels_are_not_certain_to_be_clean():
    """Nothing seen in n draws still leaves room for something: high is above 0."""
    probs, _, true = noisy_problem(np.eye(3), certainty=0.999, n_per_class=100)
    estimate = estimate_transition(probs, true)
    assert estimate.noise_rate.high >= 1 - 0.05 ** (1 / 300) - 1e-12
    assert estimate.transition_high[0][1] > 0


@pytest.mark.parametrize(
    ("probs", "labels", "says"),
    [
        (np.full((4, 2), 0.5), [0, 1, 0], "shape"),
        (np.full((4, 2), 0.5), [0, 1, 0, 2], "labels go up to 2"),
        (np.full((4, 2), 0.5), [0, 1, 0, -1], "whole numbers"),
        (np.full((4, 2), 0.5), [0.5, 1, 0, 1], "whole numbers"),
        (np.array([[2.0, -1.0]] * 4), [0, 1, 0, 1], "logits"),
        (np.array([[np.nan, 1.0]] * 4), [0, 1, 0, 1], "NaN"),
        (np.full((4, 1), 1.0), [0, 0, 0, 0], "1 classes"),
    ],
)
def test_wrong_arrays_are_refused(probs, labels, says):
    with pytest.raises(AlfsError, match=says):
        estimate_transition(probs, np.array(labels))
