"""Near-duplicates: examples far closer to each other than ordinary neighbours are.

Examples are successive frames of a film, a picture and its augmented copy, or a row and the same
row with a little noise. A model trained on one has in effect seen the other.

The distances d_1 < d_2 < ... of an example's neighbours grow steadily where none is a copy. In m
dimensions (d_j / d_{j+1})^m is then distributed as the largest of j uniform numbers, because points
are locally a Poisson process; Levina & Bickel, NIPS 2004, estimate m from the same ratios. Behind
the last copy of an example there is a gap that this distribution makes very unlikely.
"""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.evidence.components import components
from alfs_cli.evidence.neighbours import nearest
from alfs_cli.evidence.out_of_fold import principal_components
from alfs_cli.evidence.tuning import COPIES, OUT_OF_FOLD

MOST_AT_ONCE = 20_000  # contents up to which all neighbours are computed
LEADING = 8  # components of the tree that finds pairs among more contents
SMALLEST = 1e-12  # guard of divisions


@dataclass(frozen=True, eq=False)
class Gaps:
    """The most unlikely gap among the neighbours of each of n examples.

    Args:
        count: the number of neighbours before the gap (n,), which are its near-duplicates if the
            gap is significant.
        p_value: the p-value of the gap (n,).
        distance: the distance of the last neighbour before the gap (n,).
    """

    count: IntArray
    p_value: FloatArray
    distance: FloatArray


def with_near_copies(X: Features, contents: IntArray) -> IntArray:
    """Return a number for each example's content (N,), the same for near-duplicates.

    `contents` (N,) are the numbers by exact content, X (N, D) the features that are compared.
    """
    numbers, first, content_of = np.unique(contents, return_index=True, return_inverse=True)
    if len(numbers) < COPIES.least_contents:
        return contents
    rows = X[first]
    if rows.shape[1] > OUT_OF_FOLD.most_components:
        rows = principal_components(rows, OUT_OF_FOLD.most_components)
    size = min(len(rows), COPIES.asked)
    asked = np.unique(np.linspace(0, len(rows) - 1, size).astype(np.int64))
    places = nearest(rows, COPIES.ranks, of=asked)
    gaps = gaps_in(_distances(rows, asked, places))
    chosen = significant(gaps.p_value)
    if len(chosen) < COPIES.least_share * len(asked):
        return contents
    if len(asked) < len(rows):
        pairs = _all_pairs(rows, gaps, chosen)
    else:
        pairs = _pairs(asked, places, gaps.count, chosen)
    return components(pairs[:, 0], pairs[:, 1], len(rows))[content_of.reshape(-1)]


def gaps_in(distances: FloatArray) -> Gaps:
    """Return the most unlikely gap among the nearer half of each row of sorted distances (n, k)."""
    half = distances.shape[1] // 2
    d = np.maximum(distances, SMALLEST)
    dimension = dimension_of(d)
    expected = float(np.median(d[:, -1])) * d.shape[1] ** (-1 / dimension)
    ranks = np.arange(1, half + 1)
    log_p = dimension * ranks * np.log(d[:, :half] / d[:, 1 : half + 1])
    log_p = np.where(d[:, :half] <= COPIES.near_distance * expected, log_p, 0.0)
    best = log_p.argmin(axis=1)
    each = np.arange(len(d))
    return Gaps(
        count=best + 1,
        p_value=np.minimum(half * np.exp(log_p[each, best]), 1.0),
        distance=distances[each, best],
    )


def dimension_of(distances: FloatArray) -> float:
    """Return the local dimension m of points, from sorted distances of neighbours (n, k).

    Levina & Bickel, NIPS 2004, from log(d_k / d_j), whose mean is (1 / j + ... + 1 / (k - 1)) / m.
    Only the farther half of the neighbours counts, since the nearer may be copies. The result is
    that of the median over examples.
    """
    k = distances.shape[1]
    half = k // 2
    logs = np.log(distances[:, -1:] / distances[:, half:-1]).sum(axis=1)
    expected = sum(1 / i for j in range(half + 1, k) for i in range(j, k))
    return float(np.clip(expected / max(float(np.median(logs)), 1e-3), 1.0, 64.0))


def significant(p_values: FloatArray) -> IntArray:
    """Return the indices of the significant p-values (n,), smallest first.

    Benjamini & Hochberg, JRSS B 1995, at the false discovery rate `COPIES.false_share`.

    >>> significant(np.array([0.5, 1e-4, 0.9, 1e-3])).tolist()
    [1, 3]
    """
    order = np.argsort(p_values, kind="stable")
    limits = COPIES.false_share * np.arange(1, len(order) + 1) / len(order)
    under = np.flatnonzero(p_values[order] <= limits)
    return order[: under[-1] + 1] if len(under) else order[:0]


def _distances(rows: Features, asked: IntArray, places: IntArray) -> FloatArray:
    found = np.empty(places.shape)
    for rank in range(places.shape[1]):
        apart = rows[asked].astype(np.float64) - rows[places[:, rank]]
        found[:, rank] = np.sqrt((apart**2).sum(axis=1))
    return np.sort(found, axis=1)


def _pairs(asked: IntArray, places: IntArray, count: IntArray, chosen: IntArray) -> IntArray:
    """Return the pairs (P, 2) of each chosen example with its neighbours before the gap."""
    near = np.arange(places.shape[1]) < count[chosen, None]
    row, rank = np.nonzero(near)
    return np.column_stack([asked[chosen[row]], places[chosen[row], rank]])


def _all_pairs(rows: Features, gaps: Gaps, chosen: IntArray) -> IntArray:
    """Return the pairs (P, 2) of near-duplicates among all rows, of which `gaps` are a sample.

    Among few rows the search is repeated for all. Among many rows, all pairs within the distance of
    the sample's near-duplicates are taken.
    """
    if len(rows) <= MOST_AT_ONCE:
        everyone = np.arange(len(rows))
        places = nearest(rows, COPIES.ranks)
        again = gaps_in(_distances(rows, everyone, places))
        return _pairs(everyone, places, again.count, significant(again.p_value))
    from scipy.spatial import cKDTree  # slow to import, and few data sets need it

    reach = float(np.quantile(gaps.distance[chosen], COPIES.reach_quantile))
    leading = rows[:, :LEADING].astype(np.float64)
    tree = cKDTree(leading)
    found = tree.query(leading, k=COPIES.ranks, distance_upper_bound=reach + SMALLEST)
    near = np.asarray(found[1], dtype=np.int64)
    row, rank = np.nonzero(near < len(rows))
    pairs = np.column_stack([row, near[row, rank]])
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    apart = rows[pairs[:, 0]].astype(np.float64) - rows[pairs[:, 1]]
    return np.asarray(pairs[(apart**2).sum(axis=1) <= reach**2], dtype=np.int64)
