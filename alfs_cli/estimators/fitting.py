"""From evidence and labels to a NoiseEstimate, by any method of ESTIMATORS."""

import hashlib
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alfs_cli.data import DataSpec, LabelledDataset, Trusted, random_sample
from alfs_cli.data.readers.probabilities import normalised
from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.estimators import ESTIMATORS
from alfs_cli.estimators.parts.copies import for_all, once_each
from alfs_cli.estimators.parts.local import local_clean_level
from alfs_cli.estimators.parts.neighbourhood import neighbour_check, neighbourhood_of
from alfs_cli.estimators.parts.reviewed import settled
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.estimators.summary import other_estimate, summarised
from alfs_cli.evidence.gathering import gather
from alfs_cli.evidence.interface import Evidence
from alfs_cli.noise.threads import one_blas_thread
from alfs_cli.results.estimate import (
    LocalCleanLevel,
    NoiseEstimate,
)

MAX_CLASSES = 2000  # safety limit: T has K * K cells


def estimate_transition(
    evidence: ArrayLike,
    labels: ArrayLike,
    *,
    method: str = "auto",
    features: bool | None = None,
    trusted: tuple[ArrayLike, ArrayLike] | None = None,
    annotations: ArrayLike | None = None,
    seed: int = 0,
) -> NoiseEstimate:
    """Return an estimate of T from probabilities or features and the given labels (N,).

    Args:
        evidence: out-of-sample probabilities (N, K), or features (N, D).
        labels: the given labels (N,), whole numbers from 0.
        method: a name in ESTIMATORS.
        features: whether `evidence` holds features; probabilities are then made in five folds. By
            default it does where its rows do not sum to 1 and have not one column a class.
        trusted: the indices (m,) of a random sample of examples, and their true labels (m,).
        annotations: the labels (N, M) of M annotators, -1 for none.
        seed: seed of the folds and of the bootstrap.

    Raises:
        InputError: shapes or values do not fit.
        UsageError: there is no such method, or it cannot use what it is given.

    >>> probs = np.array([[0.9, 0.1], [0.2, 0.8]] * 50)
    >>> estimate_transition(probs, [0, 1] * 50, method="confident").noise_rate.value
    0.0
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
    if features is None:
        features = _look_like_features(rows, given)
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


def _look_like_features(rows: NDArray[Any], given: NDArray[Any]) -> bool:
    """Say whether rows are features; rows of one column a class may be logits, and are refused."""
    if rows.shape[1] == given.max() + 1:
        return False
    return not np.allclose(rows.sum(axis=1), 1, atol=1e-2)


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
) -> NoiseEstimate:
    """Return T, the clean level, their one-sided bounds at `confidence`, and the trust level.

    Where the labels of several annotators are the only evidence, their method is the default.
    """
    check_options(method=method, confidence=confidence, resamples=resamples)
    check_classes(dataset.num_classes)
    begun = time.perf_counter()
    method = method_for(method, evidence, trusted)
    sample = _sample_of(dataset, evidence, trusted)
    check_needs(method, dataset, trusted)
    same = evidence.alike
    once, places = (sample, None) if same is None else once_each(sample, same.units)
    with one_blas_thread():  # the products are small: threads would mostly wait
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
    )
    return replace(
        estimate,
        seconds=time.perf_counter() - begun,
        other_estimates=(*estimate.other_estimates, *map(other_estimate, beside)),
    )


def method_for(method: str, evidence: Evidence, trusted: Trusted | None) -> str:
    """Return the method that runs: of votes alone `auto` is that of annotators."""
    is_votes = evidence.kind == "annotators" and evidence.crowd is not None
    return "annotators" if method == "auto" and is_votes and trusted is None else method


def local_level(
    dataset: LabelledDataset,
    evidence: Evidence,
    *,
    confidence: float,
    seed: int,
) -> LocalCleanLevel:
    """Return the clean level of single examples; raises InputError where there are no features."""
    sample, same = _sample_of(dataset, evidence, None), evidence.alike
    once = sample if same is None else once_each(sample, same.units)[0]
    return local_clean_level(once, confidence=confidence, seed=seed)


def _sample_of(dataset: LabelledDataset, evidence: Evidence, trusted: Trusted | None) -> Sample:
    """Return the sample that the methods see."""
    return Sample(
        probs=evidence.probs,
        labels=dataset.labels,
        features=evidence.features,
        trusted=trusted,
        annotations=dataset.annotations,
        annotators=dataset.annotators,
        crowd=evidence.crowd,
    )


def check_options(*, method: str, confidence: float, resamples: int) -> None:
    """Raise UsageError for options out of range, before any work is done."""
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
    """Raise AlfsError where a method lacks what it needs, or cannot use trusted labels."""
    chosen = ESTIMATORS[method]
    empty = Sample(np.zeros((0, 0)), dataset.labels, None, trusted, dataset.annotations)
    if chosen.needs == "trusted":
        empty.needed_trusted(method)
    if chosen.needs == "annotations":
        empty.needed_annotations(method)
    if trusted is None:
        return
    if trusted.is_random and not chosen.uses_trusted:
        served = [name for name, other in ESTIMATORS.items() if other.uses_trusted]
        raise UsageError(
            f"method '{method}' makes no use of --trusted",
            help=f"--method {' or '.join(served)}",
        )
    if not trusted.is_random and chosen.needs == "trusted":
        raise UsageError(
            "decisions on suspects are no random sample: counting them would overstate the noise",
            help="--method auto lets them settle their own labels; for gold draw examples at "
            "random and give their index and true_label",
        )


def check_classes(K: int) -> None:
    """Raise InputError for more classes than MAX_CLASSES."""
    if K > MAX_CLASSES:
        raise InputError(
            f"{K:,} classes: T would have {K * K:,} cells; {MAX_CLASSES:,} classes are the most",
            help="group the classes, or judge some of them at a time",
        )
