"""The built-in data sets: digits, MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100."""

import gzip
import io
import math
import zlib
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from alfs_cli.arrays import ByteArray, FloatArray, IntArray
from alfs_cli.data.content import Content, array_digest
from alfs_cli.data.images.kinds import ArrayImages
from alfs_cli.data.names import CIFAR10, CIFAR100, FASHION_MNIST
from alfs_cli.data.readers import BUILTINS, function
from alfs_cli.data.readers.folder import SPLIT_NAMES, found
from alfs_cli.data.readers.pickles import read_batch
from alfs_cli.errors import InputError

DEFAULT_ROOT = "data"
AGAIN = "is it whole? delete it and fetch it again (--download)"
DIGITS, DIGITS_HOLDOUT = "datasets/data/digits.csv.gz", 0.2
IDX_BYTES = b"\0\0\x08"
MAX_IDX = 1 << 28  # bytes of an unpacked file, five times those of MNIST's images


def digits(split: str, _root: Path) -> Content:
    """Return scikit-learn's 1,797 digits of 8 x 8 pixels, split 80/20, stratified, with seed 0."""
    pixels, labels = _scikit_learns_digits()
    images = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    train, test = stratified_split(labels, DIGITS_HOLDOUT)
    chosen = train if split == "train" else test
    names = tuple(str(digit) for digit in range(10))
    return _content("digits", split, images[chosen], labels[chosen].astype(np.int64), names)


def _scikit_learns_digits() -> tuple[FloatArray, IntArray]:
    """Return pixels 0 .. 16 (1797, 64) and labels (1797,), read from scikit-learn's own file.

    scikit-learn is not imported: that takes seconds, in every process of a sweep.
    """
    package = find_spec("sklearn")
    file = Path(package.origin if package and package.origin else "").parent / DIGITS
    if not file.is_file():  # in another version of scikit-learn
        from sklearn.datasets import load_digits

        found: tuple[FloatArray, IntArray] = load_digits(return_X_y=True)
        return found
    table = _numbers(file)
    return table[:, :-1], table[:, -1].astype(np.int64)


@cache
def _numbers(file: Path) -> FloatArray:
    """Return a table of numbers; both splits of the same data ask for it, and each command."""
    table = np.loadtxt(file, delimiter=",")
    table.flags.writeable = False
    return table


def _content(
    kind: str,
    split: str,
    pixels: ByteArray,
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
    """Return the sorted indices of two parts of labels (N,), the second a share `holdout` of N.

    N `holdout` is rounded up, and each class gives its share by largest remainders; a class of two
    or more is in both parts. The seed is always 0, so that every run has the same parts.

    >>> kept, held = stratified_split(np.array([0, 0, 0, 0, 1, 1]), 0.25)
    >>> len(kept), len(held)
    (4, 2)
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


def mnist(split: str, root: Path) -> Content:
    """Return MNIST from torchvision's layout, ROOT/MNIST/raw."""
    return _idx("mnist", "MNIST", split, root, tuple(str(digit) for digit in range(10)))


def fashion_mnist(split: str, root: Path) -> Content:
    """Return Fashion-MNIST from torchvision's layout, ROOT/FashionMNIST/raw."""
    return _idx("fashion-mnist", "FashionMNIST", split, root, FASHION_MNIST)


def cifar10(split: str, root: Path) -> Content:
    """Return CIFAR-10 from torchvision's layout, ROOT/cifar-10-batches-py."""
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    files = batches if split == "train" else ["test_batch"]
    return _cifar("cifar10", "cifar-10-batches-py", files, "labels", split, root, CIFAR10)


def cifar100(split: str, root: Path) -> Content:
    """Return CIFAR-100 with its fine labels from torchvision's layout, ROOT/cifar-100-python."""
    return _cifar("cifar100", "cifar-100-python", [split], "fine_labels", split, root, CIFAR100)


def _idx(kind: str, folder: str, split: str, root: Path, class_names: tuple[str, ...]) -> Content:
    stem = "train" if split == "train" else "t10k"
    pixels, labels = (
        read_idx(
            found(
                [
                    place / f"{stem}-{file}{suffix}"
                    for place in (root / folder / "raw", root)
                    for suffix in ("", ".gz")
                ],
                kind,
                root,
            )
        )
        for file in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    if pixels.ndim != 3 or labels.shape != (len(pixels),):
        raise InputError(
            f"images {pixels.shape} and labels {labels.shape} of {kind} do not match",
            help=AGAIN,
        )
    return _content(kind, split, pixels, labels.astype(np.int64), class_names)


def read_idx(path: Path) -> ByteArray:
    """Return the array of an idx file of unsigned bytes, plain or .gz.

    Raises InputError where the header does not match the length.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_IDX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read '{path}': {error}", help=AGAIN) from None
    if len(content) > MAX_IDX:
        raise InputError(f"'{path}' holds more than {MAX_IDX / 1e6:,.0f} MB", help=AGAIN)
    dims = content[3] if len(content) > 4 else 0
    start = 4 + 4 * dims
    if content[:3] != IDX_BYTES or not 1 <= dims <= 4 or len(content) < start:
        raise InputError(f"'{path}' is not an idx file of bytes", help=AGAIN)
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    if math.prod(shape) != len(content) - start:
        raise InputError(
            f"'{path}' is cut short: {len(content) - start:,} bytes, not {math.prod(shape):,}",
            help="get the file anew",
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _cifar(
    kind: str,
    folder: str,
    files: Sequence[str],
    label_key: str,
    split: str,
    root: Path,
    class_names: tuple[str, ...],
) -> Content:
    batches = [
        read_batch(found([root / folder / file, root / file], kind, root), label_key)
        for file in files
    ]
    rows = np.concatenate([pixels for pixels, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    pixels = np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return _content(kind, split, pixels, labels, class_names)


def read_builtin(name: str, split: str | None, root: str | None) -> Content:
    """Return the content of a built-in data set; raises InputError where its files are missing."""
    wanted = SPLIT_NAMES.get((split or "train").lower(), split or "train")
    splits = builtin_splits(name)
    if wanted not in splits:
        raise InputError(
            f"no split '{split}': '{name}' has the splits {', '.join(splits)}",
            help="--split names one of them",
        )
    place = Path(root if root is not None else DEFAULT_ROOT)
    content: Content = function(BUILTINS[name])(wanted, place)
    return content


def builtin_splits(name: str) -> tuple[str, ...]:
    """Return the names of the splits of a built-in data set, the one to train on first."""
    return ("train", "val") if name == "webvision-mini" else ("train", "test")
