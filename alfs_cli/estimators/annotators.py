"""T from several labels of each example: each annotator's own T follows from the agreement."""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.errors import InputError
from alfs_cli.estimators.parts.grounds import Remark
from alfs_cli.estimators.parts.resampled import ResampledEstimate
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.evidence.dawid_skene import dawid_skene
from alfs_cli.noise import rows_of_counts

REDRAW_STEPS = 20  # EM steps of a bootstrap replicate, which starts at the fit
WARNING = (
    "the method assumes that annotators err independently; people err on the same examples, so "
    "noise is underestimated"
)


def annotators(sample: Sample) -> ResampledEstimate:
    """Return T of the given labels, with true classes inferred from all annotators' labels.

    Dawid & Skene, Applied Statistics 1979: given the true class, annotators err independently, each
    with a T of their own. The evidence is not used. Raises InputError for one annotator.
    """
    marks, K = sample.needed_annotations("annotators"), sample.num_classes
    M = marks.shape[1]
    if M < 2:
        raise InputError(
            f"{M} annotator has nobody to agree with: two or more are needed",
            help="--label-columns A,B,C",
        )
    patterns, back, counts = np.unique(marks, axis=0, return_inverse=True, return_counts=True)
    fit = dawid_skene(patterns, counts.astype(np.float64), K)
    posterior = fit.posterior[back.ravel()]
    joint = np.zeros((K, K))
    np.add.at(joint.T, sample.labels, posterior)
    given = np.zeros((len(patterns), K))
    np.add.at(given, (back.ravel(), sample.labels), 1)
    given /= counts[:, None]

    def redraw(generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        drawn = generator.multinomial(len(marks), counts / len(marks)).astype(np.float64)
        again = dawid_skene(patterns, drawn, K, start=fit, max_steps=REDRAW_STEPS)
        weighted = (again.posterior * drawn[:, None]).T @ given
        return rows_of_counts(weighted), weighted.sum(axis=1) / weighted.sum()

    names = sample.annotators or tuple(str(number + 1) for number in range(M))
    each = tuple(
        _Annotator(f"annotator {name}", fit.transitions[place], fit.prior)
        for place, name in enumerate(names)
    )
    agreeing = (marks == marks[:, :1]).all(axis=1).mean()
    return ResampledEstimate(
        f"annotators ({M})",
        rows_of_counts(joint),
        joint.sum(axis=1) / joint.sum(),
        redraw,
        len(marks),
        remarks=(
            Remark(WARNING, 1),
            Remark(f"all {M} annotators agree on {100 * agreeing:.1f} % of the examples", 2),
            *_identified(M),
        ),
        beside=each,
        annotators=M,
    )


def _identified(M: int) -> tuple[Remark, ...]:
    if M > 2:
        return ()
    return (Remark("the labels of two annotators do not determine a T for each: three would", 0),)


@dataclass(frozen=True, eq=False)
class _Annotator:
    """One annotator's T, reported beside the estimate and without bounds."""

    method: str
    matrix: FloatArray
    class_prior: FloatArray

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        return self.matrix

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        return self.class_prior
