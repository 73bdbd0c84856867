"""The clean level of single examples: by how much one label leads among their neighbours."""

import numpy as np
from scipy.special import betaincinv

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.errors import InputError
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.estimators.tuning import LOCAL
from alfs_cli.evidence.neighbours import nearest
from alfs_cli.results.estimate import LocalCleanLevel

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)  # levels that are reported


def local_clean_level(sample: Sample, *, confidence: float, seed: int) -> LocalCleanLevel:
    """Return quantiles over examples of the lower bound of their clean level.

    An example's clean level is the ratio of its two most probable given labels; where right labels
    lead, the first is the true class. Neighbours stand for repeated labels of the example. One half
    of them chooses the leading label m. The other half bounds its lead, so that the choice does not
    bias the bound: the minimum over all other labels of the Clopper-Pearson bound of m against
    each. Neighbours of other classes lower the bound; where noise varies among neighbours, the
    bound is that of their average.

    Raises:
        InputError: there are no features, or too few examples.
    """
    X, N, K = sample.needed_features("--local"), len(sample.labels), sample.num_classes
    k = int(min(LOCAL.most, LOCAL.per_class * N / K)) // 2 * 2
    if k < LOCAL.least:
        raise InputError(
            f"--local needs {LOCAL.least} neighbours of an example's own class, and {N:,} examples "
            f"of {K} classes have about {k}",
            help="leave --local out, or give more examples",
        )
    generator = np.random.default_rng([seed, 5])
    asked = np.sort(generator.permutation(N)[: LOCAL.asked])
    labels = sample.labels[nearest(X, k, of=asked)]
    labels = generator.permuted(labels, axis=1)
    first, second = (_tallies(part, K) for part in (labels[:, : k // 2], labels[:, k // 2 :]))
    levels = _bounds(first.argmax(axis=1), second, 1 - confidence)
    return LocalCleanLevel(
        k=k,
        median=float(np.median(levels)),
        quantiles={f"{q:g}": float(np.quantile(levels, q)) for q in QUANTILES},
        share_below_1=float((levels < 1).mean()),
    )


def _tallies(labels: IntArray, num_classes: int) -> FloatArray:
    """Return how often each label (n, K) occurs in each row (n, k)."""
    counts = np.zeros((len(labels), num_classes))
    np.add.at(counts, (np.arange(len(labels))[:, None], labels), 1)
    return counts


def _bounds(leaders: IntArray, counts: FloatArray, alpha: float) -> FloatArray:
    """Return the least lower bound (n,) of each leader's ratio to any other label."""
    each = np.arange(len(leaders))
    own = counts[each, leaders]
    counts[each, leaders] = -1
    rival = counts.max(axis=1)  # the bound falls with the rival's count: the largest decides
    share = np.where(own > 0, betaincinv(np.maximum(own, 1), rival + 1, alpha), 0.0)
    return np.asarray(share / (1 - share))
