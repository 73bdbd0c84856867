"""Bounds of the noise rate from a sample: exact tails, honest, and as narrow as scores allow."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import expit, logit
from scipy.stats import beta, norm

from alfs_cli.estimators.parts.rate_bounds import represented, sampled_rate, tail

N = 20_000


def exactly(chances, sizes, least):
    """Return P(sum >= least) and P(sum = least) of whole sizes, by adding one event at a time."""
    total = np.array([1.0])
    for chance, size in zip(chances, sizes, strict=True):
        with_it = np.concatenate([np.zeros(size), total])
        without = np.concatenate([total, np.zeros(size)])
        total = chance * with_it + (1 - chance) * without
    return total[least:].sum(), total[least]


def ppi(wrong, scores, others):
    """Return the normal bounds of PPI++ (2023, equations of its section 6 for a mean)."""
    n, rest = len(wrong), len(others)
    factor = np.cov(wrong, scores, bias=True)[0, 1] / (1 + n / rest) / np.var(others)
    value = factor * others.mean() + (wrong - factor * scores).mean()
    error = np.sqrt(factor**2 * others.var() / rest + (wrong - factor * scores).var() / n)
    return value - norm.ppf(0.95) * error, value + norm.ppf(0.95) * error


@pytest.mark.parametrize(("mean", "counts"), [(0.01, (1, 2, 4, 7)), (0.2, (12, 20, 28, 33))])
def test_tails_are_those_of_the_exact_sum(mean, counts):
    p = np.random.default_rng(0).beta(1, 1 / mean - 1, 100)
    for sizes in (np.ones(100, dtype=int), 1 + np.arange(100) % 2):
        for count in counts:
            most, own = exactly(p, sizes, count)
            for step, exact in ((0.5, most), (0.0, most - own / 2)):
                near = pytest.approx(exact, abs=0.05 if exact > 0.25 else 0.016)
                assert tail(p, sizes.astype(float), count, step) == near


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_scores_that_tell_nothing_leave_the_bounds_of_a_count(count):
    wrong = (np.arange(100) < count).astype(float)
    found = sampled_rate(np.full(N, 0.3), np.arange(100), wrong, np.ones(100))
    low, high = found.bounds(0.95)
    assert low == pytest.approx(beta.ppf(0.05, count, 101 - count) if count else 0, abs=0.005)
    assert high == pytest.approx(beta.ppf(0.95, count + 1, 100 - count), abs=0.005)
    assert found.value == pytest.approx(count / 100)


def problem(kind):
    """Return scores and which labels are wrong (N,)."""
    generator = np.random.default_rng(3)
    x, sure = generator.normal(size=N), generator.random(N) < 0.2
    chances, scores = {
        "good": (expit(3 * x - 3.5), expit(3 * x - 3.5)),
        "rare": (expit(2 * x - 6.5), expit(2 * x - 6.5)),
        "misleading": (expit(-2 * x - 2), expit(3 * x - 3.5)),
        "rare and misleading": (np.full(N, 0.01), expit(2 * x - 5)),
        "sure": (np.where(sure, 0.98, 0.01), np.where(sure, 1 - 1e-6, 1e-6)),
    }[kind]
    return scores, (generator.random(N) < chances).astype(float)


def drawn(kind, size, draws=100):
    """Yield scores, places and errors of random samples, and all scores."""
    scores, wrong = problem(kind)
    for seed in range(draws):
        places = np.random.default_rng(seed).choice(N, size, replace=False)
        yield scores, places, wrong[places]


@pytest.mark.parametrize("kind", ["good", "rare", "misleading", "rare and misleading", "sure"])
def test_each_bound_holds(kind):
    """At 95 % in 100 samples, less three standard errors; PPI++ often fails if few are wrong."""
    rate = problem(kind)[1].mean()
    ours = np.array(
        [
            sampled_rate(scores, places, wrong, np.ones(100)).bounds(0.95)
            for scores, places, wrong in drawn(kind, 100)
        ]
    )
    assert (ours[:, 0] <= rate).mean() >= 0.885
    assert (ours[:, 1] >= rate).mean() >= 0.885
    if kind.startswith("rare"):
        theirs = [
            ppi(wrong, scores[places], np.delete(scores, places))[1]
            for scores, places, wrong in drawn(kind, 100)
        ]
        assert np.mean(np.array(theirs) >= rate) < 0.8


@pytest.mark.parametrize(("kind", "share"), [("good", 1.03), ("misleading", 0.9)])
def test_no_wider_than_ppi(kind, share):
    """The curve also learns from scores that mislead, where one factor cannot."""
    widths = np.array(
        [
            [
                np.ptp(sampled_rate(scores, places, wrong, np.ones(400)).bounds(0.95)),
                np.ptp(ppi(wrong, scores[places], np.delete(scores, places))),
            ]
            for scores, places, wrong in drawn(kind, 400, 25)
        ]
    )
    ours, theirs = np.median(widths, axis=0)
    assert ours <= share * theirs


def test_the_curve_moves_as_the_likeliest_curves_do():
    """Of all curves with a slightly higher rate; high scores are over-represented in the sample."""
    scores, wrong = problem("good")
    places = np.flatnonzero(np.random.default_rng(1).random(N) < 0.02 + 0.3 * scores)
    found = sampled_rate(scores, places, wrong[places], np.ones(len(places)))
    x = (logit(scores) - logit(scores).mean()) / logit(scores).std()

    def loss(at):
        eta = at[0] + at[1] * x[places]
        return 0.05 * at[1] ** 2 + np.logaddexp(0, eta).sum() - wrong[places] @ eta

    def height(slope):
        return brentq(lambda a: expit(a + slope * x).mean() - higher, -20, 20, xtol=1e-12)

    own = minimize(loss, [0.0, 0.0], tol=1e-9).x
    higher = expit(own[0] + own[1] * x).mean() + 0.002
    best = minimize_scalar(
        lambda slope: loss((height(slope), slope)),
        bounds=(own[1] - 1, own[1] + 1),
        method="bounded",
        options={"xatol": 1e-9},
    ).x
    moved = height(best) - own[0] + (best - own[1]) * x
    is_free = (found.moves > 0.3) & (found.moves < 3.9)
    moved, moves = moved[is_free], found.moves[is_free]
    assert moved / moved.mean() == pytest.approx(moves / moves.mean(), abs=0.05)
    assert np.ptp(moves) > 1


def test_wrong_labels_that_scores_do_not_show_are_allowed_for():
    """Examples with low scores are drawn seldom, and more of them are wrong than scores say."""
    x = np.random.default_rng(1).normal(size=N)
    wrong = (np.random.default_rng(2).random(N) < np.where(x > 1, 0.6, 0.12)).astype(float)
    scores = expit(3 * x - 3)
    share = 0.3 / N + 0.7 * np.sqrt(scores) / np.sqrt(scores).sum()
    held = []
    for seed in range(100):
        places = np.flatnonzero(np.random.default_rng(seed).random(N) < 100 * share)
        found = sampled_rate(scores, places, wrong[places], 1 / share[places])
        held.append(found.bounds(0.95)[1] >= wrong.mean())
    assert np.mean(held) >= 0.9


def test_unequal_draws_are_weighted():
    """Examples with high scores are drawn more often; both bounds still hold."""
    scores, wrong = problem("good")
    share = 0.3 / N + 0.7 * np.sqrt(scores) / np.sqrt(scores).sum()
    held = []
    for seed in range(100):
        generator = np.random.default_rng(seed)
        places = np.flatnonzero(generator.random(N) < 200 * share)
        low, high = sampled_rate(scores, places, wrong[places], 1 / share[places]).bounds(0.95)
        held.append((low <= wrong.mean(), wrong.mean() <= high, wrong[places].mean() > high))
    low_held, high_held, unweighted = np.mean(held, axis=0)
    assert min(low_held, high_held) >= 0.9
    assert unweighted > 0.9


def test_one_label_that_stands_for_nearly_all_bounds_nothing():
    scores, _ = problem("good")
    weights = np.r_[3.0, np.full(19, 1 / 19)]
    for last in (0.0, 1.0):
        found = sampled_rate(scores, np.arange(20), np.r_[1 - last, np.full(19, last)], weights)
        low, high = found.bounds(0.95)
        assert 0 <= low <= found.value <= high <= 1
        assert high - low > 0.7


def test_a_sample_drawn_by_given_label_stands_for_its_label():
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    places = np.concatenate([np.arange(30), 900 + np.arange(30), 990 + np.arange(10)])
    found = represented(labels, places, np.ones(70))
    assert found.tolist() == [30.0] * 30 + [3.0] * 30 + [1.0] * 10
    plain = np.arange(0, 1000, 10)
    assert represented(labels, plain, np.ones(100)).tolist() == [1.0] * 100
