import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from alfs_cli.audits.agreement import agreement


def answers(seed, N=200, K=4, alike=0.8):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, K, N)
    second = np.where(rng.random(N) < alike, first, rng.integers(0, K, N))
    return first.tolist(), second.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_kappa_is_that_of_scikit_learn(seed):
    first, second = answers(seed)
    found = agreement(first, second)
    assert found.kappa.value == pytest.approx(cohen_kappa_score(first, second))
    assert found.alike == sum(a == b for a, b in zip(first, second, strict=True))


def test_ac1_by_its_definition():
    first, second = answers(0)
    share = [(first.count(k) + second.count(k)) / 400 for k in range(4)]
    chance = sum(p * (1 - p) for p in share) / 3
    agreed = sum(a == b for a, b in zip(first, second, strict=True)) / 200
    assert agreement(first, second).ac1.value == pytest.approx((agreed - chance) / (1 - chance))


def test_intervals_hold_about_as_often_as_they_say():
    truth = agreement(*answers(99, N=100_000)).kappa.value
    held = [
        found.low <= truth <= found.high
        for found in (agreement(*answers(seed, N=80)).kappa for seed in range(200))
    ]
    assert 0.9 < np.mean(held) <= 0.995


def test_what_is_not_defined():
    assert agreement([], []).kappa.value is None
    alike = agreement([1, 1, 1], [1, 1, 1])
    assert (alike.both, alike.alike, alike.kappa.value, alike.ac1.value) == (3, 3, None, None)
    assert agreement([0, None, 1, 1], [0, None, 1, 0]).alike == 3
