"""Verdicts and intervals, against the truth and an independent bound."""

import itertools

import numpy as np
import pytest

from alfs_cli.audits.claims import parse
from alfs_cli.audits.draws import balanced_weights, draws
from alfs_cli.audits.forecast import forecast
from alfs_cli.audits.judge import ACCEPTED, REJECTED, UNDECIDED, Judge, UnderTest
from alfs_cli.audits.population import CHANCES, population
from alfs_cli.errors import InputError, UsageError

TEXTS = (
    "noise-rate <= 0.35", "noise-rate >= 0.05", "class-noise:a <= 0.5", "given-noise:b <= 0.6",
    "pair:a>b <= 0.4", "accuracy:m >= 0.5", "accuracy:m > accuracy:n", "noise-rate[cam=1] <= 0.5",
    "clean-level >= 1", "clean-level <= 20", "certified:mae",
)  # fmt: skip


def audited(made, N=120, K=3, *, seed=0, texts=TEXTS, scores=True):
    rng = np.random.default_rng(seed)
    examples, true = made(
        N, K, seed=seed, scores=scores,
        predictions={"m": rng.integers(0, K, N), "n": rng.integers(0, K, N)},
        columns={"cam": rng.integers(0, 3, N)},
    )  # fmt: skip
    claims = [parse(text) for text in texts]
    claims = [claim.at(2.0) if claim.quantity == "certified" else claim for claim in claims]
    weights = balanced_weights([np.ones(N, bool)])
    return examples, true, weights, Judge(examples, weights, claims, 0.05)


def truths(examples, true):
    """Return every quantity by counting: a slower truth."""
    given, m, n = examples.given, examples.predictions["m"], examples.predictions["n"]
    K = len(examples.classes)
    table = np.zeros((K, K))
    np.add.at(table, (true, given), 1)
    ratios = [table[i, i] / max(table[i, j], 1e-12) for i, j in itertools.permutations(range(K), 2)]
    cam = examples.columns["cam"] == "1"
    return {
        "noise-rate": (true != given).mean(),
        "class-noise:a": (given != 0)[true == 0].mean(),
        "given-noise:b": (true != 1)[given == 1].mean(),
        "pair:a>b": (given == 1)[true == 0].mean(),
        "accuracy:m": (m == true).mean(),
        "accuracy:m > accuracy:n": (m == true).mean() - (n == true).mean(),
        "noise-rate[cam=1]": (true != given)[cam].mean(),
        "clean-level": min(ratios),
    }


def is_true(claim, truth):
    match claim.operator:
        case ">":
            return truth > 0
        case ">=":
            return truth >= claim.number
        case _:
            return truth <= claim.number


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scores", [True, False])
def test_all_answered_every_claim_is_decided_and_right(made, seed, scores):
    examples, true, weights, judge = audited(made, seed=seed, scores=scores)
    for index in draws(examples, weights, 0).order:
        judge.enter(int(index), (int(true[index]),))
    truth = truths(examples, true)
    for claim in judge.claims:
        assert judge.verdict(claim) == (
            ACCEPTED if is_true(claim, truth[claim.subject]) else REJECTED
        ), claim
        known = judge.measured(claim)
        if not claim.is_level:
            assert known.value == pytest.approx(truth[claim.subject], abs=0.02)
        assert known.low - 1e-9 <= truth[claim.subject] <= known.high + 1e-9
    exact = judge.noise_rate()
    assert exact.low == pytest.approx(exact.high) == pytest.approx(truth["noise-rate"])


def test_nothing_but_cannot_tell_decides_nothing(made):
    examples, _, weights, judge = audited(made)
    for index in draws(examples, weights, 0).order:
        judge.enter(int(index), None)
    assert {judge.verdict(claim) for claim in judge.claims} == {UNDECIDED}
    assert (judge.noise_rate().low, judge.noise_rate().high) == (0, 1)
    assert judge.noise_rate().value is None


def test_an_answer_of_two_classes_counts_the_worse_of_them(made):
    examples, true, weights, judge = audited(made)
    both, one, none = judge.copy(), judge.copy(), judge.copy()
    for index in draws(examples, weights, 0).order[:60]:
        t = int(true[index])
        one.enter(int(index), (t,))
        both.enter(int(index), tuple(sorted({t, (t + 1) % 3})))
        none.enter(int(index), None)
    for claim in judge.claims:
        widths = [j.measured(claim).high - j.measured(claim).low for j in (one, both, none)]
        if np.isfinite(widths).all():
            assert widths[0] <= widths[1] + 1e-9
            assert widths[1] <= widths[2] + 1e-9
    assert judge.entered == 0  # a copy goes on by itself
    assert judge.noise_rate().low == 0


def test_a_claim_at_a_number_is_what_the_interval_says(made):
    examples, true, weights, judge = audited(made, N=1_000)
    noise = judge.tested["noise-rate"]
    assert isinstance(noise, UnderTest)
    for index in draws(examples, weights, 0).order[:300]:
        judge.enter(int(index), (int(true[index]),))
    known = judge.noise_rate()
    assert 0 < known.low < known.value < known.high < 0.5
    for text in ("noise-rate <= 0.35", "noise-rate >= 0.05"):
        claim = parse(text)
        inside = known.low < claim.number < known.high
        assert inside == (judge.verdict(claim) == UNDECIDED)


def test_bounds_hold_at_all_times(made):
    """Forty audits with weights that differ, looked at after every answer."""
    examples, true = made(150, 3, seed=3)
    sooner = np.sqrt(CHANCES * (1 - CHANCES))[examples.noise_levels]
    weights = balanced_weights([np.ones(150, bool)], 0.6, [sooner / sooner.mean()])
    fresh = Judge(examples, weights, [parse("class-noise:a <= 0.3")], 0.05)
    truth = (true != examples.given).mean()
    of_a = (examples.given != 0)[true == 0].mean()
    wrong = 0
    for seed in range(40):
        judge = fresh.copy()
        for index in draws(examples, weights, seed).order[:100]:
            judge.enter(int(index), (int(true[index]),))
        noise, a = judge.noise_rate(), judge.measured(judge.claims[0])
        # an interval only ever shrinks: the last look is the worst
        wrong += not (noise.low <= truth <= noise.high) or not (a.low <= of_a <= a.high)
    assert wrong <= 16  # four bounds at 5 % each: more has a chance of 1 in 1,000


def hedged_bound(values, N, risk):
    """Return the lower bound of a mean in [0, 1] by even draws, nothing shared with the package.

    The hedged capital process without replacement with predictable plug-in bets (Waudby-Smith &
    Ramdas, JRSS-B 2024, section 4), on a fine grid of means.
    """
    grid = np.linspace(0, 1, 2001)[1:-1]
    log = np.zeros(len(grid))
    ruled_out = np.zeros(len(grid), bool)
    total, squares = 0.5, 0.25
    for t, x in enumerate(values):
        mean, variance = total / (t + 1), squares / (t + 1)
        bet = np.sqrt(2 * np.log(1 / risk) / (variance * (t + 1) * np.log(t + 2)))
        past = values[:t].sum()
        rest = (N * grid - past) / (N - t)
        with np.errstate(divide="ignore", invalid="ignore"):
            most = 0.5 / rest
            log += np.where(rest > 0, np.log1p(np.minimum(bet, most) * (x - rest)), np.inf)
        ruled_out |= (log >= np.log(1 / risk)) | (rest < 0)
        total, squares = total + x, squares + (x - mean) ** 2
    return grid[np.argmin(ruled_out)] if not ruled_out.all() else 1.0


def test_no_wider_than_an_independent_bound(made):
    examples, true, weights, judge = audited(made, N=2_000, texts=(), scores=False)
    order = draws(examples, weights, 5).order[:500]
    wrong = (true != examples.given)[order].astype(float)
    for index in order:
        judge.enter(int(index), (int(true[index]),))
    theirs = hedged_bound(wrong, 2_000, 0.05), 1 - hedged_bound(1 - wrong, 2_000, 0.05)
    ours = judge.noise_rate()
    assert theirs[0] < wrong.mean() < theirs[1]
    assert ours.high - ours.low < 1.02 * (theirs[1] - theirs[0])
    assert abs(ours.low - theirs[0]) < 0.02
    assert abs(ours.high - theirs[1]) < 0.02


def test_what_a_claim_cannot_be_about(made):
    examples, _ = made(columns={"cam": ["1"] * 200})
    weights = balanced_weights([np.ones(200, bool)])
    for text, says in (
        ("noise-rate[cma=1] <= .1", "no column 'cma' to slice by .did you mean 'cam'"),
        ("noise-rate[cam=2] <= .1", "no example has '2' in column 'cam'"),
    ):
        with pytest.raises(InputError, match=says):
            Judge(examples, weights, [parse(text)], 0.05)
    with pytest.raises(UsageError, match="has no number yet"):
        Judge(examples, weights, [parse("certified:mae")], 0.05)
    same = population([0, 1], "ab", "x", predictions={"m": [0, 1], "n": [0, 1]})
    with pytest.raises(InputError, match="the two runs predict the same"):
        Judge(same, np.full(2, 256), [parse("accuracy:m > accuracy:n")], 0.05)


def test_classes_that_nobody_has(made):
    examples = population([0, 1, 0, 1] * 20, "abc", "x")
    judge = Judge(examples, np.full(80, 256), [parse("class-noise:c <= .5")], 0.05)
    level = Judge(examples, np.full(80, 256), [parse("clean-level >= 1")], 0.05)
    for index in range(80):
        judge.enter(index, (index % 2,))
        level.enter(index, (index % 2,))
    assert judge.verdict(judge.claims[0]) == ACCEPTED  # of none, none is wrong
    assert level.verdict(level.claims[0]) == ACCEPTED


def test_of_a_class_that_was_never_drawn_nothing_is_said():
    """Three examples in sixty are given 'c'; among the first twenty drawn there is none of it."""
    given = np.array([2] * 3 + [0, 1] * 28 + [0])
    examples = population(given, "abc", "data")
    texts = ("class-noise:c <= 0.5", "given-noise:c <= 0.5", "pair:c>a <= 0.5", "clean-level >= 1")
    claims = [parse(text) for text in texts]
    judge = Judge(examples, np.full(60, 256), claims, 0.05)
    for index in range(3, 23):
        judge.enter(index, (int(given[index]),))
    for claim in claims:
        assert judge.verdict(claim) == UNDECIDED
        known = judge.measured(claim)
        assert (known.low, known.high) == (0, np.inf if claim.is_level else 1)
        assert 1 <= forecast(judge, claim).p10 <= forecast(judge, claim).p90 <= 40
    for index in (*range(3), *range(23, 60)):
        judge.enter(index, (int(given[index]),))
    assert [judge.verdict(claim) for claim in claims] == [ACCEPTED] * 4


def test_everybody_says_that_they_cannot_tell(made):
    """Nothing is decided, nothing is left to ask, and no bound says more than it knows."""
    examples, _, weights, judge = audited(made, N=60)
    for index in draws(examples, weights, 0).order:
        judge.enter(int(index), None)
    with np.errstate(all="raise"):
        for claim in judge.claims:
            measured = judge.measured(claim)
            assert judge.verdict(claim) == UNDECIDED
            assert measured.value is None
            assert measured.low <= 0 or claim.is_comparison
            assert forecast(judge, claim) is None
    rate = judge.noise_rate()
    assert (rate.low, rate.high) == (0, 1)
