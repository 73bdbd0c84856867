"""Data sets that are known by name."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alfs_cli.data.content import Content, array_digest
from alfs_cli.data.dataset import IntArray
from alfs_cli.data.images import ArrayImages
from alfs_cli.errors import InputError

DIGITS_HOLDOUT = 0.2


def digits(split: str, root: Path | None) -> Content:
    """Return scikit-learn's 8 x 8 digits: 1,797 images, the stratified 80/20 split of seed 0."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    train, test = stratified_split(labels, DIGITS_HOLDOUT)
    chosen = train if split == "train" else test
    names = tuple(str(digit) for digit in range(10))
    return _content("digits", split, images[chosen], labels[chosen].astype(np.int64), names)


def _content(
    kind: str,
    split: str,
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    labels: IntArray,
    class_names: tuple[str, ...],
) -> Content:
    return Content(
        kind=kind,
        count=len(labels),
        digest=array_digest(pixels),
        labels=labels,
        true_labels=labels,
        class_names=class_names,
        images=ArrayImages(pixels),
        split=split,
    )


def stratified_split(labels: IntArray, holdout: float) -> tuple[IntArray, IntArray]:
    """Return the sorted places of the two parts; the second has `holdout` of N, rounded up.

    Each class gives its share, by largest remainders. Drawn with seed 0 whatever else is drawn, so
    that it is the same part in every run. A class of two or more is in both parts.
    """
    generator = np.random.default_rng(0)
    classes, sizes = np.unique(labels, return_counts=True)
    exact = holdout * sizes
    counts = np.floor(exact).astype(np.int64)
    short = math.ceil(round(holdout * len(labels), 6)) - int(counts.sum())
    counts[np.argsort(-(exact - counts), kind="stable")[:short]] += 1
    counts = np.where(sizes >= 2, np.clip(counts, 1, np.maximum(sizes - 1, 1)), 0)
    held = np.zeros(len(labels), dtype=np.bool_)
    for label, count in zip(classes, counts, strict=True):
        members = generator.permutation(np.flatnonzero(labels == label))
        held[members[:count]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


Reader = Callable[[str, Path | None], Content]

BUILTINS: dict[str, Reader] = {"digits": digits}


def read_builtin(name: str, split: str | None, root: str | None) -> Content:
    """Read a built-in data set by name; raises InputError where it or its split is not there."""
    wanted = split or "train"
    splits = builtin_splits(name)
    if wanted not in splits:
        raise InputError(
            f"'{name}' has no split '{wanted}'", help=f"--split {' or --split '.join(splits)}"
        )
    return BUILTINS[name](wanted, Path(root) if root is not None else None)


def builtin_splits(name: str) -> tuple[str, ...]:
    """Return the splits of a built-in data set, the one to train on first."""
    return ("train", "test")
