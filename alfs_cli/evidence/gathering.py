"""Out-of-fold class probabilities of a data set: all that estimators see of an example.

Given probabilities are used as they are. Otherwise classifiers are trained on the given labels in
stratified folds (alfs_cli/evidence/out_of_fold.py), and each example is scored by the classifier
that did not see it.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.data.dataset import CROWD
from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.evidence.alike import Alike, alike
from alfs_cli.evidence.choosing import (
    Representation,
    chosen,
    encoders_asked,
    gains_by_standardising,
    refuse_idle_encoder,
    standardised,
)
from alfs_cli.evidence.crowd import Crowd
from alfs_cli.evidence.interface import KINDS, Evidence, evidence_from_probs
from alfs_cli.evidence.kept import cache_file, load, store
from alfs_cli.evidence.out_of_fold import Progress, out_of_fold
from alfs_cli.evidence.representations import (
    JOINED,
    OFFLINE,
    EncoderChoice,
)
from alfs_cli.evidence.request import Request
from alfs_cli.noise import rows_of_counts
from alfs_cli.results.evaluation import agreement, calibration_error
from alfs_cli.storage.workers import Workers

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset


STANDARD = "standardised columns"
TF_IDF = "TF-IDF of words and letters"


def gather(
    dataset: "LabelledDataset",
    *,
    kind: str = "auto",
    folds: int = 5,
    seed: int = 0,
    encoder: EncoderChoice = OFFLINE,
    cache: Path | None = None,
    progress: Progress | None = None,
    workers: Workers | None = None,
) -> Evidence:
    """Return the evidence of a kind.

    `auto` takes given probabilities, else features, texts or images. Of images it takes the named
    encoder. Where there are several representations (text or features, encoder or pixels), it takes
    the one whose held-out agreement with the given labels is higher on a subsample. `network`
    trains a network in each fold.

    `cache` is a folder where computed probabilities are kept by fingerprint; `workers` elsewhere
    encode pictures and texts in place of this process.

    Raises:
        UsageError: the kind is unknown, or options do not fit it.
        InputError: the data set lacks what the kind needs.
    """
    if kind not in KINDS:
        raise unknown("kind of evidence", kind, KINDS)
    if not 2 <= folds <= 100:
        raise UsageError(f"--folds is {folds}, not between 2 and 100", help="for example --folds 5")
    if kind == "auto" and dataset.pred_probs is not None and not encoder.names:
        kind = "pred-probs"
    refuse_idle_encoder(dataset, encoder.option, kind)
    if kind == "pred-probs":
        if dataset.pred_probs is None:
            raise InputError("no predicted probabilities here", help="give them: --pred-probs FILE")
        probs = np.asarray(dataset.pred_probs, dtype=np.float64)
        found, X = evidence_from_probs(probs, dataset.labels), dataset.features
        return replace(
            found, features=X, alike=alike(dataset, found.kept, X, is_table=X is not None)
        )
    if kind == "auto" and dataset.annotations is not None and not _has_examples(dataset):
        return _by_annotators(dataset, crowd_of(dataset, dataset.annotations))
    request = Request(dataset, folds, seed, encoder, cache, progress, workers)
    words = f"{kind}-{folds}-{seed}-{encoders_asked(request, kind)}"
    place = cache_file(cache, dataset, words) if cache is not None else None
    stored = load(place, dataset.labels) if place is not None else None
    if stored is not None:
        return replace(stored, features=_features_behind(stored, request))
    found = _made(request, kind)
    if place is not None:
        store(place, found)
    return found


def _made(request: Request, kind: str) -> Evidence:
    """Return evidence that was not kept."""
    if kind == "network":
        return _by_network(request)
    return _by_ridge(request, chosen(request, kind))


def _by_ridge(request: Request, taken: Representation) -> Evidence:
    """Return evidence from features, by ridge classifiers in folds."""
    kind = taken.kind
    X, kept = request.features(kind, taken.encoders)
    labels = request.dataset.labels[kept]
    same = alike(request.dataset, kept, X, is_table=kind == "features")
    fold_of = request.folds_of(labels, same)
    is_standard = kind == "features" and gains_by_standardising(request, X, labels, fold_of)
    X = standardised(X) if is_standard else X
    fit = out_of_fold(
        X,
        labels,
        request.dataset.num_classes,
        fold_of,
        seed=request.seed,
        progress=request.progress,
    )
    encoder = taken.name if kind == "encoder" else None
    made = TF_IDF if kind == "text" else STANDARD if is_standard else encoder
    name = fit.name if made is None else f"{made}, {fit.name}"
    probs = fit.probs if same is None else fit.probs[_first_of(same.exact, fold_of)]
    found = _scored(request, kind, name, probs, fold_of, kept, X, same)
    return replace(found, encoder=encoder, map=fit.map)


def _first_of(exact: IntArray, fold_of: IntArray) -> IntArray:
    """Return the index (N,) of the first row with the same content in the same fold.

    Rounding errors depend on the position in a block, so the probabilities of equal rows may
    differ, and a tie between classes would be decided by the order of the rows.
    """
    _, first, number = np.unique(
        np.column_stack([exact, fold_of]), axis=0, return_index=True, return_inverse=True
    )
    return np.asarray(first[number.reshape(-1)], dtype=np.int64)


def _by_network(request: Request) -> Evidence:
    """Return evidence from networks trained in folds, on the device chosen for the encoder."""
    from alfs_cli.evidence.network_folds import network_probabilities, readable_part
    from alfs_cli.training.devices import choose_device

    part, kept = readable_part(request.dataset)
    X = _own_features(request.dataset, kept)
    same = _alike_of_network(request, kept, X)
    fold_of = request.folds_of(part.labels, same)
    probs, name = network_probabilities(
        part,
        fold_of,
        seed=request.seed,
        device=choose_device(request.encoder.device),
        progress=request.progress,
    )
    return _scored(request, "network", name, probs, fold_of, kept, X, same)


def _alike_of_network(request: Request, kept: IntArray, X: Features | None) -> Alike | None:
    """Return which examples are alike; pictures are compared by their pixels."""
    if X is not None or request.dataset.images is None:
        return alike(request.dataset, kept, X, is_table=True)
    pixels, readable = request.features("pixels")
    is_same = len(readable) == len(kept)
    return alike(request.dataset, kept, pixels if is_same else None, is_table=False)


def _features_behind(stored: Evidence, request: Request) -> Features | None:
    """Return the features that stored evidence was made from."""
    if stored.kind == "network":
        return _own_features(request.dataset, stored.kept)
    names = (stored.encoder or "").split(JOINED)
    encoders = [one for one in request.encoders if one.name in names] if stored.encoder else []
    X, kept = request.features(stored.kind, encoders)
    X = standardised(X) if stored.name.startswith(STANDARD) else X
    return X if len(kept) == len(stored.kept) else None


def _has_examples(dataset: "LabelledDataset") -> bool:
    things = (dataset.features, dataset.texts, dataset.images)
    return any(thing is not None for thing in things)


def crowd_of(dataset: "LabelledDataset", marks: IntArray) -> Crowd:
    """Return the crowd whose labels are `marks` (N, M).

    In a table of a crowd's answers the given labels are these answers.
    """
    given = None if dataset.kind == CROWD else dataset.labels
    return Crowd(marks, dataset.num_classes, dataset.annotators, given)


def _by_annotators(dataset: "LabelledDataset", crowd: Crowd) -> Evidence:
    """Return P(given) from the annotators' labels alone."""
    K = dataset.num_classes
    joint = np.zeros((K, K))
    np.add.at(joint.T, dataset.labels, crowd.posterior)
    found = evidence_from_probs(crowd.posterior @ rows_of_counts(joint), dataset.labels)
    name = f"agreement of {crowd.size} annotators"
    return replace(found, kind="annotators", name=name, crowd=crowd)


def _own_features(dataset: "LabelledDataset", kept: IntArray) -> Features | None:
    return None if dataset.features is None else dataset.features[kept]


def _scored(
    request: Request,
    kind: str,
    name: str,
    probs: FloatArray,
    fold_of: IntArray,
    kept: IntArray,
    X: Features | None,
    same: Alike | None,
) -> Evidence:
    labels = request.dataset.labels[kept]
    return Evidence(
        kind=kind,
        name=name,
        probs=probs,
        folds=int(fold_of.max()) + 1,
        fold_of=fold_of,
        agreement=agreement(probs, labels),
        calibration_error=calibration_error(probs, labels),
        kept=kept,
        notes=tuple(request.notes),
        features=X,
        alike=same,
    )
