"""Identical examples under different labels: a proof that one of them is wrong, not an estimate."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data.dataset import Images, IntArray, LabelledDataset
from alfs_cli.storage.memory import threads

LEADING = 8  # features by which pictures are taken to look alike
NEAR = 0.1  # in standard deviations of each
GRID = 0.005  # likewise: what is closer is one place
NEIGHBOURS = 8
BY_CHANCE = 20.0  # times the pairs that independent columns would bring about
MAX_COMPARED = 10_000  # pictures that are decoded to be compared


Digests = Sequence[bytes | None]
"""SHA-256 of each example's content, in the order of the data set; None where it cannot be read."""


def digests_of(dataset: LabelledDataset) -> Digests:
    """Return the digest of every example."""
    return [content_digest(dataset, place) for place in range(len(dataset))]


def contents_of(digests: Digests) -> IntArray:
    """Return the number of each example's content (N,): the same for examples with one digest."""
    numbers: dict[bytes, int] = {}
    found = np.empty(len(digests), dtype=np.int64)
    for place, digest in enumerate(digests):
        key = b"%d" % place if digest is None else digest
        found[place] = numbers.setdefault(key, len(numbers))
    return found


def canonical_order(digests: Digests, labels: IntArray) -> IntArray:
    """Return the places (N,) in an order that depends on contents and labels alone.

    What is drawn or dealt by place is then the same however the rows of a file are shuffled.
    """
    heads = np.asarray([int.from_bytes((digest or b"")[:8]) for digest in digests], np.uint64)
    return np.lexsort([labels, heads])


def row_keys(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a number for each row (N, D) that equal rows share, and others next to never."""
    words = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    if words.shape[1] % 4:
        words = np.pad(words, ((0, 0), (0, 4 - words.shape[1] % 4)))
    parts = words.view(np.uint32)
    factors = np.random.default_rng(0).integers(1, 2**63, parts.shape[1], np.uint64) | np.uint64(1)
    keys = np.zeros(len(rows), dtype=np.uint64)
    for place, factor in enumerate(factors):
        mixed = (parts[:, place].astype(np.uint64) + np.uint64(1)) * factor
        keys += mixed ^ (mixed >> np.uint64(29))
    return keys


def are_coincidences(features: NDArray[Any], labels: IntArray, contents: IntArray) -> bool:
    """Say whether identical rows of features (N, D) are what few values a column lead to.

    Where columns were independent within a label, so many pairs would coincide by chance; copies
    are many times more. Rows of measurements never coincide by chance.
    """
    _, sizes = np.unique(contents, return_counts=True)
    seen = float((sizes * (sizes - 1.0)).sum()) / 2
    if not seen:
        return False
    expected = 0.0
    for cls in np.unique(labels):
        part = features[labels == cls]
        share = 1.0
        for column in part.T:
            _, counts = np.unique(column, return_counts=True)
            share *= float((counts.astype(np.float64) ** 2).sum()) / len(part) ** 2
            if share * len(part) ** 2 < 1e-9:
                break
        expected += share * len(part) ** 2 / 2
    return seen <= BY_CHANCE * expected


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
    from scipy.spatial import cKDTree  # slow to import, and few data sets need it

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
