"""Confident learning: T from counts of examples by confident class and given label."""

import numpy as np

from alfs_cli.arrays import IntArray, Probabilities
from alfs_cli.estimators.parts.counts import CountedEstimate
from alfs_cli.estimators.passes.tally import tally


def confident(probs: Probabilities, labels: IntArray) -> CountedEstimate:
    """Return T from the counts of confident examples, for probabilities (N, K) and labels (N,).

    Northcutt et al., JAIR 2021: an example counts for class j if its probability of j reaches the
    mean probability of j among the examples labelled j. The counts are the transpose of cleanlab's
    confident joint: rows are true classes. Overlap of the classes in the evidence is counted as
    noise, so the clean level comes out too low rather than too high.
    """
    sums, counts = tally(probs, labels)
    return CountedEstimate("confident", counts.joint.astype(np.float64), sums.examples)
