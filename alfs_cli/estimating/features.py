"""`alfs features`: DATA to a folder of features, whole or one shard of it."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from alfs_cli.console import Console
from alfs_cli.data import DataSpec, here, in_words, load
from alfs_cli.data.feature_files import Unread
from alfs_cli.data.readers.features import open_features
from alfs_cli.errors import InputError, UsageError
from alfs_cli.estimating.shards import shard_of
from alfs_cli.evidence.representations import EncoderChoice
from alfs_cli.evidence.written import Maker, begun, folder_of, source_of, write_features
from alfs_cli.results.features import FeaturesFolder, is_features_folder
from alfs_cli.storage.workers import Workers


@dataclass(frozen=True)
class FeaturesMade:
    """What one call of `alfs features` did.

    `new` files were made, `kept` ones were whole already; `examples` are in both together, and
    `unread` could not be read. `is_complete` says whether all files of the folder are there.
    """

    about: FeaturesFolder
    new: int
    kept: int
    examples: int
    unread: tuple[Unread, ...]
    is_complete: bool
    seconds: float


def make_features(
    spec: DataSpec,
    choice: EncoderChoice,
    folder: Path,
    workers: Workers,
    console: Console,
    *,
    shard: str = "1/1",
    max_bad: float = 0.01,
) -> FeaturesMade:
    """Write the features of DATA, or of one shard I/N of its files, to a folder.

    Files that are there and whole are left as they are.

    Raises:
        UsageError: the folder holds something else, or the encoder does not fit the data.
        InputError: the data cannot be read, or more than `max_bad` of the examples.
        WorkError: the disk is full.
    """
    started = time.perf_counter()
    part, parts = shard_of(shard)
    spec_here = here(spec)
    _refuse_within(folder, spec_here)
    dataset = load(spec_here, categories=True)
    for text in (*dataset.notes, *in_words(dataset.problems)):
        console.note(f"note: {text}")
    source = source_of(dataset, choice)
    about = folder_of(source, choice)
    numbers = range(about.files * (part - 1) // parts, about.files * part // parts)
    if not numbers:
        raise UsageError(
            f"--shard {shard} of {about.files} files is empty", help="use fewer shards"
        )
    begun(folder, about)
    maker = Maker(spec, folder.absolute(), about, choice, os.getcwd())
    made = write_features(maker, numbers, workers, console, max_bad=max_bad)
    return FeaturesMade(
        about,
        new=sum(one.is_new for one in made),
        kept=sum(not one.is_new for one in made),
        examples=sum(one.rows for one in made),
        unread=tuple(bad for one in made for bad in one.unread),
        is_complete=_is_complete(folder),
        seconds=time.perf_counter() - started,
    )


def _is_complete(folder: Path) -> bool:
    try:
        open_features(folder)
    except InputError:
        return False
    return True


def _refuse_within(folder: Path, spec: DataSpec) -> None:
    """Raise UsageError where the folder is DATA, or lies in it."""
    inputs = [Path(name) for name in (spec.source, spec.features) if name is not None]
    for place in inputs:
        if is_features_folder(place):
            raise UsageError(f"'{place}' holds features already", help=f"alfs estimate {place}")
        if place.is_dir() and folder.resolve().is_relative_to(place.resolve()):
            raise UsageError(
                f"--to '{folder}' lies in '{place}', which is read",
                help="name a folder beside it",
            )
