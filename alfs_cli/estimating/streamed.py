"""Estimates of any number of examples: T from a random sample, suspects from a pass over all.

The sample is as large as the width of the noise rate's bounds asks for. What was fitted to it then
scores every label, block by block (`suspects/streamed.py`).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import Features, IntArray, Probabilities
from alfs_cli.console import Console
from alfs_cli.data import LabelledDataset
from alfs_cli.errors import InputError
from alfs_cli.estimating.estimated import Estimated
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimating.tuning import SAMPLING
from alfs_cli.estimators.fitting import estimate_noise
from alfs_cli.evidence.interface import Evidence
from alfs_cli.results.estimate import (
    IssuesFile,
    KindCounts,
    NoiseEstimate,
)
from alfs_cli.suspects.precision import LIKELY, Expected, rescaled
from alfs_cli.suspects.promises import barely, expected_of_likely, promised
from alfs_cli.suspects.reasons import NEIGHBOURS, TRANSITION
from alfs_cli.suspects.scores import COLUMNS, in_doubt
from alfs_cli.suspects.streamed import Judge, Suspects, Tally, judge_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Drawn:
    """A random sample of the examples: evidence (n, K), labels (n,), features (n, D) if any.

    `fold_of` (n,) are the folds where the evidence was made in folds.
    """

    probs: Probabilities
    labels: IntArray
    features: Features | None = None
    fold_of: IntArray | None = None

    def of(self, count: int) -> "Drawn":
        """Return so many of them, drawn at random."""
        if count >= len(self.labels):
            return self
        some = np.sort(np.random.default_rng(0).permutation(len(self.labels))[:count])
        return Drawn(
            self.probs[some],
            self.labels[some],
            None if self.features is None else self.features[some],
            None if self.fold_of is None else self.fold_of[some],
        )


@dataclass(frozen=True, eq=False)
class Fitted:
    """An estimate of T from a sample, and what scores labels by it."""

    drawn: Drawn
    estimate: NoiseEstimate
    judge: Judge


def most_drawn(num_classes: int) -> int:
    """Return the largest sample of examples that T is fitted to."""
    return max(SAMPLING.numbers // num_classes, SAMPLING.first)


def fitted(
    drawn: Drawn,
    about: Callable[[Drawn], tuple[LabelledDataset, Evidence]],
    options: EstimateOptions,
    console: Console,
) -> Fitted:
    """Return T from a sample that is as large as the width of the bounds asks for.

    `about` returns what is known of a sample, as data and as evidence. Two first parts of the
    sample tell which of the width comes from the number of examples and which from what they are.
    """
    few, some = drawn.of(SAMPLING.first // 4), drawn.of(SAMPLING.first)
    estimate = _estimated(some, about, options)
    width = _width(estimate)
    console.detail(f"{len(some.labels):,} examples: the noise rate within {100 * width:.2g} points")
    wanted = len(some.labels)
    if len(drawn.labels) > wanted:
        by_few = _width(_estimated(few, about, options))
        wanted = wanted_for((len(few.labels), by_few), (wanted, width), SAMPLING.width)
    if wanted > len(some.labels) and len(drawn.labels) > len(some.labels):
        some = drawn.of(wanted)
        estimate = _estimated(some, about, options)
    total = estimate.data.n
    count = len(some.labels)
    if count < total:
        console.note(
            f"note: T is fitted to a random sample of {count:,} of {total:,} examples, the noise "
            f"rate known within {100 * _width(estimate):.2g} points; all labels are scored"
        )
        estimate = replace(estimate, evidence=replace(estimate.evidence, sample=count))
    return Fitted(some, estimate, judge_of(some.probs, some.labels, estimate))


def wanted_for(few: tuple[int, float], some: tuple[int, float], excess: float) -> int:
    """Return how many examples make bounds at most `excess` wider than any number would.

    From two (count, width): width^2 = w^2 + c / n, with w the width that no number of examples
    makes narrower, such as that of overlapping classes.

    >>> wanted_for((5000, 0.04), (20_000, 0.02), 0.005)
    320000
    >>> wanted_for((5000, 0.1), (20_000, 0.1), 0.005)
    0
    """
    (n, wide), (m, narrow) = few, some
    c = max((wide**2 - narrow**2) / (1 / n - 1 / m), 0.0)
    limit = math.sqrt(max(narrow**2 - c / m, 0.0))
    return math.ceil(round(c / (excess**2 + 2 * limit * excess), 6))


def _estimated(
    drawn: Drawn,
    about: Callable[[Drawn], tuple[LabelledDataset, Evidence]],
    options: EstimateOptions,
) -> NoiseEstimate:
    dataset, evidence = about(drawn)
    return estimate_noise(
        dataset,
        evidence,
        method=options.method,
        confidence=options.confidence,
        resamples=options.resamples,
        seed=options.seed,
        in_sample_ok=options.in_sample_ok,
    )


def _width(estimate: NoiseEstimate) -> float:
    return float(estimate.noise_rate.high - estimate.noise_rate.low)


def finished(
    fit: Fitted, tally: Tally, options: EstimateOptions, console: Console, *, started: float
) -> Estimated:
    """Return the estimate, with the suspects that a pass over all examples found."""
    if not tally.count:
        raise InputError("there are no examples to judge", help="is it the right file?")
    estimate = fit.estimate
    table, issues = listed(fit, tally, options.issue_threshold)
    most = int(np.bincount(tally.suspects.label, minlength=len(tally.examples)).max())
    cut = tally.likely - int((tally.suspects.score >= LIKELY).sum())
    if cut:
        console.note(
            f"note: issues.csv lists {most:,} labels of a class at most, those most likely wrong; "
            f"{cut:,} more are likely wrong"
        )
    evidence = replace(
        estimate.evidence,
        agreement=tally.agreeing / tally.count,
        calibration_error=tally.calibration_error,
    )
    data = replace(estimate.data, n=tally.count, given_counts=tuple(int(n) for n in tally.examples))
    seconds = time.perf_counter() - started
    done = replace(estimate, evidence=evidence, data=data, issues=issues, seconds=seconds)
    return Estimated(done, table)


def listed(fit: Fitted, tally: Tally, threshold: float) -> tuple["pd.DataFrame", IssuesFile]:
    """Return the rows of issues.csv, and their expected precision."""
    found, likely_all = _calibrated(fit.judge, tally)
    score = found.score
    most = math.ceil(fit.estimate.noise_rate.high * tally.count)
    order = np.lexsort((found.row, -score))
    is_likely = score >= threshold
    likely = order[is_likely[order]]
    by_doubt = in_doubt(score, found.own)
    doubted = by_doubt[~is_likely[by_doubt]][: max(most - max(len(likely), tally.likely), 0)]
    places = np.concatenate([likely, doubted])
    counts = KindCounts(0, len(likely), len(doubted))
    in_all = None if likely_all is None else likely_all.value * tally.likely
    promises = promised(
        score, likely, doubted, likely_all, fit.judge.weighed, tally.count, found=in_all
    )
    issues = IssuesFile("issues.csv", len(places), promises.likely, promises, counts)
    return _table(found, places, counts, fit.estimate), issues


def _calibrated(judge: Judge, tally: Tally) -> tuple[Suspects, Expected | None]:
    """Return suspects with calibrated scores, and the share expected to be wrong of all likely.

    As `suspects.promises.as_expected`, from the sums over all examples.
    """
    found = tally.suspects
    if not tally.likely:
        return found, None
    is_likely, score = found.score >= LIKELY, found.score.copy()
    unit = 2.0**32 * tally.likely
    claimed = tally.claimed / unit
    disagreement = 1 - tally.agreeing / tally.count
    told = expected_of_likely(claimed, tally.likely, disagreement, judge.weighed)
    if told is None:
        score[is_likely] = barely(score[is_likely])
        return replace(found, score=score), None
    score[is_likely] = rescaled(score[is_likely], told.value, least=LIKELY, now=claimed)
    return replace(found, score=score), told


def _table(
    found: Suspects, places: IntArray, counts: KindCounts, estimate: NoiseEstimate
) -> "pd.DataFrame":
    """Return the rows of issues.csv, those at `places` in that order."""
    import pandas as pd

    classes, T = np.array(estimate.data.classes, dtype=object), np.array(estimate.transition)
    return pd.DataFrame(
        {
            "index": found.row[places],
            "path": found.path[places],
            "given": classes[found.label[places]],
            "suggested": classes[found.suggested[places]],
            "self_confidence": found.own[places],
            "suggested_confidence": found.other[places],
            "score": found.score[places],
            "kind": ["likely"] * counts.likely + ["possible"] * counts.possible,
            NEIGHBOURS: [""] * len(places),  # no pass holds all features
            TRANSITION: T[found.suggested[places], found.label[places]],
        },
        columns=[*COLUMNS, NEIGHBOURS, TRANSITION],
    )
