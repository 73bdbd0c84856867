"""The first 50 classes of WebVision 1.0: images found by web search, labelled by the query."""

import hashlib
import os
from pathlib import Path

import numpy as np

from alfs_cli.data.content import Content
from alfs_cli.data.images.kinds import FileImages
from alfs_cli.data.readers.folder import found, heads_of, unreadable
from alfs_cli.errors import InputError
from alfs_cli.storage.files import as_text_file
from alfs_cli.text.numbers import whole_number

NUM_CLASSES = 50
VAL_FOLDER = "val_images_256"


def webvision_mini(split: str, top: Path) -> Content:
    """Return the first 50 classes of WebVision 1.0: `train` from Google, or `val`.

    `top` holds `info/train_filelist_google.txt`, `info/val_filelist.txt`, `google/` and
    `val_images_256/`. Only the labels of `val` are known to be true. Raises InputError where a
    listing or an image is missing.
    """
    file, folder = (
        ("train_filelist_google.txt", "") if split == "train" else ("val_filelist.txt", VAL_FOLDER)
    )
    listing = found([top / "info" / file], "webvision-mini", top)
    paths: list[str] = []
    labels: list[int] = []
    lines = as_text_file(listing).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        name, _, label = line.rpartition(" ")
        code = whole_number(label)
        if not name or code is None:
            raise InputError(
                f"{listing}:{number}: '{line}' is not a path and a label",
                help="is the listing whole?",
            )
        if code < NUM_CLASSES:
            paths.append(os.path.join(top, folder, name))
            labels.append(code)
    heads = heads_of(paths)
    missing = [path for path, head in zip(paths, heads, strict=True) if head.size < 0]
    if missing:
        raise InputError(
            f"{len(missing):,} of {len(paths):,} images of webvision-mini do not exist "
            f"(first: '{missing[0]}')",
            help="--root FOLDER names the folder that holds info, google and val_images_256",
        )
    digest = hashlib.sha256(b"".join(head.digest for head in heads)).hexdigest()
    given = np.asarray(labels, dtype=np.int64)
    readable = np.asarray([head.readable for head in heads], dtype=np.bool_)
    return Content(
        kind="webvision-mini",
        count=len(paths),
        digest=digest,
        labels=given,
        true_labels=given if split == "val" else None,
        class_names=_synsets(top / "info" / "synsets.txt"),
        images=FileImages(tuple(paths), tuple(paths), tuple(head.digest for head in heads)),
        paths=tuple(paths),
        readable=None if readable.all() else readable,
        split=split,
        problems=tuple(unreadable(paths[i]) for i in np.flatnonzero(~readable)),
    )


def _synsets(path: Path) -> tuple[str, ...]:
    """Return the first 50 class names, with the synset added to equal ones; else 0 .. 49."""
    numbers = tuple(str(number) for number in range(NUM_CLASSES))
    if not path.is_file():
        return numbers
    lines = as_text_file(path).read_text(encoding="utf-8").splitlines()[:NUM_CLASSES]
    names = [line.partition(" ")[2].partition(",")[0].strip() for line in lines]
    if len(names) < NUM_CLASSES or not all(names):
        return numbers
    return tuple(
        name if names.count(name) == 1 else f"{name} ({line.partition(' ')[0]})"
        for name, line in zip(names, lines, strict=True)
    )
