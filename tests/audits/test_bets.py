"""Against brute force: every order of small populations, with its exact chance."""

import itertools

import numpy as np
import pytest

from alfs_cli.audits.bets import Wealth, experts, log_mean, paid

N, C = 5, 2


def small(seed, sign=1.0, *, known=()):
    """Return a population of 5 with weights, cells and values, and the wealths against its mean."""
    rng = np.random.default_rng(seed)
    cell, weight = rng.integers(0, C, N), rng.integers(1, 6, N).astype(float)
    z = sign * rng.integers(0, 2, N)
    free = [i for i in range(N) if i not in known]
    counts = np.bincount(cell[free], minlength=C).astype(float)
    sums = np.bincount(cell[free], weight[free], minlength=C)
    gain = np.full((1, C), sign)
    start = np.array([z[list(known)].sum()]) if known else np.zeros(1)
    m = np.array([z.mean()])
    rest = (N * m - start) / len(free)
    share = np.full(6, 1 / 6)
    bets = experts(rng.uniform(0.02, 0.98, (1, 6, C)), gain, rest, sums, counts, share)
    own = [weight[free][cell[free] == c] for c in range(C)]
    bounds = np.array([(each.min(initial=9), each.max(initial=1)) for each in own])

    def fresh():
        return Wealth(
            bets=bets, low=np.minimum(gain, 0), high=np.maximum(gain, 0), m=m, n=N, known=start,
            weights=sums, counts=counts, lightest=bounds[:, 0], heaviest=bounds[:, 1],
        )  # fmt: skip

    return fresh, free, cell, weight, z.astype(float)


def expectations(fresh, free, cell, weight, answer):
    """Return the exact mean of the wealths (E) after each number of draws, over every order."""
    found = [0.0] * (len(free) + 1)

    def go_on(wealth, past, left, chance):
        found[len(past)] = found[len(past)] + chance * np.exp(wealth.log_wealth[0])
        for i in left:
            further = wealth.copy()
            further.enter(int(cell[i]), float(weight[i]), np.array([answer(i, past)]))
            rest = [j for j in left if j != i]
            go_on(further, [*past, i], rest, chance * weight[i] / weight[left].sum())

    go_on(fresh(), [], list(free), 1.0)
    return np.array(found)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_mean_wealth_of_a_true_statement_is_one(seed, sign):
    fresh, free, cell, weight, z = small(seed, sign)
    assert np.allclose(expectations(fresh, free, cell, weight, lambda i, past: z[i]), 1)


@pytest.mark.parametrize("seed", range(6))
def test_it_is_one_too_where_a_part_is_known_beforehand(seed):
    fresh, free, cell, weight, z = small(seed, known=(1, 3))
    assert np.allclose(expectations(fresh, free, cell, weight, lambda i, past: z[i]), 1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_adversary_who_cannot_tell_when_it_suits_gains_nothing(seed, sign):
    fresh, free, cell, weight, z = small(seed, sign)
    lowest = min(0.0, sign)

    def answer(i, past):  # unknown whenever the last one was a hit
        return lowest if past and z[past[-1]] else z[i]

    assert (expectations(fresh, free, cell, weight, answer) <= 1 + 1e-9).all()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_unknown_answer_lowers_the_wealth_on_every_path(seed, sign):
    """What is drawn and not answered enters at its lowest, and may be filled in at any time."""
    fresh, free, cell, weight, z = small(seed, sign)
    rng = np.random.default_rng(seed)
    order, holes = rng.permutation(free), rng.random(N) < 0.4
    full, holed = fresh(), fresh()
    for i in order:
        least = min(0.0, sign) if holes[i] else z[i]
        full.enter(int(cell[i]), float(weight[i]), np.array([z[i]]))
        holed.enter(int(cell[i]), float(weight[i]), np.array([least]))
        assert (holed.log_wealth <= full.log_wealth + 1e-9).all()
        assert (holed.best <= full.best + 1e-9).all()


def test_no_wealth_is_ever_lost_whole():
    fresh, free, cell, weight, _ = small(3)
    for values in itertools.product((0.0, 1.0), repeat=N):
        wealth = fresh()
        for i in free:
            wealth.enter(int(cell[i]), float(weight[i]), np.array([values[i]]))
        assert (wealth.log_wealth > -np.inf).all()


def test_a_bet_is_the_best_against_its_alternative():
    """No rate and no hedge nearby earns more under the alternative; the null's mean stays 1."""
    counts = np.array([700.0, 300.0])
    p, m = np.array([[[0.05, 0.6]]]), np.array([0.1])
    bets = experts(p, np.ones((1, 2)), m, counts, counts, np.ones(1))

    def growth(hedge, share):
        total = counts.sum()
        left = hedge @ counts
        floor = (0 - hedge).min() * total
        d = total * (np.array([[0.0], [1.0]]) - hedge)
        factor = 1 - share + share * (d - floor) / (total * m[0] - floor - left)
        chance = np.stack([1 - p[0, 0], p[0, 0]]) * counts / total
        return (chance * np.log(factor)).sum()

    best = growth(bets.hedge[0, 0], bets.share[0, 0])
    assert best > 0.215 * np.log(2.15) + 0.785 * np.log(0.785 / 0.9)  # the best without scores
    rng = np.random.default_rng(0)
    for _ in range(300):
        hedge = bets.hedge[0, 0] + 0.03 * rng.standard_normal(2)
        share = min(bets.share[0, 0] * np.exp(0.1 * rng.standard_normal()), 0.999)
        assert growth(hedge, share) <= best + 1e-6


def test_paid_solves_its_equation():
    p = np.random.default_rng(0).uniform(0.01, 0.99, 500)
    d = np.random.default_rng(1).normal(0, 5, 500)
    u = paid(p, d)
    assert (u > 0).all()
    assert (u + d > 0).all()
    assert np.allclose((1 - p) / u + p / (u + d), 1)


def test_without_scores_it_is_the_likelihood_ratio():
    """One cell and even draws: the log-optimal bet on a rate p against m is p/m or (1-p)/(1-m)."""
    counts = np.array([1e7])
    bets = experts(
        np.array([[[0.3]]]), np.ones((1, 1)), np.array([0.2]), counts, counts, np.ones(1)
    )
    wealth = Wealth(
        bets=bets, low=np.zeros((1, 1)), high=np.ones((1, 1)), m=np.array([0.2]), n=int(counts[0]),
        known=np.zeros(1), weights=counts, counts=counts, lightest=np.ones(1), heaviest=np.ones(1),
    )  # fmt: skip
    for z in (1.0, 0.0, 0.0, 1.0):
        wealth.enter(0, 1.0, np.array([z]))
    assert wealth.log_wealth[0, 0] == pytest.approx(2 * np.log(1.5 * 0.7 / 0.8), abs=1e-4)


def test_log_mean():
    assert log_mean(np.log(np.array([1.0, 3.0]))) == pytest.approx(np.log(2))
    assert log_mean(np.array([np.inf, 0.0])) == np.inf
