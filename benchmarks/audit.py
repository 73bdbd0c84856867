"""Is an audit ever wrong more often than it says, and how many answers does it take?

    python benchmarks/audit.py [--full | --audits N] [--data DATA] [--cache DIR]
                               [--only validity,habits,answers,level,design,forecast,scale]

Answers come from the true labels. `validity`: the chance that a bound is ever beyond the truth,
looked at after each answer, 2,000 audits a case (--full; 200 without). `habits`: the same on the
real record, answered in an order that is picked, or changed afterwards. `answers`: until claims at
0.5, 0.8, 1.25 and 2 times the truth are decided, with scores, against uniform draws without scores,
useless scores, scores that lie. `level`: the same for the clean level. `design`: what the bets and
the draws were chosen by, on cases of their own.
`forecast`: how often the 10th to 90th percentile holds the answers that it took. `scale`: replay,
next draw, memory.
With --data, CIFAR-10N beside what is made up here. Writes results/audit_*.csv.
"""

import argparse
import csv
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from audit_batch import level_audits, mean_audits, orders
from audit_cases import Case, at_random, made, moved, people, unsure
from audit_habits import HABITS, ever_wrong, quick_place, truths

from alfs_cli.audits.aims import aim, best_gain
from alfs_cli.audits.bets import Wealth
from alfs_cli.audits.claims import Claim, parse
from alfs_cli.audits.draws import balanced_weights, draws
from alfs_cli.audits.forecast import forecast
from alfs_cli.audits.judge import UNDECIDED, Judge
from alfs_cli.audits.pairs import AGAINST, FOR, Pairs
from alfs_cli.audits.plan import Plan, weights_of
from alfs_cli.audits.population import Population
from alfs_cli.audits.quantities import Mean, Ratio, cells_of, outcomes, packed, quantity, wealth_of
from alfs_cli.audits.record import resume, start
from alfs_cli.audits.tuning import TUNING

RESULTS = Path(__file__).parent / "results"
RISK = 0.05
POWER = 0.9  # of the fixed plan
MOST_ANSWERS = 800  # of an audit that is looked at for a false bound
WHOLE = 1_000  # examples that an audit of the clean level goes through to the last one
MULTIPLES = (0.5, 0.8, 1.25, 2.0)


def everything(examples: Population) -> list[np.ndarray]:
    """Return the one support of claims about all examples."""
    return [np.ones(len(examples), dtype=bool)]


def tests_of(
    examples: Population, claim: Claim, numbers: Sequence[float], weights: np.ndarray
) -> tuple[Mean | Ratio, Wealth, np.ndarray]:
    """Return a quantity, its wealths at the numbers and what each example is worth to them."""
    what = packed(quantity(claim, examples), examples.open)
    chosen = np.flatnonzero(what.members)
    cells = cells_of(what.cell[chosen], weights[chosen].astype(float), len(what.chance))
    values = np.array(numbers)
    wealth = wealth_of(what, values, cells, np.zeros(2 * len(values)), int(what.members.sum()))
    return what, wealth, values


def weights_for(
    examples: Population, claim: Claim, number: float, share: float | None = None
) -> np.ndarray:
    """Return the weights that an audit of one claim on a mean or a ratio draws by (N)."""
    what = quantity(claim, examples)
    sooner = [aim(what, number, examples.open)]
    return balanced_weights([what.members], share, sooner)


def worths(what: Mean | Ratio, numbers: np.ndarray, case: Case) -> np.ndarray:
    """Return what a person's answer to each example is worth to each form (N, 2 G)."""
    found = np.zeros((len(case.true), 2 * len(numbers)))
    for index in np.flatnonzero(what.members):
        found[index] = outcomes(what, numbers, int(index), case.answer(int(index)))
    return found


def truth_of(what: Mean | Ratio, true: np.ndarray) -> float:
    """Return the mean of z, or the ratio, of the whole population."""
    members = np.flatnonzero(what.members)
    if isinstance(what, Mean):
        return float(np.mean([what.bounds(int(i), (int(true[i]),))[0] for i in members]))
    of_class = members[true[members] == what.target]
    return float(np.mean([what.property_of(int(i)) for i in of_class]))


# ---- validity -----------------------------------------------------------------------------------


def validity_cases(data: Path | None, cache: Path | None) -> Iterator[Case]:
    """Yield the cases in which no bound may lie more often than the risk."""
    yield made("clean, 3 classes, N 300", 300, 3, 0.0)
    yield made("symmetric .2, 3 classes, N 300", 300, 3, 0.2, seed=1)
    yield made("symmetric .05, N 20,000", 20_000, 10, 0.05, seed=2, sharp=2.5)
    yield made("pair .3, 5 classes, N 5,000", 5_000, 5, 0.3, kind="pair", seed=3)
    yield made("hard .2, N 20,000", 20_000, 10, 0.2, kind="hard", seed=4, sharp=2.0)
    yield made("useless scores .1, N 10,000", 10_000, 10, 0.1, scores="useless", seed=5)
    yield made("scores that lie .1, N 10,000", 10_000, 10, 0.1, scores="lying", seed=6)
    yield made("overconfident .3, N 5,000", 5_000, 10, 0.3, scores="overconfident", seed=7)
    yield made("no scores .1, N 1,000", 1_000, 10, 0.1, scores="none", seed=8)
    yield made("100 classes .15, N 20,000", 20_000, 100, 0.15, seed=9, sharp=4.0)
    yield made("rare noise .003, N 5,000", 5_000, 4, 0.003, seed=10)
    yield made("nearly all wrong .9, N 1,000", 1_000, 5, 0.9, seed=11)
    yield made("skewed classes .2, N 5,000", 5_000, 10, 0.2, kind="skewed", seed=12)
    yield made("2 classes .45, N 400", 400, 2, 0.45, scores="lying", seed=13)
    yield made("N 30, symmetric .2", 30, 3, 0.2, seed=14)
    yield made("N 30, no scores .4", 30, 2, 0.4, scores="none", seed=15)
    yield made("100 classes, scores that lie .2", 20_000, 100, 0.2, scores="lying", seed=16)
    yield made("100 classes, N 1,000, all answered", WHOLE, 100, 0.15, seed=20, sharp=4.0)
    yield unsure(made("all answers ?, .1, N 5,000", 5_000, 5, 0.1, seed=17), "all")
    lying = made("half of the wrong ?, lying .2", 5_000, 5, 0.2, scores="lying", seed=18)
    yield unsure(lying, "wrong")
    if data is not None:
        yield people(data, "random_label1", 0, 50_000, cache)
        yield people(data, "worse_label", 0, 50_000, cache)
        yield people(data, "instance:.25", 20_000, 50_000, cache)


KINDS = ("noise-rate", "class-noise", "given-noise", "pair", "accuracy", "a > b", "clean-level")


def validity(audits: int, data: Path | None, cache: Path | None) -> Iterator[dict]:
    """How often the tests of the truth itself say that it is more, and that it is less.

    A claim that is false by however little is accepted no more often than that; bounds beyond the
    truth are as rare.
    """
    for case in validity_cases(data, cache):
        for kind in KINDS:
            if kind != "clean-level":
                yield mean_validity(case, subject_of(kind, case), audits)
        # a clean level is tested by K (K - 1) pairs, which takes the longer
        few = 2 if case.num_classes <= 5 else 5 if case.num_classes <= 10 else 20
        yield level_validity(case, audits // few)


def habits(audits: int, _data: Path | None, _cache: Path | None) -> Iterator[dict]:
    """How often an audit is ever wrong that is answered in an order picked, or changed later."""
    case = made("N 30, symmetric .25", 30, 3, 0.25, seed=19)
    about = truths(case)
    for habit in HABITS:
        found = ever_wrong(case, habit, about, audits)
        named = replace(case, name=habit)
        for at, (subject, truth, _) in enumerate(about):
            yield row_of(named, subject, truth, audits, len(case.true), *found[:, at].T)


def subject_of(kind: str, case: Case) -> Claim:
    """Return a claim of a kind: about the most frequent class, given as another; on two runs."""
    first = int(np.bincount(case.true).argmax())
    as_others = np.bincount(case.given[case.true == first], minlength=case.num_classes)
    as_others[first] = -1
    second = int(as_others.argmax())
    if kind == "a > b":
        return parse("accuracy:a > accuracy:b")
    of = {"noise-rate": "", "pair": f":c{first}>c{second}", "accuracy": ":a"}.get(
        kind, f":c{first}"
    )
    return parse(f"{kind}{of} >= .5")


def mean_validity(case: Case, claim: Claim, audits: int) -> dict[str, object]:
    """Return how often the bounds of a mean or a ratio have ever been wrong."""
    rng = np.random.default_rng(1)
    examples = case.population(with_runs=claim.quantity == "accuracy")
    truth = truth_of(quantity(claim, examples), case.true)
    weights = weights_for(examples, claim, truth / 2)  # as a claim far from the truth draws
    what, wealth, numbers = tests_of(examples, claim, (truth,), weights)
    members = np.flatnonzero(what.members)
    order = orders(members, weights, audits, min(len(examples), MOST_ANSWERS), rng)
    z = worths(what, numbers, case)
    reached = mean_audits(wealth, what.cell, weights, z, order, RISK).reached > 0
    stated = what.offset + what.slope * truth
    return row_of(case, claim.subject, stated, audits, order.shape[1], *reached.T)


def level_validity(case: Case, audits: int) -> dict[str, object]:
    """Test the clean level just above the truth (a false claim) and at it (a true one)."""
    rng = np.random.default_rng(2)
    examples = case.population()
    true_level = case.clean_level()
    level = 20.0 if not 0 < true_level < 1e6 else true_level
    weights = balanced_weights(everything(examples))
    steps = len(examples) if len(examples) <= WHOLE else MOST_ANSWERS // 2
    found = []
    for at, side in ((level * (1 + 1e-9), FOR), (level, AGAINST)):
        pairs = Pairs(examples, np.ones(len(examples), bool), weights, (at,), RISK)
        order = orders(np.arange(len(examples)), weights, audits, steps, rng)
        done = level_audits(
            pairs, examples, weights, case.true, order, RISK, sides=(side,), told=case.told
        )
        found.append((done.accepted if side == FOR else done.rejected) > 0)
    if level != true_level:
        found[0] = np.zeros(audits, bool)  # "r >= 20" is true where no pair is ever confused
    return row_of(case, "clean-level", true_level, audits, steps, *found)


def row_of(
    case: Case, subject: str, truth: float, audits: int, steps: int, more: np.ndarray,
    less: np.ndarray,
) -> dict[str, object]:  # fmt: skip
    """Return a row of the table of validity."""
    limit = RISK + 3 * np.sqrt(RISK * (1 - RISK) / audits)
    return {
        "case": case.name,
        "quantity": subject,
        "truth": f"{truth:.4g}",
        "audits": audits,
        "answers_up_to": steps,
        "says_more": f"{more.mean():.4f}",
        "says_less": f"{less.mean():.4f}",
        "either": f"{(more | less).mean():.4f}",
        "holds": bool(max(more.mean(), less.mean()) <= limit),
    }


# ---- answers until decided ----------------------------------------------------------------------


def answer_cases(data: Path | None, cache: Path | None) -> Iterator[Case]:
    """Yield the cases in which answers are counted."""
    yield made("symmetric .1", 20_000, 10, 0.1, seed=21, sharp=3.0)
    yield made("hard .15", 20_000, 10, 0.15, kind="hard", seed=22, sharp=2.5)
    yield made("pair .2", 20_000, 10, 0.2, kind="pair", seed=23, sharp=3.5)
    yield made("useless .1", 20_000, 10, 0.1, scores="useless", seed=24)
    yield made("useless .3", 20_000, 10, 0.3, scores="useless", seed=25)
    yield made("lying .1", 20_000, 10, 0.1, scores="lying", seed=26)
    yield made("lying .03", 20_000, 10, 0.03, scores="lying", seed=27)
    yield made("overconfident .2", 20_000, 10, 0.2, scores="overconfident", seed=28)
    if data is not None:
        for noise in ("random_label1", "worse_label", "symmetric:.05", "instance:.25"):
            yield people(data, noise, 20_000, 50_000, cache)


def decided_after(
    case: Case, audits: int, *, with_scores: bool, numbers: Sequence[float],
    aimed: float | None = None, most: int = 4_000,
) -> np.ndarray:  # fmt: skip
    """Return answers until "noise-rate <= number" is decided (audits, numbers), `most` if not."""
    examples = case.population(with_scores=with_scores)
    claim = parse("noise-rate <= .5")
    found = []
    for number in numbers:
        weights = weights_for(examples, claim, number, aimed)
        what, wealth, values = tests_of(examples, claim, [number], weights)
        order = orders(np.arange(len(examples)), weights, audits, most, np.random.default_rng(3))
        z = worths(what, values, case)
        done = mean_audits(wealth, what.cell, weights, z, order, RISK, until_decided=True)
        found.append(np.where(done.reached > 0, done.reached, most).min(1))
    return np.stack(found, 1)


def fixed_plan(rate: float, number: float) -> int:
    """Return the answers of an exact binomial test planned with the truth: power .9 at 5 %.

    What somebody who knew the answer would plan with uniform draws, looked at once.
    """
    from scipy.stats import binom

    for n in range(1, 20_000):
        if rate < number:
            worst = binom.ppf(RISK, n, number) - 1  # accept with so many wrong, at most
            if worst >= 0 and binom.cdf(worst, n, rate) >= POWER:
                return n
        else:
            least = binom.ppf(1 - RISK, n, number) + 1
            if binom.sf(least - 1, n, rate) >= POWER:
                return n
    return 20_000


def least_answers(case: Case, number: float) -> float:
    """Return what no test that is valid at all times goes below in the mean, whatever it draws.

    Even one that knew how often labels of each score are wrong (a hundred groups of examples).
    """
    noise = 1 - case.probs[np.arange(len(case.given)), case.given]
    groups = np.array_split(np.argsort(noise, kind="stable"), 100)
    share = np.array([len(group) for group in groups]) / len(noise)
    rate = [(case.given != case.true)[group].mean() for group in groups]
    # no nearer to 0 or 1 than hundreds of examples can tell
    return -np.log(RISK) / best_gain(np.clip(rate, 1e-3, 1 - 1e-3), share, number)


def answers(audits: int, data: Path | None, cache: Path | None) -> Iterator[dict]:
    """Yield how many answers claims at multiples of the truth take, by design."""
    for case in answer_cases(data, cache):
        numbers = [multiple * case.rate for multiple in MULTIPLES]
        plain = decided_after(case, audits, with_scores=False, aimed=0, numbers=numbers)
        ours = decided_after(case, audits, with_scores=True, numbers=numbers)
        precision = case.average_precision()
        for at, multiple in enumerate(MULTIPLES):
            yield {
                "case": case.name,
                "rate": f"{case.rate:.4f}",
                "average_precision": f"{precision:.2f}",
                "claim": f"<= {multiple} x",
                "audits": audits,
                "uniform": f"{plain[:, at].mean():.0f}",
                "scores": f"{ours[:, at].mean():.0f}",
                "ratio": f"{ours[:, at].mean() / plain[:, at].mean():.3f}",
                "error": f"{relative_error(ours[:, at], plain[:, at]):.3f}",
                "fixed_plan": fixed_plan(case.rate, numbers[at]),
                "least": f"{least_answers(case, numbers[at]):.0f}",
            }


def relative_error(ours: np.ndarray, plain: np.ndarray) -> float:
    """Return the standard error of the ratio of two means; audits of one number share their clocks.

    The weights that a clock rings by hardly differ, so that most of what the draws do to one mean
    they do to the other.
    """
    apart = ours - plain * (ours.mean() / plain.mean())
    return float(apart.std() / np.sqrt(len(apart)) / plain.mean())


# ---- the clean level ----------------------------------------------------------------------------


def level_cases(data: Path | None, cache: Path | None) -> Iterator[tuple[Case, float]]:
    """Yield the cases of the clean level, each with the level that is claimed."""
    yield made("pair .12 (r 7)", 20_000, 10, 0.12, kind="pair", seed=31, sharp=3.5), 1.0
    yield made("pair .33 (r 2)", 20_000, 10, 0.33, kind="pair", seed=32, sharp=3.5), 1.0
    yield made("symmetric .4 (r 13)", 20_000, 10, 0.4, seed=33, sharp=3.0), 1.0
    yield made("pair .12, useless", 20_000, 10, 0.12, kind="pair", scores="useless", seed=34), 1.0
    yield made("pair .33, useless", 20_000, 10, 0.33, kind="pair", scores="useless", seed=35), 1.0
    if data is not None:
        for noise, level in (("random_label1", 1.0), ("random_label1", 1.5), ("worse_label", 1.0)):
            yield people(data, noise, 20_000, 50_000, cache), level


def level_after(
    case: Case,
    level: float,
    audits: int,
    *,
    with_scores: bool,
    most: int = 3_000,
) -> np.ndarray:
    """Return answers until "clean-level >= level" is accepted (audits)."""
    examples = case.population(with_scores=with_scores)
    weights = balanced_weights(everything(examples))
    pairs = Pairs(examples, np.ones(len(examples), bool), weights, (level,), RISK)
    order = orders(np.arange(len(examples)), weights, audits, most, np.random.default_rng(4))
    done = level_audits(pairs, examples, weights, case.true, order, RISK, sides=(FOR,))
    return np.where(done.accepted > 0, done.accepted, most)


def level(audits: int, data: Path | None, cache: Path | None) -> Iterator[dict]:
    """Yield how many answers claims on the clean level take."""
    for case, at in level_cases(data, cache):
        plain = level_after(case, at, audits, with_scores=False)
        ours = level_after(case, at, audits, with_scores=True)
        yield {
            "case": case.name,
            "r": f"{case.clean_level():.2f}",
            "average_precision": f"{case.average_precision():.2f}",
            "claim": f">= {at}",
            "audits": audits,
            "uniform": f"{plain.mean():.0f}",
            "scores": f"{ours.mean():.0f}",
            "a_class": f"{ours.mean() / case.num_classes:.1f}",
            "ratio": f"{ours.mean() / plain.mean():.3f}",
            "error": f"{relative_error(ours, plain):.3f}",
        }


# ---- the design: what the constants of the bets and of the draws were chosen by -----------------

HALF_AND_DOUBLE = {
    "as it is": {},
    "no draw aimed": {"aimed": 0.0},
    "draws aimed, half": {"aimed": TUNING.aimed / 2},
    "draws aimed, double": {"aimed": TUNING.aimed * 2},
    "bets on the expected mean, half": {"believed": TUNING.believed / 2},
    "bets on the expected mean, triple": {"believed": TUNING.believed * 3},
    "of those on scores, half": {"believed_scored": TUNING.believed_scored / 2},
    "of those on scores, nearly all": {"believed_scored": 0.9},
    "bets on the scores, half": {"scored": TUNING.scored / 2},
    "bets on the scores, double": {"scored": TUNING.scored * 2},
    "shape, half": {"shape": TUNING.shape / 2},
    "shape, 1": {"shape": 1.0},
    "scored odds further": {"scored_odds": (2.0, 4.0)},
}
NINE_OF_TEN = {"level_plain": ((1.4, 0.9), (3.0, 0.9), (10.0, 0.9))}
LEVELS = {
    "as it is": {},
    "bets on the scores, half": {"scored_level": TUNING.scored_level / 2},
    "bets on the scores, double": {"scored_level": 0.7},
    "levels on scores, further": {"level_scored": (2.0, 8.0)},
}


@contextmanager
def tuned(values: dict[str, object]) -> Iterator[None]:
    """Let constants be others for a while."""
    before = {name: getattr(TUNING, name) for name in values}
    for name, value in values.items():
        object.__setattr__(TUNING, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            object.__setattr__(TUNING, name, value)


def tuning_cases(data: Path | None, cache: Path | None) -> Iterator[Case]:
    """Yield cases that no other part is judged on."""
    yield made("symmetric .1, sharp 2.2", 10_000, 10, 0.1, seed=61, sharp=2.2)
    yield made("hard .2", 10_000, 10, 0.2, kind="hard", seed=62, sharp=2.5)
    yield made("pair .2", 10_000, 10, 0.2, kind="pair", seed=68, sharp=2.5)
    yield made("useless .1", 10_000, 10, 0.1, scores="useless", seed=63, sharp=2.2)
    yield made("useless .3", 10_000, 10, 0.3, scores="useless", seed=64)
    yield at_random(made("scores at random", 10_000, 10, 0.1, seed=65))
    yield moved(made("useless, say too much", 10_000, 10, 0.1, scores="useless", seed=63), 2.5)
    yield moved(made("useless, say too little", 10_000, 10, 0.1, scores="useless", seed=63), -2.5)
    yield moved(made("good, say too much", 10_000, 10, 0.1, seed=61, sharp=2.2), 2.0)
    if data is not None:
        yield people(data, "random_label1", 0, 20_000, cache)
        yield people(data, "worse_label", 0, 20_000, cache)


def design(audits: int, data: Path | None, cache: Path | None) -> Iterator[dict]:
    """Answers over those of even draws without scores, mean of four claims, by design."""
    for case in tuning_cases(data, cache):
        numbers = [multiple * case.rate for multiple in MULTIPLES]
        plain = decided_after(case, audits, with_scores=False, aimed=0, numbers=numbers)
        for name, values in HALF_AND_DOUBLE.items():
            with tuned(values):
                ours = decided_after(case, audits, with_scores=True, numbers=numbers)
            ratios = ours.mean(0) / plain.mean(0)
            yield design_row(case, "noise-rate", name, audits, ratios)
        few = audits // 5
        plain = plain_level(case, few, {})
        other = plain_level(case, few, NINE_OF_TEN) / plain
        yield design_row(case, "clean-level >= 1", "no scores, nine of ten right", few, other)
        for name, values in LEVELS.items():
            with tuned(values):
                took = level_after(case, 1.0, few, with_scores=True).mean()
            yield design_row(case, "clean-level >= 1", name, few, took / plain)


def plain_level(case: Case, audits: int, values: dict[str, object]) -> float:
    """Return the mean answers that a clean level takes without scores, by these constants."""
    with tuned(values):
        return float(level_after(case, 1.0, audits, with_scores=False).mean())


def design_row(
    case: Case, claim: str, name: str, audits: int, ratios: np.ndarray | float
) -> dict[str, object]:
    """Return a row of the table of designs: answers over those without scores, mean and worst."""
    return {
        "case": case.name,
        "average_precision": f"{case.average_precision():.2f}",
        "claim": claim,
        "design": name,
        "audits": audits,
        "ratio": f"{np.mean(ratios):.3f}",
        "worst": f"{np.max(ratios):.3f}",
    }


# ---- forecast, scale ----------------------------------------------------------------------------


def forecasts(audits: int, _data: Path | None, _cache: Path | None) -> Iterator[dict]:
    """How often what it took lies under the 10th, the 50th and the 90th percentile foretold."""
    both = ("noise-rate <= 0.15", "clean-level >= 1.5")
    cases = [
        (made("symmetric .1", 10_000, 10, 0.1, seed=41), both),
        (made("useless .2", 10_000, 10, 0.2, scores="useless", seed=42), ("noise-rate <= 0.15",)),
        (made("no scores .1", 10_000, 5, 0.1, scores="none", seed=43), ("noise-rate <= 0.14",)),
    ]  # fmt: skip
    for case, texts in cases:
        examples = case.population()
        claims = [parse(text) for text in texts]
        weights = weights_of(examples, Plan("", "", 0, RISK, tuple(claims)))
        fresh = Judge(examples, weights, claims, RISK)
        for after in (0, 50):
            took = [
                one_forecast(case, examples, fresh.copy(), weights, after, seed)
                for seed in range(audits)
            ]
            for at, claim in enumerate(claims):
                kept = np.array([t[at] for t in took if t[at] is not None], dtype=float)
                if len(kept):
                    yield forecast_row(case, str(claim), after, kept)


def forecast_row(case: Case, text: str, after: int, kept: np.ndarray) -> dict[str, object]:
    """Return a row of the table of forecasts."""
    further, p10, p50, p90 = kept.T
    return {
        "case": case.name,
        "claim": text,
        "after": after,
        "audits": len(kept),
        "took_median": f"{np.median(further):.0f}",
        "said_median": f"{np.median(p50):.0f}",
        "under_p10": f"{(further < p10).mean():.2f}",
        "under_p50": f"{(further < p50).mean():.2f}",
        "under_p90": f"{(further < p90).mean():.2f}",
    }


def one_forecast(
    case: Case, examples: Population, judge: Judge, weights: np.ndarray, after: int, seed: int
) -> list[tuple[int, int, int, int] | None]:
    """Return per claim: further answers that it took, and the three that were foretold."""
    order = draws(examples, weights, seed).order
    said: list = [None] * len(judge.claims)
    found: list = [None] * len(judge.claims)
    for step, index in enumerate(order[:4_000]):
        if step == after:
            said = [forecast(judge, claim) for claim in judge.claims]
        judge.enter(int(index), (int(case.true[index]),))
        for at, claim in enumerate(judge.claims):
            told = said[at]
            if told is not None and found[at] is None and judge.verdict(claim) != UNDECIDED:
                found[at] = (step + 1 - after, told.p10, told.p50, told.p90)
        if step >= after and all(f or s is None for f, s in zip(found, said, strict=True)):
            break
    return found


LONG = 10_000  # draws of the record that is replayed
LAST = 200  # of them, after which the next draw is timed


def scale(_audits: int, _data: Path | None, _cache: Path | None) -> Iterator[dict]:
    """Processor time of a record of 10,000 draws, and memory, up to N = 1,000,000.

    `next_draw_ms`: from an answer until it is in the log (a file in memory) and the next one is
    found. `replay`: the log read, and every bound recomputed.
    """
    for N, K, texts in (
        (50_000, 10, ("noise-rate <= 0.15", "clean-level >= 1.5")),
        (1_000_000, 10, ("noise-rate <= 0.15",)),
        (50_000, 100, ("clean-level >= 1",)),
    ):
        case = made(f"N {N:,}, K {K}", N, K, 0.1, seed=51, sharp=3.0)
        with tempfile.TemporaryDirectory(dir=quick_place()) as place:
            yield {"case": case.name, "claims": "; ".join(texts), **scaled(case, texts, place)}


def scaled(case: Case, texts: Sequence[str], place: str) -> dict[str, str]:
    """Return what a record of one case takes."""
    claims = [parse(text) for text in texts]
    began = time.process_time()
    record = start(Path(place) / "out", case.population(), claims)
    started = time.process_time()
    waits = []
    task = record.next_task()
    for _ in range(LONG):
        answered = time.process_time()
        record.answer(task, int(case.true[task.index]))
        is_timed = len(waits) >= LONG - LAST
        task = record.next_task() if is_timed else record.task(len(waits) + 1)
        waits.append(1000 * (time.process_time() - answered))
    read = time.process_time()
    again = resume(record.folder)
    judge = again.judge()
    replayed = time.process_time()
    for claim in claims:
        judge.verdict(claim), judge.measured(claim), forecast(judge, claim)
    return {
        "start_cpu_seconds": f"{started - began:.2f}",
        "next_draw_ms": f"{np.quantile(waits[-LAST:], 0.95):.1f}",
        "replay_10000_cpu_seconds": f"{replayed - read:.2f}",
        "known_cpu_seconds": f"{time.process_time() - replayed:.3f}",
        "peak_mb": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
    }


PARTS: dict[str, tuple[Callable[..., Iterator[dict]], int, int]] = {  # audits: full, quick
    "validity": (validity, 2_000, 200),
    "habits": (habits, 200, 50),
    "answers": (answers, 200, 100),
    "level": (level, 60, 40),
    "design": (design, 200, 40),
    "forecast": (forecasts, 40, 20),
    "scale": (scale, 1, 1),
}


def main() -> None:
    """Run the parts that are asked for, each to a table of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--audits", type=int, help="so many a row, in place of those of --full")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--to", type=Path, default=RESULTS)
    options = parser.parse_args()
    for name in options.only.split(","):
        run, full, quick = PARTS[name]
        with (options.to / f"audit_{name}.csv").open("w", newline="") as file:
            writer = None
            audits = options.audits or (full if options.full else quick)
            for row in run(audits, options.data, options.cache):
                if writer is None:
                    writer = csv.DictWriter(file, row)
                    writer.writeheader()
                writer.writerow(row)
                file.flush()
                print(name, *row.values(), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
