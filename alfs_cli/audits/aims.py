"""Where a draw shows soonest on which side of its number a mean lies, if the scores are right.

Say that P(z = 1) is p(cell) over cells with shares w(cell), and that draws go by q(cell). A test of
"mean z >= m" that holds against every population gains at most, a draw, the least of
sum q KL(p || p') over all p' with sum w p' = m. The best q is that of the saddle point: KL(p || p')
has one value in all cells, and q is w p' (1 - p') / |p' - p| (Chernoff, "Sequential design of
experiments", Annals of Mathematical Statistics 1959). Near the number it is w sqrt(p (1 - p)).
"""

import numpy as np

from alfs_cli.arrays import BoolArray, FloatArray
from alfs_cli.audits.quantities import Mean, Quantity, expected_mean, unsure

HALVINGS = 50
LEAST, MOST = 1e-6, 50.0  # of the common divergence, in nats


def aim(what: Quantity, number: float, is_open: BoolArray) -> FloatArray | None:
    """Return how much sooner each example (N) is worth asking about; mean 1 over members to draw.

    None where nothing is known of that: no scores, or no mean.

    >>> import numpy as np
    >>> from alfs_cli.audits.claims import parse
    >>> from alfs_cli.audits.population import population
    >>> from alfs_cli.audits.quantities import quantity
    >>> examples = population([0, 0, 1, 1], "ab", "data", noise_scores=[0.01, 0.01, 0.3, 0.9])
    >>> what = quantity(parse("noise-rate <= .2"), examples)
    >>> aim(what, 0.2, np.ones(4, bool)).round(2).tolist()
    [0.0, 0.0, 1.39, 2.61]
    """
    members = what.members & is_open
    if not isinstance(what, Mean) or not what.has_scores or not members.any():
        return None
    counts = np.bincount(what.cell[members], minlength=len(what.chance)).astype(float)
    there = counts > 0
    share = counts[there] / counts.sum()
    sooner = np.zeros(len(what.chance))
    sooner[there] = soonest(unsure(what.chance[there]), share, number)
    return np.where(what.members, sooner[what.cell], 0.0)


def soonest(p: FloatArray, share: FloatArray, number: float) -> FloatArray:
    """Return q / w by cell (C): how much sooner than evenly to draw, mean 1 over the shares w.

    p (C) in (0, 1) is what the scores expect. Where their mean is the number itself, it is taken to
    be a hair beyond.
    """
    is_below = expected_mean(p, share) < number
    other = opposed(p, best_gain(p, share, number), is_above=is_below)
    ahead = other * (1 - other) / np.maximum(np.abs(other - p), 1e-12)
    return np.asarray(ahead / (share @ ahead))


def best_gain(p: FloatArray, share: FloatArray, number: float) -> float:
    """Return the nats that a draw by the best q is sure to bring, if p holds: KL(p || p').

    No test whose false alarms have the chance a at all times decides within fewer than log(1 / a)
    over this in the mean, of draws with replacement (Wald).
    """
    is_below = expected_mean(p, share) < number
    low, high = LEAST, MOST
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        mean = expected_mean(opposed(p, middle, is_above=is_below), share)
        low, high = (middle, high) if (mean < number) == is_below else (low, middle)
    return low


def opposed(p: FloatArray, divergence: float, *, is_above: bool) -> FloatArray:
    """Return the p' (C) above p, or below, for which KL(p || p') is the divergence."""
    near, far = p, np.full_like(p, float(is_above))
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        is_far = kl(p, middle) > divergence
        near, far = np.where(is_far, near, middle), np.where(is_far, middle, far)
    return np.asarray(near)


def kl(p: FloatArray, other: FloatArray) -> FloatArray:
    """Return the divergence of two events, in nats (C)."""
    with np.errstate(divide="ignore"):
        return np.asarray(p * np.log(p / other) + (1 - p) * np.log((1 - p) / (1 - other)))
