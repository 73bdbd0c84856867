"""The expected precision of a list of likely suspects: the share of its labels that is wrong.

Labels and evidence alone do not determine it: where classes overlap, a label that disagrees with
the evidence may be wrong, or its example may be hard. So a regression predicts the precision. It
was fitted to lists from many data sets whose wrong labels were known (`benchmarks/precision.py`).
Its errors on data sets that it was not fitted to set the width of the interval.
"""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.tuning import LEARNED

CERTAIN = 0.02  # probability; log odds are clipped here, so that no list counts as certain
LEAST_OVERLAP = 0.01  # share of labels; smaller overlaps count as this one
Z = 1.645  # standard errors of a one-sided 95 % bound


@dataclass(frozen=True)
class Listed:
    """What predicts the precision of a list, known without the true labels.

    Args:
        count: how many labels are listed.
        claimed: their mean probability of being wrong, averaged over models of the noise.
        own: the mean out-of-sample probability of the labels themselves.
        gain: the log posterior, in nats, by which the best model of the noise exceeds the best
            model with next to no noise.
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
    """Return `value`, the share of a part of a list, with bounds as wide as those of the whole."""
    width = _log_odds(whole.value) - _log_odds(whole.low)
    return _around(_log_odds(value), width, count)


def _around(centre: float, width: float, count: int) -> Bounded:
    value = _share(centre)
    drawn = Z / np.sqrt(count * max(value * (1 - value), CERTAIN))
    reach = float(np.hypot(width, drawn))
    low, high = (_of_a_list(_share(centre + side * reach), count) for side in (-1, 1))
    return Bounded(value, min(low, value), max(high, value))


def _of_a_list(smoothed: float, count: int) -> float:
    """Return the share k / n of a list from its smoothed share (k + 1/2) / (n + 1).

    The regression predicts smoothed shares, whose log odds are finite. A list of wrong labels alone
    has the share 1, which the bounds must reach.
    """
    return min(max(((count + 1) * smoothed - 0.5) / count, 0.0), 1.0)


def log_odds(share: float) -> float:
    """Return log(p / (1 - p)) of a probability clipped to [CERTAIN, 1 - CERTAIN]."""
    return _log_odds(min(max(share, CERTAIN), 1 - CERTAIN))


def _log_odds(share: float) -> float:
    clipped = min(max(share, 1e-6), 1 - 1e-6)
    return float(np.log(clipped / (1 - clipped)))


def _share(odds: float) -> float:
    return float(1 / (1 + np.exp(-odds)))


def rescaled(
    scores: FloatArray, mean: float, *, least: float, now: float | None = None
) -> FloatArray:
    """Return scores in [least, 1] moved to a mean, in the same order and still in [least, 1].

    `now` is the mean that they have, or that of all scores where these are some of them.

    >>> rescaled(np.array([0.6, 0.8, 1.0]), 0.9, least=0.5)
    array([0.8, 0.9, 1. ])
    """
    now = float(scores.mean()) if now is None else now
    if mean <= now:
        return least + (scores - least) * max(mean - least, 0.0) / max(now - least, 1e-12)
    return 1 - (1 - scores) * (1 - mean) / max(1 - now, 1e-12)
