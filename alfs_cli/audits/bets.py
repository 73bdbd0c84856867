"""Wealth against statements on a mean, valid at any time: draws without replacement, weighted.

A form is a value z(x) in [low, high] per example, unknown until x is answered. The test of
"mean z <= m" over n examples bets before each draw and multiplies its wealth by

    1 + rate (D - n m),   D = z W / w(x) - k(cell of x) W + sum over left of k w + S,

w(x) the weight of the example drawn, W the weights of all that are left, S the sum of z answered.
D has the conditional mean n * mean z whatever k (Shekhar et al., UAI 2023: a control variate that
is constant over w within a cell), so the wealth is a supermartingale of the statement as long as
rate >= 0 and no D that is possible makes it negative. With the least possible D, the rate is a
share c of the largest allowed, 1 / (n m - D_least), and the factor is

    1 - c + c (D - D_least) / (n m - D_least).

It grows with every z, of this draw and of those before (through S): an unknown answer taken at its
lowest lowers the wealth on every path, whenever it is filled in later. This is why k and c never
depend on answers; several (k, c), the experts, hold a share of the wealth each and what they have
is summed (a mixture of martingales). By Ville's inequality a true statement's wealth ever reaches
1 / risk with a chance of at most `risk`.

An expert is the log-optimal bet against one alternative: P(event | cell) given, e(cell, z) =
u(cell) + rate z W / w maximises E log e under it among all e whose mean is at most 1 under every
population with mean z <= m (Gruenwald et al., "Safe testing", JRSS-B 2024, for this null). At the
optimum the multiplier of that constraint is 1, which leaves (1 - p) / u + p / (u + d) = 1 per cell
and one equation for the rate.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray
from alfs_cli.audits.tuning import TUNING

SLACK = 1e-9  # of n: what rounding may do to a sum that is compared with its bound
LEAST_RATE = 1e-4  # of 1 / n, likewise
LEAST_SHARE = 1e-6  # an expert that stakes less than this has no alternative to bet on


@dataclass(frozen=True)
class Experts:
    """Bets fixed in advance, E per form over C cells: `hedge` is k (F, E, C), `share` c (F, E).

    `prior` (E) is the part of the wealth that each begins with; it sums to 1.
    """

    hedge: FloatArray
    share: FloatArray
    prior: FloatArray


def experts(
    p: FloatArray,
    gain: FloatArray,
    m: FloatArray,
    weights: FloatArray,
    counts: FloatArray,
    prior: FloatArray,
) -> Experts:
    """Return the log-optimal bets against "mean z <= m" where the alternatives `p` hold.

    p (F, E, C): chance of the event in a cell; gain (F, C): z if it happens, 0 if not; m (F);
    weights (C) or (F, C): all weights of a cell's members; counts alike: how many they are.
    """
    weights, counts = np.broadcast_arrays(*np.atleast_2d(weights, counts))
    total, n = weights.sum(1), counts.sum(1)
    there = counts > 0
    share = weights / total[:, None]
    scale = np.where(there, counts / np.where(there, share, 1), 0)  # mean W / w of a cell
    step = (gain * scale)[:, None, :]
    level = (n * m)[:, None]

    def left_over(rate: FloatArray) -> FloatArray:
        mean = (share[:, None, :] * paid(p, rate[..., None] * step)).sum(-1)
        return np.asarray(mean + rate * level - 1)

    rate = root(left_over, p.shape[:2], n)
    d = rate[..., None] * step
    u = paid(p, d)
    least = np.where(there[:, None, :], np.minimum(u, u + d), np.inf).min(-1)
    stake = np.clip(1 - least, 0, TUNING.most_staked)
    stake[stake < LEAST_SHARE] = 0
    safe = np.where(rate > 0, rate, 1)
    hedge = np.where(there[:, None, :], (1 - u) / (safe * total[:, None])[..., None], 0)
    return Experts(hedge=np.where(stake[..., None] > 0, hedge, 0), share=stake, prior=prior)


def paid(p: FloatArray, d: FloatArray) -> FloatArray:
    """Return u with (1 - p) / u + p / (u + d) = 1 and both denominators above 0."""
    b = 1 - d
    c = (1 - p) * d
    root = np.sqrt(b * b + 4 * c)
    if (b >= 0).all():
        return np.asarray((b + root) / 2)
    # the form without cancellation where b < 0
    return np.where(b >= 0, (b + root) / 2, 2 * c / np.where(b < 0, root - b, 1))


def root(
    left_over: Callable[[FloatArray], FloatArray], shape: tuple[int, ...], n: FloatArray
) -> FloatArray:
    """Return the rate above 0 where a convex function with left_over(0) = 0 is 0 again, or 0."""
    low = np.broadcast_to((LEAST_RATE / n)[:, None], shape).copy()
    high = np.broadcast_to((1 / n)[:, None], shape).copy()
    none = left_over(low) >= 0  # the alternative does not contradict the statement
    for _ in range(60):
        short = left_over(high) < 0
        if not short.any():
            break
        high[short] *= 4
    for _ in range(24):  # to a part in 10^5 or less: a bet need not be exact to be fair
        middle = np.sqrt(low * high)
        below = left_over(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(none, 0.0, low)


@dataclass
class Wealth:
    """The wealth of F forms with E experts each, over C cells that all the forms share.

    `low` and `high` (F, C) bound z in a cell; `m` (F); `known` (F) is the sum of z that is known
    beforehand, `n` how many examples the mean is over, those known among them. `weights` and
    `counts` (C) are of what can be drawn; `lightest` and `heaviest` (C) bound one weight.
    """

    bets: Experts
    low: FloatArray
    high: FloatArray
    m: FloatArray
    n: int
    weights: FloatArray
    counts: FloatArray
    lightest: FloatArray
    heaviest: FloatArray
    known: FloatArray
    log_wealth: FloatArray = field(init=False)
    best: FloatArray = field(init=False)  # (F) the largest log of the mixture so far
    floor: FloatArray = field(init=False)  # (F, E) least of low / w - k over cells not empty
    answered: FloatArray = field(init=False)  # (F) sum of z, known or answered
    hedged: FloatArray = field(init=False)  # (F, E) sum over left of k w
    sure: FloatArray = field(init=False)  # (F) sum over left of the lowest z

    def __post_init__(self) -> None:
        self.weights, self.counts = self.weights.astype(float), self.counts.astype(float)
        self.log_wealth = np.zeros(self.bets.share.shape) + started(self.bets.prior)
        self.best = np.zeros(len(self.m))
        self.answered = self.known.astype(float).copy()
        self.hedged = self.bets.hedge @ self.weights
        self.sure = self.low @ self.counts
        # cells first: one draw reads one row
        self._hedge = np.ascontiguousarray(np.moveaxis(self.bets.hedge, -1, 0))
        per_weight = self.low / np.where(self.low < 0, self.lightest, self.heaviest)
        self._per_cell = np.moveaxis(per_weight[:, None, :] - self.bets.hedge, -1, 0).copy()
        self.floor = self._least()
        self._settle()

    def _least(self) -> FloatArray:
        there = self.counts > 0
        if not there.any():
            return np.zeros(self.bets.share.shape)
        return np.asarray(self._per_cell[there].min(0))

    def enter(self, cell: int, weight: float, z: FloatArray) -> None:
        """Multiply by one draw's factors: an example of this cell and weight, worth z (F)."""
        total = self.weights.sum()
        left = self.hedged + self.answered[:, None]
        gain = (z / weight)[:, None] * total - self._hedge[cell] * total - total * self.floor
        room = (self.n * self.m)[:, None] - (total * self.floor + left)
        slack = SLACK * self.n
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = 1 - self.bets.share + self.bets.share * np.maximum(gain, 0) / room
            self.log_wealth += np.where(room > slack, np.log(factor), 0.0)
        self.log_wealth[room < -slack] = np.inf  # no population allows the statement
        self._remove(cell, weight)
        self.answered = self.answered + z
        self._settle()

    def factors(self, forms: NDArray[np.int64], gain: FloatArray) -> FloatArray:
        """Return what the next draw may multiply by (f, E, C, 2): without and with the event.

        gain (F, C) is what the event adds to z in a cell.
        """
        total = self.weights.sum()
        share, hedge = self.bets.share[forms], self.bets.hedge[forms]
        floor = self.floor[forms] * total
        left = self.hedged[forms] + self.answered[forms, None]
        room = np.maximum((self.n * self.m)[forms, None] - floor - left, SLACK * self.n)
        mean_weight = self.weights / np.maximum(self.counts, 1)
        z = gain[forms][:, None, :, None] * np.array([0.0, 1.0])
        above = total * (z / np.maximum(mean_weight, 1e-9)[:, None] - hedge[..., None])
        ahead = np.maximum(above - floor[..., None, None], 0) / room[..., None, None]
        return np.asarray(1 + share[..., None, None] * (ahead - 1))

    def copy(self) -> "Wealth":
        """Return a copy that takes further draws without changing this one."""
        other = copy(self)
        other.log_wealth = self.log_wealth.copy()
        other.weights, other.counts = self.weights.copy(), self.counts.copy()
        return other

    def _remove(self, cell: int, weight: float) -> None:
        self.hedged = self.hedged - self._hedge[cell] * weight
        self.sure = self.sure - self.low[:, cell]
        self.weights[cell] -= weight
        self.counts[cell] -= 1
        if self.counts[cell] < 0.5:
            self.counts[cell] = self.weights[cell] = 0
            self.floor = self._least()

    def _settle(self) -> None:
        self.best = np.maximum(self.best, log_mean(self.log_wealth))
        certain = self.answered + self.sure > self.n * self.m + SLACK * self.n
        self.best = np.where(certain, np.inf, self.best)

    def reached(self) -> NDArray[np.bool_]:
        """Return (F) whether "mean z >= m" is certain: all that could be is answered."""
        return np.asarray(self.answered + self.sure >= self.n * self.m - SLACK * self.n)


def started(prior: FloatArray) -> FloatArray:
    """Return log wealths (E) whose mean is 1, shared out by the prior."""
    return np.asarray(np.log(prior * len(prior)))


def log_mean(logs: FloatArray) -> FloatArray:
    """Return the log of the mean of exp over the last axis."""
    top = logs.max(-1)
    finite = np.where(np.isfinite(top), top, 0)
    with np.errstate(over="ignore", divide="ignore"):
        total = np.exp(logs - finite[..., None]).mean(-1)
        return np.where(np.isposinf(top), np.inf, finite + np.log(total))
