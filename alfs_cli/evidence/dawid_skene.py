"""The model of annotators who err independently: Dawid & Skene, Applied Statistics 1979.

Given the true class, each annotator's label is a draw from the row of that class in the annotator's
own T. EM fits the model, starting from the shares of the votes.
"""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.evidence.tuning import ANNOTATORS
from alfs_cli.noise import rows_of_counts

MAX_STEPS, TOLERANCE = 300, 1e-7  # EM steps, and the least gain in mean log-likelihood


@dataclass(frozen=True, eq=False)
class Annotation:
    """The fitted model.

    Args:
        transitions: T of each annotator, (M, K, K).
        prior: the share of each true class, (K,).
        posterior: P(true | labels) of each pattern of labels, (U, K).
        path: the mean log-likelihood at each EM step.
    """

    transitions: FloatArray
    prior: FloatArray
    posterior: FloatArray
    path: tuple[float, ...]


def dawid_skene(
    patterns: IntArray,
    counts: FloatArray,
    num_classes: int,
    *,
    start: Annotation | None = None,
    max_steps: int = MAX_STEPS,
) -> Annotation:
    """Return the model of highest likelihood for label patterns (U, M) seen `counts` (U,) times.

    A pattern holds the label of each of M annotators, -1 for none. EM starts at `start` where it is
    given.
    """
    U, M = patterns.shape
    K, total = num_classes, max(float(counts.sum()), 1e-12)
    voted = [np.flatnonzero(patterns[:, m] >= 0) for m in range(M)]
    posterior = _shares(patterns, K) if start is None else start.posterior
    path: list[float] = []
    transitions, prior = np.zeros((M, K, K)), np.zeros(K)
    for _ in range(max_steps):
        weighted = posterior * counts[:, None]
        prior = (weighted.sum(axis=0) + 1e-9) / (total + K * 1e-9)
        logs = np.tile(np.log(prior), (U, 1))
        for m, rows in enumerate(voted):
            joint = ANNOTATORS.pseudo_count * np.eye(K)
            np.add.at(joint.T, patterns[rows, m], weighted[rows])
            transitions[m] = rows_of_counts(joint)
            logs[rows] += np.log(np.maximum(transitions[m], 1e-12)).T[patterns[rows, m]]
        top = logs.max(axis=1, keepdims=True)
        posterior = np.exp(logs - top)
        sums = posterior.sum(axis=1, keepdims=True)
        posterior /= sums
        path.append(float(counts @ (top + np.log(sums))[:, 0] / total))
        if len(path) > 1 and path[-1] - path[-2] < TOLERANCE:
            break
    return Annotation(transitions.copy(), prior, posterior, tuple(path))


def _shares(patterns: IntArray, num_classes: int) -> FloatArray:
    """Return the share of votes for each class (U, K), 1 / K where there are none."""
    votes = np.zeros((len(patterns), num_classes))
    for m in range(patterns.shape[1]):
        rows = np.flatnonzero(patterns[:, m] >= 0)
        votes[rows, patterns[rows, m]] += 1
    cast = votes.sum(axis=1, keepdims=True)
    return np.where(cast > 0, votes / np.maximum(cast, 1), 1 / num_classes)
