"""Folders of shards: Parquet as the Hugging Face Hub stores it, tar archives of WebDataset.

The shards of a split are read as one table, in the order of their names. Where names begin with
those of splits, as `train-00000-of-00002.parquet` does, the table has a column `split`.
"""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from alfs_cli.data.content import Content
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.readers import function
from alfs_cli.data.readers.folder import METADATA, SPLIT_NAMES
from alfs_cli.data.readers.listing import Listing
from alfs_cli.data.readers.manifest import content_of, splits_in
from alfs_cli.data.readers.tables import TABLES, Table
from alfs_cli.errors import InputError

SUFFIXES = (".parquet", ".tar")
INSIDE = "data"  # the folder of a data set on the Hub that holds its files
KIND = "shards"
NAME = re.compile(r"[A-Za-z]+")


def shards_in(folder: Path) -> list[Path]:
    """Return the shards in a folder, or in its folder `data`, in the order of their names.

    There are none where the folder holds no such file. Raises InputError for two kinds of them.
    """
    for place in (folder, folder / INSIDE):
        files = sorted(place.iterdir()) if place.is_dir() else []
        found = [file for file in files if _is_shard(file)]
        kinds = sorted({file.suffix.lower() for file in found})
        if len(kinds) > 1:
            raise InputError(
                f"'{place}' holds files of different kinds: {', '.join(kinds)}",
                help="keep one kind in the folder, or name one file as DATA",
            )
        if found:
            return found
    return []


def are_archives(path: Path) -> bool:
    """Say whether a path is a tar, or a folder of them."""
    files = shards_in(path) if path.is_dir() else [path]
    return bool(files) and files[0].suffix.lower() == ".tar"


def _is_shard(file: Path) -> bool:
    is_named = file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    return is_named and file.name not in METADATA and file.is_file()


def read_shards(folder: Path) -> Table:
    """Return the shards in a folder as one table; raises InputError where their columns differ."""
    files = shards_in(folder)
    if not files:
        raise InputError(f"'{folder}' holds no shards", help=f"shards are {' '.join(SUFFIXES)}")
    tables: list[Table] = [function(TABLES[file.suffix.lower()])(file) for file in files]
    first = tables[0]
    for file, table in zip(files, tables, strict=True):
        same = (table.columns, table.pictures, dict(table.orders))
        if same != (first.columns, first.pictures, dict(first.orders)):
            raise InputError(
                f"'{file}' has other columns, or other classes, than '{files[0]}'",
                help="shards of one data set are alike; move the others elsewhere",
            )
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    splits = splits_of_files(files)
    if splits is not None and "split" not in frame.columns:
        column = [split for split, t in zip(splits, tables, strict=True) for _ in t.frame.index]
        frame = frame.assign(split=pd.Series(column, dtype=object))
    return replace(first, path=folder, frame=frame, is_as_written=False)


def splits_of_files(files: list[Path]) -> list[str] | None:
    """Return the usual name of each file's split, None where a name begins with none."""
    words = [NAME.match(file.name) for file in files]
    found = [SPLIT_NAMES.get(word[0].lower()) if word else None for word in words]
    named = [split for split in found if split is not None]
    return named if len(named) == len(files) else None


def read_shards_data(folder: Path, spec: DataSpec) -> Content:
    """Return the content of a folder of shards, of one split where their names tell splits."""
    return content_of(Listing(read_shards(folder), kind=KIND), spec)


def shard_splits(folder: Path) -> tuple[str, ...]:
    """Return the usual names of the splits of a folder of shards."""
    return splits_in(read_shards(folder))
