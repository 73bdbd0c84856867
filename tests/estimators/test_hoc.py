"""EM for label triples, its test of fit, and the neighbours they come from."""

from itertools import pairwise, product

import numpy as np
import pytest
from problems import gaussians, noisy

from alfs_cli.errors import InputError
from alfs_cli.estimators.hoc import clusterability, disjoint, fit_triples
from alfs_cli.evidence.neighbours import nearest
from alfs_cli.noise import row_total_variation

T3 = np.array([[0.7, 0.2, 0.1], [0.05, 0.9, 0.05], [0.0, 0.3, 0.7]])
PRIOR = np.array([0.5, 0.3, 0.2])


def expected_triples(T, prior):
    """Return all triples (K^3, 3) and their probabilities, by loops."""
    K = len(T)
    triples = np.array(list(product(range(K), repeat=3)))
    shares = [sum(prior[i] * T[i, a] * T[i, b] * T[i, c] for i in range(K)) for a, b, c in triples]
    return triples, np.array(shares)


def test_exact_shares_give_T_back():
    """The model is identified: the likelihood has its maximum at the truth."""
    triples, shares = expected_triples(T3, PRIOR)
    fit = fit_triples(triples, 1e6 * shares, 3)
    assert fit.transition == pytest.approx(T3, abs=5e-3)
    assert fit.prior == pytest.approx(PRIOR, abs=5e-3)


def test_the_likelihood_never_falls():
    """EM climbs at every step."""
    generator = np.random.default_rng(0)
    triples = generator.integers(4, size=(300, 3))
    fit = fit_triples(triples, generator.integers(1, 9, 300).astype(float), 4)
    assert len(fit.path) > 3
    assert all(after >= before - 1e-12 for before, after in pairwise(fit.path))


def drawn(count, *, together=0.0, seed=1):
    """Return triples (count, 3); a share `together` copies its first label."""
    generator = np.random.default_rng(seed)
    y = generator.choice(3, size=count, p=PRIOR)
    triples = np.stack([noisy(y, T3, seed + place) for place in (1, 2, 3)], axis=1)
    copies = generator.random(count) < together
    triples[copies, 1:] = triples[copies, :1]
    return triples


def fitted(triples):
    unique, counts = np.unique(triples, axis=0, return_counts=True)
    return fit_triples(unique, counts.astype(float), 3)


def test_fit_is_tested():
    """Independent labels pass; T's estimate is near. Triples of mixed classes fail."""
    triples = drawn(6000)
    fit = fitted(triples)
    assert row_total_variation(fit.transition, T3) < 0.05
    assert clusterability(triples, fit)[2] > 0.01
    generator = np.random.default_rng(5)
    mixed = drawn(6000)
    mixed[:3000, 2] = generator.permutation(mixed[:3000, 2])
    assert clusterability(mixed, fitted(mixed))[2] < 0.01


def test_the_test_holds_its_level():
    """Of forty independent samples few are rejected at one in a hundred."""
    rejected = 0
    for seed in range(40):
        triples = drawn(2000, seed=100 + 5 * seed)
        rejected += clusterability(triples, fitted(triples))[2] < 0.01
    assert rejected <= 3


def test_disjoint_rows_share_no_example():
    members = np.array([[0, 1, 2], [1, 3, 4], [5, 6, 7], [7, 8, 9], [3, 4, 8]])
    assert disjoint(members).tolist() == [0, 2, 4]


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("size", [5, 200])
def test_neighbours_are_those_of_all_distances(k, size):
    """Against every distance, computed one by one; beyond 128 features by components."""
    X, _ = gaussians(3, 150, 4.0, size=min(size, 100))
    if size > 100:
        X = np.concatenate([X, np.zeros((150, size - 100), np.float32)], axis=1)
    slow = np.array([((X - row) ** 2).sum(axis=1) for row in X.astype(np.float64)])
    np.fill_diagonal(slow, np.inf)
    np.testing.assert_array_equal(nearest(X, k), np.argsort(slow, axis=1, kind="stable")[:, :k])


@pytest.mark.parametrize("count", [960, 1000])
def test_neighbours_among_many_are_those_of_all_distances(count):
    """Where minima of runs of columns come first, with a rest that fills no run and without."""
    X, _ = gaussians(3, count, 4.0, size=6)
    some = np.array([0, 5, 700, count - 1])
    slow = ((X[some, None].astype(np.float64) - X) ** 2).sum(axis=2)
    slow[np.arange(len(some)), some] = np.inf
    expected = np.argsort(slow, axis=1, kind="stable")[:, :6]
    np.testing.assert_array_equal(nearest(X, 6, of=some), expected)


def test_neighbours_of_some():
    X, _ = gaussians(2, 60, 3.0)
    some = np.array([3, 41])
    np.testing.assert_array_equal(nearest(X, 4, of=some), nearest(X, 4)[some])
    with pytest.raises(InputError, match="no 60 neighbours"):
        nearest(X, 60)
