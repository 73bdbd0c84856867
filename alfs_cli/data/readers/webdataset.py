"""WebDataset: tar archives in which files of one name and several suffixes are a sample.

The archive is not unpacked. Labels are read when it is listed, pictures one at a time when they are
needed.
"""

import json
import tarfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from alfs_cli.data.content import Content
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.readers.folder import IMAGE_SUFFIXES, visible
from alfs_cli.data.readers.listing import Listing
from alfs_cli.data.readers.manifest import content_of
from alfs_cli.data.readers.records import frame_of
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError, brief
from alfs_cli.storage.files import as_file

KEY = "__key__"
TEXTS = ("cls", "txt", "text", "id", "index")  # suffixes of files of one value
LABELS = ("cls", "txt")  # of these the first is the label, if no `label` is in the .json
MAX_TEXT = 1 << 20  # bytes of a file that is no picture
BLOCK = 512  # bytes of which an archive is made
REST = 1 << 16  # bytes looked at after the end of an archive
KEPT = 4  # archives whose lists stay in memory
WHOLE = "is it whole? write or fetch it again"
Place = tuple[int, int]  # where a file begins in the archive, and its length


@dataclass(frozen=True, eq=False)
class Archive:
    """The N samples of a tar: their keys, their values, and where their pictures lie by suffix."""

    keys: tuple[str, ...]
    values: tuple[dict[str, Any], ...]
    pictures: dict[str, tuple[Place | None, ...]]


@dataclass(frozen=True)
class ArchiveColumn:
    """The pictures of one suffix in a tar; `places` are None for samples without one."""

    path: Path
    places: tuple[Place | None, ...]

    def __len__(self) -> int:
        return len(self.places)

    def content(self, row: int) -> bytes:
        """Return the bytes of a picture, b"" without one; raises OSError for a damaged file."""
        place = self.places[row]
        if place is None:
            return b""
        with open(self.path, "rb") as file:
            file.seek(place[0])
            return file.read(place[1])


def read_samples(path: Path) -> Table:
    """Return the samples of a tar as a table: its keys, its texts, and the names of pictures.

    The label is `label` in the .json, else the .cls, else the .txt of a sample.
    """
    archive = _archive(path)
    values = list(archive.values)
    if not any("label" in value for value in values):
        name = next((name for name in LABELS if any(name in value for value in values)), None)
        values = [{"label" if k == name else k: v for k, v in value.items()} for value in values]
    keys = pd.DataFrame({KEY: pd.Series(archive.keys, dtype=object)})
    frame = pd.concat([keys, frame_of(values)], axis=1)
    return Table(path, frame, None, tuple(archive.pictures), is_as_written=False)


def read_samples_data(path: Path, spec: DataSpec) -> Content:
    """Return the content of a tar of samples."""
    return content_of(Listing(read_samples(path), kind="webdataset"), spec)


def open_archive(path: Path, suffix: str) -> ArchiveColumn:
    """Open the pictures of one suffix in a tar."""
    return ArchiveColumn(path, _archive(path).pictures[suffix])


def _archive(path: Path) -> Archive:
    status = as_file(path).stat()
    return _listed(path, status.st_mtime_ns, status.st_size)


@lru_cache(KEPT)
def _listed(path: Path, _changed: int, size: int) -> Archive:
    """Return the samples of a tar; the cache is asked with its time of change and its size.

    Raises InputError where it is cut short, is no tar or holds no picture, and where the name of a
    file in it leads out of it.
    """
    found = _Samples(path)
    end = 0
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                end = member.offset_data + -(-member.size // BLOCK) * BLOCK
                if member.offset_data + member.size > size or member.issparse():
                    raise tarfile.ReadError("it is cut short")
                key, suffix = _name_of(path, member)
                if key and member.isreg():
                    found.add(archive, member, key, suffix)
        _refuse_rest(path, end)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _unreadable(path, error) from None
    return found.archive()


@dataclass
class _Samples:
    """The samples of a tar, as far as they were read."""

    path: Path
    keys: list[str] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, dict[int, Place]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo, key: str, suffix: str) -> None:
        """Add a file to its sample; files of one sample follow each other."""
        if not self.keys or self.keys[-1] != key:
            self.keys.append(key)
            self.values.append({})
            self.seen = set()
        if suffix in self.seen:
            raise InputError(
                f"sample '{brief(key)}' of '{self.path}' has two files .{suffix}",
                help="give each sample a name of its own",
            )
        self.seen.add(suffix)
        if f".{suffix.rpartition('.')[2]}" in IMAGE_SUFFIXES:
            place = (member.offset_data, member.size)
            self.pictures.setdefault(suffix, {})[len(self.keys) - 1] = place
        else:
            self.values[-1] |= _value(self.path, archive, member, suffix)

    def archive(self) -> Archive:
        """Return all samples; raises InputError where none has a picture."""
        if not self.pictures:
            raise InputError(
                f"'{self.path}' holds no picture ({len(self.keys):,} samples)",
                help="a sample is KEY.jpg or KEY.png, and its label KEY.cls, KEY.json or KEY.txt",
            )
        by_suffix = {
            suffix: tuple(found.get(row) for row in range(len(self.keys)))
            for suffix, found in sorted(self.pictures.items())
        }
        return Archive(tuple(self.keys), tuple(self.values), by_suffix)


def _name_of(path: Path, member: tarfile.TarInfo) -> tuple[str, str]:
    """Return the key and the suffix of a file, both "" for what is no part of a sample.

    Raises InputError where its name, or that which a link leads to, leaves the archive.
    """
    links = [member.linkname] if member.islnk() or member.issym() else []
    for name in (member.name, *links):
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":":
            raise InputError(
                f"'{path}' holds a file whose name leads out of the archive: '{brief(name)}'",
                help="make the archive anew with names relative to its samples",
            )
    folder, _, file = member.name.removeprefix("./").rpartition("/")
    stem, dot, suffix = file.partition(".")
    if not stem or not dot or not all(map(visible, (*folder.split("/"), file))):
        return "", ""
    return f"{folder}/{stem}" if folder else stem, suffix.lower()


def _value(
    path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, suffix: str
) -> dict[str, Any]:
    """Return the values in a small file: the keys of a .json, or its text; {} for another kind."""
    if suffix != "json" and suffix not in TEXTS:
        return {}
    if member.size > MAX_TEXT:
        raise InputError(
            f"'{member.name}' in '{path}' has {member.size / 1e6:,.1f} MB, and a text of a sample "
            f"at most {MAX_TEXT / 1e6:,.1f} MB",
            help="is it the right file?",
        )
    file = archive.extractfile(member)
    content = b"" if file is None else file.read()
    try:
        text = content.decode("utf-8-sig")
        if suffix != "json":
            return {suffix: text.strip()}
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(
            f"'{member.name}' in '{path}' is no {'JSON' if suffix == 'json' else 'UTF-8 text'}",
            help="write it again, in UTF-8",
        ) from None
    return found if isinstance(found, dict) else {"label": found}


def _refuse_rest(path: Path, end: int) -> None:
    """Raise an error unless the archive ends in zeros after its last file, which ends at `end`.

    One that is cut between two files is read without an error, and so is the first of several.
    """
    with open(path, "rb") as file:
        file.seek(end)
        rest = file.read(REST)
    if len(rest) < BLOCK:
        raise tarfile.ReadError("it is cut short")
    if rest.strip(b"\0"):
        raise tarfile.ReadError("there is more after its end; were several archives joined?")


def _unreadable(path: Path, error: Exception) -> InputError:
    try:
        with open(path, "rb") as file:
            is_packed = file.read(2) == b"\x1f\x8b"
    except OSError:
        is_packed = False
    if is_packed:
        return InputError(
            f"'{path}' is compressed, and pictures cannot be read from the middle of it",
            help=f"gunzip < '{path}' > unpacked.tar",
        )
    return InputError(f"cannot read '{path}' as tar: {brief(error)}", help=WHOLE)
