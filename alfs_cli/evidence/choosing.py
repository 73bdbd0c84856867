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

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.data.folds import stratified_folds
from alfs_cli.evidence.alike import alike
from alfs_cli.evidence.encoders import has_encoder
from alfs_cli.evidence.out_of_fold import out_of_fold
from alfs_cli.evidence.representations import Represented, joined_names, side_by_side
from alfs_cli.evidence.tuning import GATHERING

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset
    from alfs_cli.evidence.encoders.interface import Encoder
    from alfs_cli.evidence.gathering import Request


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


def agreement(probs: FloatArray, labels: IntArray) -> float:
    """Return the share of given labels that are the most probable class."""
    return float((probs.argmax(axis=1) == labels).mean())


def of_images(request: "Request", shape: tuple[int, int, int]) -> Representation:
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


def of_encoders(request: "Request") -> Representation:
    """Return the best of the named encoders or all of them side by side, and note why."""
    every = request.encoders
    if len(every) == 1:
        return Representation("encoder", every)
    alone = [Representation("encoder", (one,)) for one in every]
    return best_of((*alone, Representation("encoder", every)), request)


def best_of(candidates: Sequence[Representation], request: "Request") -> Representation:
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


def _sample(request: "Request") -> "LabelledDataset | None":
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
