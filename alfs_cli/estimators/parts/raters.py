"""How far several annotators agree, beyond what chance alone would make them.

For examples i with r_i labels, r_ik of them for class k, and p_k the mean of r_ik / r_i:

- kappa: (a - e) / (1 - e) with a the mean over examples of the share of pairs of labels that are
  alike, e = sum_k p_k^2. Fleiss, Psychological Bulletin 1971, with the extension to missing labels
  of Gwet, Handbook of Inter-Rater Reliability, 2014, chapter 2.
- AC1: the same a, with e = sum_k p_k (1 - p_k) / (K - 1). Gwet, British Journal of Mathematical and
  Statistical Psychology 2008.
- alpha: 1 - observed / expected disagreement of pairs, each example weighted by its labels.
  Krippendorff, Content Analysis, 2004, chapter 11, for nominal data.

Bounds are normal ones, by the jackknife over examples (Efron & Stein, Annals of Statistics 1981).
"""

import numpy as np
from scipy.special import ndtri

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.results.estimate import Bounded


def agreement(votes: IntArray, *, confidence: float) -> dict[str, Bounded | None]:
    """Return kappa, AC1 and alpha of votes (N, K) for each class, with one-sided bounds.

    A coefficient is None where it is not defined: no two labels of one example, or one class alone.

    >>> votes = np.array([[2, 0], [2, 0], [0, 2], [1, 1]])
    >>> round(agreement(votes, confidence=0.95)["kappa"].value, 3)
    0.467
    """
    cast = votes.sum(axis=1)
    votes = votes[cast > 0].astype(np.float64)
    cast = votes.sum(axis=1)
    is_paired = cast > 1
    alike = np.zeros(len(votes))
    pairs = (votes * (votes - 1)).sum(axis=1)[is_paired]
    alike[is_paired] = pairs / (cast * (cast - 1))[is_paired]
    apart = np.where(is_paired, cast * (1 - alike), 0.0)  # disagreeing pairs / (r - 1)
    # Sums over examples determine each coefficient, so leaving one out subtracts its row.
    parts = np.column_stack(
        [is_paired, alike, apart, np.ones(len(votes)), votes / cast[:, None],
         votes * is_paired[:, None]]
    )  # fmt: skip
    K = votes.shape[1]
    whole = parts.sum(axis=0)
    found = _coefficients(whole[None], K)
    left_out = _coefficients(whole - parts, K)
    z, n = float(ndtri(confidence)), len(votes)
    bounded: dict[str, Bounded | None] = {}
    for name, value in found.items():
        jackknifed = left_out[name][np.isfinite(left_out[name])]
        if not np.isfinite(value[0]) or len(jackknifed) < 2:
            bounded[name] = None
            continue
        error = z * float(np.sqrt((n - 1) / n * ((jackknifed - jackknifed.mean()) ** 2).sum()))
        middle = float(value[0])
        bounded[name] = Bounded(middle, max(middle - error, -1.0), min(middle + error, 1.0))
    return bounded


def _coefficients(sums: FloatArray, K: int) -> dict[str, FloatArray]:
    """Return the coefficients (B,) for rows of sums over examples, NaN where not defined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        paired, alike, apart, count = sums[:, :4].T
        shares = sums[:, 4 : 4 + K] / count[:, None]
        labels = sums[:, 4 + K :]
        a = alike / paired
        by_kappa = (shares**2).sum(axis=1)
        by_ac1 = (shares * (1 - shares)).sum(axis=1) / (K - 1)
        total = labels.sum(axis=1)
        expected = (total**2 - (labels**2).sum(axis=1)) / (total * (total - 1))
        return {
            "kappa": np.where(by_kappa < 1, (a - by_kappa) / (1 - by_kappa), np.nan),
            "ac1": (a - by_ac1) / (1 - by_ac1),
            "alpha": np.where(expected > 0, 1 - apart / total / expected, np.nan),
        }
