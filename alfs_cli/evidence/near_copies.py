"""Near copies: examples far closer to each other than examples of their kind lie.

A frame and the next, a picture and its augmented copy, a row with a little noise on it: whatever is
trained on one has seen the other. Between neighbours that are no copies distances grow steadily,
d_1 < d_2 < ..., and in m dimensions (d_j / d_{j+1})^m is the largest of j uniform numbers (a
Poisson process is locally even; Levina & Bickel, NIPS 2004, estimate m from the same ratios). A
copy leaves a gap behind the last of its like that this makes very unlikely.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.evidence.components import components
from alfs_cli.evidence.neighbours import MAX_COMPONENTS, nearest
from alfs_cli.evidence.out_of_fold import principal_components

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Features = NDArray[np.float32]

RANKS = 20  # neighbours looked at; the farther half gives the dimension, the nearer may be copies
LEAST = 60  # contents below which distances say nothing
ASKED = 2000  # contents whose neighbours tell whether there are copies at all
MOST_AT_ONCE = 20_000  # contents up to which all neighbours are looked up
FALSE_SHARE = 0.01  # of the pairs linked, at most (Benjamini & Hochberg, 1995)
CLOSE = 0.5  # of the distance at which a nearest neighbour is expected
WORTH = 0.005  # share of the contents below which copies are too few to matter
LEADING = 8  # features by which pairs are sought where there are many contents
SMALLEST = 1e-12


@dataclass(frozen=True, eq=False)
class Gaps:
    """For each example asked about (n,): how many near copies it has, and how unlikely the gap is.

    `distance` (n,) is that of the farthest of them.
    """

    count: IntArray
    p_value: FloatArray
    distance: FloatArray


def with_near_copies(X: Features, contents: IntArray) -> IntArray:
    """Return the number of each example's content (N,), one for all near copies of each other.

    `contents` (N,) are those of exact copies, X (N, D) the features in which closeness counts.
    """
    numbers, first, content_of = np.unique(contents, return_index=True, return_inverse=True)
    if len(numbers) < LEAST:
        return contents
    rows = X[first]
    if rows.shape[1] > MAX_COMPONENTS:
        rows = principal_components(rows, MAX_COMPONENTS)
    asked = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), ASKED)).astype(np.int64))
    places = nearest(rows, RANKS, of=asked)
    gaps = gaps_in(_distances(rows, asked, places))
    chosen = significant(gaps.p_value)
    if len(chosen) < WORTH * len(asked):
        return contents
    if len(asked) < len(rows):
        pairs = _all_pairs(rows, gaps, chosen)
    else:
        pairs = _pairs(asked, places, gaps.count, chosen)
    return components(pairs[:, 0], pairs[:, 1], len(rows))[content_of.reshape(-1)]


def gaps_in(distances: FloatArray) -> Gaps:
    """Return the most unlikely gap among the nearer half of each row of distances (n, RANKS)."""
    half = distances.shape[1] // 2
    d = np.maximum(distances, SMALLEST)
    dimension = dimension_of(d)
    expected = float(np.median(d[:, -1])) * d.shape[1] ** (-1 / dimension)
    ranks = np.arange(1, half + 1)
    log_p = dimension * ranks * np.log(d[:, :half] / d[:, 1 : half + 1])
    log_p = np.where(d[:, :half] <= CLOSE * expected, log_p, 0.0)
    best = log_p.argmin(axis=1)
    each = np.arange(len(d))
    return Gaps(
        count=best + 1,
        p_value=np.minimum(half * np.exp(log_p[each, best]), 1.0),
        distance=distances[each, best],
    )


def dimension_of(distances: FloatArray) -> float:
    """Return the dimension in which neighbours at these distances (n, k) lie, by the farther half.

    Levina & Bickel, NIPS 2004, with their log(d_k / d_j) for the farther j alone, whose mean is
    (1 / j + ... + 1 / (k - 1)) / m; the median over examples.
    """
    k = distances.shape[1]
    half = k // 2
    logs = np.log(distances[:, -1:] / distances[:, half:-1]).sum(axis=1)
    expected = sum(1 / i for j in range(half + 1, k) for i in range(j, k))
    return float(np.clip(expected / max(float(np.median(logs)), 1e-3), 1.0, 64.0))


def significant(p_values: FloatArray) -> IntArray:
    """Return the places of p-values (n,) that are no chance, with FALSE_SHARE of them false."""
    order = np.argsort(p_values, kind="stable")
    limits = FALSE_SHARE * np.arange(1, len(order) + 1) / len(order)
    under = np.flatnonzero(p_values[order] <= limits)
    return order[: under[-1] + 1] if len(under) else order[:0]


def _distances(rows: Features, asked: IntArray, places: IntArray) -> FloatArray:
    found = np.empty(places.shape)
    for rank in range(places.shape[1]):
        apart = rows[asked].astype(np.float64) - rows[places[:, rank]]
        found[:, rank] = np.sqrt((apart**2).sum(axis=1))
    return np.sort(found, axis=1)


def _pairs(asked: IntArray, places: IntArray, count: IntArray, chosen: IntArray) -> IntArray:
    """Return the pairs (P, 2) of near copies: each chosen example with those before its gap."""
    near = np.arange(places.shape[1]) < count[chosen, None]
    row, rank = np.nonzero(near)
    return np.column_stack([asked[chosen[row]], places[chosen[row], rank]])


def _all_pairs(rows: Features, gaps: Gaps, chosen: IntArray) -> IntArray:
    """Return the pairs (P, 2) among all rows, of whom a sample showed how near copies lie."""
    if len(rows) <= MOST_AT_ONCE:
        everyone = np.arange(len(rows))
        places = nearest(rows, RANKS)
        again = gaps_in(_distances(rows, everyone, places))
        return _pairs(everyone, places, again.count, significant(again.p_value))
    from scipy.spatial import cKDTree  # slow to import, and few data sets need it

    reach = float(np.quantile(gaps.distance[chosen], 0.95))
    leading = rows[:, :LEADING].astype(np.float64)
    found = cKDTree(leading).query(leading, k=RANKS, distance_upper_bound=reach + SMALLEST)
    near = np.asarray(found[1], dtype=np.int64)
    row, rank = np.nonzero(near < len(rows))
    pairs = np.column_stack([row, near[row, rank]])
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    apart = rows[pairs[:, 0]].astype(np.float64) - rows[pairs[:, 1]]
    return np.asarray(pairs[(apart**2).sum(axis=1) <= reach**2], dtype=np.int64)
