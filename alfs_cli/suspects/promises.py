"""What an estimate promises of its lists of suspects: the share of the labels that is wrong."""

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.results.estimate import Promise, PromiseByKind
from alfs_cli.suspects.precision import (
    LIKELY,
    Doubted,
    Expected,
    Listed,
    expected_of_doubted,
    expected_precision,
    rescaled,
)
from alfs_cli.suspects.weighing import Weighed


def as_expected(
    scores: FloatArray, disagreement: float, weighed: Weighed
) -> tuple[FloatArray, Expected | None]:
    """Return scores (M,) of LIKELY or more after calibration, and the expected share of wrong ones.

    `disagreement` is the share of all labels that are not the most probable class. Where too few
    labels may be wrong, all scores move below LIKELY in the same order, and the expected share is
    None.
    """
    claimed = float(scores.mean())
    expected = expected_of_likely(claimed, len(scores), disagreement, weighed)
    if expected is None:
        return barely(scores), None
    return rescaled(scores, expected.value, least=LIKELY), expected


def barely(scores: FloatArray) -> FloatArray:
    """Return scores of LIKELY or more moved next below it, in the same order."""
    return LIKELY - 0.02 * (1.01 - scores)


def expected_of_likely(
    claimed: float, count: int, disagreement: float, weighed: Weighed
) -> Expected | None:
    """Return what share of the `count` labels scored LIKELY or more is expected to be wrong.

    `claimed` is the mean of their scores, `disagreement` the share of all labels that are not the
    most probable class. None where too few labels may be wrong.
    """
    overlap = disagreement - weighed.expected_rate
    expected = expected_precision(Listed(claimed, weighed.gain, overlap, weighed.is_given))
    return expected if expected.is_enough(count) else None


def promised(
    scores: FloatArray,
    likely: IntArray,
    possible: IntArray,
    expected: Expected | None,
    weighed: Weighed,
    examples: int,
    *,
    found: float | None = None,
    known: NDArray[np.bool_] | None = None,
) -> PromiseByKind:
    """Return what is promised of the labels at `likely` and at `possible`, places in `scores` (N,).

    `expected` is what share of the likely is expected to be wrong, `examples` the number of all
    labels, and `found` how many wrong ones are expected among all likely ones, where not all are
    listed. `known` (N,) marks reviewed labels, whose scores are 0 or 1.
    """

    def of(places: IntArray, expected: Expected | None, found: float) -> Promise:
        if not len(places):
            return Promise()
        settled = np.zeros(len(places), np.bool_) if known is None else known[places]
        sure = float(scores[places[settled]].sum()) / len(places)
        unknown = scores[places[~settled]]
        if not len(unknown):
            return Promise(sure, sure, sure)
        share = len(unknown) / len(places)
        if expected is not None:
            part = expected.among(len(unknown), float(unknown.mean()))
            return Promise(*(sure + share * one for one in (part.value, part.low, part.high)))
        left, proved = (
            (rate * examples - found) / len(unknown)
            for rate in (weighed.leaning_rate, weighed.rate.low)
        )
        doubted = Doubted(float(unknown.mean()), weighed.gain, left)
        part = expected_of_doubted(doubted).among(len(unknown))
        low = min(part.low, max(proved, 0.0))  # the noise rate itself may be at its lower bound
        return Promise(*(sure + share * one for one in (part.value, low, part.high)))

    told = float(scores[likely].sum()) if found is None else found
    return PromiseByKind(of(likely, expected, 0.0), of(possible, None, told))
