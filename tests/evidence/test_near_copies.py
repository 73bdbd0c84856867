"""Near copies are found among examples of any dimension, and none where there are none."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from alfs_cli.evidence.near_copies import dimension_of, significant, with_near_copies
from alfs_cli.evidence.neighbours import nearest


def standardised(X):
    return ((X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)).astype(np.float32)


def clouds(dimension, seed=0, count=1500):
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((count, dimension))).astype(np.float32)


REAL = {
    "digits": lambda: load_digits().data.astype(np.float32),
    "iris": lambda: standardised(load_iris().data),
    "wine": lambda: standardised(load_wine().data),
    "cancer": lambda: standardised(load_breast_cancer().data),
    **{f"{d} dimensions": lambda d=d: clouds(d) for d in (1, 2, 5, 20)},
    "heavy tails": lambda: np.random.default_rng(0).standard_t(2, (1500, 5)).astype(np.float32),
}


@pytest.mark.parametrize("name", REAL)
def test_data_without_copies_have_none(name):
    X = REAL[name]()
    found = with_near_copies(X, np.arange(len(X)))
    _, sizes = np.unique(found, return_counts=True)
    assert (sizes > 1).sum() <= 0.01 * len(X)


@pytest.mark.parametrize("name", ["digits", "cancer", "20 dimensions"])
@pytest.mark.parametrize("noise", [1e-3, 0.05])
def test_copies_with_noise_are_found(name, noise):
    X = standardised(REAL[name]())[:600]
    generator = np.random.default_rng(1)
    origin = np.r_[np.arange(len(X)), np.repeat(generator.permutation(len(X))[:150], 2)]
    order = generator.permutation(len(origin))
    origin = origin[order]
    Y = X[origin] + noise * generator.standard_normal((len(origin), X.shape[1]))
    found = with_near_copies(Y.astype(np.float32), np.arange(len(Y)))
    copied = np.flatnonzero(np.bincount(origin) > 1)
    whole = [len(np.unique(found[origin == one])) == 1 for one in copied]
    assert np.mean(whole) > 0.97
    pairs = np.unique(np.column_stack([found, origin]), axis=0)
    assert len(pairs) - len(np.unique(found)) <= 0.02 * len(X), "others are hardly ever joined"


def test_exact_copies_keep_their_number():
    X = clouds(5, count=200)
    contents = np.arange(200) // 2
    found = with_near_copies(X[contents], contents)
    assert len(np.unique(np.column_stack([found, contents]), axis=0)) == 100


@pytest.mark.parametrize("dimension", [1, 2, 4, 8])
def test_the_dimension_is_that_of_the_data(dimension):
    X = np.random.default_rng(0).random((4000, dimension)).astype(np.float32)
    places = nearest(X, 20)
    apart = np.linalg.norm(X[:, None] - X[places], axis=2)
    assert dimension_of(np.sort(apart, axis=1)) == pytest.approx(dimension, rel=0.15)


def test_false_ones_are_few():
    generator = np.random.default_rng(0)
    assert len(significant(generator.random(5000))) <= 1
    mixed = np.r_[generator.random(4000), np.full(1000, 1e-9)]
    chosen = significant(mixed)
    assert (chosen >= 4000).sum() == 1000
    assert (chosen < 4000).sum() <= 30
