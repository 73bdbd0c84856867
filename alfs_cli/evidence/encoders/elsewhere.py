"""Pictures and texts encoded by workers elsewhere, in the batches that one process makes."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from alfs_cli.arrays import BoolArray, Features, IntArray
from alfs_cli.errors import InputError, UsageError, brief
from alfs_cli.evidence.encoders.encoding import (
    Done,
    encode_batches,
    encode_texts,
    joined,
    longest_first,
)
from alfs_cli.evidence.tuning import ENCODING
from alfs_cli.storage.workers import Workers

if TYPE_CHECKING:
    from alfs_cli.data import Images
    from alfs_cli.evidence.encoders.interface import Encoder

PIECES = 64  # of few examples, so that several workers have something to do
LEAST, MOST = 256, 4096  # examples of a piece, both whole batches


@dataclass(frozen=True)
class Encoding:
    """Work on pictures or texts, an encoder that a process finds once and keeps.

    Relative paths in the encoder's name are relative to `working_folder`.
    """

    again: "Callable[[], Encoder]"
    digest: str
    device: str
    working_folder: str

    @classmethod
    def by(cls, encoder: "Encoder", device: str) -> "Encoding":
        """Return the work of an encoder; raises UsageError for one that is only here."""
        if encoder.again is None:
            raise UsageError(
                f"encoder '{encoder.name}' exists in this process alone", help="--executor local"
            )
        return cls(encoder.again, encoder.digest, device, os.getcwd())

    def __call__(self, some: "Images | list[str]") -> tuple[list[Features], BoolArray]:
        """Return the features (n, D) of batches, of those that can be read, and a mask of these."""
        if os.getcwd() != self.working_folder and os.path.isdir(self.working_folder):
            os.chdir(self.working_folder)  # in a worker's process
        encoder = _found(self.again, self.digest)
        if isinstance(some, list):
            found = encode_texts(some, encoder, device=self.device)
            return [found], np.ones(len(found), dtype=np.bool_)
        every = np.arange(len(some))
        return encode_batches(some, every, encoder, device=self.device)


@lru_cache(maxsize=2)
def _found(again: "Callable[[], Encoder]", digest: str) -> "Encoder":
    """Return the encoder, whose networks are loaded once; raises UsageError where it is another."""
    found = again()
    if found.digest != digest:
        raise UsageError(
            f"encoder '{found.name}' has other weights, or another version, on this machine",
            help="the same weights are needed on all machines",
        )
    pictures, texts = found.pictures, found.texts
    return replace(
        found,
        pictures=None if pictures is None else lru_cache(maxsize=1)(pictures),
        texts=None if texts is None else lru_cache(maxsize=1)(texts),
    )


def encode_elsewhere(
    images: "Images",
    encoder: "Encoder",
    workers: Workers,
    *,
    device: str = "auto",
    progress: Done | None = None,
) -> tuple[Features, IntArray]:
    """Return features (n, D) of the readable images, and their places (n,), as `encode` does.

    Raises InputError where workers cannot read what can be read here, and as `encode`.
    """
    places = list(_pieces(len(images)))
    sent = Sent(images, places)
    parts, masks, done = list[Features](), [], 0
    work = workers.map(Encoding.by(encoder, device), sent, uses_gpu=True)
    for piece, (features, readable) in zip(places, work, strict=True):
        for place in piece[~readable][:3]:
            _refuse_unseen(images, int(place))
        parts += features
        masks.append(readable)
        done += len(piece)
        if progress is not None:
            progress(done)
    return joined(parts, np.concatenate(masks))


def encode_texts_elsewhere(
    texts: Sequence[str],
    encoder: "Encoder",
    workers: Workers,
    *,
    device: str = "auto",
    progress: Done | None = None,
) -> Features:
    """Return features (N, D) of texts, as `encode_texts` does and with the same errors."""
    if not len(texts):
        return encode_texts(texts, encoder, device=device)
    order = longest_first(texts)
    pieces = [order[piece] for piece in _pieces(len(texts))]
    items = [[texts[place] for place in piece] for piece in pieces]
    parts, done = list[Features](), 0
    work = workers.map(Encoding.by(encoder, device), items, uses_gpu=True)
    for piece, (features, _) in zip(pieces, work, strict=True):
        parts += features
        done += len(piece)
        if progress is not None:
            progress(done)
    found = np.concatenate(parts)
    return np.asarray(found[np.argsort(order)], dtype=np.float32)


@dataclass(frozen=True)
class Sent(Sequence["Images"]):
    """Pieces of pictures, each made ready to be sent when its turn comes."""

    images: "Images"
    places: list[IntArray]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: Any) -> Any:
        return self.images.sent(self.places[number])

    def __iter__(self) -> "Iterator[Images]":
        return map(self.images.sent, self.places)


def _pieces(count: int) -> Iterator[IntArray]:
    """Yield the places of each piece: whole batches, so that each batch is as it is here."""
    batch = max(ENCODING.batch, ENCODING.gpu_batch, ENCODING.texts)
    size = int(np.clip(-(-count // (PIECES * batch)) * batch, LEAST, MOST))
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def _refuse_unseen(images: "Images", place: int) -> None:
    """Raise InputError for a picture that can be read here, and not where it was encoded."""
    if images.problem(place) is not None:
        return
    shown = getattr(images.sent(np.array([place])), "shown", ("",))[0]
    raise InputError(
        f"a worker cannot read a picture that can be read here: '{brief(shown)}'",
        help="every machine of the cluster needs the data under the same path",
    )
