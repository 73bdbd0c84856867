"""Features of a data set, made block by block and written to a folder, where another run goes on.

The rows of DATA are dealt to the files at random, by a permutation that depends on their number
alone. So each file is a random sample of DATA, and every shard deals alike.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from alfs_cli import __version__
from alfs_cli.arrays import IntArray
from alfs_cli.console import Console
from alfs_cli.data import DataSpec, LabelledDataset, load, positions_of
from alfs_cli.data.duplicates import content_digest
from alfs_cli.data.feature_columns import nothing_left
from alfs_cli.data.feature_files import (
    FeatureBlock,
    Unread,
    digest_words,
    is_whole,
    write_block,
)
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders.encoding import encode, encode_texts
from alfs_cli.evidence.encoders.interface import Encoder
from alfs_cli.evidence.representations import EncoderChoice
from alfs_cli.results.features import MANIFEST, FeaturesFolder, is_features_folder, load_features
from alfs_cli.storage.workers import Workers

TASK = "making features"
FILES = 64  # of few examples, so that several machines have something to do each
LEAST = 256  # examples of a file; smaller ones take longer to open than to read
ENCODED = 4096  # pictures or texts of a file: what is made again after a process died
NUMBERS = 2**23  # features of a file, which a process holds


@dataclass(frozen=True)
class Made:
    """What was done for a file: made anew or found whole, and the examples that were not read."""

    number: int
    rows: int
    is_new: bool
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class Maker:
    """Makes the files of a folder; one in each process holds the data and the network.

    Relative paths in `spec` are relative to `working_folder`.
    """

    spec: DataSpec
    folder: Path
    about: FeaturesFolder
    choice: EncoderChoice
    working_folder: str

    def __call__(self, number: int) -> Made:
        """Make a file, or leave it as it is where it is whole."""
        if is_whole(self.folder, self.about, number):
            return Made(number, self.about.rows_of(number), is_new=False)
        if os.getcwd() != self.working_folder:  # in a worker's process
            os.chdir(self.working_folder)
        source = _source(self.spec, self.choice, self.about.fingerprint)
        if source.dataset.fingerprint != self.about.fingerprint:
            raise InputError(
                f"'{source.dataset.name}' is not the data that '{self.folder}' was begun with",
                help="all shards, and all machines, need the same DATA",
            )
        block = source.block(number, self.about)
        write_block(self.folder, self.about, block)
        return Made(number, len(block), is_new=True, unread=block.unread)


@dataclass(frozen=True, eq=False)
class Source:
    """A data set, and the encoder of its features; None for columns that it has itself."""

    dataset: LabelledDataset
    encoder: Encoder | None
    device: str

    def block(self, number: int, about: FeaturesFolder) -> FeatureBlock:
        """Return the block of a file, its features made now."""
        places = dealt(about.count, about.rows, number)
        part = self.dataset.subset(places)
        features, kept = self._features(part)
        digests = [content_digest(part, int(place)) or b"\0" * 32 for place in kept]
        positions = positions_of(part)
        return FeatureBlock(
            number,
            positions[kept],
            part.labels[kept],
            features,
            digest_words(digests),
            None if part.paths is None else tuple(part.paths[place] for place in kept),
            None if part.groups is None else part.groups[kept],
            tuple(_unread(part, np.setdiff1d(np.arange(len(part)), kept))),
        )

    def _features(self, part: LabelledDataset) -> tuple[np.ndarray, IntArray]:
        """Return the features (n, D) of the examples that can be read, and their places (n,)."""
        every = np.arange(len(part))
        if self.encoder is None:
            own = part.features
            if own is None:
                raise InputError("no features here", help="--encoder NAME makes some")
            return own, every
        if part.images is None:
            texts = [] if part.texts is None else list(part.texts)
            return encode_texts(texts, self.encoder, device=self.device).astype(np.float16), every
        try:
            X, kept = encode(part.images, every, self.encoder, device=self.device)
        except InputError:
            if any(part.images.problem(int(place)) is None for place in every[:1]):
                raise
            return np.zeros((0, 1), np.float16), every[:0]  # of these pictures none can be read
        return X.astype(np.float16), kept


def _unread(part: LabelledDataset, places: IntArray) -> Sequence[Unread]:
    found = []
    for place in map(int, places):
        problem = None if part.images is None else part.images.problem(place)
        path = None if part.paths is None else part.paths[place]
        said = "cannot be read" if problem is None else problem.message
        found.append(Unread(int(positions_of(part)[place]), int(part.labels[place]), path, said))
    return found


@lru_cache(maxsize=1)
def _source(spec: DataSpec, choice: EncoderChoice, _fingerprint: str) -> Source:
    """Return the data with their encoder, read once in each process."""
    return source_of(load(spec, categories=True), choice)


def source_of(dataset: LabelledDataset, choice: EncoderChoice) -> Source:
    """Return a data set with the encoder asked for, or the default one for pictures.

    Raises UsageError for several encoders, or for texts without one.
    """
    if len(choice.names) > 1:
        raise UsageError(
            "--encoder is given twice: a folder holds the features of one encoder",
            help="make a folder for each",
        )
    is_own = dataset.images is None and dataset.texts is None
    if not choice.option and dataset.features is not None:
        return Source(dataset, None, choice.device)
    if is_own and dataset.columns is not None and dataset.features is None:
        raise nothing_left(dataset.columns, where=f"'{dataset.name}'")
    if is_own:
        raise InputError(
            f"'{dataset.name}' holds neither pictures, texts nor features",
            help="name data that do, or give --features FILE",
        )
    if dataset.images is None and not choice.names:
        raise UsageError(
            "the data are texts, and TF-IDF needs all of them at once",
            help="--encoder st:NAME, of a model that is here",
        )
    encoder = choice.found()[0]
    wanted = encoder.texts if dataset.images is None else encoder.pictures
    if wanted is None:
        others = "pictures" if dataset.images is None else "texts"
        raise UsageError(
            f"encoder '{encoder.name}' takes {others}, which the data are not",
            help="name another encoder",
        )
    return Source(dataset, encoder, choice.device)


def dealt(count: int, rows: int, number: int) -> IntArray:
    """Return the places, in order, of the examples that belong in a file."""
    return np.sort(_permutation(count)[number * rows : (number + 1) * rows])


@lru_cache(maxsize=1)
def _permutation(count: int) -> IntArray:
    return np.random.default_rng(count).permutation(count)


def rows_a_file(count: int, width: int | None = None) -> int:
    """Return how many examples a file holds; `width` are the features of an example if known.

    >>> rows_a_file(640), rows_a_file(10**7), rows_a_file(10**7, width=64)
    (256, 4096, 131072)
    """
    most = ENCODED if width is None else max(NUMBERS // width, LEAST)
    return int(np.clip(-(-count // FILES), LEAST, most))


def folder_of(source: Source, choice: EncoderChoice) -> FeaturesFolder:
    """Return what _features.json says of the features of a data set."""
    dataset, encoder = source.dataset, source.encoder
    own = None if encoder is not None else dataset.features
    rows = rows_a_file(len(dataset), None if own is None else own.shape[1])
    columns = dataset.columns if own is not None else None
    has_names = columns is not None and columns.is_table
    digest = None if own is None else hashlib.sha256(str(own.shape[1:]).encode()).hexdigest()
    return FeaturesFolder(
        alfs_version=__version__,
        name=dataset.name,
        kind="encoder" if encoder is not None else "features",
        fingerprint=dataset.fingerprint,
        count=len(dataset),
        rows=rows,
        files=-(-len(dataset) // rows),
        classes=dataset.class_names,
        dtype="float16" if own is None else str(own.dtype),
        encoder=None if encoder is None else encoder.name,
        encoder_digest=digest if encoder is None else encoder.digest,
        size=choice.size,
        columns=columns.features if columns is not None and has_names else (),
        has_paths=dataset.paths is not None,
        has_groups=dataset.groups is not None,
        spec=dataset.spec.given(),
    )


def begun(folder: Path, about: FeaturesFolder) -> None:
    """Write _features.json into a new or empty folder, or see that it is the same.

    Raises UsageError for a folder of other files, of other data, or of another encoder.
    """
    if is_features_folder(folder):
        there = load_features(folder)
        if replace(there, alfs_version="", spec={}) == replace(about, alfs_version="", spec={}):
            return
        what = "data" if there.fingerprint != about.fingerprint else "encoder"
        raise UsageError(
            f"'{folder}' holds features of {'other data' if what == 'data' else 'another encoder'}"
            f" ('{there.name}', {there.encoder or 'its own columns'})",
            help="name another folder with --to",
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to '{folder}' is no folder", help="name a folder")
    if folder.is_dir() and any(not one.name.startswith(".") for one in folder.iterdir()):
        raise UsageError(
            f"'{folder}' is not empty, and has no {MANIFEST}",
            help="name a new folder with --to: nothing that is not ours is written over",
        )
    folder.mkdir(parents=True, exist_ok=True)
    about.save(folder)


def write_features(
    maker: Maker,
    numbers: Sequence[int],
    workers: Workers,
    console: Console,
    *,
    max_bad: float,
) -> list[Made]:
    """Make some files of a folder, and return what was done for each.

    Raises InputError, which names the first, as soon as more than `max_bad` of the examples in
    these files cannot be read.
    """
    total = sum(maker.about.rows_of(number) for number in numbers)
    done, made, unread = 0, [], list[Unread]()
    with console.progress() as progress:
        for one in workers.map(maker, numbers, uses_gpu=True):
            made.append(one)
            unread += one.unread
            refuse_many(unread, total, max_bad=max_bad)
            done += maker.about.rows_of(one.number)
            progress(TASK, done, total)
    return made


def refuse_many(unread: Sequence[Unread], total: int, *, max_bad: float) -> None:
    """Raise InputError where more than a share of the examples cannot be read."""
    if len(unread) <= max_bad * total:
        return
    first = ", ".join(f"'{one.path}'" if one.path else f"row {one.row}" for one in unread[:5])
    raise InputError(
        f"{len(unread):,} of {total:,} examples cannot be read, over {100 * max_bad:g} %: "
        f"{first}{', ...' if len(unread) > 5 else ''}",
        help="mend them and name a new folder, or --max-bad SHARE leaves so many out",
    )
