"""Identical examples under different labels: a proof that one of them is wrong, not an estimate."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

from alfs_cli.data.dataset import IntArray, LabelledDataset


def conflicting_duplicates(
    labels: IntArray, digests: Sequence[bytes | None]
) -> tuple[tuple[int, ...], ...]:
    """Return the places of examples with the same digest (N,) that carry different labels (N,).

    Each group is in order, and the groups by their first member.
    """
    groups: dict[bytes, list[int]] = defaultdict(list)
    for place, digest in enumerate(digests):
        if digest is not None:
            groups[digest].append(place)
    return tuple(
        tuple(places)
        for places in groups.values()
        if len(places) > 1 and len({int(labels[place]) for place in places}) > 1
    )


def content_digest(dataset: LabelledDataset, place: int) -> bytes | None:
    """Return the SHA-256 of an example's content: a file's bytes, a picture's, or a row's.

    Rows are little-endian: float32 of features, else the probabilities as they came. None where a
    file cannot be read.
    """
    if dataset.images is not None:
        return dataset.images.digest(place)
    rows = dataset.features if dataset.features is not None else dataset.pred_probs
    if rows is None:
        return None
    row = rows[place]
    return sha256(row.astype(row.dtype.newbyteorder("<"), copy=False).tobytes()).digest()
