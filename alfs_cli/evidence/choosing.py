"""Which representation is judged: the one that agrees best with held-out labels.

Candidates are compared on a sample, by the agreement of ridge classifiers with labels that they did
not see. Seconds are told and decide nothing, so that the choice is the same on every machine.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import Features, IntArray
from alfs_cli.data.feature_columns import nothing_left
from alfs_cli.data.folds import stratified_folds
from alfs_cli.errors import InputError, UsageError, brief
from alfs_cli.evidence.alike import alike
from alfs_cli.evidence.encoders import has_encoder
from alfs_cli.evidence.out_of_fold import out_of_fold
from alfs_cli.evidence.representations import Represented, joined_names, side_by_side
from alfs_cli.evidence.request import Request
from alfs_cli.evidence.tuning import GATHERING
from alfs_cli.results.evaluation import agreement

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset
    from alfs_cli.evidence.encoders.interface import Encoder


@dataclass(frozen=True, eq=False)
class Representation:
    """A kind of evidence, and the encoders whose features it takes, side by side."""

    kind: str
    encoders: "tuple[Encoder, ...]" = ()

    @property
    def name(self) -> str:
        """As notes have it."""
        return joined_names(self.encoders) if self.encoders else self.kind


@dataclass(frozen=True, eq=False)
class _Tried:
    """A candidate with its held-out agreement on the sample, and the seconds of its features."""

    candidate: Representation
    agreement: float
    seconds: float


def chosen(request: Request, kind: str) -> Representation:
    """Return the representation of a kind; `auto` takes the best of those that there are.

    Raises InputError where there is nothing to judge the labels by.
    """
    return _best_available(request) if kind == "auto" else _of_kind(request, kind)


def refuse_idle_encoder(dataset: "LabelledDataset", option: str, kind: str) -> None:
    """Raise where there is nothing that an option of encoders, "" for none, could be for.

    It is asked before evidence that was kept is taken, which would hide it. Raises UsageError for a
    kind of evidence without encoders, InputError for data without pictures.
    """
    if option and kind not in ("auto", "encoder"):
        raise UsageError(f"{option} is of no use to --evidence {kind}", help="--evidence encoder")
    takes_texts = dataset.texts is not None and option == "--encoder"
    if option and kind == "auto" and dataset.images is None and not takes_texts:
        raise InputError(f"no images here for {option}", help=f"leave {option} out")


def _of_kind(request: Request, kind: str) -> Representation:
    """Return the representation of a kind; of several encoders the best."""
    dataset = request.dataset
    if kind == "encoder" and (dataset.images is not None or dataset.texts is not None):
        return of_encoders(request)
    return Representation(kind)


def _best_available(request: Request) -> Representation:
    dataset = request.dataset
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


def encoders_asked(request: Request, kind: str) -> str:
    """Return the digests of the encoders that may be taken, "" where none is."""
    dataset, is_named = request.dataset, bool(request.encoder.names)
    if kind not in ("auto", "encoder") or (dataset.images is None and dataset.texts is None):
        return ""
    if not is_named and (dataset.images is None or (kind == "auto" and not has_encoder())):
        return ""
    return " ".join(encoder.digest for encoder in request.encoders)


def of_images(request: Request, shape: tuple[int, int, int]) -> Representation:
    """Return the encoder or the pixels, and note why; small and grey pictures need no encoder."""
    height, width, channels = shape
    if channels == 1 or min(height, width) < GATHERING.photograph_pixels:
        return Representation("pixels")
    if not has_encoder():
        request.notes.append(
            "judged by raw pixels, which say little about photographs; "
            "pip install 'alfs-cli[encoder]' brings a pretrained network"
        )
        return Representation("pixels")
    candidates = (Representation("encoder", request.encoders), Representation("pixels"))
    return best_of(candidates, request)


def of_encoders(request: Request) -> Representation:
    """Return the best of the named encoders or all of them side by side, and note why."""
    every = request.encoders
    if len(every) == 1:
        return Representation("encoder", every)
    alone = [Representation("encoder", (one,)) for one in every]
    return best_of((*alone, Representation("encoder", every)), request)


def best_of(candidates: Sequence[Representation], request: Request) -> Representation:
    """Return the candidate of the highest agreement, of equal ones the first, and note all."""
    if any(candidate.encoders for candidate in candidates):
        import_module("torch")  # which takes seconds that are no encoder's
    sample = _sample(request)
    parts: dict[str, tuple[Represented, float]] = {}
    for candidate in candidates:
        for one in _parts_of(candidate):
            if one.name not in parts:
                begun = time.perf_counter()
                found = request.features(one.kind, one.encoders, sample=sample)
                parts[one.name] = found, time.perf_counter() - begun
    tried = []
    for candidate in candidates:
        made = [parts[one.name] for one in _parts_of(candidate)]
        X, kept = side_by_side([found for found, _ in made])
        share = _held_out(sample or request.dataset, X, kept, candidate.kind, request.seed)
        tried.append(_Tried(candidate, share, sum(seconds for _, seconds in made)))
    best = max(tried, key=lambda one: one.agreement)
    shares = ", ".join(
        f"{one.candidate.name} {100 * one.agreement:.1f} % ({one.seconds:.1f} s)" for one in tried
    )
    count = len(sample or request.dataset)
    request.notes.append(
        f"{best.candidate.name} taken: out-of-fold agreement on {count:,} examples: {shares}"
    )
    return best.candidate


def _parts_of(candidate: Representation) -> list[Representation]:
    """Return a candidate of one encoder for each of a candidate's."""
    if not candidate.encoders:
        return [candidate]
    return [Representation(candidate.kind, (one,)) for one in candidate.encoders]


def _sample(request: Request) -> "LabelledDataset | None":
    """Return a random sample of the data set, None where the whole is no larger."""
    dataset = request.dataset
    if len(dataset) <= GATHERING.compared_on:
        return None
    order = np.random.default_rng([request.seed, 4]).permutation(len(dataset))
    return dataset.subset(np.sort(order[: GATHERING.compared_on]))


def _held_out(
    dataset: "LabelledDataset", X: Features, kept: IntArray, kind: str, seed: int
) -> float:
    """Return the out-of-fold agreement of features (n, D) of the examples `kept` (n,)."""
    labels = dataset.labels[kept]
    same = alike(dataset, kept, X, is_table=kind == "features")
    fold_of = stratified_folds(
        labels,
        GATHERING.compared_folds,
        np.random.default_rng([seed, 1]),
        groups=None if same is None else same.groups,
    )
    fit = out_of_fold(X, labels, dataset.num_classes, fold_of, seed=seed)
    return agreement(fit.probs, labels)


def gains_by_standardising(
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
