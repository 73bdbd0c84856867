"""The pairs as one array are what one Wealth a pair says, and no false level is accepted."""

import itertools

import numpy as np
import pytest

from alfs_cli.audits.bets import Experts, Wealth
from alfs_cli.audits.pairs import AGAINST, BINS, FOR, Pairs, low_per_cell, pair_cells
from alfs_cli.audits.population import population

LEVEL = 1.5
RISK = 1e-6  # small: no level is decided, and left as it is, in the middle of a test


def tiny(seed, N=7, K=3):
    rng = np.random.default_rng(seed)
    true, given = rng.integers(0, K, N), rng.integers(0, K, N)
    given[:K] = np.arange(K)
    probs = rng.dirichlet(np.ones(K), N)
    weights = rng.integers(1, 5, N)
    return population(given, "abc"[:K], "x", probs=probs), true, weights


def one_pair(pairs, i, j, side):
    """Return the wealth of a pair, made by hand from the array's bets."""
    counts, weights = (pair_cells(a)[i, j] for a in (pairs.cells.counts, pairs.cells.weights))
    sign = 1.0 if side == FOR else -1.0
    gain = np.repeat([sign, -sign * pairs.levels[0]], BINS)[None]
    bets = Experts(
        hedge=pairs._hedge[0, side, i, j][None],
        share=pairs._share[0, side, i, j][None],
        prior=np.exp(pairs.log_wealth[0, side, i, j]) / pairs._share.shape[-1],
    )
    return Wealth(
        bets=bets, low=np.minimum(gain, 0), high=np.maximum(gain, 0), m=np.zeros(1),
        n=int(counts.sum()), known=np.zeros(1), weights=weights, counts=counts,
        lightest=pair_cells(pairs.cells.lightest)[i, j],
        heaviest=pair_cells(pairs.cells.heaviest)[i, j],
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_the_array_is_one_wealth_a_pair(seed):
    examples, true, weights = tiny(seed, N=40)
    pairs = Pairs(examples, np.ones(40, bool), weights, (LEVEL,), RISK)
    alone = {
        (i, j, side): one_pair(pairs, i, j, side)
        for i, j in itertools.permutations(range(3), 2)
        for side in (FOR, AGAINST)
    }
    rng = np.random.default_rng(seed)
    for index in rng.permutation(40):
        possible = None if rng.random() < 0.2 else (int(true[index]),)
        bins = pairs.cells.bins[index]
        g = int(examples.given[index])
        for (i, j, side), wealth in alone.items():
            if g in (i, j):
                sign = 1.0 if side == FOR else -1.0
                worth = sign if g == i else -sign * LEVEL
                known = worth * (true[index] == i)
                z = min(0.0, worth) if possible is None else known
                cell = int(bins[i]) + (0 if g == i else BINS)
                wealth.enter(cell, float(weights[index]), np.array([z]))
        pairs.enter(int(index), float(weights[index]), possible)
        if pairs.decided[0]:  # it stays as it was from here on
            assert all(np.isposinf(w.best[0]) for (_, _, s), w in alone.items() if s == FOR) or any(
                np.isposinf(w.best[0]) for (_, _, s), w in alone.items() if s == AGAINST
            )
            return
        for (i, j, side), wealth in alone.items():
            assert np.allclose(pairs.log_wealth[0, side, i, j], wealth.log_wealth[0])
            assert np.isclose(pairs.best[0, side, i, j], wealth.best[0]) or (
                np.isposinf(pairs.best[0, side, i, j]) and np.isposinf(wealth.best[0])
            )


@pytest.mark.parametrize("seed", range(4))
def test_the_mean_wealth_of_every_true_statement_is_at_most_one(seed):
    """Exact, over all orders of a population of 5."""
    examples, true, weights = tiny(seed, N=5)
    fresh = Pairs(examples, np.ones(5, bool), weights, (LEVEL,), RISK)
    y = np.zeros((3, 3))
    for t, g in zip(true, examples.given, strict=True):
        for i, j in itertools.permutations(range(3), 2):
            y[i, j] += (t == g == i) - LEVEL * (t == i and g == j)
    total = np.zeros_like(fresh.log_wealth)
    for order in itertools.permutations(range(5), 4):
        chance, left, pairs = 1.0, float(weights.sum()), fresh.copy()
        for index in order:
            chance *= weights[index] / left
            left -= weights[index]
            pairs.enter(index, float(weights[index]), (int(true[index]),))
        total += chance * np.exp(pairs.log_wealth)
    mean = total.mean(-1)[0]
    apart = ~np.eye(3, dtype=bool)
    assert (mean[FOR][apart & (y <= 0)] <= 1 + 1e-9).all()
    assert (mean[AGAINST][apart & (y >= 0)] <= 1 + 1e-9).all()


def test_rejection_is_of_the_average_not_the_best():
    examples, true, weights = tiny(0, N=60)
    pairs = Pairs(examples, np.ones(60, bool), weights, (LEVEL,), RISK)
    for index in range(30):
        pairs.enter(index, float(weights[index]), (int(true[index]),))
    best = pairs.best[0, AGAINST][~np.eye(3, dtype=bool)].max()
    assert pairs.log_against[0] <= best
    assert pairs.log_against[0] >= best - np.log(6) - 5


def test_all_answered_the_level_is_known():
    examples, true, weights = tiny(5, N=30)
    table = np.zeros((3, 3))
    np.add.at(table, (true, examples.given), 1)
    ratios = [table[i, i] / table[i, j] for i, j in itertools.permutations(range(3), 2)]
    r = min(ratios)
    pairs = Pairs(examples, np.ones(30, bool), weights, (r, r * 1.001, r * 0.999), RISK)
    for index in range(30):
        pairs.enter(index, float(weights[index]), (int(true[index]),))
    assert pairs.accepted().tolist() == [True, False, True]
    assert pairs.accepted(strictly=True).tolist() == [False, False, True]
    assert pairs.rejected().tolist()[1]
    assert not pairs.rejected()[0]


def test_a_hundred_classes_take_milliseconds_an_answer():
    from time import process_time

    rng = np.random.default_rng(0)
    true = rng.integers(0, 100, 3_000)
    examples = population(true, [f"c{k}" for k in range(100)], "x")
    pairs = Pairs(examples, np.ones(3_000, bool), np.full(3_000, 256), (1.0,), RISK)
    assert low_per_cell(pairs.levels, pairs.cells).shape == (1, 2, 100, 100, 2 * BINS)
    began = process_time()
    for index in range(300):
        pairs.enter(index, 256.0, (int(true[index]),))
    assert (process_time() - began) / 300 < 0.02
    assert not pairs.accepted()[0]


@pytest.mark.parametrize("seed", range(5))
def test_an_unknown_answer_lowers_every_pair_on_every_path(seed):
    examples, true, weights = tiny(seed, N=40)
    full = Pairs(examples, np.ones(40, bool), weights, (LEVEL,), RISK)
    holed, rng = full.copy(), np.random.default_rng(seed)
    for index in rng.permutation(40):
        answer = (int(true[index]),)
        full.enter(int(index), float(weights[index]), answer)
        holed.enter(int(index), float(weights[index]), None if rng.random() < 0.3 else answer)
        if full.decided[0] or holed.decided[0]:
            assert full.decided[0]
            return
        assert (holed.log_wealth <= full.log_wealth + 1e-9).all()
        assert (holed.best <= full.best + 1e-9).all()
        assert (holed.log_against <= full.log_against + 1e-9).all()
