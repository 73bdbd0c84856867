"""Bounds of the noise rate from true labels of a sample and a score of every example.

The scores need not be right. A logistic curve p(score) is fitted to whether the sampled labels are
wrong; its mean over all examples is the estimate, since its errors on the sample sum to 0. This is
a difference estimator ("PPI++", Angelopoulos, Duchi & Zrnic, 2023) whose tuning is a curve rather
than one factor. A sample in which scores tell nothing flattens the curve, and the bounds become
those of a count.

Normal bounds around it fail where few of the sampled labels are wrong. So a rate is tested as
Wilson (1927) and Clopper & Pearson (1934) test one: the log-odds of the curve are moved until its
mean is that rate, and the number of wrong labels in the sample must not be improbable then. They
are moved in the direction that lowers the likelihood of the sample least: most where it has few
examples for what they stand for. The number is a sum of independent events of unequal chances and
weights; its tail is by the saddlepoint formula (Lugannani & Rice, 1980; Daniels, 1987, for whole
numbers). The chances stay off 0 and 1, so that sure scores can hide wrong labels.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, expit, logit, ndtr, ndtri

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.tuning import RATE_BOUNDS

MOST = 50.0  # log-odds
STEPS = 50  # of Newton's method and of root searches


@dataclass(frozen=True, eq=False)
class SampledRate:
    """A curve of the chance that a label is wrong, and a sample of labels to test it on.

    Args:
        log_odds: of the chance of every label to be wrong by the curve, (N,).
        moves: how far each of these moves where the rate does, above 0 and about 1, (N,).
        places: indices (m,) of the sampled labels.
        wrong: which of these are wrong (m,), 0 or 1.
        shares: the share of all examples that each of them stands for (m,), with sum 1.
    """

    log_odds: FloatArray
    moves: FloatArray
    places: IntArray
    wrong: FloatArray
    shares: FloatArray

    @property
    def value(self) -> float:
        """The estimated noise rate."""
        found = float(self.shares @ self.wrong)
        if not 0 < found < 1 - 1e-12:
            return float(round(found))
        by = brentq(lambda by: float(self.shares @ self._sampled(by)) - found, -MOST, MOST)
        return self._rate(by)

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return one-sided bounds of the noise rate at a confidence.

        The examples are a sample themselves: the rate they were drawn from is covered too.
        """
        wider = 1 + RATE_BOUNDS.widening * float(self.shares @ self.shares)
        alpha = float(ndtr(-wider * ndtri(confidence)))
        low, high = self._lowest(alpha), 1 - self._reversed()._lowest(alpha)
        chances, value = expit(self.log_odds), self.value
        chance = float(ndtri(confidence) * chances.std() / np.sqrt(len(chances)))
        return (
            max(value - float(np.hypot(value - low, chance)), 0.0),
            min(value + float(np.hypot(high - value, chance)), 1.0),
        )

    def _reversed(self) -> "SampledRate":
        return replace(self, log_odds=-self.log_odds, wrong=1 - self.wrong)

    def _sampled(self, by: float) -> FloatArray:
        """Return the chances (m,) of the sampled labels by the moved curve."""
        return np.asarray(expit(self.log_odds[self.places] + by * self.moves[self.places]))

    def _rate(self, by: float) -> float:
        return float(expit(self.log_odds + by * self.moves).mean())

    def _lowest(self, alpha: float) -> float:
        """Return the smallest rate at which so many wrong labels have probability alpha."""
        found, step = float(self.shares @ self.wrong), self._step(self._sampled(0.0))
        if found <= step:  # so many is as good as any number
            return 0.0

        def excess(by: float) -> float:
            return tail(self._sampled(by), self.shares, found, step) - alpha

        far = 0.5
        while excess(far) < 0 and far < MOST:
            far *= 2
        near = -0.5
        while excess(near) > 0 and near > -MOST:
            near *= 2
        if not excess(near) <= 0 <= excess(far):  # one label stands for nearly all
            return 0.0
        return self._rate(float(brentq(excess, near, far, xtol=1e-4)))

    def _step(self, chances: FloatArray) -> float:
        """Return how far a result counts as at least as extreme as itself."""
        each = self.shares * chances * (1 - chances)
        spread = float(self.shares @ each)
        step = spread / float(each.sum())
        sigma = np.sqrt(spread) / step
        return step * float(np.clip(0.5 - RATE_BOUNDS.whole_numbers * sigma, 0.0, 0.5))


def sampled_rate(
    scores: FloatArray, places: IntArray, wrong: FloatArray, weights: FloatArray
) -> SampledRate:
    """Return the noise rate by scores (N,) and by which of the labels at places (m,) are wrong.

    A score is a guess of the probability that the given label is wrong; `weights` (m,) are how many
    examples each sampled one stands for, up to a factor.
    """
    x = logit(np.clip(scores, RATE_BOUNDS.least_score, 1 - RATE_BOUNDS.least_score))
    x = (x - x.mean()) / max(float(x.std()), 1e-9)
    shares = weights / weights.sum()
    count = 1 / float(shares @ shares)
    a, b = fit_curve(x[places], wrong, shares * count)
    most = logit(1 - min(RATE_BOUNDS.least_events / count, 0.4))
    log_odds = np.clip(a + b * x, -most, most)
    return SampledRate(log_odds, _moves(x, log_odds, places), places, wrong, shares)


def _moves(x: FloatArray, log_odds: FloatArray, places: IntArray) -> FloatArray:
    """Return how far each example's log-odds move (N,) where the rate does, about 1.

    Of all curves with a rate near the fitted one's, the likeliest have moved a + b x by a multiple
    of (1, x) I^-1 g: g is the derivative of the rate, and I the information of the sample, in which
    examples count once however many they stand for.
    """
    X, variances = np.stack([np.ones(len(x)), x], axis=1), expit(log_odds) * expit(-log_odds)
    seen = X[places]
    information = (seen.T * variances[places]) @ seen + np.diag(_precision())
    moves = X @ np.linalg.solve(information, X.T @ variances)
    moves /= float(variances @ moves) / float(variances.sum())
    return np.asarray(np.clip(moves, 1 / RATE_BOUNDS.most_move, RATE_BOUNDS.most_move))


def _precision() -> FloatArray:
    """Return the prior precision of a curve's height and of its slope."""
    return np.array([1e-2, RATE_BOUNDS.slope_precision])


def represented(labels: IntArray, places: IntArray, weights: FloatArray) -> FloatArray:
    """Return how many examples each sampled one stands for (m,), up to a factor.

    These are the `weights` (m,) of its draw, unless all are equal and the given labels (N,) at the
    `places` (m,) are in proportions that no random sample has. It was then drawn by given label,
    and each example stands for its share of its label.
    """
    total = np.bincount(labels)
    drawn = np.bincount(labels[places], minlength=len(total))
    expected = total[total > 0] * (len(places) / len(labels))
    statistic = float(((drawn[total > 0] - expected) ** 2 / expected).sum())
    is_even = bool(np.ptp(weights) == 0)
    chance = float(chdtrc(max(len(expected) - 1, 1), statistic))
    if not is_even or chance > RATE_BOUNDS.drawn_by_label:
        return weights
    return np.asarray((total / np.maximum(drawn, 1))[labels[places]], dtype=np.float64)


def fit_curve(x: FloatArray, wrong: FloatArray, times: FloatArray) -> tuple[float, float]:
    """Return (a, b) of expit(a + b x) with the highest likelihood, with a normal prior of b.

    x (m,) are scores, wrong (m,) is 0 or 1, and times (m,) how often each counts.
    """
    rate = (times @ wrong + 0.5) / (times.sum() + 1)
    X, found = np.stack([np.ones(len(x)), x], axis=1), np.array([logit(rate), 0.0])
    precision = _precision()
    centre = np.array([logit(rate), 0.0])

    def loss(at: FloatArray) -> float:
        eta = X @ at
        likelihood = times @ (wrong * eta - np.logaddexp(0, eta))
        return float(0.5 * precision @ (at - centre) ** 2 - likelihood)

    for _ in range(STEPS):
        p = expit(X @ found)
        slope = X.T @ (times * (p - wrong)) + precision * (found - centre)
        curvature = (X.T * (times * p * (1 - p))) @ X + np.diag(precision)
        step, before = np.linalg.solve(curvature, slope), loss(found)
        while loss(found - step) > before + 1e-12 and np.abs(step).max() > 1e-10:
            step = step / 2
        found = found - step
        if np.abs(step).max() < 1e-8:
            break
    return float(found[0]), float(found[1])


def tail(chances: FloatArray, sizes: FloatArray, least: float, step: float) -> float:
    """Return P(sum of `sizes` of events that happen >= `least` - `step`), by a saddlepoint.

    The events (m,) are independent with `chances`. With sizes 1 and step 1/2 it is the probability
    of at least so many events; with step 0 the probability of the number itself counts half.
    """
    bound = least - step
    if bound <= 0:
        return 1.0
    largest = float(sizes.max())
    unit, half = sizes / largest, step / largest
    bound = min(bound / largest, float(unit.sum()) * (1 - 1e-9))
    p = np.clip(chances, 1e-12, 1 - 1e-12)
    log_odds = logit(p)

    def excess(t: float) -> float:
        return float(unit @ expit(log_odds + t * unit)) - bound

    expected = excess(0.0)
    far = -MOST if expected > 0 else MOST
    if expected * excess(far) >= 0:  # as good as sure, or as good as impossible
        return float(expected > 0)
    t = float(brentq(excess, min(far, 0.0), max(far, 0.0), xtol=1e-7))
    tilted = expit(log_odds + t * unit)
    spread = float(unit**2 @ (tilted * (1 - tilted)))
    generating = float(np.log1p(p * np.expm1(np.minimum(t * unit, 500))).sum())
    r = np.sign(t) * np.sqrt(max(2 * (t * bound - generating), 0.0))
    u = (np.sinh(half * t) / half if half > 0 else t) * np.sqrt(spread)
    if abs(r) < 1e-4 or u == 0:
        return float(ndtr(-r))
    return float(ndtr(-r) + np.exp(-r * r / 2) / np.sqrt(2 * np.pi) * (1 / u - 1 / r))
