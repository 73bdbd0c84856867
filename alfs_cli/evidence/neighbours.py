"""Exact nearest neighbours in features, by blocked matrix products."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from alfs_cli.arrays import Features, IntArray
from alfs_cli.errors import InputError
from alfs_cli.evidence.out_of_fold import Progress, principal_components
from alfs_cli.evidence.tuning import OUT_OF_FOLD
from alfs_cli.noise.threads import one_blas_thread

NUMBERS_AT_ONCE = 2**25  # distances held by one worker
RUN = 64  # columns of which the minimum is taken first
BY_ARGMIN = 3  # neighbours up to which repeated minima beat a partition


def nearest(
    X: Features, k: int, *, of: IntArray | None = None, progress: Progress | None = None
) -> IntArray:
    """Return the places (n, k) of the k nearest other rows of X (N, D), nearest first.

    Euclidean distance; `of` (n,) are the rows asked about, all without it. Of equally near rows
    those that come first are taken. Beyond 128 features the distance is that of their principal
    components. Raises InputError where there are not k other rows.
    """
    if len(X) <= k:
        raise InputError(
            f"{len(X)} examples have no {k} neighbours each",
            help="give more examples, or take a method that asks no neighbours: --method auto",
        )
    if X.shape[1] > OUT_OF_FOLD.most_components:
        X = principal_components(X, OUT_OF_FOLD.most_components)
    rows = np.ascontiguousarray(X - X.mean(axis=0), dtype=np.float32)
    asked = np.arange(len(X)) if of is None else of
    half_norms = 0.5 * np.einsum("nd,nd->n", rows, rows)
    found = np.empty((len(asked), k), dtype=np.int64)

    def search(span: slice) -> None:
        chosen = asked[span]
        distances = half_norms - rows[chosen] @ rows.T  # less a constant for each row asked about
        distances[np.arange(len(chosen)), chosen] = np.inf
        found[span] = _smallest(distances, k)

    spans = list(_spans(len(asked), max(1, NUMBERS_AT_ONCE // len(X))))
    with one_blas_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(search, spans), start=1):
            if progress is not None:
                progress("finding neighbours", done, len(spans))
    return found


def _smallest(distances: Features, k: int) -> IntArray:
    """Return the columns (n, k) of the k smallest of each row, smallest first."""
    each = np.arange(len(distances))
    if k <= BY_ARGMIN:
        columns = np.empty((len(distances), k), dtype=np.int64)
        for place in range(k):
            columns[:, place] = distances.argmin(axis=1)
            distances[each, columns[:, place]] = np.inf
        return columns
    columns = np.sort(_least(distances, k), axis=1)
    order = np.argsort(distances[each[:, None], columns], axis=1, kind="stable")
    return columns[each[:, None], order]


def _least(distances: Features, k: int) -> IntArray:
    """Return the columns (n, k) of the k smallest of each row, in any order.

    They lie in the k runs of columns whose minima are smallest: a partition of those minima is much
    shorter than one of the row.
    """
    n, count = distances.shape
    runs = count // RUN
    if runs < 2 * k:
        return np.argpartition(distances, k - 1, axis=1)[:, :k]
    whole = distances[:, : runs * RUN].reshape(n, runs, RUN)
    near = np.argpartition(whole.min(axis=2), k - 1, axis=1)[:, :k]
    columns = (near[:, :, None] * RUN + np.arange(RUN)).reshape(n, -1)
    rest = np.broadcast_to(np.arange(runs * RUN, count), (n, count - runs * RUN))
    columns = np.concatenate([np.sort(columns, axis=1), rest], axis=1)
    each = np.arange(n)[:, None]
    found = np.argpartition(distances[each, columns], k - 1, axis=1)[:, :k]
    return np.asarray(columns[each, found], dtype=np.int64)


def _spans(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
