"""Features of a data set: its own, those of its texts or pixels, or those of an encoder."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli import __version__
from alfs_cli.arrays import Features, IntArray
from alfs_cli.data.dataset import positions_of
from alfs_cli.data.feature_columns import nothing_left
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.data.telling import without_words
from alfs_cli.errors import InputError
from alfs_cli.evidence.encoders import find_encoders
from alfs_cli.evidence.encoders.elsewhere import encode_elsewhere, encode_texts_elsewhere
from alfs_cli.evidence.encoders.encoding import encode, encode_texts
from alfs_cli.evidence.out_of_fold import Progress, principal_components
from alfs_cli.evidence.tuning import GATHERING
from alfs_cli.storage.workers import Workers
from alfs_cli.storage.writing import replacing

if TYPE_CHECKING:
    from alfs_cli.data import Images, LabelledDataset
    from alfs_cli.evidence.encoders.interface import Encoder

Represented = tuple[Features, IntArray]

JOINED = " + "  # between the names of encoders


@dataclass(frozen=True)
class EncoderChoice:
    """Which encoders make features, the default one for none, and how.

    `size` are pixels a side of the pictures, None for those of each model; `download` says whether
    weights may be fetched.
    """

    names: tuple[str, ...] = ()
    size: int | None = None
    download: bool = False
    device: str = "cpu"

    @property
    def option(self) -> str:
        """The option that asks for an encoder, "" where none does."""
        return "--encoder" if self.names else "--encoder-size" if self.size is not None else ""

    def found(self) -> "tuple[Encoder, ...]":
        """Return the encoders, not loaded yet; raises as `find_encoders` does."""
        return find_encoders(self.names, size=self.size, download=self.download)


OFFLINE = EncoderChoice()


def representation(
    dataset: "LabelledDataset",
    kind: str,
    encoders: "Sequence[Encoder]" = (),
    *,
    device: str = "cpu",
    cache: Path | None = None,
    progress: Progress | None = None,
    workers: Workers | None = None,
) -> Represented:
    """Return features (n, D) of a kind, and the indices (n,) of the examples that have them.

    Features of images and texts are kept in the folder `cache` under a digest of their content,
    which depends on labels only where words of the texts tell them. `workers` elsewhere encode in
    place of this process. Raises InputError where the data set lacks what the kind needs.
    """
    if kind == "features":
        return _own_features(dataset)
    if kind == "text":
        place = _cache_file(cache, dataset, kind)
        return _kept(place, lambda: _of_texts(dataset, progress))
    images = dataset.images
    if images is None and (kind == "pixels" or dataset.texts is None):
        raise InputError("no images here", help="--evidence features, text or pred-probs")
    if images is not None and kind == "pixels":
        return _kept(_cache_file(cache, dataset, kind), lambda: pixel_features(images, progress))
    return side_by_side(
        [_encoded(dataset, one, device, cache, progress, workers) for one in encoders]
    )


def _encoded(
    dataset: "LabelledDataset",
    encoder: "Encoder",
    device: str,
    cache: Path | None,
    progress: Progress | None,
    workers: Workers | None,
) -> Represented:
    """Return the features of one encoder, of pictures or else of texts, kept under its digest."""
    total, images, texts = len(dataset), dataset.images, dataset.texts

    def tell(done: int) -> None:
        if progress is not None:
            progress("encoding images" if texts is None else "encoding texts", done, total)

    def encoded() -> Represented:
        kept = np.arange(total)
        if images is not None and workers is None:
            X, kept = encode(images, kept, encoder, device=device, progress=tell)
        elif images is not None and workers is not None:
            X, kept = encode_elsewhere(images, encoder, workers, device=device, progress=tell)
        else:
            some = [] if texts is None else list(without_words(texts, dataset.telling_words))
            X = (
                encode_texts(some, encoder, device=device, progress=tell)
                if workers is None
                else encode_texts_elsewhere(some, encoder, workers, device=device, progress=tell)
            )
        return X.astype(np.float16).astype(np.float32), kept  # equal to what the cache stores

    return _kept(_cache_file(cache, dataset, f"encoder-{encoder.digest}"), encoded)


def side_by_side(parts: Sequence[Represented]) -> Represented:
    """Return features of several encoders as one (n, D), each scaled to the same spread."""
    if len(parts) == 1:
        return parts[0]
    kept = parts[0][1]  # which pictures can be read does not depend on the encoder
    scaled = []
    for X, _ in parts:
        spread = float(np.sqrt(((X - X.mean(axis=0)) ** 2).sum(axis=1).mean()))
        scaled.append(X / np.float32(spread or 1.0))
    return np.concatenate(scaled, axis=1), kept


def joined_names(encoders: "Sequence[Encoder]") -> str:
    """Return the name of features of several encoders, as reports have it."""
    return JOINED.join(encoder.name for encoder in encoders)


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
    texts = without_words(dataset.texts, dataset.telling_words)
    return text_features(texts, progress), np.arange(len(dataset))


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
    content = "-".join((dataset.content_digest, *dataset.telling_words))
    digest = hashlib.sha256(f"{__version__}-{content}-{words}".encode("utf-8", "surrogateescape"))
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
