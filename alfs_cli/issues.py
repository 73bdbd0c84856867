"""Which labels are wrong: the posterior probability of each, and the file that lists the suspects.

From the probabilities of the given label p(given | x) and T the probability of the true class
q(true | x) is had by deconvolution; Bayes' rule with the label at hand then gives
P(true | x, given).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DECONVOLUTION_STEPS = 30
COLUMNS = (
    "index", "path", "given", "suggested", "self_confidence", "suggested_confidence", "score",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class LabelScores:
    """For each example (N,): the probability that its label is wrong, and what it looks like."""

    score: FloatArray
    suggested: IntArray
    self_confidence: FloatArray
    suggested_confidence: FloatArray

    def settled(self, places: IntArray, true: IntArray, labels: IntArray) -> "LabelScores":
        """Return the scores with what is known of some examples: their labels are right or not."""
        score, suggested = self.score.copy(), self.suggested.copy()
        score[places] = true != labels[places]
        suggested[places] = true
        return replace(self, score=score, suggested=suggested)


def true_class_probs(probs: FloatArray, T: FloatArray) -> FloatArray:
    """Return q(true | x) (N, K) with q T closest to p(given | x) in likelihood.

    Richardson-Lucy steps from q = p: positive, rows sum to 1, no inverse of T.
    """
    q = np.maximum(probs, 1e-12)
    q /= q.sum(axis=1, keepdims=True)
    for _ in range(DECONVOLUTION_STEPS):
        seen = np.maximum(q @ T, 1e-12)
        q *= (probs / seen) @ T.T
        q /= np.maximum(q.sum(axis=1, keepdims=True), 1e-300)
    return q


def label_scores(
    probs: FloatArray, labels: IntArray, T: FloatArray, noise_rate: float
) -> LabelScores:
    """Return how likely each given label is wrong.

    P(true = j | x, given) is proportional to q(j | x) T[j, given]. The log odds of being wrong are
    shifted by one constant so that the scores add up to the estimated number of wrong labels.
    """
    each = np.arange(len(labels))
    q = true_class_probs(probs, T)
    posterior = q * T[:, labels].T
    sums = posterior.sum(axis=1, keepdims=True)
    posterior = np.where(sums > 0, posterior / np.where(sums > 0, sums, 1), q)
    wrong = _shifted_to(1 - posterior[each, labels], noise_rate)
    others = posterior.copy()
    others[each, labels] = -1
    suggested = np.where(posterior.argmax(axis=1) == labels, labels, others.argmax(axis=1))
    likely_wrong = wrong >= 0.5
    suggested = np.where(likely_wrong, others.argmax(axis=1), suggested)
    return LabelScores(
        score=wrong,
        suggested=suggested.astype(np.int64),
        self_confidence=probs[each, labels],
        suggested_confidence=probs[each, suggested],
    )


def _shifted_to(probabilities: FloatArray, mean: float) -> FloatArray:
    """Return the probabilities with their log odds shifted by one constant to reach a mean."""
    from scipy.optimize import brentq
    from scipy.special import expit, logit

    if not 0 < mean < 1:
        return np.clip(probabilities, 0, 1)
    odds = logit(np.clip(probabilities, 1e-9, 1 - 1e-9))

    def excess(shift: float) -> float:
        return float(expit(odds + shift).mean()) - mean

    if excess(-40) > 0 or excess(40) < 0:
        return np.clip(probabilities, 0, 1)
    return np.asarray(expit(odds + brentq(excess, -40, 40, xtol=1e-6)), dtype=np.float64)


def suspects(scores: LabelScores, labels: IntArray, threshold: float) -> IntArray:
    """Return the places of the labels that are probably wrong, worst first."""
    chosen = np.flatnonzero((scores.score >= threshold) & (scores.suggested != labels))
    return chosen[np.argsort(-scores.score[chosen], kind="stable")]


def write_issues(
    folder: Path, dataset: "LabelledDataset", scores: LabelScores, places: IntArray
) -> None:
    """Write issues.csv and issues.parquet: the examples at `places`, in that order.

    The CSV guards spreadsheets: text that looks like a formula gets a leading apostrophe.
    """
    import pandas as pd

    from alfs_cli.data.dataset import positions_of
    from alfs_cli.documents import replacing, safe_cell

    names = np.array(dataset.class_names, dtype=object)
    frame = pd.DataFrame(
        {
            "index": positions_of(dataset)[places],
            "path": [dataset.paths[i] if dataset.paths else "" for i in places],
            "given": names[dataset.labels[places]],
            "suggested": names[scores.suggested[places]],
            "self_confidence": scores.self_confidence[places],
            "suggested_confidence": scores.suggested_confidence[places],
            "score": scores.score[places],
        },
        columns=list(COLUMNS),
    )
    with replacing(folder / "issues.parquet") as temporary:
        frame.to_parquet(temporary, index=False)
    for column in ("path", "given", "suggested"):
        frame[column] = [safe_cell(cell) for cell in frame[column]]
    with replacing(folder / "issues.csv") as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
