"""About how many more answers until a claim is decided, by worlds drawn from the posterior.

In a world every cell's chance of the event is known, hence the mean and the variance of each
expert's log factor; its wealth is then a random walk with drift, and the time at which it first
reaches 1 / risk is inverse Gaussian (Wald). An expert's share of the mixture is part of what it has
to earn. The claim is decided when the first expert of either side is through, or nothing is left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray
from alfs_cli.audits.claims import Claim
from alfs_cli.audits.judge import UNDECIDED, Judge, LevelUnderTest, UnderTest
from alfs_cli.audits.pairs import AGAINST, BIN_CHANCES, BINS, FOR, Pairs, pair_cells
from alfs_cli.audits.quantities import forms, numbered
from alfs_cli.audits.tuning import TUNING

WORLDS = 200
FEW_WORLDS = 24  # of a hundred classes
SHIFTS = np.linspace(-8, 8, 81)  # log odds by which the scores may be off
SHAPES = (0.0, 1.0)  # how much of the scores' differences is so


@dataclass(frozen=True)
class Forecast:
    """Further answers until decided: 10th, 50th and 90th percentile; all left where it is long."""

    p10: int
    p50: int
    p90: int


def forecast(judge: Judge, claim: Claim) -> Forecast | None:
    """Return about how many more answers decide the claim.

    None where it is decided, and where nothing is left to ask: then what nobody could tell decides.
    """
    tested = judge.tested[claim.subject]
    if judge.verdict(claim) != UNDECIDED or not tested.left:
        return None
    rng = np.random.default_rng(judge.entered)
    if isinstance(tested, LevelUnderTest):
        times = level_times(tested, claim, judge.risk, rng)
    else:
        times = mean_times(tested, claim, judge.risk, rng)
    left = max(judge.left, 1)
    p10, p50, p90 = np.ceil(np.clip(np.quantile(times, (0.1, 0.5, 0.9)), 1, left)).astype(int)
    return Forecast(int(p10), int(p50), int(p90))


def mean_times(
    tested: UnderTest, claim: Claim, risk: float, rng: np.random.Generator
) -> FloatArray:
    """Return draws until a mean or a ratio is decided, by world (WORLDS)."""
    wealth = tested.wealth
    at = int(np.searchsorted(tested.numbers, numbered(claim)))
    both = np.array([at, at + len(tested.numbers)])
    gain, _ = forms(tested.what, tested.numbers)
    logs = np.log(np.maximum(wealth.factors(both, gain), 1e-300))
    chances = worlds(tested, rng)
    lacking = np.log(logs.shape[1] / risk) - wealth.log_wealth[both]
    share = wealth.weights / wealth.weights.sum()
    drift, spread = moments(logs, chances, share)
    times = first_passage(lacking, drift, spread, rng).min((1, 2))
    return np.asarray(np.minimum(times, wealth.counts.sum()) / tested.part_left())


def moments(
    logs: FloatArray, chances: FloatArray, share: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of the log factors (W, f, E) under chances (W, C)."""
    p = np.stack([1 - chances, chances], -1) * share[:, None]
    drift = np.einsum("fecz,wcz->wfe", logs, p)
    second = np.einsum("fecz,wcz->wfe", logs * logs, p)
    return drift, np.maximum(second - drift**2, 1e-12)


def first_passage(
    lacking: FloatArray, drift: FloatArray, spread: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return times at which walks first gain what they lack; inf for those that never do.

    A walk with a drift below 0 gets there with the chance exp(2 drift lacking / spread), and then
    as fast as one with the opposite drift.
    """
    lacking = np.maximum(lacking, 1e-3)
    size = np.maximum(np.abs(drift), 1e-9)
    shape = (len(drift),) + (1,) * (drift.ndim - 1)
    arrives = np.log(rng.random(shape)) < np.where(drift < 0, 2 * drift * lacking / spread, 1.0)
    normal, uniform = rng.standard_normal(shape) ** 2, rng.random(shape)
    mean, scale = lacking / size, lacking**2 / spread
    # Michael, Schucany & Haas, The American Statistician 1976
    half = mean * normal / (2 * scale)
    low = mean / (1 + half + np.sqrt(half * (2 + half)))
    time = np.where(uniform <= mean / (mean + low), low, mean**2 / low)
    return np.asarray(np.where(arrives, time, np.inf))


def worlds(tested: UnderTest, rng: np.random.Generator) -> FloatArray:
    """Return chances of the event by cell (WORLDS, C), drawn given the answers.

    In each block of cells the log odds are those of the scores, or none of their differences, and
    a shift; its posterior is on a grid.
    """
    what = tested.what
    found = np.zeros((WORLDS, len(what.chance)))
    log_odds = np.log(what.chance / (1 - what.chance))
    for block in np.unique(what.block):
        here = what.block == block
        shapes = SHAPES if what.has_scores else SHAPES[:1]
        moved = np.concatenate([s * log_odds[here] + SHIFTS[:, None] for s in shapes])
        p = np.clip(1 / (1 + np.exp(-moved)), 1e-4, 1 - 1e-4)
        no, yes = tested.events[here].T
        # an example each way by what the scores say: a weak opinion
        weak = what.chance[here] * tested.wealth.counts[here]
        weak = np.array([tested.wealth.counts[here].sum() - weak.sum(), weak.sum()])
        weak = weak / max(weak.sum(), 1e-9)
        mean = p @ tested.wealth.counts[here] / max(tested.wealth.counts[here].sum(), 1)
        opinion = weak[1] * np.log(mean.clip(1e-4)) + weak[0] * np.log((1 - mean).clip(1e-4))
        score = np.log(p) @ yes + np.log(1 - p) @ no + opinion
        weight = np.exp(score - score.max())
        chosen = rng.choice(len(p), WORLDS, p=weight / weight.sum())
        found[:, here] = p[chosen]
    return found


def level_times(
    tested: LevelUnderTest, claim: Claim, risk: float, rng: np.random.Generator
) -> FloatArray:
    """Return draws until the clean level is decided, by world."""
    pairs = tested.pairs
    at = int(np.flatnonzero(pairs.levels == claim.number)[0])
    count = WORLDS if pairs.num_classes <= 20 else FEW_WORLDS
    first, second = np.nonzero(~np.eye(pairs.num_classes, dtype=bool))
    tables = [confusion(tested, rng) for _ in range(count)]
    accepted = side_times(pairs, at, FOR, first, second, tables, np.log(1 / risk), rng)
    open_ones = pairs.best[at, FOR][first, second] < -np.log(risk)
    accepted = np.where(open_ones, accepted, 0).max(1)
    lacking = np.log(len(first) / risk)
    rejected = side_times(pairs, at, AGAINST, first, second, tables, lacking, rng).min(1)
    return np.asarray(np.minimum(accepted, rejected))


def confusion(tested: LevelUnderTest, rng: np.random.Generator) -> FloatArray:
    """Return a draw of P(true | given) (K true, K given) from its posterior."""
    num_classes = len(tested.table)
    own, others = TUNING.forecast_prior
    prior = np.full((num_classes, num_classes), others / (num_classes - 1))
    np.fill_diagonal(prior, own)
    drawn = rng.standard_gamma(tested.tally + prior).clip(1e-12)
    return np.asarray(drawn / drawn.sum(0))


def side_times(
    pairs: Pairs,
    at: int,
    side: int,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    tables: list[FloatArray],
    lacking: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Return draws (worlds, P) until each pair's wealth of one side is through."""
    logs = np.log(np.maximum(pairs.factors(at, side, first, second), 1e-300))
    short = lacking + np.log(logs.shape[1]) - pairs.log_wealth[at, side, first, second]
    weights = pair_cells(pairs.weights)[first, second]
    share = weights / np.maximum(weights.sum(1), 1e-9)[:, None]
    part = weights.sum(1) / max(pairs.weights[0].sum(), 1e-9)
    members = pair_cells(pairs.counts)[first, second].sum(1)
    shapes = bin_shapes(pairs, first, second)
    found = np.empty((len(tables), len(first)))
    for row, table in enumerate(tables):
        p = np.concatenate(
            [
                shaped(shapes[:, :BINS], table[first, first]),
                shaped(shapes[:, BINS:], table[first, second]),
            ],
            axis=1,
        )
        chance = np.stack([1 - p, p], -1) * share[..., None]
        drift = np.einsum("pecz,pcz->pe", logs, chance)
        spread = np.maximum(np.einsum("pecz,pcz->pe", logs * logs, chance) - drift**2, 1e-12)
        times = first_passage(short, drift, spread, rng).min(1)
        found[row] = np.minimum(times, members) / np.maximum(part, 1e-9)
    return found


def bin_shapes(pairs: Pairs, first: NDArray[np.int64], second: NDArray[np.int64]) -> FloatArray:
    """Return each cell's chance (P, 2 BINS) over the mean of its half, as the scores have it."""
    counts = pair_cells(pairs.counts)[first, second].reshape(len(first), 2, BINS)
    mean = (counts @ BIN_CHANCES) / np.maximum(counts.sum(2), 1)
    shape = BIN_CHANCES / np.maximum(mean, 1e-9)[..., None]
    return np.asarray(np.where(pairs.cells.bins is None, 1.0, shape).reshape(len(first), 2 * BINS))


def shaped(shape: FloatArray, mean: FloatArray) -> FloatArray:
    """Return chances of this shape with these means, none of them certain."""
    return np.asarray(np.clip(shape * mean[:, None], 1e-4, 1 - 1e-4))
