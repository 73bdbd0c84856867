"""Estimators of T, one function each in one table, and the estimate that is made from one."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alfs_cli import __version__
from alfs_cli.data import DataSpec, LabelledDataset, Trusted, random_sample
from alfs_cli.data.probabilities import normalised
from alfs_cli.data.rare import rare_classes
from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.estimate import (
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
from alfs_cli.estimators.anchor import anchor
from alfs_cli.estimators.annotators import annotators
from alfs_cli.estimators.combined import CombinedEstimate, combined
from alfs_cli.estimators.confident import confident
from alfs_cli.estimators.copies import AnswerForAll, EstimateForAll, for_all, once_each
from alfs_cli.estimators.counts import CountedEstimate, Spread, gap, weakest_pair
from alfs_cli.estimators.dual_t import dual_t
from alfs_cli.estimators.hoc import hoc
from alfs_cli.estimators.joint_ml import joint_ml
from alfs_cli.estimators.knn import knn
from alfs_cli.estimators.local import local_clean_level
from alfs_cli.estimators.neighbourhood import neighbour_check, neighbourhood_of
from alfs_cli.estimators.rare import AnswerAside, RareAside, without_rare
from alfs_cli.estimators.resampled import ResampledEstimate
from alfs_cli.estimators.reviewed import SettledEstimate, settled
from alfs_cli.estimators.sample import Answer, Estimate, Sample, rate_of
from alfs_cli.estimators.trust import MIN_JUDGED, trust_in
from alfs_cli.estimators.with_trusted import gold, with_trusted
from alfs_cli.evidence.gathering import Evidence, evidence_from_probs, gather
from alfs_cli.noise import (
    class_clean_levels,
    clean_level,
    realised,
    row_total_variation,
    rows_of_counts,
    runners_up,
)
from alfs_cli.noise.threads import one_blas_thread

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Estimator = Callable[[Sample], Estimate]


def _by_scores(estimator: Callable[[FloatArray, IntArray], Estimate]) -> Estimator:
    """Return an estimator that looks at probabilities and labels alone."""
    return lambda sample: estimator(sample.probs, sample.labels)


def _or_trusted(estimator: Callable[[FloatArray, IntArray], Estimate]) -> Estimator:
    """Return an estimator that lets a random sample of true labels mend it where there is one."""

    def estimate(sample: Sample) -> Estimate:
        is_mended = sample.trusted is not None and sample.trusted.is_random
        return with_trusted(sample) if is_mended else estimator(sample.probs, sample.labels)

    return estimate


MAX_CLASSES = 2000

ESTIMATORS: dict[str, Estimator] = {
    "auto": without_rare(_or_trusted(combined)),
    "confident": without_rare(_by_scores(confident)),
    "joint-ml": without_rare(_or_trusted(joint_ml)),
    "hoc": without_rare(hoc),
    "knn": without_rare(knn),
    "anchor": without_rare(_by_scores(anchor)),
    "dual-t": without_rare(dual_t),
    "gold": gold,
    "annotators": annotators,
}
USE_TRUSTED = ("auto", "joint-ml", "gold")  # methods that a random sample of true labels serves


def estimate_transition(
    evidence: ArrayLike,
    labels: ArrayLike,
    *,
    method: str = "auto",
    features: bool = False,
    trusted: tuple[ArrayLike, ArrayLike] | None = None,
    annotations: ArrayLike | None = None,
    seed: int = 0,
) -> NoiseEstimate:
    """Estimate T from out-of-sample probabilities (N, K), or features (N, D), and labels (N,).

    `features=True` says that `evidence` holds features: probabilities are then made from them in
    five folds. `trusted` are the places (m,) of a random sample and their true labels (m,),
    `annotations` (N, M) the labels of M annotators, -1 for none. Raises InputError where shapes or
    values do not fit.
    """
    rows = np.asarray(evidence)
    given = np.asarray(labels)
    if rows.ndim != 2 or given.ndim != 1 or len(rows) != len(given) or not len(rows):
        raise InputError(
            f"evidence has shape {rows.shape}, labels {given.shape}: not (N, .), (N,)",
            help="give (N, K) probabilities, or (N, D) features with features=True, and N labels",
        )
    if given.dtype.kind not in "iu" or given.min() < 0:
        raise InputError(
            "labels must be whole numbers from 0", help="number the classes 0 .. K - 1"
        )
    K = int(given.max()) + 1 if features else rows.shape[1]
    if given.max() >= K or K < 2:
        raise InputError(
            f"labels go up to {given.max()}, and there are {K} classes",
            help="number the classes 0 .. K - 1, one column of probabilities a class",
        )
    if not features:
        rows, _ = normalised(rows, where="the probabilities")
    dataset = LabelledDataset(
        name="arrays",
        kind="arrays",
        spec=DataSpec(None),
        labels=given.astype(np.int64),
        class_names=tuple(str(cls) for cls in range(K)),
        fingerprint=hashlib.sha256(rows.tobytes() + given.tobytes()).hexdigest()[:16],
        features=rows.astype(np.float32) if features else None,
        pred_probs=None if features else rows,
        annotations=None if annotations is None else np.asarray(annotations, dtype=np.int64),
    )
    return estimate_noise(
        dataset,
        gather(dataset, seed=seed),
        method=method,
        trusted=None if trusted is None else random_sample(*trusted),
        seed=seed,
    )


def estimate_noise(
    dataset: LabelledDataset,
    evidence: Evidence,
    *,
    method: str = "auto",
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    in_sample_ok: bool = False,
    trusted: Trusted | None = None,
    with_local: bool = False,
) -> NoiseEstimate:
    """Return T, the clean level, their bounds and how far to trust them.

    `with_local` adds the clean level of single examples, for which features are needed.
    """
    check_options(method=method, confidence=confidence, resamples=resamples)
    check_classes(dataset.num_classes)
    begun = time.perf_counter()
    sample = Sample(
        probs=evidence.probs,
        labels=dataset.labels,
        features=evidence.features,
        trusted=trusted,
        annotations=dataset.annotations,
        annotators=dataset.annotators,
    )
    check_needs(method, dataset, trusted)
    same = evidence.alike
    once, places = (sample, None) if same is None else once_each(sample, same.units)
    local = local_clean_level(once, confidence=confidence, seed=seed) if with_local else None
    with one_blas_thread():  # thousands of small products: threads only wait
        found = ESTIMATORS[method](once)
    apart = once if same is None else once_each(sample, same.groups)[0]
    near = neighbourhood_of(apart)
    check = None
    if near is not None:
        check = neighbour_check(near, apart, found.transition(), confidence=confidence)
    beside = near.others(apart) if near is not None and method == "auto" else ()
    if same is not None and places is not None and len(places) < len(sample.labels):
        found = for_all(found, sample, same.units, places)
    if trusted is not None and not trusted.is_random:
        found = settled(found, sample)
    estimate = summarised(
        found,
        dataset,
        evidence,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        in_sample_ok=in_sample_ok,
        neighbours=check,
        beside=beside,
    )
    return replace(estimate, seconds=time.perf_counter() - begun, local=local)


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
    beside: Sequence[Answer] = (),
) -> NoiseEstimate:
    """Return what estimate.json says of a method's result; its bounds are made here.

    `beside` are answers of other methods, after those that the result names itself.
    """
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
        gap=_bounded(float(gap(T)), *bounds.gap),
        dominant=True if level.low > 1 else False if level.high < 1 else None,
        trust=trust_in(
            found, dataset, evidence, rate, level, in_sample_ok=in_sample_ok, neighbours=neighbours
        ),
        other_estimates=tuple(_other(one) for one in (*_named_by(found), *beside)),
        truth=_truth(dataset, T),
    )


def check_options(*, method: str, confidence: float, resamples: int) -> None:
    """Raise UsageError for options that mean nothing, before any work is done."""
    if not 0.5 < confidence < 1:
        raise UsageError(
            f"--confidence is {confidence}, not between 0.5 and 1",
            help="for example --confidence 0.95",
        )
    if resamples < 100:
        raise UsageError(
            f"--bootstrap is {resamples}, below 100", help="for example --bootstrap 1000"
        )
    if method not in ESTIMATORS:
        raise unknown("method", method, ESTIMATORS)


def check_needs(method: str, dataset: LabelledDataset, trusted: Trusted | None) -> None:
    """Raise AlfsError where a method lacks what it needs, or has no use for trusted labels."""
    empty = Sample(np.zeros((0, 0)), dataset.labels, None, trusted, dataset.annotations)
    if method == "gold":
        empty.needed_trusted(method)
    if method == "annotators":
        empty.needed_annotations(method)
    if trusted is None:
        return
    if trusted.is_random and method not in USE_TRUSTED:
        raise UsageError(
            f"method '{method}' makes no use of --trusted",
            help=f"--method {' or '.join(USE_TRUSTED)}",
        )
    if not trusted.is_random and method == "gold":
        raise UsageError(
            "decisions on suspects are no random sample: counting them would overstate the noise",
            help="--method auto lets them settle their own labels; for gold draw examples at "
            "random and give their index and true_label",
        )


def check_classes(K: int) -> None:
    """Raise InputError for more classes than a T that anybody reads."""
    if K > MAX_CLASSES:
        raise InputError(
            f"{K:,} classes: T would have {K * K:,} cells; {MAX_CLASSES:,} classes are the most",
            help="group the classes, or judge some of them at a time",
        )


def _bounded(value: float, low: float, high: float) -> Bounded:
    return Bounded(value, min(low, value), max(high, value))


def _named_by(found: Estimate) -> Sequence[Answer]:
    """Return the methods that a result has beside it."""
    if isinstance(found, SettledEstimate):
        return _named_by(found.before)
    if isinstance(found, EstimateForAll):
        return [AnswerForAll(one, found.weights) for one in _named_by(found.inner)]
    if isinstance(found, RareAside):
        inner = _named_by(found.inner)
        return [AnswerAside(one, found.kept, found.given_counts) for one in inner]
    if isinstance(found, CombinedEstimate):
        return found.others()
    return found.beside if isinstance(found, ResampledEstimate) else ()


def _other(estimate: Answer) -> OtherEstimate:
    T = estimate.transition()
    levels = class_clean_levels(T)
    return OtherEstimate(
        estimate.method, max(rate_of(estimate), 0.0), float(levels.min()), _rows(T)
    )


def _rows(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))


def _columns(dataset: LabelledDataset, evidence: Evidence) -> ColumnsSummary | None:
    """Return which feature columns the evidence rests on, None where it rests on none."""
    columns = dataset.columns
    if columns is None or evidence.kind not in ("features", "network"):
        return None
    return ColumnsSummary(columns.used, dict(columns.aside), dict(columns.leaks))


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
    rare = rare_classes(counts)
    return tuple(
        ClassCleanLevel(
            class_name=name,
            value=float(levels[i]),
            low=float(min(low[i], levels[i])),
            high=float(max(high[i], levels[i])),
            runner_up=dataset.class_names[j],
            n=int(counts[i]),
            judged=bool(counts[i] >= MIN_JUDGED and not rare[i]),
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
    "check_needs",
    "estimate_noise",
    "estimate_transition",
    "evidence_from_probs",
    "summarised",
]
