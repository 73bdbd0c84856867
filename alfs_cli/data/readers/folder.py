"""Image folders: `<class>/<image>` or `<split>/<class>/<image>`.

A folder of saved results among them, such as `alfs-out`, is passed over, as hidden files are.
"""

import hashlib
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alfs_cli.data.classes import checked_names, read_class_file
from alfs_cli.data.content import Content
from alfs_cli.data.dataset import DataSpec, Problem
from alfs_cli.data.images.kinds import FileImages
from alfs_cli.data.images.opening import HEAD, format_of
from alfs_cli.data.labels import text_labels
from alfs_cli.data.placeholders import what_lies_there
from alfs_cli.errors import InputError
from alfs_cli.storage.memory import threads
from alfs_cli.storage.targets import holds_results
from alfs_cli.text import addresses

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".avif", ".ppm",
    ".pgm",
)  # fmt: skip
SPLIT_NAMES = {
    "train": "train", "training": "train",
    "validation": "val", "valid": "val", "val": "val", "dev": "val",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip
SKIPPED = ("thumbs.db", "desktop.ini", "__macosx")
CLASS_FILES = ("classes.txt", "classes.json", "class_to_idx.json")
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
HEAD_BYTES = 1 << 16  # bytes of a first read, which holds most small files whole
BLOCK_BYTES = 1 << 20  # bytes of each further read
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass
class Scan:
    """What a walk through folders found: images, other files by suffix, and links that loop."""

    images: list[tuple[str, str]] = field(default_factory=list)  # (relative path, class)
    ignored: Counter[str] = field(default_factory=Counter)
    loops: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """The folders directly inside DATA, and the number of images beside them."""

    splits: dict[str, str]  # usual name -> folder
    classes: tuple[str, ...]
    loose: int  # images outside of any folder


def visible(name: str) -> bool:
    """Say whether a name is neither hidden nor that of a file that an operating system leaves."""
    return not name.startswith(".") and name.lower() not in SKIPPED


def is_image(name: str) -> bool:
    """Say whether a name has the suffix of an image, in upper or lower case.

    >>> is_image("a.JPG"), is_image("notes.txt")
    (True, False)
    """
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def shown(path: str) -> str:
    r"""Return a path as text that any encoding can hold, of a copy the address.

    Undecodable bytes become \xNN.
    """
    path = addresses.shown(path)
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        path = os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


def layout_of(root: Path) -> Layout:
    """Return the layout of an image folder: splits, classes, and images in neither.

    If all folders with a split's name hold images directly, they are classes. Raises InputError
    where two folders name the same split.
    """
    folders: list[str] = []
    loose = 0
    for entry in _entries(root):
        if entry.is_dir():
            folders.append(entry.name)
        elif is_image(entry.name):
            loose += 1
    named = [name for name in sorted(folders) if name.lower() in SPLIT_NAMES]
    if named and all(_holds_images(root / name) for name in named):
        named = []
    splits: dict[str, str] = {}
    for name in named:
        canonical = SPLIT_NAMES[name.lower()]
        if canonical in splits:
            raise InputError(
                f"'{root}' has two folders for the split '{canonical}': "
                f"'{splits[canonical]}' and '{name}'",
                help="move or merge one of them",
            )
        splits[canonical] = name
    return Layout(splits, tuple(sorted(set(folders) - set(named))), loose)


def folder_splits(root: Path) -> tuple[str, ...]:
    """Return the usual names of the splits of an image folder."""
    return tuple(layout_of(root).splits)


def read_folder(root: Path, spec: DataSpec) -> Content:
    """Return the images of one split, or all of a folder without splits, labelled by their folders.

    Raises InputError where there are no images, and where split and class folders are mixed.
    """
    layout = layout_of(root)
    if layout.splits and layout.classes and spec.split is None:
        holding = [name for name in layout.classes if images_below(root / name)]
        if holding:
            raise InputError(
                f"'{root}' mixes split folders ({', '.join(layout.splits.values())}) with class "
                f"folders ({', '.join(holding[:5])})",
                help=f"--split {next(iter(layout.splits))}, or move '{holding[0]}'",
            )
    split = chosen_split(spec.split, tuple(layout.splits), where=f"'{root}'")
    top = root / layout.splits[split] if split is not None else root
    return _content(root, top, split, labelled=spec.labels is None)


def chosen_split(wanted: str | None, splits: tuple[str, ...], *, where: str) -> str | None:
    """Return the usual name of the split to read: `wanted`, else train; None without any splits.

    Raises InputError where `wanted` is not there, and where there are splits but no train.
    """
    has = f"{where} has {'the splits ' + ', '.join(splits) if splits else 'no splits'}"
    if wanted is not None:
        name = SPLIT_NAMES.get(wanted.lower(), wanted)
        if name not in splits:
            raise InputError(f"no split '{wanted}': {has}", help="--split names one of them")
        return name
    if splits and "train" not in splits:
        raise InputError(f"no split 'train': {has}", help=f"--split {splits[0]}")
    return "train" if splits else None


def _content(root: Path, top: Path, split: str | None, *, labelled: bool) -> Content:
    scan = Scan()
    ancestors = {_identity(top)}
    classes: list[str] = []
    loose: list[tuple[str, str]] = []
    for entry in _entries(top):
        if entry.is_dir():
            name = unicodedata.normalize("NFC", shown(entry.name))
            classes.append(name)
            _walk(entry.path, entry.name, name, scan, ancestors)
        elif is_image(entry.name):
            loose.append((entry.name, ""))
        else:
            _pass_over(entry.name, scan)
    if not classes and not labelled:
        scan.images = loose
    elif loose:
        scan.ignored["images in no class folder"] = len(loose)
    if not scan.images:
        raise _no_images(top, scan)
    scan.images.sort(key=lambda image: _order(image[0]))
    paths = [os.path.join(top, relative) for relative, _ in scan.images]
    heads = heads_of(paths)
    readable = np.asarray([head.readable for head in heads], dtype=np.bool_)
    names = tuple(shown(path) for path in paths)
    digest = hashlib.sha256()
    for (relative, _), head in zip(scan.images, heads, strict=True):
        digest.update(_order(relative).encode("utf-8", "surrogateescape"))
        digest.update(b"\0%d\0" % head.size + head.digest)
    flat = not classes
    return Content(
        kind="folder",
        count=len(paths),
        digest=digest.hexdigest(),
        labels=None if flat else text_labels(label for _, label in scan.images),
        class_names=None if flat else _declared(top, root),
        found_classes=() if flat else tuple(dict.fromkeys(classes)),
        images=FileImages(tuple(paths), names, tuple(head.digest for head in heads)),
        paths=names,
        readable=None if readable.all() else readable,
        split=split,
        problems=tuple(
            unreadable(names[i], file=paths[i], given=scan.images[i][1] or None, row=int(i))
            for i in np.flatnonzero(~readable)
        ),
        notes=tuple(_notes(scan)),
    )


def _walk(path: str, relative: str, label: str, scan: Scan, above: set[tuple[int, int]]) -> None:
    """Add the images in a folder and below it to `scan`, depth first.

    There is no recursion, since folders may be nested thousands deep. `above` identifies the
    folders above, so that links back to them are not followed.
    """
    here = _identity(path)
    if here in above:
        scan.loops.append(shown(path))
        return
    within = {*above, here}
    stack = [(here, relative, _entries(path))]
    while stack:
        here, relative, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            within.discard(here)
            stack.pop()
            continue
        below = f"{relative}/{entry.name}"
        if entry.is_dir():
            inner = _identity(entry.path)
            if inner in within:
                scan.loops.append(shown(entry.path))
            else:
                within.add(inner)
                stack.append((inner, below, _entries(entry.path)))
        elif is_image(entry.name):
            scan.images.append((below, label))
        else:
            _pass_over(entry.name, scan)


def _entries(path: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            seen = sorted(
                (entry for entry in found if visible(entry.name)), key=lambda entry: entry.name
            )
    except OSError as error:
        raise InputError(
            f"cannot look into '{shown(str(path))}': {error.strerror}",
            help="see that it is a folder and yours to read",
        ) from None
    yield from (entry for entry in seen if not (entry.is_dir() and holds_results(entry.path)))


def _identity(path: Path | str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(
            f"cannot look into '{shown(str(path))}': {error.strerror}",
            help="see that it is a folder and yours to read",
        ) from None
    return status.st_dev, status.st_ino


def _pass_over(name: str, scan: Scan) -> None:
    if name.lower() not in CLASS_FILES:
        scan.ignored[os.path.splitext(shown(name))[1].lower() or "no suffix"] += 1


def _holds_images(path: Path) -> bool:
    return any(not entry.is_dir() and is_image(entry.name) for entry in _entries(path))


def images_below(path: Path | str) -> list[str]:
    """Return the paths of the images in a folder and below it, depth first in order of names."""
    scan = Scan()
    _walk(str(path), "", "", scan, set())
    return [os.path.join(path, relative.removeprefix("/")) for relative, _ in scan.images]


def _order(relative: str) -> str:
    return unicodedata.normalize("NFC", relative)


@dataclass(frozen=True)
class Head:
    """The size of a file, the SHA-256 of its content, and whether it begins like an image.

    The size is -1 where there is no file, the digest empty where it cannot be read.
    """

    size: int
    digest: bytes
    readable: bool


def heads_of(paths: list[str]) -> list[Head]:
    """Return the `Head` of each file, read by several threads.

    Of a pipe or device only the beginning is read.
    """
    with ThreadPoolExecutor(threads()) as pool:
        runs = [paths[start : start + 512] for start in range(0, len(paths), 512)]
        heads = pool.map(lambda run: [_head(path) for path in run], runs)
        return [head for run in heads for head in run]


def _head(path: str) -> Head:
    try:
        file = os.open(path, OPEN_FLAGS)
        try:
            content = os.read(file, HEAD_BYTES)
            digest, size = hashlib.sha256(content), len(content)
            is_plain = stat.S_ISREG(os.fstat(file).st_mode)
            while is_plain and (more := os.read(file, BLOCK_BYTES)):
                digest.update(more)
                size += len(more)
        finally:
            os.close(file)
    except OSError as error:
        return Head(-1 if isinstance(error, FileNotFoundError) else 0, b"", readable=False)
    except UnicodeEncodeError:  # a lone surrogate, which no file name can hold
        return Head(-1, b"", readable=False)
    known = format_of(content[:HEAD]) is not None
    return Head(size, digest.digest(), known)


def unreadable(
    path: str,
    *,
    file: str | None = None,
    line: int | None = None,
    given: str | None = None,
    row: int | None = None,
) -> Problem:
    """Return the Problem of a file that does not begin like an image.

    `path` is how messages show it, `file` the path to open where that differs.
    """
    why = what_lies_there(file or path) or "cannot be read as an image"
    return Problem("ALFS401", f"'{path}' {why}", path, line, given, row)


def _declared(top: Path, root: Path) -> tuple[str, ...] | None:
    for folder in dict.fromkeys((top, root)):
        for name in CLASS_FILES:
            if (folder / name).is_file():
                names = tuple(text_labels(read_class_file(folder / name)))
                return checked_names(names, where=f"'{folder / name}'")
    return None


def _notes(scan: Scan) -> Iterator[str]:
    if scan.ignored:
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in scan.ignored.most_common(5))
        count = sum(scan.ignored.values())
        yield f"{count:,} file{' was' if count == 1 else 's were'} passed over: {kinds}"
    for path in scan.loops[:3]:
        yield f"'{path}' links back to a folder above it and was not followed"


def _no_images(top: Path, scan: Scan) -> InputError:
    looked = " ".join(IMAGE_SUFFIXES)
    total = sum(scan.ignored.values())
    common = scan.ignored.most_common(1)
    most = f"; most common: {common[0][0]} {common[0][1]}" if common else ""
    return InputError(
        f"no images in class folders under '{top}' (looked for {looked}; "
        f"found 0 of {total} files{most})",
        help="the layout is <class>/<image>; images of another kind need converting, and images "
        "without class folders a manifest or --labels",
    )


def found(candidates: Sequence[Path], kind: str, root: Path) -> Path:
    """Return the first path that is a file; raises InputError where none is.

    `kind` and `root` name the data set and its folder in the message.
    """
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(
        f"no {kind} under '{root}' (looked for '{candidates[0]}')",
        help="--root FOLDER names the folder of the files as torchvision lays them out",
    )
