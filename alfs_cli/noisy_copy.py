"""A copy of a data set's labels with noise in them, and the file that holds it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.data import DataSpec, LabelledDataset, positions_of
from alfs_cli.data.arrays import load_npz
from alfs_cli.data.decoding import instance_features
from alfs_cli.data.manifest import transition_beside
from alfs_cli.data.names import known_as
from alfs_cli.data.tables import SEPARATORS, Table, read_table
from alfs_cli.documents import Number, replacing
from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.noise import (
    DRAWS,
    INSTANCE,
    NOISE_KINDS,
    IntArray,
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

SCHEMA = "alfs.inject/1"


@dataclass(frozen=True, eq=False)
class NoisyCopy:
    """A data set whose labels are the true ones, the noisy labels (N,), and the T behind them."""

    dataset: LabelledDataset
    given: IntArray
    population: TransitionMatrix

    @property
    def true(self) -> IntArray:
        """The labels that the noise started from, (N,)."""
        return self.dataset.labels

    def counts(self) -> IntArray:
        """Return how many examples of each true class carry each label, (K, K)."""
        return realised(self.true, self.given, self.dataset.num_classes)


@dataclass(frozen=True)
class CopySummary:
    """What `alfs inject -f json` prints. `noise_rate` and `clean_level` are of the population T."""

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
    """Draw noisy labels from the true ones, or from the given ones where no truth is known.

    `noise` is a kind, `instance`, or a file with T. Raises UsageError for an unknown kind or draw,
    and where a rate is missing or given beside a file.
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


def written_form(dataset: LabelledDataset) -> Literal["manifest", "npz"]:
    """Return what a noisy copy is written as: arrays as .npz, everything else as a manifest."""
    return "manifest" if dataset.paths is not None or dataset.kind == "manifest" else "npz"


def write_copy(copy: NoisyCopy, path: Path) -> list[str]:
    """Write the copy to `path`, T within it or beside it; return notes on how to read it.

    Raises UsageError where the suffix is another form's or `path` is DATA itself.
    """
    form = written_form(copy.dataset)
    suffixes = (".npz",) if form == "npz" else tuple(SEPARATORS)
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"--to '{path}' does not end in {' or '.join(suffixes)}",
            help=f"a copy of '{copy.dataset.name}' is written as {form}",
        )
    spec = copy.dataset.spec
    for source in (spec.source, spec.labels, spec.true_labels, spec.pred_probs, spec.features):
        if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
            raise UsageError(
                f"--to '{path}' is the data itself", help="the input is never written over"
            )
    if form == "npz":
        _write_npz(copy, path)
        return []
    notes = _write_manifest(copy, path)
    write_transition(transition_beside(path), copy.population.array, copy.dataset.class_names)
    return notes


def _write_npz(copy: NoisyCopy, path: Path) -> None:
    dataset = copy.dataset
    arrays: dict[str, NDArray[Any]] = {}
    named = None
    if dataset.kind == "npz" and dataset.spec.source is not None:
        arrays = load_npz(Path(dataset.spec.source))
        named = arrays.get(dataset.spec.label_column or "labels")
    elif dataset.images is not None:
        pixels, _ = dataset.images.decode(np.arange(len(dataset)))
        arrays["images"] = pixels[..., 0] if pixels.shape[3] == 1 else pixels
    if dataset.features is not None and "features" not in arrays:
        arrays["features"] = dataset.features
    if dataset.pred_probs is not None:
        arrays["pred_probs"] = np.asarray(dataset.pred_probs)
    names = np.asarray(dataset.class_names)
    as_text = named is not None and named.dtype.kind in "US" and "class_names" not in arrays
    arrays |= {
        dataset.spec.label_column or "labels": names[copy.given] if as_text else copy.given,
        dataset.spec.true_label_column or "true_labels": names[copy.true] if as_text else copy.true,
        "class_names": names,
        "transition": copy.population.array,
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _write_manifest(copy: NoisyCopy, path: Path) -> list[str]:
    dataset, notes = copy.dataset, []
    names = np.asarray(dataset.class_names, dtype=object)
    if dataset.paths is not None:
        folder, relative = _relative_paths(dataset.paths, path)
        frame = pd.DataFrame({"path": relative})
        if folder != os.path.abspath(path.parent):
            near = os.path.relpath(folder)
            notes.append(
                f"the images do not lie below the folder of '{path}': "
                f"read it with --root '{folder if near.startswith('..') else near}'"
            )
    else:
        rows = _features_table(dataset.spec, dataset.split, positions_of(dataset))
        frame = rows.frame.reset_index(drop=True)
    frame["label"] = names[copy.given]
    frame["true_label"] = names[copy.true]
    separator = SEPARATORS[path.suffix.lower()]
    with replacing(path) as temporary:
        frame.to_csv(temporary, sep=separator, index=False, lineterminator="\n", encoding="utf-8")
    return notes


def _features_table(spec: DataSpec, split: str | None, rows: IntArray) -> Table:
    """Return a manifest's own rows without the columns that a noisy copy replaces."""
    from alfs_cli.data.manifest import rows_of_split

    path = Path(str(spec.source))
    columns = read_table(path, text=[]).columns
    table = rows_of_split(read_table(path, text=columns), split).take(rows)
    replaced = {"split", spec.label_column or "label", spec.true_label_column or "true_label"}
    kept = [name for name in columns if name not in {*replaced, "label", "true_label"}]
    return Table(path, table.frame[kept], table.lines)


def _relative_paths(paths: Sequence[str], manifest: Path) -> tuple[str, list[str]]:
    """Return paths relative to the manifest's folder, or to the nearest one above all of them."""
    absolute = [os.path.abspath(path) for path in paths]
    for path, shown in zip(absolute, paths, strict=True):
        if not os.path.lexists(path):
            raise InputError(
                f"the file name of '{shown}' is not valid text, which a manifest cannot hold",
                help="rename the file",
            )
    folder = os.path.commonpath([os.path.abspath(manifest.parent), *map(os.path.dirname, absolute)])
    return folder, [Path(os.path.relpath(path, folder)).as_posix() for path in absolute]


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
    """Return what was done, for the report and -f json."""
    dataset, counts = copy.dataset, copy.counts()
    flipped = int(counts.sum() - np.trace(counts))
    share = np.bincount(copy.true, minlength=dataset.num_classes) / len(dataset)
    T = copy.population.array
    beside = transition_beside(path) if written_form(dataset) == "manifest" else None
    return CopySummary(
        alfs_version=version,
        seed=seed,
        source=dataset.spec.source,
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
