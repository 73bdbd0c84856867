"""Identical examples under different labels: a proof that one of them is wrong, not an estimate."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from alfs_cli.data.dataset import Images, IntArray, LabelledDataset
from alfs_cli.data.memory import threads

LEADING = 8  # features by which pictures are taken to look alike
NEAR = 0.1  # in standard deviations of each
GRID = 0.005  # likewise: what is closer is one place
NEIGHBOURS = 8
MAX_COMPARED = 10_000  # pictures that are decoded to be compared


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


def digests_of_pictures(
    images: Images,
    labels: IntArray,
    digests: Sequence[bytes | None],
    features: NDArray[Any],
    places: IntArray,
) -> list[bytes | None]:
    """Return the digests (N,) with one for all that show the same pixels under different labels.

    Files may hold one picture in different bytes: saved anew, in another format, with other
    metadata. To decode and compare all would take as long as the evidence did, so only those are
    that `features` (n, D) of the examples at `places` (n,) find alike, and at most 10,000.
    """
    alike = places[_look_alike(features, labels[places])]
    compared = [int(place) for place in alike if digests[place] is not None][:MAX_COMPARED]
    groups: dict[bytes, list[int]] = defaultdict(list)
    with ThreadPoolExecutor(threads()) as pool:
        for place, found in zip(compared, pool.map(images.pixel_digest, compared), strict=True):
            if found is not None:
                groups[found].append(place)
    one_for: dict[bytes | None, bytes] = {}
    for group in groups.values():
        if len({int(labels[place]) for place in group}) > 1:
            own = {digest for place in group if (digest := digests[place]) is not None}
            one_for |= dict.fromkeys(own, min(own))
    return [one_for.get(digest, digest) for digest in digests]


def _look_alike(features: NDArray[Any], labels: IntArray) -> IntArray:
    """Return the rows that have a near neighbour under another label, the nearest first."""
    X = np.asarray(features[:, :LEADING], dtype=np.float64)
    spread = X.std(axis=0)
    cells = np.round(X / np.where(spread > 0, spread, 1) / GRID)
    if not X.size or not np.isfinite(cells).all():
        return np.zeros(0, dtype=np.int64)
    spots, spot_of = np.unique(np.column_stack([cells, labels]), axis=0, return_inverse=True)
    where, label_of = spots[:, :-1] * GRID, spots[:, -1]
    ranks = range(1, min(NEIGHBOURS, len(spots)) + 1)
    found = cKDTree(where).query(where, k=ranks, distance_upper_bound=NEAR)
    distances, near = np.asarray(found[0]), np.asarray(found[1])
    spot, rank = np.nonzero(near < len(spots))
    other = near[spot, rank]
    differ = label_of[spot] != label_of[other]
    distance = np.full(len(spots), np.inf)
    for one in (spot, other):
        np.minimum.at(distance, one[differ], distances[spot, rank][differ])
    of_rows = distance[spot_of.reshape(-1)]
    order = np.argsort(of_rows, kind="stable")
    return np.asarray(order[: np.isfinite(of_rows).sum()], dtype=np.int64)
