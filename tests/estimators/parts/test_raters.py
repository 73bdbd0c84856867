"""Agreement of several annotators, against loops over pairs and against many draws."""

from itertools import permutations

import numpy as np
import pytest

from alfs_cli.estimators.parts.raters import agreement

K = 3


def crowd(seed=0, count=60, people=4):
    generator = np.random.default_rng(seed)
    y = generator.integers(K, size=(count, 1))
    is_blind = generator.random((count, people)) < 0.3
    marks = np.where(is_blind, generator.integers(K, size=(count, people)), y)
    marks[generator.random((count, people)) < 0.25] = -1
    return marks


def votes_of(marks):
    return np.stack([(marks == cls).sum(axis=1) for cls in range(K)], axis=1)


def by_pairs(marks):
    """Return kappa, AC1 and alpha as their authors define them, label by label."""
    rows = [row[row >= 0] for row in marks]
    alike = [
        np.mean([a == b for a, b in permutations(row, 2)]) for row in rows if len(row) > 1
    ]  # fmt: skip
    shares = np.mean([[np.mean(row == cls) for cls in range(K)] for row in rows if len(row)], 0)
    a, kappa_e = np.mean(alike), sum(shares**2)
    ac1_e = sum(shares * (1 - shares)) / (K - 1)
    coincidence = np.zeros((K, K))
    for row in rows:
        for one, other in permutations(row, 2):
            coincidence[one, other] += 1 / (len(row) - 1)
    n = coincidence.sum(axis=1)
    observed = 1 - np.trace(coincidence) / n.sum()
    expected = 1 - (n * (n - 1)).sum() / (n.sum() * (n.sum() - 1))
    return (a - kappa_e) / (1 - kappa_e), (a - ac1_e) / (1 - ac1_e), 1 - observed / expected


def test_coefficients_are_those_of_the_definitions():
    found = agreement(votes_of(crowd()), confidence=0.95)
    for one, truth in zip(found.values(), by_pairs(crowd()), strict=True):
        assert one.value == pytest.approx(truth, abs=1e-12)


def test_coefficients_are_those_of_other_programs():
    """By irrCAC 0.4 and krippendorff 0.8 on the same labels; intervals are two-sided at 95 %."""
    generator = np.random.default_rng(0)
    y = generator.integers(3, size=60)
    m = np.where(generator.random((60, 4)) < 0.7, y[:, None], generator.integers(3, size=(60, 4)))
    m[generator.random((60, 4)) < 0.25] = -1
    m[(m >= 0).sum(axis=1) < 1, 0] = 0
    found = agreement(votes_of(m), confidence=0.975)
    published = {
        "kappa": (0.25885, 0.12135, 0.39634),
        "ac1": (0.27182, 0.1367, 0.40694),
        "alpha": (0.27068, 0.14517, 0.39619),
    }
    for name, (value, low, high) in published.items():
        assert found[name].value == pytest.approx(value, abs=1e-5)
        assert (found[name].low, found[name].high) == pytest.approx((low, high), abs=0.006)


def test_bounds_hold_in_repeated_draws():
    truth = np.array([by_pairs(crowd(1000, count=20_000))]).T
    drawn = [agreement(votes_of(crowd(seed)), confidence=0.9) for seed in range(100)]
    below = np.array([[one.low for one in found.values()] for found in drawn]).T
    above = np.array([[one.high for one in found.values()] for found in drawn]).T
    assert ((below <= truth).mean(axis=1) > 0.8).all()
    assert ((above >= truth).mean(axis=1) > 0.8).all()


def test_what_is_not_defined_is_none():
    nobody_twice = agreement(np.eye(3, dtype=int), confidence=0.95)
    assert set(nobody_twice.values()) == {None}
    one_class = agreement(np.tile([2, 0, 0], (5, 1)), confidence=0.95)
    assert one_class["kappa"] is None
    assert one_class["alpha"] is None
    assert one_class["ac1"].value == 1
