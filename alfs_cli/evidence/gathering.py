"""Out-of-fold class probabilities of a data set: all that estimators see of an example.

Given probabilities are used as they are. Otherwise classifiers are trained on the given labels in
stratified folds (alfs_cli/evidence/out_of_fold.py), and each example is scored by the classifier
that did not see it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alfs_cli import __version__
from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.data.dataset import positions_of
from alfs_cli.data.feature_columns import nothing_left
from alfs_cli.data.folds import num_groups, stratified_folds
from alfs_cli.data.rare import rare_classes
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.errors import InputError, UsageError, brief, unknown
from alfs_cli.evidence.alike import Alike, alike
from alfs_cli.evidence.choosing import Representation, agreement, best_of, of_encoders, of_images
from alfs_cli.evidence.dawid_skene import dawid_skene
from alfs_cli.evidence.encoders import has_encoder
from alfs_cli.evidence.out_of_fold import Map, Progress, out_of_fold
from alfs_cli.evidence.representations import (
    JOINED,
    OFFLINE,
    EncoderChoice,
    Represented,
    joined_names,
    representation,
)
from alfs_cli.evidence.tuning import GATHERING
from alfs_cli.noise import rows_of_counts
from alfs_cli.results.estimate import EvidenceSummary
from alfs_cli.results.evaluation import calibration_error
from alfs_cli.storage.writing import replacing

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset
    from alfs_cli.evidence.encoders.interface import Encoder


KINDS = ("auto", "pred-probs", "features", "text", "encoder", "pixels", "network")
STANDARD = "standardised columns"
TF_IDF = "TF-IDF of words and letters"
ALIKE = ("exact", "contents", "groups", "units")  # names of the arrays in a cache file


@dataclass(frozen=True, eq=False)
class Evidence:
    """Probabilities of the given labels, and how they were made.

    Args:
        kind: one of KINDS but `auto`, or "annotators".
        name: the classifier and its features, for the report.
        probs: the probability of each given label, (N, K).
        folds: the number of folds, None where probabilities were given.
        fold_of: the fold in which each example was held out, (N,).
        agreement: the share of given labels that are the most probable class.
        calibration_error: of the probabilities.
        kept: the indices (N,) in the data set of the examples that could be read.
        notes: what to tell the user.
        features: what the probabilities were made from, (N, D).
        alike: which examples are copies of one another, or belong together.
        encoder: the network that made the features.
        map: the feature map before the ridge classifier.
    """

    kind: str
    name: str
    probs: FloatArray
    folds: int | None
    fold_of: IntArray | None
    agreement: float
    calibration_error: float
    kept: IntArray
    notes: tuple[str, ...] = ()
    features: Features | None = None
    alike: Alike | None = None
    encoder: str | None = None
    map: Map | None = None

    @property
    def in_sample(self) -> bool:
        """Whether the probabilities look as if the model was trained on these labels."""
        is_given = self.folds is None and self.kind != "annotators"
        return is_given and self.agreement > GATHERING.in_sample_agreement

    def summary(self) -> EvidenceSummary:
        """Return the summary that estimate.json keeps."""
        return EvidenceSummary(
            self.kind,
            self.name,
            self.folds,
            self.agreement,
            self.calibration_error,
            self.in_sample,
            copies=None if self.alike is None else self.alike.summary(),
            encoder=self.encoder,
            map=self.map,
        )


@dataclass(frozen=True, eq=False)
class Request:
    """A request for evidence of a data set; `notes` collects what to tell the user.

    `made` are the features of the whole data set that were made so far.
    """

    dataset: "LabelledDataset"
    folds: int = 5
    seed: int = 0
    encoder: EncoderChoice = OFFLINE
    cache: Path | None = None
    progress: Progress | None = None
    notes: list[str] = field(default_factory=list)
    made: dict[str, Represented] = field(default_factory=dict)

    @cached_property
    def encoders(self) -> "tuple[Encoder, ...]":
        """The encoders asked for, the default one for none."""
        return self.encoder.found()

    def features(
        self,
        kind: str,
        encoders: "Sequence[Encoder]" = (),
        *,
        sample: "LabelledDataset | None" = None,
    ) -> Represented:
        """Return features of the data set or of a sample of it, and the indices of their rows.

        Those of the whole data set are made once.
        """
        name = f"{kind} {joined_names(encoders)}"
        if sample is None and name in self.made:
            return self.made[name]
        found = representation(
            self.dataset if sample is None else sample,
            kind,
            encoders,
            device=self.encoder.device,
            cache=self.cache if sample is None else None,
            progress=self.progress,
        )
        if sample is None:
            self.made[name] = found
        return found

    def folds_of(self, labels: IntArray, same: Alike | None) -> IntArray:
        """Return the fold (N,) of each example; fewer folds where a class has fewer examples."""
        groups = None if same is None else same.groups
        names = self.dataset.class_names
        counts = num_groups(labels, groups, len(names))
        folds = _feasible_folds(counts, names, self.folds, self.notes)
        generator = np.random.default_rng([self.seed, 1])
        return stratified_folds(labels, folds, generator, groups=groups)


def gather(
    dataset: "LabelledDataset",
    *,
    kind: str = "auto",
    folds: int = 5,
    seed: int = 0,
    encoder: EncoderChoice = OFFLINE,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Evidence:
    """Return the evidence of a kind.

    `auto` takes given probabilities, else features, texts or images. Of images it takes the named
    encoder. Where there are several representations (text or features, encoder or pixels), it takes
    the one whose held-out agreement with the given labels is higher on a subsample. `network`
    trains a network in each fold.

    `cache` is a folder where computed probabilities are kept by fingerprint.

    Raises:
        UsageError: the kind is unknown, or options do not fit it.
        InputError: the data set lacks what the kind needs.
    """
    if kind not in KINDS:
        raise unknown("kind of evidence", kind, KINDS)
    if not 2 <= folds <= 100:
        raise UsageError(f"--folds is {folds}, not between 2 and 100", help="for example --folds 5")
    if encoder.option and kind not in ("auto", "encoder"):
        raise UsageError(
            f"{encoder.option} is of no use to --evidence {kind}", help="--evidence encoder"
        )
    if kind == "auto" and dataset.pred_probs is not None and not encoder.names:
        kind = "pred-probs"
    if kind == "pred-probs":
        if dataset.pred_probs is None:
            raise InputError("no predicted probabilities here", help="give them: --pred-probs FILE")
        probs = np.asarray(dataset.pred_probs, dtype=np.float64)
        found, X = evidence_from_probs(probs, dataset.labels), dataset.features
        return replace(
            found, features=X, alike=alike(dataset, found.kept, X, is_table=X is not None)
        )
    if kind == "auto" and dataset.annotations is not None and not _has_examples(dataset):
        return _by_annotators(dataset, dataset.annotations)
    request = Request(dataset, folds, seed, encoder, cache, progress)
    words = f"{kind}-{folds}-{seed}-{_encoders_asked(request, kind)}"
    place = _cache_file(cache, dataset, words) if cache is not None else None
    stored = _load(place, dataset.labels) if place is not None else None
    if stored is not None:
        return replace(stored, features=_features_behind(stored, request))
    found = _made(request, kind)
    if place is not None:
        _store(place, found)
    return found


def _made(request: Request, kind: str) -> Evidence:
    """Return evidence that was not kept."""
    if kind == "network":
        return _by_network(request)
    return _by_ridge(request, _best_available(request) if kind == "auto" else _of(request, kind))


def _of(request: Request, kind: str) -> Representation:
    """Return the representation of a kind; of several encoders the best."""
    dataset = request.dataset
    if kind == "encoder" and (dataset.images is not None or dataset.texts is not None):
        return of_encoders(request)
    return Representation(kind)


def _encoders_asked(request: Request, kind: str) -> str:
    """Return the digests of the encoders that may be taken, "" where none is."""
    dataset, is_named = request.dataset, bool(request.encoder.names)
    if kind not in ("auto", "encoder") or (dataset.images is None and dataset.texts is None):
        return ""
    if not is_named and (dataset.images is None or (kind == "auto" and not has_encoder())):
        return ""
    return " ".join(encoder.digest for encoder in request.encoders)


def _by_ridge(request: Request, chosen: Representation) -> Evidence:
    """Return evidence from features, by ridge classifiers in folds."""
    kind = chosen.kind
    X, kept = request.features(kind, chosen.encoders)
    labels = request.dataset.labels[kept]
    same = alike(request.dataset, kept, X, is_table=kind == "features")
    fold_of = request.folds_of(labels, same)
    is_standard = kind == "features" and _gains_by_standardising(request, X, labels, fold_of)
    X = standardised(X) if is_standard else X
    fit = out_of_fold(
        X,
        labels,
        request.dataset.num_classes,
        fold_of,
        seed=request.seed,
        progress=request.progress,
    )
    encoder = chosen.name if kind == "encoder" else None
    made = TF_IDF if kind == "text" else STANDARD if is_standard else encoder
    name = fit.name if made is None else f"{made}, {fit.name}"
    probs = fit.probs if same is None else fit.probs[_first_of(same.exact, fold_of)]
    found = _scored(request, kind, name, probs, fold_of, kept, X, same)
    return replace(found, encoder=encoder, map=fit.map)


def _gains_by_standardising(
    request: Request, X: Features, labels: IntArray, fold_of: IntArray
) -> bool:
    """Return whether columns of unit variance predict held-out labels better than as they are.

    Columns of a table have units of their own; those of an array are left as they are.
    """
    columns = request.dataset.columns
    if columns is None or not columns.is_table:
        return False
    order = np.random.default_rng([request.seed, 7]).permutation(len(X))
    some = np.sort(order[: GATHERING.standardised_on])
    held, given = fold_of[some], labels[some]
    if len(np.unique(held)) < 2:
        return False
    fits = [
        out_of_fold(rows, given, request.dataset.num_classes, held, seed=request.seed)
        for rows in (X[some], standardised(X)[some])
    ]
    return fits[1].log_likelihood > fits[0].log_likelihood


def standardised(X: Features) -> Features:
    """Return columns (N, D) of mean 0 and variance 1; constant ones become 0."""
    centred = X - X.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, 1), dtype=np.float32)


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


def _by_annotators(dataset: "LabelledDataset", marks: IntArray) -> Evidence:
    """Return P(given) from the annotators' labels alone, by the Dawid-Skene model."""
    K = dataset.num_classes
    fit = dawid_skene(marks, np.ones(len(marks)), K)
    joint = np.zeros((K, K))
    np.add.at(joint.T, dataset.labels, fit.posterior)
    found = evidence_from_probs(fit.posterior @ rows_of_counts(joint), dataset.labels)
    return replace(found, kind="annotators", name=f"agreement of {marks.shape[1]} annotators")


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


def evidence_from_probs(probs: FloatArray, labels: IntArray) -> Evidence:
    """Return given probabilities (N, K) as evidence."""
    return Evidence(
        kind="pred-probs",
        name="given probabilities",
        probs=probs,
        folds=None,
        fold_of=None,
        agreement=agreement(probs, labels),
        calibration_error=calibration_error(probs, labels),
        kept=np.arange(len(labels)),
    )


def _best_available(request: Request) -> Representation:
    dataset = request.dataset
    takes_texts = dataset.texts is not None and request.encoder.option == "--encoder"
    if request.encoder.option and dataset.images is None and not takes_texts:
        option = request.encoder.option
        raise InputError(f"no images here for {option}", help=f"leave {option} out")
    if request.encoder.names:
        return of_encoders(request)
    if dataset.texts is not None:
        return _text_or_features(request)
    if dataset.features is not None:
        if dataset.images is not None:
            request.notes.append(
                "judged by the given features; --evidence pixels would take the images"
            )
        return Representation("features")
    if dataset.images is not None:
        return of_images(request, dataset.images.shape)
    if dataset.columns is not None:
        raise nothing_left(dataset.columns, where=f"'{dataset.name}'")
    raise InputError(
        "nothing to judge the labels by: neither images, texts, features nor probabilities",
        help="give one of them, for example --pred-probs FILE",
    )


def _text_or_features(request: Request) -> Representation:
    """Return text, or features where a table's other columns agree better with the labels."""
    dataset, column = request.dataset, request.dataset.text_column
    named = "the given texts" if column is None else f"the text in column '{brief(column)}'"
    if dataset.spec.features is not None:
        return Representation("features")
    best = Representation("text")
    if dataset.features is not None:
        best = best_of((best, Representation("features")), request)
    if best.kind == "text":
        more = "" if dataset.spec.text_column or column is None else "; --text-column names another"
        request.notes.append(f"judged by {named}{more}")
    else:
        request.notes.append(f"judged by columns, not by {named}: --text-column would take that")
    return best


def _feasible_folds(
    counts: IntArray, class_names: tuple[str, ...], folds: int, notes: list[str]
) -> int:
    """Return the number of folds, at most that of the different examples of a class (K,)."""
    present = np.flatnonzero(counts > 0)
    if len(present) < 2:
        name = class_names[int(present[0])] if len(present) else ""
        raise InputError(
            f"only one class ('{name}') among the given labels: label noise needs two or more",
            help="pass the folder above, or a file with more classes",
        )
    several = counts[(counts > 1) & ~rare_classes(counts)]
    smallest = int(several.min()) if len(several) else 1
    if smallest < 2:
        raise InputError(
            "every class has a single example: nothing can be held out",
            help="two examples a class or more are needed",
        )
    if smallest < folds:
        name = class_names[int(np.flatnonzero(counts == smallest)[0])]
        notes.append(
            f"class '{name}' has {smallest} examples, fewer than {folds} folds: "
            f"using {smallest} folds"
        )
        return smallest
    return folds


def _cache_file(cache: Path, dataset: "LabelledDataset", options: str) -> Path:
    """Return the cache file of evidence, named by a digest of all that it depends on."""
    words = f"{__version__}-{dataset.fingerprint}-{options}-{has_encoder()}"
    digest = hashlib.sha256(words.encode())
    digest.update(np.ascontiguousarray(dataset.labels).data)
    digest.update(positions_of(dataset).tobytes())
    if dataset.features is not None:  # depends on the columns that are used
        digest.update(f"{dataset.features.shape}".encode())
        digest.update(np.ascontiguousarray(dataset.features).data)
    if dataset.groups is not None:
        digest.update(b"groups")
        digest.update(np.ascontiguousarray(dataset.groups).data)
    return cache / f"evidence-{digest.hexdigest()[:16]}.npz"


def _load(path: Path, labels: IntArray) -> Evidence | None:
    """Return stored evidence, None where there is none or the file is broken."""
    try:
        stored = load_npz(path)
        probs, kept = stored["probs"], stored["kept"]
        labels = labels[kept]
        return Evidence(
            kind=stored["kind"].item(),
            name=stored["name"].item(),
            probs=probs,
            folds=int(stored["folds"]),
            fold_of=stored["fold_of"],
            agreement=agreement(probs, labels),
            calibration_error=calibration_error(probs, labels),
            kept=kept,
            alike=_stored_alike(stored),
            encoder=stored["encoder"].item() or None,
            map=stored["map"].item() or None,
            notes=(f"evidence taken from {path} (--no-cache makes it anew)",),
        )
    except (InputError, KeyError, ValueError, TypeError, IndexError):
        return None


def _stored_alike(stored: Any) -> Alike | None:
    if not all(name in stored for name in ALIKE):
        return None
    return Alike(*(stored[name] for name in ALIKE))


def _store(path: Path, evidence: Evidence) -> None:
    if evidence.fold_of is None or evidence.folds is None:
        return
    same = evidence.alike
    with replacing(path) as temporary:
        np.savez(
            temporary,
            probs=evidence.probs,
            fold_of=evidence.fold_of,
            kept=evidence.kept,
            kind=evidence.kind,
            name=evidence.name,
            folds=evidence.folds,
            encoder=evidence.encoder or "",
            map=evidence.map or "",
            **({} if same is None else {name: getattr(same, name) for name in ALIKE}),
        )
