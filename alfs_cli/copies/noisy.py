"""A copy of a data set with noise in its labels, and the file that holds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from alfs_cli.arrays import IntArray
from alfs_cli.copies.writing import new_suffixes, refuse_target, write_anew, written_form
from alfs_cli.data import LabelledDataset
from alfs_cli.data.images.decoding import instance_features
from alfs_cli.data.names import known_as
from alfs_cli.data.readers.manifest import transition_beside
from alfs_cli.errors import UsageError, unknown
from alfs_cli.noise import (
    DRAWS,
    INSTANCE,
    NOISE_KINDS,
    TransitionMatrix,
    clean_level,
    inject,
    inject_by_instance,
    read_transition,
    realised,
    rows_of_counts,
    transition_of,
    write_transition,
)
from alfs_cli.storage.documents import Number

SCHEMA = "alfs.inject/1"


@dataclass(frozen=True, eq=False)
class NoisyCopy:
    """A data set with its true labels, noisy labels (N,), and the T that these were drawn from."""

    dataset: LabelledDataset
    given: IntArray
    population: TransitionMatrix

    @property
    def true(self) -> IntArray:
        """The labels before the noise, (N,)."""
        return self.dataset.labels

    def counts(self) -> IntArray:
        """Return the number of examples by true class and noisy label, (K, K)."""
        return realised(self.true, self.given, self.dataset.num_classes)


@dataclass(frozen=True)
class CopySummary:
    """The result of `alfs inject`, as `-f json` prints it.

    `noise_rate` and `clean_level` are those of the T that labels were drawn from.
    """

    alfs_version: str
    seed: int
    source: str | None
    kind: str
    split: str | None
    n: int
    classes: tuple[str, ...]
    noise: str
    rate: float | None
    draw: str
    file: str
    transition_file: str | None
    flipped: int
    realised_rate: float
    noise_rate: float
    clean_level: Number
    realised_clean_level: Number
    transition: tuple[tuple[float, ...], ...]
    counts: tuple[tuple[int, ...], ...]


def noisy_copy(
    dataset: LabelledDataset,
    noise: str,
    rate: float | None,
    *,
    draw: Literal["exact", "sampled"],
    generator: np.random.Generator,
) -> NoisyCopy:
    """Draw noisy labels from the true labels, or from the given ones where true ones are not known.

    `noise` is a kind of noise, `instance`, or a file with T. Raises UsageError for an unknown kind
    or draw, and for a rate that is missing or stands beside a file.
    """
    if draw not in DRAWS:
        raise unknown("draw", draw, DRAWS)
    true = dataset.labels if dataset.true_labels is None else dataset.true_labels
    clean = dataset.with_labels(true)
    K = dataset.num_classes
    if noise in (*NOISE_KINDS, INSTANCE):
        if rate is None:
            raise UsageError(f"--noise {noise} needs a rate", help="for example --rate 0.2")
    elif Path(noise).suffix:
        if rate is not None:
            raise UsageError("--rate has no meaning beside a file with T", help="leave it out")
        T = read_transition(noise, class_names=dataset.class_names)
        return NoisyCopy(clean, inject(true, T, generator, draw=draw), T)
    else:
        raise unknown("kind of noise", noise, (*NOISE_KINDS, INSTANCE, "a file with T (.csv)"))
    if noise == INSTANCE:
        given, T = inject_by_instance(true, instance_features(clean), rate, K, generator)
        return NoisyCopy(clean, given, T)
    T = transition_of(noise, rate, K, dataset=known_as(dataset))
    return NoisyCopy(clean, inject(true, T, generator, draw=draw), T)


def write_copy(copy: NoisyCopy, path: Path, *, read: Sequence[Path] = ()) -> list[str]:
    """Write the copy to `path`, with T in it or beside it, and return notes on how to read it.

    Raises UsageError for a suffix that the copy cannot have, and where DATA, or another file in
    `read`, would be overwritten.
    """
    dataset = copy.dataset
    T = copy.population.array
    has_beside = written_form(dataset) == "manifest"
    refuse_target(dataset, path, new_suffixes(dataset), read=read)
    if has_beside:
        beside = transition_beside(path)
        refuse_target(dataset, beside, [beside.suffix], read=read)
    notes = write_anew(dataset, copy.given, path, true=copy.true, more={"transition": T})
    if has_beside:
        write_transition(transition_beside(path), T, dataset.class_names)
    return notes


def summary(
    copy: NoisyCopy,
    path: Path,
    *,
    version: str,
    seed: int,
    noise: str,
    rate: float | None,
    draw: str,
) -> CopySummary:
    """Return the result of a copy, for the report and -f json."""
    dataset, counts = copy.dataset, copy.counts()
    flipped = int(counts.sum() - np.trace(counts))
    share = np.bincount(copy.true, minlength=dataset.num_classes) / len(dataset)
    T = copy.population.array
    beside = transition_beside(path) if written_form(dataset) == "manifest" else None
    return CopySummary(
        alfs_version=version,
        seed=seed,
        source=dataset.spec.given().get("source"),
        kind=dataset.kind,
        split=dataset.split,
        n=len(dataset),
        classes=dataset.class_names,
        noise=noise,
        rate=rate,
        draw="sampled" if noise == INSTANCE else draw,
        file=str(path),
        transition_file=None if beside is None else str(beside),
        flipped=flipped,
        realised_rate=flipped / len(dataset),
        noise_rate=float(1 - share @ np.diag(T)),
        clean_level=clean_level(T),
        realised_clean_level=clean_level(rows_of_counts(counts)),
        transition=tuple(tuple(map(float, row)) for row in T),
        counts=tuple(tuple(map(int, row)) for row in counts),
    )
