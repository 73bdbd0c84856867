"""Estimators of T, one function each in one table, and the estimate that is made from one."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alfs_cli import __version__
from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.columns import check_probabilities
from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.estimate import (
    Bounded,
    ClassCleanLevel,
    CleanLevel,
    DataSummary,
    NoiseEstimate,
    OtherEstimate,
    PopulationTruth,
    Truth,
)
from alfs_cli.estimators.anchor import anchor
from alfs_cli.estimators.combined import CombinedEstimate, combined, rate_of
from alfs_cli.estimators.confident import confident
from alfs_cli.estimators.counts import CountedEstimate, Spread, gap, weakest_pair
from alfs_cli.estimators.joint_ml import joint_ml
from alfs_cli.estimators.trust import MIN_JUDGED, Estimate, trust_in
from alfs_cli.evidence import Evidence, evidence_from_probs, gather
from alfs_cli.noise import (
    class_clean_levels,
    clean_level,
    realised,
    row_total_variation,
    rows_of_counts,
    runners_up,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Estimator = Callable[[FloatArray, IntArray], Estimate]

MAX_CLASSES = 2000

ESTIMATORS: dict[str, Estimator] = {
    "auto": combined,
    "confident": confident,
    "joint-ml": joint_ml,
    "anchor": anchor,
}


def estimate_transition(
    evidence: ArrayLike,
    labels: ArrayLike,
    *,
    method: str = "auto",
    features: bool = False,
    seed: int = 0,
) -> NoiseEstimate:
    """Estimate T from out-of-sample probabilities (N, K), or features (N, D), and labels (N,).

    `features=True` says that `evidence` holds features: probabilities are then made from them in
    five folds. Raises InputError where shapes or values do not fit.
    """
    rows = np.asarray(evidence)
    given = np.asarray(labels)
    if rows.ndim != 2 or given.ndim != 1 or len(rows) != len(given) or not len(rows):
        raise InputError(f"evidence has shape {rows.shape}, labels {given.shape}: not (N, .), (N,)")
    if given.dtype.kind not in "iu" or given.min() < 0:
        raise InputError(
            "labels must be whole numbers from 0", help="number the classes 0 .. K - 1"
        )
    K = int(given.max()) + 1 if features else rows.shape[1]
    if given.max() >= K or K < 2:
        raise InputError(f"labels go up to {given.max()}, and there are {K} classes")
    if not features:
        check_probabilities(rows, where="the probabilities")
    dataset = LabelledDataset(
        name="arrays",
        kind="arrays",
        spec=DataSpec(None),
        labels=given.astype(np.int64),
        class_names=tuple(str(cls) for cls in range(K)),
        fingerprint=hashlib.sha256(rows.tobytes() + given.tobytes()).hexdigest()[:16],
        features=rows.astype(np.float32) if features else None,
        pred_probs=None if features else rows,
    )
    return estimate_noise(dataset, gather(dataset, seed=seed), method=method, seed=seed)


def estimate_noise(
    dataset: LabelledDataset,
    evidence: Evidence,
    *,
    method: str = "auto",
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    in_sample_ok: bool = False,
) -> NoiseEstimate:
    """Return T, the clean level, their bounds and how far to trust them."""
    check_options(method=method, confidence=confidence, resamples=resamples)
    check_classes(dataset.num_classes)
    begun = time.perf_counter()
    estimate = summarised(
        ESTIMATORS[method](evidence.probs, dataset.labels),
        dataset,
        evidence,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        in_sample_ok=in_sample_ok,
    )
    return replace(estimate, seconds=time.perf_counter() - begun)


def summarised(
    found: Estimate,
    dataset: LabelledDataset,
    evidence: Evidence,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    in_sample_ok: bool = False,
) -> NoiseEstimate:
    """Return what estimate.json says of a method's result; its bounds are made here."""
    begun = time.perf_counter()
    T = found.transition()
    bounds = found.spread(
        confidence=confidence,
        resamples=resamples,
        generator=np.random.default_rng([seed, 3]),
    )
    prior = found.prior()
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
    rate = _bounded(max(float(1 - prior @ np.diag(T)), 0.0), *bounds.noise_rate)
    return NoiseEstimate(
        alfs_version=__version__,
        seed=seed,
        seconds=time.perf_counter() - begun,
        confidence=confidence,
        method=found.method,
        data=_summary(dataset),
        evidence=evidence.summary(),
        noise_rate=rate,
        transition=_rows(T),
        transition_low=_rows(np.minimum(bounds.transition[0], T)),
        transition_high=_rows(np.maximum(bounds.transition[1], T)),
        class_prior=tuple(prior.tolist()),
        class_clean_level=_class_levels(dataset, T, bounds),
        clean_level=level,
        gap=_bounded(float(gap(T)), *bounds.gap),
        dominant=True if level.low > 1 else False if level.high < 1 else None,
        trust=trust_in(found, dataset, evidence, rate, level, in_sample_ok=in_sample_ok),
        other_estimates=_others(found),
        truth=_truth(dataset, T),
    )


def check_options(*, method: str, confidence: float, resamples: int) -> None:
    """Raise UsageError for options that mean nothing, before any work is done."""
    if not 0.5 < confidence < 1:
        raise UsageError(f"--confidence is {confidence}, not between 0.5 and 1")
    if resamples < 100:
        raise UsageError(f"--bootstrap is {resamples}, below 100")
    if method not in ESTIMATORS:
        raise unknown("method", method, ESTIMATORS)


def check_classes(K: int) -> None:
    """Raise InputError for more classes than a T that anybody reads."""
    if K > MAX_CLASSES:
        raise InputError(
            f"{K:,} classes: T would have {K * K:,} cells; {MAX_CLASSES:,} classes are the most",
            help="group the classes, or judge some of them at a time",
        )


def _bounded(value: float, low: float, high: float) -> Bounded:
    return Bounded(value, min(low, value), max(high, value))


def _others(found: Estimate) -> tuple[OtherEstimate, ...]:
    """Return what the methods beside a combination say, each on its own."""
    if not isinstance(found, CombinedEstimate):
        return ()
    return tuple(
        OtherEstimate(
            other.method,
            max(rate_of(other), 0.0),
            float(class_clean_levels(other.transition()).min()),
            _rows(other.transition()),
        )
        for other in found.others()
    )


def _rows(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))


def _summary(dataset: LabelledDataset) -> DataSummary:
    counts = dataset.given_counts
    return DataSummary(
        source=dataset.spec.source,
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
    return tuple(
        ClassCleanLevel(
            class_name=name,
            value=float(levels[i]),
            low=float(min(low[i], levels[i])),
            high=float(max(high[i], levels[i])),
            runner_up=dataset.class_names[j],
            n=int(counts[i]),
            judged=bool(counts[i] >= MIN_JUDGED),
        )
        for i, (name, j) in enumerate(zip(dataset.class_names, runners_up(T), strict=True))
    )


def _truth(dataset: LabelledDataset, T: FloatArray) -> Truth | None:
    if dataset.true_labels is None:
        return None
    counts = realised(dataset.true_labels, dataset.labels, dataset.num_classes)
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


__all__ = [
    "ESTIMATORS",
    "CombinedEstimate",
    "CountedEstimate",
    "estimate_noise",
    "estimate_transition",
    "evidence_from_probs",
    "summarised",
]
