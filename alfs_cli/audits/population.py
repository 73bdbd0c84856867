"""The examples that an audit is about, as plain arrays, and what is thought of them beforehand.

Scores are kept as levels, steps of half a unit of log odds: a byte each, the same numbers again on
any machine, and examples of one level are alike for every bet.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alfs_cli.arrays import ByteArray, IntArray
from alfs_cli.errors import InputError

EDGE, STEP = 7.0, 0.5  # log odds of the last level, and from level to level
LEVELS = int(2 * EDGE / STEP) + 1
CHANCES = 1 / (1 + np.exp(-(np.arange(LEVELS) * STEP - EDGE)))  # what a level stands for
ANY = None  # an answer "can't tell": any of the classes


def levels_of(chances: ArrayLike) -> ByteArray:
    """Return the level nearest to each chance in [0, 1]."""
    p = np.clip(np.asarray(chances, dtype=float), 1e-9, 1 - 1e-9)
    steps = np.rint((np.log(p / (1 - p)) + EDGE) / STEP)
    return np.asarray(np.clip(steps, 0, LEVELS - 1), dtype=np.uint8)


@dataclass(frozen=True)
class Population:
    """N examples of K classes; everything but `given` and `classes` may be absent.

    `noise_levels` (N): the level of P(the given label is wrong). `class_levels` (N, K): of
    P(true label = k). `predictions`: a class per example by run. `columns`: a text per example by
    name, for slices. `known`: answers beforehand, the possible classes by index; these are never
    drawn. `fingerprint` is of the data; the draws hang on it.
    """

    given: IntArray
    classes: tuple[str, ...]
    fingerprint: str
    noise_levels: ByteArray | None = None
    class_levels: ByteArray | None = None
    predictions: Mapping[str, IntArray] = field(default_factory=dict)
    columns: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    known: Mapping[int, tuple[int, ...] | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.given)

    @property
    def open(self) -> NDArray[np.bool_]:
        """Which can be drawn (N): those not known beforehand."""
        is_open = np.ones(len(self), dtype=bool)
        is_open[list(self.known)] = False
        return is_open

    def digest(self) -> str:
        """Return the SHA-256 of all of it: equal digests draw, bet and judge alike."""
        total = hashlib.sha256(repr((self.classes, self.fingerprint)).encode())
        parts: dict[str, NDArray[np.generic] | None] = {
            "given": self.given,
            "noise": self.noise_levels,
            "class": self.class_levels,
        }
        parts |= {f"run {name}": self.predictions[name] for name in sorted(self.predictions)}
        for name, part in parts.items():
            total.update(f"|{name}|".encode())
            if part is not None:
                total.update(np.ascontiguousarray(part).data)
        for name in sorted(self.columns):
            total.update("\x1f".join(["|column", name, *self.columns[name].tolist()]).encode())
        total.update(repr(sorted(self.known.items())).encode())
        return total.hexdigest()


def population(
    given: ArrayLike,
    classes: Sequence[str],
    fingerprint: str,
    *,
    probs: ArrayLike | None = None,
    noise_scores: ArrayLike | None = None,
    predictions: Mapping[str, ArrayLike] | None = None,
    columns: Mapping[str, Sequence[object]] | None = None,
    known: Mapping[int, tuple[int, ...] | None] | None = None,
) -> Population:
    """Return the population; probs (N, K) of the true label, noise_scores (N) of a wrong one.

    Without `noise_scores` they are 1 - probs of the given label. Raises InputError where shapes
    or labels do not fit.
    """
    labels = np.asarray(given, dtype=np.int64)
    count, num_classes = len(labels), len(classes)
    if count == 0 or num_classes < 2:
        raise InputError(
            f"{count} examples of {num_classes} classes leave nothing to audit",
            help="an audit needs an example and two classes",
        )
    check_labels(labels, num_classes, "the given labels")
    class_levels = None
    if probs is not None:
        chances = np.asarray(probs, dtype=float)
        check_shape(chances, (count, num_classes), "probs")
        class_levels = levels_of(chances)
        if noise_scores is None:
            noise_scores = 1 - chances[np.arange(count), labels]
    if noise_scores is not None:
        check_shape(np.asarray(noise_scores), (count,), "noise_scores")
    runs = {name: np.asarray(run, dtype=np.int64) for name, run in (predictions or {}).items()}
    for name, run in runs.items():
        check_shape(run, (count,), f"the predictions of '{name}'")
        check_labels(run, num_classes, f"the predictions of '{name}'")
    texts = {name: np.asarray(list(map(str, c))) for name, c in (columns or {}).items()}
    for name, column in texts.items():
        check_shape(column, (count,), f"column '{name}'")
    return Population(
        given=labels,
        classes=tuple(classes),
        fingerprint=fingerprint,
        noise_levels=None if noise_scores is None else levels_of(noise_scores),
        class_levels=class_levels,
        predictions=runs,
        columns=texts,
        known=dict(known or {}),
    )


def check_shape(array: NDArray[np.generic], shape: tuple[int, ...], name: str) -> None:
    """Raise InputError where an array is not of this shape."""
    if array.shape != shape:
        raise InputError(
            f"{name} has the shape {array.shape}, not {shape}", help="one row per example, in order"
        )


def check_labels(labels: IntArray, num_classes: int, name: str) -> None:
    """Raise InputError where a label is no class."""
    if labels.ndim != 1 or labels.min() < 0 or labels.max() >= num_classes:
        raise InputError(
            f"{name} are not all between 0 and {num_classes - 1}", help="one class per example"
        )


def save(examples: Population, path: Path) -> None:
    """Write it as an npz file that `load` reads: a record is replayed from it without the data."""
    arrays: dict[str, NDArray[np.generic]] = {
        "given": examples.given,
        "classes": np.array(examples.classes),
        "fingerprint": np.array(examples.fingerprint),
        "known": np.array(list(examples.known), dtype=np.int64),
    }
    possible = np.ones((len(examples.known), len(examples.classes)), dtype=bool)
    for row, answer in enumerate(examples.known.values()):
        if answer is not ANY:
            possible[row] = np.isin(np.arange(possible.shape[1]), answer)
    arrays["possible"] = possible
    if examples.noise_levels is not None:
        arrays["noise_levels"] = examples.noise_levels
    if examples.class_levels is not None:
        arrays["class_levels"] = examples.class_levels
    arrays |= {f"run:{name}": run for name, run in examples.predictions.items()}
    arrays |= {f"column:{name}": column for name, column in examples.columns.items()}
    partial = path.with_name(path.name + ".partial.npz")
    np.savez_compressed(partial, allow_pickle=False, **arrays)
    partial.replace(path)


def load(path: Path) -> Population:
    """Return what `save` wrote; raises InputError where the file is none of these."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        return from_arrays(found)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(
            f"'{path}' cannot be read as the examples of an audit: {error}",
            help="it is written beside audit.jsonl when an audit starts; keep the two together",
        ) from error


def from_arrays(found: dict[str, NDArray[np.generic]]) -> Population:
    """Return the population that these arrays of a file hold."""

    def named(kind: str) -> dict[str, NDArray[np.generic]]:
        return {n.removeprefix(kind): a for n, a in found.items() if n.startswith(kind)}

    num_classes = len(found["classes"])
    known: dict[int, tuple[int, ...] | None] = {}
    for index, row in zip(found["known"].tolist(), found["possible"], strict=True):
        known[index] = ANY if row.all() else tuple(np.flatnonzero(row).tolist())
    if num_classes < 2:
        raise ValueError("fewer than two classes")
    return Population(
        given=found["given"].astype(np.int64),
        classes=tuple(found["classes"].tolist()),
        fingerprint=str(found["fingerprint"]),
        noise_levels=bytes_or_none(found.get("noise_levels")),
        class_levels=bytes_or_none(found.get("class_levels")),
        predictions={name: run.astype(np.int64) for name, run in named("run:").items()},
        columns={name: column.astype(np.str_) for name, column in named("column:").items()},
        known=known,
    )


def bytes_or_none(array: NDArray[np.generic] | None) -> ByteArray | None:
    """Return the array as bytes, None for none."""
    return None if array is None else array.astype(np.uint8)
