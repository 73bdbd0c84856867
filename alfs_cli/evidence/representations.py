"""Features of a data set: its own, those of its texts or pixels, or those of an encoder."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli import __version__
from alfs_cli.arrays import Features, IntArray
from alfs_cli.data.dataset import positions_of
from alfs_cli.data.feature_columns import nothing_left
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.errors import InputError
from alfs_cli.evidence.encoders import NAME
from alfs_cli.evidence.encoders.encoding import encode
from alfs_cli.evidence.out_of_fold import Progress, principal_components
from alfs_cli.evidence.tuning import GATHERING
from alfs_cli.storage.writing import replacing

if TYPE_CHECKING:
    from alfs_cli.data import Images, LabelledDataset

Represented = tuple[Features, IntArray]


@dataclass(frozen=True)
class EncoderChoice:
    """Which encoder makes features, whether its weights may be fetched, and its device."""

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
    """Return features (n, D) of a kind, and the indices (n,) of the examples that have them.

    Features of images and texts are kept in the folder `cache` under a digest of their content,
    which does not depend on labels. Raises InputError where the data set lacks what the kind needs.
    """
    if kind == "features":
        return _own_features(dataset)
    if kind == "text":
        place = _cache_file(cache, dataset, kind)
        return _kept(place, lambda: _of_texts(dataset, progress))
    images = dataset.images
    if images is None:
        raise InputError("no images here", help="--evidence features, text or pred-probs")
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
        return X.astype(np.float16).astype(np.float32), kept  # equal to what the cache stores

    place = _cache_file(cache, dataset, f"{kind}-{encoder.name or NAME}")
    return _kept(place, encoded)


def _own_features(dataset: "LabelledDataset") -> Represented:
    if dataset.features is None and dataset.columns is not None:
        raise nothing_left(dataset.columns, where=f"'{dataset.name}'")
    if dataset.features is None:
        raise InputError("no features here", help="give them: --features FILE")
    return dataset.features, np.arange(len(dataset))


def _of_texts(dataset: "LabelledDataset", progress: Progress | None) -> Represented:
    from alfs_cli.evidence.texts import text_features  # imports scikit-learn

    if dataset.texts is None:
        raise InputError("no texts here", help="--text-column names the column of texts")
    return text_features(dataset.texts, progress), np.arange(len(dataset))


def pixel_features(images: "Images", progress: Progress | None = None) -> Represented:
    """Return principal components of the pixels (n, D), and the indices (n,) of readable images.

    Larger images are shrunk first, to 32 x 32 grey or 18 x 18 coloured pixels. D is
    `GATHERING.pixel_components` or less. Raises InputError where no image can be read.
    """
    height, width, channels = images.shape
    largest = math.isqrt(GATHERING.pixel_values // channels)
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
    used = rows if len(kept) == total else rows[kept]
    return principal_components(used, GATHERING.pixel_components), kept


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
