"""Features of a data set: its own, of its pixels, or what an encoder makes of them."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alfs_cli import __version__
from alfs_cli.data.dataset import positions_of
from alfs_cli.data.feature_columns import nothing_left
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.errors import InputError
from alfs_cli.evidence.encoders import NAME
from alfs_cli.evidence.encoders.encoding import encode
from alfs_cli.evidence.out_of_fold import Features, Progress, principal_components
from alfs_cli.storage.writing import replacing

if TYPE_CHECKING:
    from alfs_cli.data import Images, LabelledDataset

IntArray = NDArray[np.int64]
Represented = tuple[Features, IntArray]

PIXEL_VALUES = 1024  # pictures of more values are shrunk to 32 x 32 grey, 18 x 18 coloured
PCA_SIZE = 64


@dataclass(frozen=True)
class EncoderChoice:
    """Which encoder, if its weights may be fetched, and where it runs."""

    name: str | None = None
    download: bool = False
    device: str = "cpu"


OFFLINE = EncoderChoice()


def representation(
    dataset: "LabelledDataset",
    kind: str,
    *,
    encoder: EncoderChoice = OFFLINE,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Represented:
    """Return features (n, D) of a kind, and the places (n,) of the examples they stand for.

    What is made of images is kept in `cache` under a digest of their content, whatever their
    labels. Raises InputError where the data set lacks what the kind needs.
    """
    if kind == "features":
        if dataset.features is None and dataset.columns is not None:
            raise nothing_left(dataset.columns, where=f"'{dataset.name}'")
        if dataset.features is None:
            raise InputError("no features here", help="give them: --features FILE")
        return dataset.features, np.arange(len(dataset))
    images = dataset.images
    if images is None:
        raise InputError("no images here", help="--evidence features or pred-probs")
    if kind == "pixels":
        return _kept(_cache_file(cache, dataset, kind), lambda: pixel_features(images, progress))
    total = len(dataset)

    def tell(done: int) -> None:
        if progress is not None:
            progress("encoding images", done, total)

    def encoded() -> Represented:
        from alfs_cli.training.devices import choose_device

        X, kept = encode(
            images,
            np.arange(total),
            encoder=encoder.name,
            download=encoder.download,
            device=choose_device(encoder.device).name,
            progress=tell,
        )
        return X.astype(np.float16).astype(np.float32), kept  # as it is kept: half the disk

    place = _cache_file(cache, dataset, f"{kind}-{encoder.name or NAME}")
    return _kept(place, encoded)


def pixel_features(images: "Images", progress: Progress | None = None) -> Represented:
    """Return the first principal components of the (shrunken) pixels, (n, <= 64) float32.

    Also the places (n,) of the images that could be read.
    """
    height, width, channels = images.shape
    largest = math.isqrt(PIXEL_VALUES // channels)
    size = None if height == width and height <= largest else largest
    total = len(images)

    def tell(done: int) -> None:
        if progress is not None:
            progress("reading images", done, total)

    pixels, readable = images.decode(np.arange(total), size=size, progress=tell)
    kept = np.flatnonzero(readable)
    if not len(kept):
        raise InputError(
            f"none of the {total:,} images can be read",
            help="alfs inspect FILE... says what is wrong with each",
        )
    rows = pixels.reshape(total, -1)
    return principal_components(rows if len(kept) == total else rows[kept], PCA_SIZE), kept


def _cache_file(cache: Path | None, dataset: "LabelledDataset", words: str) -> Path | None:
    if cache is None or not dataset.content_digest:
        return None
    digest = hashlib.sha256(f"{__version__}-{dataset.content_digest}-{words}".encode())
    digest.update(positions_of(dataset).tobytes())
    return cache / f"features-{digest.hexdigest()[:16]}.npz"


def _kept(place: Path | None, make: Callable[[], Represented]) -> Represented:
    """Return stored features, or make and store them."""
    if place is None:
        return make()
    try:
        stored = load_npz(place)
        return stored["features"].astype(np.float32), stored["kept"]
    except (InputError, KeyError, ValueError, TypeError):
        pass
    X, kept = make()
    with np.errstate(over="ignore"):
        half = X.astype(np.float16)
    with replacing(place) as temporary:
        is_exact = bool((half.astype(np.float32) == X).all())
        np.savez(temporary, features=half if is_exact else X, kept=kept)
    return X, kept
