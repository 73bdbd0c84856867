"""A second evidence that did not see the labels, such as zero-shot probabilities, joined in.

Where classes overlap in the own evidence, labels cannot tell overlap from noise; another model's
view of the same examples can, as far as it sees more. The two are joined as a product of experts
(Hinton, Neural Computation 2002): own^a second^b, with a shift for each class. The powers and
shifts are those under which the given labels are likeliest. They are so few that they cannot learn
which labels are wrong, and a second evidence that says nothing gets the power 0.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.evidence.interface import Evidence
from alfs_cli.results.estimate import SecondEvidence
from alfs_cli.results.evaluation import agreement, calibration_error

SMALLEST = 1e-6  # probability, before its logarithm: no model is that sure and right
IGNORED = 0.01  # power, of a second evidence that is as good as left out
PULL = 1.0  # examples' worth of a normal prior on the second's power and the shifts


@dataclass(frozen=True, eq=False)
class Joined:
    """Probabilities (N, K) of both, and the power of each."""

    probs: FloatArray
    own_power: float
    second_power: float


def with_second(own: Evidence, second: FloatArray, labels: IntArray) -> Evidence:
    """Return evidence joined with probabilities (N, K) of a model that did not see the labels."""
    found = joined(own.probs, second, labels)
    summary = SecondEvidence(
        agreement(second, labels), own.agreement, found.own_power, found.second_power
    )
    together = agreement(found.probs, labels)
    note = (
        f"--prior-probs agrees with {100 * summary.agreement:.1f} % of the labels, the own "
        f"evidence with {100 * own.agreement:.1f} %, both together with {100 * together:.1f} %"
    )
    if found.second_power < IGNORED:
        note += ": the second evidence adds nothing, and is not used"
    return replace(
        own,
        name=f"{own.name}, joined with --prior-probs",
        probs=found.probs,
        agreement=together,
        calibration_error=calibration_error(found.probs, labels),
        notes=(*own.notes, note),
        second=summary,
    )


def joined(own: FloatArray, second: FloatArray, labels: IntArray) -> Joined:
    """Return own^a second^b of two evidences (N, K), as the given labels (N,) are likeliest.

    >>> own = np.full((4, 2), 0.5)
    >>> second = np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1], [0.3, 0.7]])
    >>> found = joined(own, second, np.array([0, 1, 0, 1]))
    >>> found.probs.argmax(axis=1).tolist(), found.second_power > 0.5
    ([0, 1, 0, 1], True)
    """
    first, other = (np.log(np.maximum(probs, SMALLEST)) for probs in (own, second))
    N, K = own.shape
    rows = np.arange(N)

    def logits(parameters: FloatArray) -> FloatArray:
        return np.asarray(parameters[0] * first + parameters[1] * other + parameters[2:])

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        probs = softmax(logits(parameters), axis=1)
        value = -np.log(np.maximum(probs[rows, labels], 1e-300)).sum()
        value += PULL / 2 * (parameters[1:] ** 2).sum()
        probs[rows, labels] -= 1
        by = np.concatenate([[(probs * first).sum(), (probs * other).sum()], probs.sum(axis=0)])
        by[1:] += PULL * parameters[1:]
        return float(value / N), by / N

    found = minimize(
        loss,
        np.concatenate([[0.5, 0.5], np.zeros(K)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None), (0, None), *[(None, None)] * K],
    ).x
    return Joined(softmax(logits(found), axis=1), float(found[0]), float(found[1]))
