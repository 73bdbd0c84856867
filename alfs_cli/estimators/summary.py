"""From a method's result to a NoiseEstimate: bounds, trust, and the truth where it is known."""

import time
from dataclasses import replace

import numpy as np

from alfs_cli import __version__
from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.data import LabelledDataset
from alfs_cli.data.dataset import CROWD
from alfs_cli.data.rare import rare_classes
from alfs_cli.estimators.parts.counts import Spread, gap, weakest_pair
from alfs_cli.estimators.parts.overlap import as_overlap, separation, with_bare_predictions
from alfs_cli.estimators.parts.sample import Answer, Estimate, rate_of
from alfs_cli.estimators.parts.trust import trust_in
from alfs_cli.estimators.tuning import TRUST
from alfs_cli.evidence.interface import Evidence
from alfs_cli.noise import (
    class_clean_levels,
    clean_level,
    realised,
    row_total_variation,
    rows_of_counts,
    runners_up,
)
from alfs_cli.results.estimate import (
    Bounded,
    ClassCleanLevel,
    CleanLevel,
    ColumnsSummary,
    DataSummary,
    NeighbourCheck,
    NoiseEstimate,
    OtherEstimate,
    PopulationTruth,
    Truth,
)


def summarised(
    found: Estimate,
    dataset: LabelledDataset,
    evidence: Evidence,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    in_sample_ok: bool = False,
    neighbours: NeighbourCheck | None = None,
) -> NoiseEstimate:
    """Return the content of estimate.json for a method's result, with bounds at `confidence`."""
    begun = time.perf_counter()
    T = found.transition()
    bounds = found.spread(
        confidence=confidence,
        resamples=resamples,
        generator=np.random.default_rng([seed, 3]),
    )
    prior = found.prior()
    rate = _bounded(max(float(1 - prior @ np.diag(T)), 0.0), *bounds.noise_rate)
    grounds = found.grounds(rate)
    grounds = with_bare_predictions(grounds, evidence.probs, evidence.agreement)
    if grounds.overlap == "noise":
        bounds = as_overlap(bounds)
        rate = _bounded(rate.value, *bounds.noise_rate)
    levels = class_clean_levels(T)
    true, given = weakest_pair(T)
    value = float(levels.min())
    level = CleanLevel(
        value,
        min(bounds.level[0], value),
        max(bounds.level[1], value),
        dataset.class_names[true],
        dataset.class_names[given],
    )
    return NoiseEstimate(
        alfs_version=__version__,
        seed=seed,
        seconds=time.perf_counter() - begun,
        confidence=confidence,
        method=found.method,
        data=_summary(dataset),
        evidence=replace(
            evidence.summary(), neighbours=neighbours, columns=_columns(dataset, evidence)
        ),
        noise_rate=rate,
        transition=_rows(T),
        transition_low=_rows(np.minimum(bounds.transition[0], T)),
        transition_high=_rows(np.maximum(bounds.transition[1], T)),
        class_prior=tuple(prior.tolist()),
        class_clean_level=_class_levels(dataset, T, bounds),
        clean_level=level,
        gap=_bounded(float(gap(T)), *np.clip(bounds.gap, -1, 1).tolist()),
        dominant=dominance(level),
        trust=trust_in(
            grounds,
            None if grounds.overlap is None else separation(evidence.probs, T),
            dataset,
            evidence,
            rate,
            level,
            in_sample_ok=in_sample_ok,
            neighbours=neighbours,
        ),
        trusted_examples=grounds.trusted,
        annotators=grounds.annotators,
        other_estimates=tuple(map(other_estimate, found.others())),
        truth=_truth(dataset, T, of_answers=grounds.annotators > 0),
    )


def dominance(level: CleanLevel) -> bool | None:
    """Return whether the right label leads in every class, None where the bounds contain r = 1."""
    return True if level.low > 1 else False if level.high < 1 else None


def _bounded(value: float, low: float, high: float) -> Bounded:
    return Bounded(value, min(low, value), max(high, value))


def other_estimate(estimate: Answer) -> OtherEstimate:
    """Return the summary of a method that is reported beside the estimate."""
    T = estimate.transition()
    levels = class_clean_levels(T)
    return OtherEstimate(
        estimate.method, max(rate_of(estimate), 0.0), float(levels.min()), _rows(T)
    )


def _rows(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))


def _columns(dataset: LabelledDataset, evidence: Evidence) -> ColumnsSummary | None:
    """Return the feature columns behind the evidence, None where it was not made from columns."""
    columns, text = dataset.columns, dataset.text_column
    if evidence.kind == "text" and text is not None:
        used = () if columns is None else columns.used
        aside = dict.fromkeys(used, "agrees less with the labels than the text")
        return ColumnsSummary((text,), aside | dict(() if columns is None else columns.aside), {})
    if columns is None or evidence.kind not in ("features", "network"):
        return None
    aside = dict(columns.aside)
    if text is not None:
        aside[text] = "holds text, which agrees less with the labels"
    filled = dict(columns.filled)
    return ColumnsSummary(columns.used, aside, dict(columns.leaks), filled, columns.encoded)


def _summary(dataset: LabelledDataset) -> DataSummary:
    counts = dataset.given_counts
    return DataSummary(
        source=dataset.spec.given().get("source"),
        kind=dataset.kind,
        n=int(counts.sum()),
        classes=dataset.class_names,
        given_counts=tuple(int(count) for count in counts),
        split=dataset.split,
        fingerprint=dataset.fingerprint,
        spec=dataset.spec.given(),
    )


def _class_levels(
    dataset: LabelledDataset, T: FloatArray, bounds: Spread
) -> tuple[ClassCleanLevel, ...]:
    counts = dataset.given_counts
    levels = class_clean_levels(T)
    low, high = bounds.class_levels
    rare = rare_classes(counts)
    return tuple(
        ClassCleanLevel(
            class_name=name,
            value=float(levels[i]),
            low=float(min(low[i], levels[i])),
            high=float(max(high[i], levels[i])),
            runner_up=dataset.class_names[j],
            n=int(counts[i]),
            judged=bool(counts[i] >= TRUST.least_judged and not rare[i]),
        )
        for i, (name, j) in enumerate(zip(dataset.class_names, runners_up(T), strict=True))
    )


def _true_and_given(
    dataset: LabelledDataset, true: IntArray, *, of_answers: bool
) -> tuple[IntArray, IntArray]:
    """Return true and given labels; of a crowd's table every answer where T is of the answers."""
    if dataset.kind != CROWD or dataset.annotations is None or not of_answers:
        return true, dataset.labels
    rows, people = np.nonzero(dataset.annotations >= 0)
    return true[rows], dataset.annotations[rows, people]


def _truth(dataset: LabelledDataset, T: FloatArray, *, of_answers: bool) -> Truth | None:
    if dataset.true_labels is None:
        return None
    counts = realised(
        *_true_and_given(dataset, dataset.true_labels, of_answers=of_answers), dataset.num_classes
    )
    real = rows_of_counts(counts)
    population = None
    if dataset.population is not None:
        drawn = dataset.population
        share = counts.sum(axis=1) / counts.sum()
        population = PopulationTruth(
            float(1 - share @ np.diag(drawn)), clean_level(drawn), _rows(drawn)
        )
    return Truth(
        noise_rate=float(1 - np.trace(counts) / counts.sum()),
        clean_level=float(class_clean_levels(real).min()),
        transition=_rows(real),
        row_tv=row_total_variation(T, real),
        population=population,
    )
