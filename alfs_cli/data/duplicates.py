"""Identical examples under different labels, of which at most one label can be right."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import IntArray
from alfs_cli.data.dataset import Images, LabelledDataset
from alfs_cli.data.texts import text_digest
from alfs_cli.data.tuning import TUNING
from alfs_cli.storage.memory import threads

MAX_COMPARED = 10_000  # pictures decoded to be compared, so that this takes seconds

Digests = Sequence[bytes | None]
"""SHA-256 of each example's content, in the order of the data set; None where it cannot be read."""


def digests_of(dataset: LabelledDataset) -> Digests:
    """Return the `content_digest` of every example, N of them."""
    return [content_digest(dataset, place) for place in range(len(dataset))]


def contents_of(digests: Digests) -> IntArray:
    """Return the number of each example's content (N,), which examples with equal digests share.

    An example without a digest has a number of its own.

    >>> contents_of([b"a", b"b", b"a", None])
    array([0, 1, 0, 2])
    """
    numbers: dict[bytes, int] = {}
    found = np.empty(len(digests), dtype=np.int64)
    for place, digest in enumerate(digests):
        key = b"%d" % place if digest is None else digest
        found[place] = numbers.setdefault(key, len(numbers))
    return found


def canonical_order(digests: Digests, labels: IntArray) -> IntArray:
    """Return the indices (N,) in an order that depends on contents and labels alone.

    What is drawn by this order stays the same when the rows of a file are shuffled.
    """
    heads = np.asarray([int.from_bytes((digest or b"")[:8]) for digest in digests], np.uint64)
    return np.lexsort([labels, heads])


def row_keys(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a 64-bit hash (N,) of each row (N, D): equal rows have equal hashes."""
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
    """Say whether identical rows of features (N, D) are coincidences and not copies.

    Rows of columns with few values coincide by chance. The number of identical pairs is compared
    with the number to expect if the columns were independent within each label; copies make it many
    times larger. `labels` (N,) are given labels, `contents` (N,) the same for identical rows.
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
    return seen <= TUNING.coincidence_ratio * expected


def conflicting_duplicates(
    labels: IntArray, digests: Sequence[bytes | None]
) -> tuple[tuple[int, ...], ...]:
    """Return groups of examples, as indices, that have one digest and different labels.

    `labels` and `digests` are (N,). Indices ascend within a group, and groups by their first index.

    >>> conflicting_duplicates(np.array([0, 1, 1]), [b"a", b"a", b"b"])
    ((0, 1),)
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
    """Return the SHA-256 of an example's content: its file, pixels, text, or row of numbers.

    A row is digested in little-endian order: its features in float32, else its probabilities in
    their own precision. None where a file cannot be read.
    """
    if dataset.images is not None:
        return dataset.images.digest(place)
    text = b"" if dataset.texts is None else text_digest(dataset.texts[place])
    rows = dataset.features if dataset.features is not None else dataset.pred_probs
    if rows is None or (dataset.features is None and text):
        return text or None
    row = rows[place]
    found = sha256(row.astype(row.dtype.newbyteorder("<"), copy=False).tobytes()).digest()
    return sha256(text + found).digest() if text else found


def digests_of_pictures(
    images: Images,
    labels: IntArray,
    digests: Sequence[bytes | None],
    features: NDArray[Any],
    places: IntArray,
) -> list[bytes | None]:
    """Return the digests (N,), made equal where pictures of different labels have equal pixels.

    Different files may hold one picture: saved again, in another format, with other metadata. To
    decode all of them would take as long as computing the features did. So only pictures whose
    features are close are decoded, at most 10,000. `features` (n, D) belong to the examples at
    `places` (n,).
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
    """Return the rows that have a near neighbour with another label, the nearest pairs first."""
    from scipy.spatial import cKDTree  # slow to import, and few data sets need it

    X = np.asarray(features[:, : TUNING.alike_features], dtype=np.float64)
    spread = X.std(axis=0)
    cells = np.round(X / np.where(spread > 0, spread, 1) / TUNING.alike_grid)
    if not X.size or not np.isfinite(cells).all():
        return np.zeros(0, dtype=np.int64)
    spots, spot_of = np.unique(np.column_stack([cells, labels]), axis=0, return_inverse=True)
    where, label_of = spots[:, :-1] * TUNING.alike_grid, spots[:, -1]
    ranks = range(1, min(TUNING.alike_neighbours, len(spots)) + 1)
    found = cKDTree(where).query(where, k=ranks, distance_upper_bound=TUNING.alike_distance)
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
