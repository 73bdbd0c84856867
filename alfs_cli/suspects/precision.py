"""What share of a list of likely suspects is wrong.

The labels alone do not say it: where classes overlap, a label that the evidence speaks against may
be wrong or may be a hard example. So the share is predicted by a regression that was fitted to
lists from many data sets whose wrong labels were known (`benchmarks/precision.py`), and its errors
on data sets that it was not fitted to set the interval.
"""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.tuning import LEARNED

CERTAIN = 0.02  # probabilities nearer to 0 or 1 carry no more information here
LEAST_OVERLAP = 0.01  # share of labels; classes that overlap less are as good as apart
Z = 1.645  # 95 % one-sided, of the draw of the labels listed


@dataclass(frozen=True)
class Listed:
    """What is known of a list of suspects without knowing which of its labels are wrong.

    Args:
        count: how many labels are listed.
        claimed: their mean probability of being wrong, averaged over models of the noise.
        own: the mean out-of-sample probability of the labels themselves.
        gain: the nats by which the best model of the noise explains all labels better than the best
            model with next to none.
        overlap: the share of all labels that are not the likeliest class, less the noise rate.
    """

    count: int
    claimed: float
    own: float
    gain: float
    overlap: float


def expected_precision(listed: Listed) -> Bounded:
    """Return the share of the labels listed that is wrong, with one-sided bounds at about 95 %.

    >>> told = Listed(count=100, claimed=0.95, own=0.02, gain=300.0, overlap=0.02)
    >>> round(expected_precision(told).value, 2)
    0.98
    """
    centre = (
        LEARNED.intercept
        + LEARNED.claimed * log_odds(listed.claimed)
        + LEARNED.own * log_odds(listed.own)
        + LEARNED.gain * np.log1p(max(listed.gain, 0.0))
        + LEARNED.overlap * log_odds(max(listed.overlap, LEAST_OVERLAP))
    )
    log_variance = LEARNED.spread + LEARNED.spread_gain * np.log1p(max(listed.gain, 0.0))
    return _around(float(centre), LEARNED.width * float(np.exp(log_variance / 2)), listed.count)


def of_part(whole: Bounded, value: float, count: int) -> Bounded:
    """Return the bounds of a part of a list, `value` being its share: as wide as the whole's."""
    width = _log_odds(whole.value) - _log_odds(whole.low)
    return _around(_log_odds(value), width, count)


def _around(centre: float, width: float, count: int) -> Bounded:
    value = _share(centre)
    drawn = Z / np.sqrt(count * max(value * (1 - value), CERTAIN))
    reach = float(np.hypot(width, drawn))
    low, high = (_of_a_list(_share(centre + side * reach), count) for side in (-1, 1))
    return Bounded(value, min(low, value), max(high, value))


def _of_a_list(smoothed: float, count: int) -> float:
    """Return k / n, from (k + 1/2) / (n + 1): the regression is on log odds, and those are finite.

    A list of which every label is wrong has a share of 1, and the bounds must reach it.
    """
    return min(max(((count + 1) * smoothed - 0.5) / count, 0.0), 1.0)


def log_odds(share: float) -> float:
    """Return log(p / (1 - p)) of a probability, no nearer to 0 or 1 than CERTAIN."""
    return _log_odds(min(max(share, CERTAIN), 1 - CERTAIN))


def _log_odds(share: float) -> float:
    clipped = min(max(share, 1e-6), 1 - 1e-6)
    return float(np.log(clipped / (1 - clipped)))


def _share(odds: float) -> float:
    return float(1 / (1 + np.exp(-odds)))


def rescaled(scores: FloatArray, mean: float, *, least: float) -> FloatArray:
    """Return scores in [least, 1] moved to a mean, in the same order and still in [least, 1].

    >>> rescaled(np.array([0.6, 0.8, 1.0]), 0.9, least=0.5)
    array([0.8, 0.9, 1. ])
    """
    now = float(scores.mean())
    if mean <= now:
        return least + (scores - least) * max(mean - least, 0.0) / max(now - least, 1e-12)
    return 1 - (1 - scores) * (1 - mean) / max(1 - now, 1e-12)
