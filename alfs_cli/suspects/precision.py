"""The expected precision of a list of suspects: the share of its labels that is wrong.

Labels and evidence alone do not determine it: where classes overlap, a label that disagrees with
the evidence may be wrong, or its example may be hard. So a regression predicts the precision, and
how uncertain that is: two for likely labels, by the tool's own evidence and by probabilities from
elsewhere, and one for possible ones. Of n listed labels k are wrong
by a beta-binomial distribution. Its mean and its size were fitted to lists from many data sets
whose wrong labels were known, and the size of likely ones was lowered until its bounds held on data
sets that were left out (`benchmarks/precision.py`).
"""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.tuning import DOUBTED, GIVEN, LEARNED

CERTAIN = 0.02  # probability; log odds are clipped here, so that no list counts as certain
MOST_GAIN = 1000.0  # nats; no list that the regressions were fitted to had more
LEAST_OVERLAP = 0.01  # share of labels; smaller overlaps count as this one
LIKELY = 0.5  # probability from which a label is more likely wrong than right
MOST_COUNTED = 10**5  # labels; among more, how many are drawn is no uncertainty
MISSED = 0.05  # chance that the share lies beyond a bound


@dataclass(frozen=True)
class Listed:
    """What predicts the precision of a list of likely labels, known without the true ones.

    Args:
        claimed: the mean probability of being wrong of the listed labels, over models of the noise.
        gain: the log posterior, in nats, by which the best model of the noise exceeds the best
            model with next to no noise.
        overlap: the share of all labels that are not the likeliest class, less the noise rate.
        is_given: whether the probabilities are those of a model from elsewhere.
    """

    claimed: float
    gain: float
    overlap: float
    is_given: bool = False


@dataclass(frozen=True)
class Doubted:
    """What predicts the precision of a list of possible labels, known without the true ones.

    Args:
        score: the mean score of the listed labels.
        gain: as of `Listed`.
        share: how many wrong labels the noise rate leaves for them, a share of the list.
    """

    score: float
    gain: float
    share: float


@dataclass(frozen=True)
class Expected:
    """The chance of a listed label to be wrong: beta distributed with the mean `value`.

    It is as uncertain as after a sample of `size` labels.
    """

    value: float
    size: float

    def among(self, count: int, value: float | None = None) -> Bounded:
        """Return the share of `count` labels that is wrong, with one-sided bounds at 95 %.

        `value` is the mean of the labels meant, where they are a part of the list.

        >>> Expected(0.9, 20.0).among(10)
        Bounded(value=0.9, low=0.7, high=1.0)
        """
        from scipy.special import betaincinv, betaln, gammaln

        value = self.value if value is None else value
        mean = min(max(value, 1e-4), 1 - 1e-4)
        a, b = mean * self.size, (1 - mean) * self.size
        if count > MOST_COUNTED:
            low, high = betaincinv(a, b, [MISSED, 1 - MISSED])
            return Bounded(value, min(float(low), value), max(float(high), value))
        wrong = np.arange(count + 1)
        ways = gammaln(count + 1) - gammaln(wrong + 1) - gammaln(count - wrong + 1)
        chances = np.exp(ways + betaln(wrong + a, count - wrong + b) - betaln(a, b)).cumsum()
        low, high = np.searchsorted(chances / chances[-1], [MISSED, 1 - MISSED]) / count
        return Bounded(value, min(float(low), value), max(float(high), value))

    def is_enough(self, count: int) -> bool:
        """Whether a list of so many labels may be called likely wrong."""
        is_known = self.size >= LEARNED.least_size and self.value >= LIKELY
        return is_known and self.among(count).low >= LEARNED.least_low


def expected_precision(listed: Listed) -> Expected:
    """Return what share of a list of likely labels is expected to be wrong, and how sure that is.

    What models of the noise claim on probabilities of a model from elsewhere says nothing: such a
    model may be wrong where it is sure.

    >>> round(expected_precision(Listed(claimed=0.95, gain=300.0, overlap=0.02)).value, 1)
    0.9
    """
    gain, overlap = _log_gain(listed.gain), log_odds(max(listed.overlap, LEAST_OVERLAP))
    if listed.is_given:
        centre = GIVEN.intercept + GIVEN.overlap * overlap + GIVEN.gain * gain
        log_size = GIVEN.size + GIVEN.size_gain * gain
    else:
        claimed = log_odds(listed.claimed)
        centre = LEARNED.intercept + LEARNED.overlap * overlap + LEARNED.claimed * claimed
        log_size = LEARNED.size + LEARNED.size_gain * gain
    return Expected(float(1 / (1 + np.exp(-centre))), float(np.exp(log_size)))


def expected_of_doubted(doubted: Doubted) -> Expected:
    """Return what share of a list of possible labels is expected to be wrong, and how sure that is.

    Unless the scores say more it is a half at most: a label that is likelier wrong than right is
    listed as likely.

    >>> round(expected_of_doubted(Doubted(score=0.1, gain=300.0, share=0.2)).value, 1)
    0.1
    """
    gain = _log_gain(doubted.gain)
    centre = (
        DOUBTED.intercept
        + DOUBTED.score * log_odds(doubted.score)
        + DOUBTED.share * log_odds(doubted.share)
        + DOUBTED.gain * gain
    )
    size = np.exp(DOUBTED.size + DOUBTED.size_gain * gain)
    most = max(LIKELY, doubted.score)
    return Expected(min(float(1 / (1 + np.exp(-centre))), most), float(size))


def _log_gain(gain: float) -> float:
    """Return the logarithm of a gain, no larger than those that the regressions were fitted to."""
    return float(np.log1p(min(max(gain, 0.0), MOST_GAIN)))


def log_odds(share: float) -> float:
    """Return log(p / (1 - p)) of a probability clipped to [CERTAIN, 1 - CERTAIN]."""
    clipped = min(max(share, CERTAIN), 1 - CERTAIN)
    return float(np.log(clipped / (1 - clipped)))


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
