import numpy as np
import pytest
from scipy.optimize import minimize

from alfs_cli.audits.aims import aim, best_gain, kl, opposed, soonest
from alfs_cli.audits.claims import parse
from alfs_cli.audits.plan import Plan, weights_of
from alfs_cli.audits.population import population
from alfs_cli.audits.quantities import quantity

P = np.array([0.02, 0.1, 0.35, 0.8])
SHARE = np.array([0.6, 0.2, 0.15, 0.05])


def gain(q, number):
    """What a draw by q is sure to bring, by scipy: the worst p' whose mean is the number."""
    start = np.clip(P + number - SHARE @ P, 0.01, 0.99)
    start = np.clip(start + number - SHARE @ start, 0.01, 0.99)
    found = minimize(
        lambda other: float(q @ kl(P, other)),
        start,
        bounds=[(1e-6, 1 - 1e-6)] * 4,
        constraints={"type": "eq", "fun": lambda other: SHARE @ other - number},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    return found.fun


@pytest.mark.parametrize("number", [0.05, 0.1, 0.2, 0.5])
def test_no_other_draws_bring_more(number):
    q = SHARE * soonest(P, SHARE, number)
    assert q.sum() == pytest.approx(1)
    best = gain(q, number)
    assert best == pytest.approx(best_gain(P, SHARE, number), rel=1e-3)
    rng = np.random.default_rng(0)
    others = [SHARE, *rng.dirichlet(np.ones(4), 8), *(0.9 * q + 0.1 * np.eye(4))]
    assert all(gain(other, number) <= best * (1 + 1e-3) for other in others)
    assert gain(SHARE, number) < 0.98 * best  # and even draws bring less


def test_near_the_number_it_is_the_doubt():
    doubt = np.sqrt(P * (1 - P))
    for number in (SHARE @ P - 1e-4, SHARE @ P, SHARE @ P + 1e-4):
        assert soonest(P, SHARE, number) == pytest.approx(doubt / (SHARE @ doubt), rel=0.02)


@pytest.mark.parametrize("is_above", [True, False])
def test_the_opposed_chances_are_as_far_as_asked(is_above):
    other = opposed(P, 0.01, is_above=is_above)
    assert kl(P, other) == pytest.approx(np.full(4, 0.01), rel=1e-6)
    assert ((other > P) == is_above).all()


def test_draws_go_where_the_claim_is_decided():
    """Few labels look wrong: more than the claim allows are shown by those that look wrong."""
    rng = np.random.default_rng(1)
    scores = np.where(rng.random(5_000) < 0.2, 0.9, 0.02)
    examples = population(rng.integers(0, 2, 5_000), "ab", "x", noise_scores=scores)
    looks_wrong = scores > 0.5

    def weights(text):
        return weights_of(examples, Plan("x", "x", 0, 0.05, (parse(text),))).astype(float)

    even = looks_wrong.mean()
    few, most = weights("noise-rate <= 0.05"), weights("noise-rate <= 0.5")
    assert few[looks_wrong].sum() / few.sum() > even + 0.07
    assert most[looks_wrong].sum() / most.sum() < even
    assert few.min() > 0.85 * few.mean()  # nothing weighs heavily once it is drawn
    assert np.ptp(weights("clean-level >= 2")[looks_wrong]) == 0


@pytest.mark.parametrize("number", [0.0, 1e-12, 1 - 1e-12, 1.0])
def test_numbers_at_the_ends(number):
    q = SHARE * soonest(P, SHARE, number)
    assert (q >= 0).all()
    assert q.sum() == pytest.approx(1)


def test_without_claims_all_are_drawn_alike():
    examples = population(np.tile([0, 1], 50), "ab", "x", noise_scores=np.linspace(0, 1, 100))
    assert np.ptp(weights_of(examples, Plan("x", "x", 0, 0.05, ()))) == 0


def test_without_scores_or_a_mean_nothing_is_known():
    given = np.tile([0, 1], 50)
    plain = population(given, "ab", "x")
    assert aim(quantity(parse("noise-rate <= .1"), plain), 0.1, plain.open) is None
    scored = population(given, "ab", "x", noise_scores=np.full(100, 0.1))
    assert aim(quantity(parse("pair:a>b <= .1"), scored), 0.1, scored.open) is None
    assert aim(quantity(parse("noise-rate <= .1"), scored), 0.1, np.zeros(100, bool)) is None
