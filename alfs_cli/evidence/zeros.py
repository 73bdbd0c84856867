"""Probabilities of 0 in what a model or a vote says: too small to be counted, not impossible.

Shares of fifteen neighbours, votes of a hundred trees and numbers of three decimals come in steps.
Taken as impossible, a class that no neighbour has makes a label that is right next to certainly
wrong. The zeros of a row share one step instead, as if one more had been counted (Perks, J. Inst.
Actuaries 1947). Where a softmax underflowed, the step is next to nothing, and nothing changes.
"""

import numpy as np

from alfs_cli.arrays import Probabilities

LEAST_STEP = 2e-6  # it is next to what the fits take for 0
BLOCK = 2**22  # numbers looked at together


def step_of(probs: Probabilities) -> float:
    """Return the smallest of the probabilities (N, K) that is not 0; 1 where there is none.

    >>> step_of(np.array([[0.8, 0.2, 0.0], [1.0, 0.0, 0.0]]))
    0.2
    """
    rows = max(1, BLOCK // probs.shape[1])
    parts = (probs[first : first + rows] for first in range(0, len(probs), rows))
    return min((float(np.min(part, initial=1.0, where=part > 0)) for part in parts), default=1.0)


def filled(probs: Probabilities, step: float) -> Probabilities:
    """Return the probabilities (n, K) with the zeros of each row sharing a step.

    Rows sum to 1 again. A step of 1 says nothing of how sure the rows are: they stay as they are.

    >>> filled(np.array([[0.8, 0.2, 0.0], [1.0, 0.0, 0.0]]), 0.2).round(3).tolist()
    [[0.667, 0.167, 0.167], [0.833, 0.083, 0.083]]
    """
    if not LEAST_STEP < step < 1 or probs.min(initial=1.0) > 0:
        return probs
    zero = probs <= 0
    count = zero.sum(axis=1, keepdims=True)
    found = np.where(zero, step / np.maximum(count, 1), np.asarray(probs, dtype=np.float64))
    found /= found.sum(axis=1, keepdims=True)
    return np.asarray(found, dtype=np.float64)
