"""Clusterability: T from the labels that an example and its two nearest neighbours carry.

Zhu, Song & Liu, ICML 2021: if the three share their true class i, their given labels are three
independent draws from row i of T, so that P(a, b, c) = sum_i prior_i T_ia T_ib T_ic. This is a
latent class model, identified where T has full rank. Zhu et al. match moments by gradient descent.
Here EM (Dempster, Laird & Rubin, 1977) maximises the likelihood: it never decreases, and its
maximum tests whether any T explains the triples.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import chdtrc

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.parts.grounds import Remark
from alfs_cli.estimators.parts.resampled import ResampledEstimate
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.estimators.tuning import HOC
from alfs_cli.evidence.neighbours import nearest

MAX_STEPS, TOLERANCE = 2000, 1e-7  # EM steps, and the least gain in mean log-likelihood
REDRAW_STEPS = 100  # EM steps of a bootstrap replicate, which starts at the fit
SMALLEST = 1e-12  # guard of divisions
LARGEST_TABLE = 10**7  # cells of the table of triples; larger tables are not tested


@dataclass(frozen=True, eq=False)
class TripleFit:
    """A fitted latent class model: T (K, K), prior (K,), and the mean log-likelihood by EM step."""

    transition: FloatArray
    prior: FloatArray
    path: tuple[float, ...]


def hoc(sample: Sample) -> ResampledEstimate:
    """Return T fitted to the label triples of each example and its two nearest neighbours."""
    X = sample.needed_features("hoc")
    places = nearest(X, min(2, len(X) - 1))
    return hoc_from(places, np.arange(len(X)), sample.labels, sample.num_classes)


def hoc_from(
    places: IntArray, asked: IntArray, labels: IntArray, num_classes: int
) -> ResampledEstimate:
    """Return the estimate from examples `asked` (n,) and their neighbours `places` (n, k).

    Both are indices into `labels` (N,); neighbours come nearest first.
    """
    K = num_classes
    members = np.concatenate([asked[:, None], places[:, :2], places[:, -1:]], axis=1)[:, :3]
    triples, counts = np.unique(labels[members], axis=0, return_counts=True)
    fit = fit_triples(triples, counts.astype(np.float64), K)
    apart = disjoint(members)
    alone = labels[members[apart]]
    alone_triples, alone_counts = np.unique(alone, axis=0, return_counts=True)

    def redraw(generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        drawn = generator.multinomial(len(alone), alone_counts / len(alone)).astype(np.float64)
        again = fit_triples(alone_triples, drawn, K, start=fit, max_steps=REDRAW_STEPS)
        return again.transition, again.prior

    return ResampledEstimate(
        "hoc", fit.transition, fit.prior, redraw, len(alone), remarks=_remarks(alone, fit)
    )


def fit_triples(
    triples: IntArray,
    counts: FloatArray,
    num_classes: int,
    *,
    start: TripleFit | None = None,
    max_steps: int = MAX_STEPS,
) -> TripleFit:
    """Return the T and prior of highest likelihood for triples (U, 3) seen `counts` (U,) times.

    EM starts at `start`, or near T = I, so that each latent class keeps the name of the label that
    it mostly carries.
    """
    K = num_classes
    tally = np.bincount(triples.ravel(), np.repeat(counts, 3), minlength=K)
    shares = tally / max(float(tally.sum()), SMALLEST)
    own = HOC.start_diagonal
    T = own * np.eye(K) + (1 - own) * shares if start is None else start.transition
    prior = shares if start is None else start.prior
    total = max(counts.sum(), SMALLEST)
    path: list[float] = []
    each = np.repeat(np.arange(len(triples)), 3)
    carried = csr_array((np.ones(len(each)), (triples.ravel(), each)), shape=(K, len(triples)))
    for _ in range(max_steps):
        R = prior * T[:, triples[:, 0]].T * T[:, triples[:, 1]].T * T[:, triples[:, 2]].T
        likelihood = np.maximum(R.sum(axis=1), 1e-300)
        path.append(float(counts @ np.log(likelihood) / total))
        R *= (counts / likelihood)[:, None]
        prior = R.sum(axis=0) / total
        joint = np.asarray((carried @ R).T, dtype=np.float64)
        sums = joint.sum(axis=1, keepdims=True)
        T = np.where(sums > SMALLEST, joint / np.maximum(sums, SMALLEST), T)
        if len(path) > 1 and path[-1] - path[-2] < TOLERANCE:
            break
    T = np.where(prior[:, None] > SMALLEST, T, np.eye(K))
    return TripleFit(T / T.sum(axis=1, keepdims=True), prior / prior.sum(), tuple(path))


def disjoint(members: IntArray) -> IntArray:
    """Return indices of rows of `members` (N, 3) that share no example, so are independent.

    >>> disjoint(np.array([[0, 1, 2], [2, 3, 4], [3, 4, 5]])).tolist()
    [0, 2]
    """
    used = np.zeros(int(members.max()) + 1, dtype=bool)
    kept = []
    for row, group in enumerate(members.tolist()):
        if not (used[group[0]] or used[group[1]] or used[group[2]]):
            used[group] = True
            kept.append(row)
    return np.array(kept, dtype=np.int64)


def clusterability(triples: IntArray, fit: TripleFit) -> tuple[float, int, float] | None:
    """Return Pearson's chi-square of triples (n, 3), its degrees of freedom and its p-value.

    The model was fitted to all triples, and these are some of them; so no fitted parameter is
    subtracted from the degrees of freedom, which makes the test conservative. Cells with small
    expected counts are pooled. Returns None where no two cells are left to test.
    """
    K = len(fit.prior)
    if K**3 > LARGEST_TABLE:
        return None
    expected = np.einsum("i,ia,ib,ic->abc", fit.prior, *[fit.transition] * 3, optimize=True)
    expected = expected.ravel() * len(triples)
    seen = np.bincount(triples @ np.array([K * K, K, 1]), minlength=K**3).astype(np.float64)
    frequent = expected >= HOC.least_expected
    cells = np.append(expected[frequent], expected[~frequent].sum())
    found = np.append(seen[frequent], seen[~frequent].sum())
    kept = cells >= 1
    if kept.sum() < 2:
        return None
    statistic = float(((found - cells)[kept] ** 2 / cells[kept]).sum())
    freedom = int(kept.sum()) - 1
    return statistic, freedom, float(chdtrc(freedom, statistic))


def _remarks(triples: IntArray, fit: TripleFit) -> tuple[Remark, ...]:
    tested = clusterability(triples, fit)
    if tested is None:
        return (Remark("too few triples to test whether neighbours share their class", 1),)
    statistic, freedom, p = tested
    found = f"chi-square {statistic:.0f} on {freedom} degrees of freedom, p = {p:.2g}"
    if p >= HOC.rejected:
        return (Remark(f"neighbours agree as if they shared their true class ({found})", 2),)
    return (
        Remark(
            "neighbours do not agree as if they shared their true class and were labelled "
            f"independently ({found}): their disagreement is counted as noise",
            0,
        ),
    )
