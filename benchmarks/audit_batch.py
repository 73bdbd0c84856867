"""Many audits of one population at once: `alfs_cli.audits.bets` and `.pairs` with an axis more.

The bets, the cells and the weights are the package's own; the steps are the same formulas for an
array of audits, and tests hold them to a judge that is fed one audit's answers.
"""

from dataclasses import dataclass

import numpy as np

from alfs_cli.audits.bets import SLACK, Wealth, log_mean, started
from alfs_cli.audits.pairs import AGAINST, BINS, FOR, Pairs
from alfs_cli.audits.population import Population

BYTES = 3e8  # of clocks at once
AT_ONCE = 500  # audits whose wealths fit into a cache
MOST_PAIRS = 250_000  # pairs of classes in all audits at once


def orders(
    members: np.ndarray, weights: np.ndarray, audits: int, steps: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the members drawn, in order (audits, steps): exponential clocks of these weights."""
    steps = min(steps, len(members))
    rates = weights[members].astype(float)
    found = np.empty((audits, steps), dtype=np.int64)
    each = max(1, int(BYTES / (8 * len(members))))
    for start in range(0, audits, each):
        rings = rng.standard_exponential((min(each, audits - start), len(members))) / rates
        first = np.argpartition(rings, steps - 1, axis=1)[:, :steps]
        by_time = np.argsort(np.take_along_axis(rings, first, 1), axis=1)
        found[start : start + each] = members[np.take_along_axis(first, by_time, 1)]
    return found


@dataclass
class Means:
    """When each form of a Wealth reached 1 / risk (audits, F), counted in draws; 0 if never."""

    reached: np.ndarray
    sure: np.ndarray  # when "mean z >= m" became certain, likewise


def mean_audits(
    wealth: Wealth, cell: np.ndarray, weights: np.ndarray, z: np.ndarray, order: np.ndarray,
    risk: float, *, until_decided: bool = False,
) -> Means:  # fmt: skip
    """Run the audits whose draws are `order` (A, steps); z (N, F) is what an answer is worth.

    `until_decided` stops once either side of every number is through in every audit.
    """
    parts = [
        some_means(wealth, cell, weights, z, rows, risk, until_decided=until_decided)
        for rows in np.array_split(order, max(1, len(order) // AT_ONCE))
    ]
    return Means(
        np.concatenate([part.reached for part in parts]),
        np.concatenate([part.sure for part in parts]),
    )


def some_means(
    wealth: Wealth, cell: np.ndarray, weights: np.ndarray, z: np.ndarray, order: np.ndarray,
    risk: float, *, until_decided: bool,
) -> Means:  # fmt: skip
    """Return when the tests of a mean decide, for some audits at once."""
    audits, steps = order.shape
    num_forms, num_experts = wealth.bets.share.shape
    hedge = np.ascontiguousarray(np.moveaxis(wealth.bets.hedge, -1, 0))
    share = wealth.bets.share
    per_weight = wealth.low / np.where(wealth.low < 0, wealth.lightest, wealth.heaviest)
    per_cell = np.moveaxis(per_weight[:, None, :] - wealth.bets.hedge, -1, 0)
    logs = np.zeros((audits, num_forms, num_experts)) + started(wealth.bets.prior)
    floor = np.broadcast_to(wealth.floor, logs.shape).copy()
    hedged = np.broadcast_to(wealth.hedged, logs.shape).copy()
    answered = np.broadcast_to(wealth.answered, (audits, num_forms)).copy()
    sure = np.broadcast_to(wealth.sure, (audits, num_forms)).copy()
    counts = np.broadcast_to(wealth.counts, (audits, len(wealth.counts))).copy()
    total = np.full(audits, wealth.weights.sum())
    reached = np.zeros((audits, num_forms), dtype=np.int64)
    certain = np.zeros((audits, num_forms), dtype=np.int64)
    goal, level, slack = -np.log(risk), wealth.n * wealth.m, SLACK * wealth.n
    rows = np.arange(audits)
    for step in range(steps):
        index = order[:, step]
        at, weight, worth = cell[index], weights[index].astype(float), z[index]
        W = total[:, None, None]
        taken = hedge[at]
        left = hedged + answered[..., None]
        gain = (worth / weight[:, None])[..., None] * W - taken * W - W * floor
        room = level[:, None] - (W * floor + left)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = 1 - share + share * np.maximum(gain, 0) / room
            logs += np.where(room > slack, np.log(factor), 0.0)
        logs[room < -slack] = np.inf
        hedged -= taken * weight[:, None, None]
        answered += worth
        sure -= wealth.low.T[at]
        total -= weight
        counts[rows, at] -= 1
        for audit in np.flatnonzero(counts[rows, at] < 0.5):
            there = counts[audit] > 0.5
            floor[audit] = per_cell[there].min(0) if there.any() else 0
        lowest = answered + sure
        done = (log_mean(logs) >= goal) | (lowest > level + slack)
        reached[(reached == 0) & done] = step + 1
        certain[(certain == 0) & (lowest >= level - slack)] = step + 1
        if until_decided and (reached.reshape(audits, 2, -1).max(1) > 0).all():
            break
    return Means(reached, certain)


@dataclass
class Levels:
    """When "r >= level" was accepted, and rejected (audits); 0 if never."""

    accepted: np.ndarray
    rejected: np.ndarray


def level_audits(
    pairs: Pairs, examples: Population, weights: np.ndarray, true: np.ndarray, order: np.ndarray,
    risk: float, *, sides: tuple[int, ...] = (FOR, AGAINST), told: np.ndarray | None = None,
) -> Levels:  # fmt: skip
    """Run audits of the clean level at the first of the pairs' levels.

    `told` (N) says what is answered by its true label, the rest being "?"; None: all.
    """
    told = np.ones(len(true), dtype=bool) if told is None else told
    each = max(1, min(AT_ONCE, MOST_PAIRS // pairs.num_classes**2))
    parts = [
        some_levels(pairs, examples, weights, true, told, rows, risk, sides)
        for rows in np.array_split(order, max(1, len(order) // each))
    ]
    return Levels(
        np.concatenate([part.accepted for part in parts]),
        np.concatenate([part.rejected for part in parts]),
    )


def some_levels(
    pairs: Pairs, examples: Population, weights: np.ndarray, true: np.ndarray, told: np.ndarray,
    order: np.ndarray, risk: float, sides: tuple[int, ...],
) -> Levels:  # fmt: skip
    """Return when the tests of all pairs decide, for some audits at once."""
    audits, steps = order.shape
    K, level, goal = pairs.num_classes, float(pairs.levels[0]), -np.log(risk)
    every = np.arange(K)
    counts = np.broadcast_to(pairs.counts, (audits, *pairs.counts.shape)).copy()
    sums = np.broadcast_to(pairs.weights, counts.shape).copy()
    by_given = pairs.weights.sum(2).diagonal() + 0.0
    given_weight = np.broadcast_to(by_given, (audits, K)).copy()
    state = {
        side: {
            "log": np.broadcast_to(
                pairs.log_wealth[0, side], (audits, *pairs.log_wealth.shape[2:])
            ).copy(),
            "hedged": np.broadcast_to(
                pairs.hedged[0, side], (audits, *pairs.hedged.shape[2:])
            ).copy(),
            "floor": np.broadcast_to(pairs.floor[0, side], (audits, *pairs.floor.shape[2:])).copy(),
            "sum": np.zeros((audits, K, K)),
            "best": np.zeros((audits, K, K)),
        }
        for side in sides
    }
    mixed = np.zeros((audits, K, K))  # log wealth against, of each pair
    accepted, rejected = np.zeros(audits, np.int64), np.zeros(audits, np.int64)
    apart = ~np.eye(K, dtype=bool)
    others = np.array([np.delete(every, g) for g in range(K)])
    slack = SLACK * len(examples)
    rows = np.arange(audits)[:, None]
    for step in range(steps):
        index = order[:, step]
        g, t, weight = examples.given[index], true[index], weights[index].astype(float)
        rest = others[g]
        own = np.broadcast_to(g[:, None], rest.shape)
        first, second = np.concatenate([own, rest], 1), np.concatenate([rest, own], 1)
        bins = (
            np.zeros((audits, K), np.int64)
            if pairs.cells.bins is None
            else pairs.cells.bins[index].astype(np.int64)
        )
        cell = np.concatenate(
            [np.take_along_axis(bins, own, 1), BINS + np.take_along_axis(bins, rest, 1)], 1
        )
        W = (given_weight[rows, first] + given_weight[rows, second])[..., None]
        emptied = counts[rows, every[None], g[:, None], bins] < 1.5
        for side in sides:
            now, sign = state[side], 1.0 if side == FOR else -1.0
            # what is not told counts where it lowers the wealth, and nowhere else
            known = told[index]
            is_own = (t == g) & known if side == FOR else (t == g) | ~known
            is_rest = t[:, None] == rest
            is_rest = is_rest & known[:, None] if side == AGAINST else is_rest | ~known[:, None]
            z = np.concatenate(
                [
                    np.broadcast_to(sign * is_own[:, None], rest.shape).astype(float),
                    -sign * level * is_rest,
                ],
                1,
            )
            hedge = pairs._hedge[0, side][first, second, :, cell]
            share = pairs._share[0, side][first, second]
            floor = now["floor"][rows, first, second]
            left = now["hedged"][rows, first, second] + now["sum"][rows, first, second][..., None]
            gain = (z / weight[:, None])[..., None] * W - hedge * W - W * floor
            room = -(W * floor + left)
            with np.errstate(divide="ignore", invalid="ignore"):
                factor = 1 - share + share * np.maximum(gain, 0) / room
                move = np.where(room > slack, np.log(factor), 0.0)
            logs = now["log"][rows, first, second] + np.where(room < -slack, np.inf, move)
            now["log"][rows, first, second] = logs
            now["hedged"][rows, first, second] -= hedge * weight[:, None, None]
            now["sum"][rows, first, second] += z
            mean = log_mean(logs)
            now["best"][rows, first, second] = np.maximum(now["best"][rows, first, second], mean)
            if side == AGAINST:
                mixed[rows, first, second] = mean
        counts[rows, every[None], g[:, None], bins] -= 1
        sums[rows, every[None], g[:, None], bins] -= weight[:, None]
        given_weight[np.arange(audits), g] -= weight
        for audit in np.flatnonzero(emptied.any(1)):
            refloor(pairs, state, audit, counts[audit], first[audit], second[audit])
        if FOR in sides:
            done = (state[FOR]["best"][:, apart] >= goal).all(1)
            accepted[(accepted == 0) & done] = step + 1
        if AGAINST in sides:
            rejected[(rejected == 0) & (log_mean(mixed[:, apart]) >= goal)] = step + 1
        if sides == (FOR,) and accepted.all():
            break
    return Levels(accepted, rejected)


def refloor(
    pairs: Pairs, state: dict, audit: int, counts: np.ndarray, first: np.ndarray, second: np.ndarray
) -> None:  # fmt: skip
    """Bring the least possible wealth of a pair up to date after a cell ran out."""
    own, other = counts[first, first], counts[first, second]
    there = np.concatenate([own, other], 1) > 0.5
    for side, now in state.items():
        worth = pairs._worth[0, side][first, second][:, None, :]
        hedge = pairs._hedge[0, side][first, second]
        least = np.where(there[:, None, :], worth - hedge, np.inf).min(-1)
        now["floor"][audit, first, second] = np.where(np.isfinite(least), least, 0)
