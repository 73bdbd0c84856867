"""Bounds of the noise rate from true labels of a sample, sharpened by scores of all examples.

The rate is estimated by the difference estimator of survey sampling (Sarndal, Swensson & Wretman,
1992; with a fitted weight of the scores "PPI++", Angelopoulos, Duchi & Zrnic, 2023): the mean of
the scores over all examples, plus the mean error of the scores on the sample. It is unbiased
whatever the scores are worth.

Its usual bounds are normal, and do not hold where the sample shows few errors: with none at all
they would have no width. Here the mean error has the bounds of Gaffke (2005; Learned-Miller &
Thomas, 2020): the quantiles of a Bayesian bootstrap (Rubin, 1981) of the sample and of one value at
the end of the range, which stands for what the sample did not show. For counts they are
Clopper-Pearson's. Where the sample shows many values on a side, half of such a value at each end is
enough, and for counts these are the bounds of Jeffreys' prior (Cai, 2005).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.tuning import WITH_TRUSTED

LEAST_LEVERAGE_LEFT = 0.05  # guards a division: an example that determines the fit alone


@dataclass(frozen=True, eq=False)
class Rectified:
    """A difference estimate of a rate.

    Args:
        value: the estimate.
        parts: what each sampled example adds (m,); their weighted mean is `value`.
        weights: how many examples each of them represents (m,), up to a factor.
        least: the least that an example can add.
        most: the most that an example can add.
        error: standard error of the mean score of all examples.
    """

    value: float
    parts: FloatArray
    weights: FloatArray
    least: float
    most: float
    error: float

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return one-sided lower and upper bounds at `confidence`."""
        low = -_upper(-self.parts, self.weights, -self.most, -self.least, self.error, confidence)
        high = _upper(self.parts, self.weights, self.least, self.most, self.error, confidence)
        return max(low, 0.0), min(high, 1.0)


def rectified(
    is_wrong: FloatArray, scores: FloatArray, everywhere: FloatArray, weights: FloatArray
) -> Rectified:
    """Return the difference estimate of a rate.

    Args:
        is_wrong: 1 for each sampled example that counts, else 0, (m,).
        scores: F scores of the sampled examples, (m, F).
        everywhere: the same scores of all examples, or of a random part of them, (M, F).
        weights: how many examples each sampled one represents (m,), up to a factor.
    """
    share = weights / weights.sum()
    centre = share @ scores
    centred, mean = scores - centre, float(share @ is_wrong)
    # A ridge of less than one example: scores that do not vary get no weight.
    gram = (share * centred.T) @ centred + 1e-9 * np.eye(scores.shape[1])
    slopes = np.linalg.solve(gram, (share * centred.T) @ (is_wrong - mean))
    leverage = share * (1 + (centred @ np.linalg.inv(gram) * centred).sum(axis=1))
    # The weights of the scores are fitted to the same examples, so their errors are a little too
    # small: each is divided by what the fit leaves of it (MacKinnon & White, 1985).
    missed = is_wrong - mean - centred @ slopes
    missed = missed / np.maximum(1 - leverage, LEAST_LEVERAGE_LEFT)
    fitted = (everywhere - centre) @ slopes
    value = mean + float(fitted.mean())
    return Rectified(
        value=value,
        parts=value + missed - float(share @ missed),
        weights=weights,
        least=float(fitted.mean() - fitted.max()),
        most=float(1 + fitted.mean() - fitted.min()),
        error=float(fitted.std() / np.sqrt(len(fitted))),
    )


def represented(
    labels: IntArray, places: IntArray, weights: FloatArray, num_classes: int
) -> FloatArray:
    """Return how many examples each sampled one represents (m,), up to a factor.

    These are the `weights` (m,) of its draw, unless the given labels (N,) at the sampled `places`
    are in proportions that a random sample does not have: it was then drawn by given label, and
    each example represents its share of its label.
    """
    total = np.bincount(labels, minlength=num_classes)
    own = labels[places]
    drawn = np.bincount(own, minlength=num_classes)
    expected = total * (len(places) / total.sum())
    here = expected > 0
    statistic = float((((drawn - expected)[here] ** 2) / expected[here]).sum())
    is_even = bool((weights == weights[0]).all())
    if not is_even or chi2.sf(statistic, max(here.sum() - 1, 1)) > WITH_TRUSTED.drawn_by_label:
        return weights
    return np.asarray((total / np.maximum(drawn, 1))[own], dtype=np.float64)


def _upper(
    parts: FloatArray,
    weights: FloatArray,
    least: float,
    most: float,
    error: float,
    confidence: float,
) -> float:
    """Return the upper bound of the mean of values between `least` and `most`."""
    mean = float(weights @ parts / weights.sum())
    top, bottom = (_unseen(parts, weights, mean, end) for end in (most, least))
    # An unseen example may be one that is rarely drawn, and then represents as many as any.
    values = np.concatenate([parts, [most, least]])
    each = np.concatenate([weights, np.full(2, weights.max())])
    shapes = np.concatenate([np.ones(len(parts)), [top, 1 - bottom]])
    start = float((shapes * each) @ values / (shapes @ each))
    if most <= start:
        return start

    def excess(bound: float) -> float:
        return _exceeds(values - bound, each, shapes, error) - (1 - confidence)

    end = most + 8 * error  # no replicate is beyond it
    return end if excess(end) > 0 else float(brentq(excess, start, end, xtol=1e-6))


def _unseen(parts: FloatArray, weights: FloatArray, mean: float, end: float) -> float:
    """Return the weight of a value at the `end` of the range, from 1/2 to 1.

    It falls with the number of values at that end that would vary as much as those on its side do;
    for counts this is the number of examples that were counted.
    """
    if end == mean:
        return 1.0
    side = np.maximum((parts - mean) * np.sign(end - mean), 0)
    seen = float(((weights * side) ** 2).sum() / (weights.max() * (end - mean)) ** 2)
    return 0.5 + 0.5 / (1 + seen / WITH_TRUSTED.seen_enough)


def _exceeds(values: FloatArray, weights: FloatArray, shapes: FloatArray, error: float) -> float:
    """Return the probability that the weighted sum of gamma variables times `values` is above 0.

    By the saddlepoint formula of Lugannani & Rice (1980), with a normal variable of standard
    deviation `error` times the sum of the weights beside it.
    """
    c = values * weights
    variance = (error * float(shapes @ weights)) ** 2
    if c.max() <= 0 and variance == 0:
        return 0.0

    def slope(u: float) -> float:
        return float(shapes @ (c / (1 - u * c))) + u * variance

    if slope(0.0) >= 0:
        return 0.5
    end = (1 - 1e-12) / c.max() if c.max() > 0 else 2 * abs(slope(0.0)) / variance
    u = float(brentq(slope, 0.0, end, xtol=1e-14 * end, rtol=1e-10)) if slope(end) > 0 else end
    cumulant = -float(shapes @ np.log1p(-u * c)) + u * u * variance / 2
    curvature = float(shapes @ (c / (1 - u * c)) ** 2) + variance
    root, scaled = np.sqrt(max(-2 * cumulant, 0.0)), u * np.sqrt(curvature)
    if root < 1e-4:
        return 0.5
    return float(norm.sf(root) + norm.pdf(root) * (1 / scaled - 1 / root))
