"""A folder of features as `alfs features` writes it: read block by block, or whole as DATA."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alfs_cli.arrays import Features
from alfs_cli.data.content import Content
from alfs_cli.data.dataset import DataSpec, Problem
from alfs_cli.data.feature_columns import Candidates, as_they_are
from alfs_cli.data.feature_files import FeatureBlock, read_block
from alfs_cli.data.readers.arrays import array_candidates
from alfs_cli.errors import InputError
from alfs_cli.results.features import FeaturesFolder, load_features
from alfs_cli.storage.memory import refuse_too_large

KIND = "features"


@dataclass(frozen=True)
class FeatureStream:
    """The examples of a folder of features, read a file at a time.

    `skipped` are the files that could not be read and may be left out.
    """

    folder: Path
    about: FeaturesFolder
    skipped: tuple[int, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Of the data and of what made the features."""
        return self.about.fingerprint

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the files that are read."""
        return tuple(n for n in range(self.about.files) if n not in self.skipped)

    @property
    def count(self) -> int:
        """How many rows of DATA these files stand for, those that could not be read included."""
        return sum(self.about.rows_of(number) for number in self.numbers)

    def read(self, number: int) -> FeatureBlock:
        """Return the block of a file; raises InputError, which names it, where it is not right."""
        return read_block(self.folder, self.about, number)

    def first(self, count: int) -> Iterator[FeatureBlock]:
        """Yield the first blocks, as many as hold `count` examples: a random sample of all."""
        for number in self.numbers:
            if count <= 0:
                return
            block = self.read(number)
            yield block
            count -= len(block)


def open_features(folder: str | Path) -> FeatureStream:
    """Open a folder of features; raises InputError, which names the first, without all files."""
    place = Path(folder)
    about = load_features(place)
    missing = [n for n in range(about.files) if not (place / about.file(n)).is_file()]
    if missing:
        raise InputError(
            f"{len(missing):,} of the {about.files:,} files of '{folder}' are missing, the first "
            f"is '{about.file(missing[0])}'",
            help="run `alfs features` again, or its other shards: they make what is missing",
        )
    return FeatureStream(place, about)


def read_features_data(folder: Path, spec: DataSpec) -> Content:
    """Return the examples of a folder of features, all in memory, in the order of DATA."""
    if spec.split is not None:
        raise InputError(
            f"no split '{spec.split}': '{folder}' holds the features of one",
            help="leave --split out",
        )
    stream = open_features(folder)
    about = stream.about
    blocks = [stream.read(number) for number in stream.numbers]
    unread = [one for block in blocks for one in block.unread]
    blocks = [block for block in blocks if len(block)]
    if not blocks:
        raise InputError(f"'{folder}' holds no examples", help="could none of them be read?")
    size = sum(block.features.size for block in blocks)
    refuse_too_large(8 * size, where=f"'{folder}'", help="leave out the options that need it whole")
    rows = [int(block.index.max()) for block in blocks] + [one.row for one in unread]
    total = max(rows) + 1  # rows that are in no file could not be read when DATA was listed
    X = np.zeros((total, blocks[0].features.shape[1]), dtype=np.float32)
    labels, groups = np.zeros(total, dtype=np.int64), np.full(total, -1)
    readable, paths = np.zeros(total, dtype=np.bool_), np.full(total, "", dtype=object)
    for block in blocks:
        X[block.index], labels[block.index] = block.features, block.labels
        readable[block.index] = True
        if block.paths is not None:
            paths[block.index] = block.paths
        if block.groups is not None:
            groups[block.index] = block.groups
    for one in unread:
        labels[one.row], paths[one.row] = one.label, one.path or ""
    return Content(
        kind=KIND,
        count=total,
        digest=f"{about.fingerprint} {about.encoder_digest}",
        fingerprint=about.fingerprint,
        labels=labels,
        class_names=about.classes,
        features=_candidates(X, stream, spec),
        groups=groups if about.has_groups and spec.group_column is not None else None,
        readable=readable,
        paths=tuple(paths) if about.has_paths else None,
        problems=tuple(Problem("ALFS401", one.message, one.path, row=one.row) for one in unread),
    )


def matrix_of(folder: Path, spec: DataSpec) -> Candidates:
    """Return the features of a folder in the order of DATA, for --features beside DATA."""
    content = read_features_data(folder, spec)
    if content.features is None or content.problems:
        raise InputError(
            f"'{folder}' lacks the features of {len(content.problems):,} examples",
            help=f"alfs estimate {folder} leaves those out",
        )
    return content.features


def _candidates(X: Features, stream: FeatureStream, spec: DataSpec) -> Candidates:
    where, columns = f"features of '{stream.folder}'", stream.about.columns
    asked, excluded = spec.feature_columns, spec.exclude_columns
    found = array_candidates(X, where=where, asked=asked, excluded=excluded)
    if columns and len(columns) == len(found.names):
        found = replace(found, names=columns, is_table=True)
    return as_they_are(found)
