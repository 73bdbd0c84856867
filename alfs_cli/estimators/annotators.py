"""T from several labels of each example: each annotator's own T follows from the agreement."""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.errors import InputError
from alfs_cli.estimators.parts.counts import Spread, widest
from alfs_cli.estimators.parts.grounds import Grounds, Remark, by_width
from alfs_cli.estimators.parts.resampled import spread_of
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.evidence.crowd import Crowd
from alfs_cli.results.estimate import Bounded

WARNING = (
    "people err on the same examples; how many examples are hard for all of them is not known "
    "from votes alone, and the bounds allow for none to half of them"
)


def annotators(sample: Sample) -> "CrowdEstimate":
    """Return T of the given labels, with true classes inferred from all annotators' labels.

    The model lets annotators err on the same examples (`evidence/shared_difficulty.py`). Where the
    given labels are the annotators' own, T is that of an annotator on average. The evidence is not
    used. Raises InputError for one annotator.
    """
    marks, K = sample.needed_annotations("annotators"), sample.num_classes
    if marks.shape[1] < 2:
        raise InputError(
            f"{marks.shape[1]} annotator has nobody to agree with: two or more are needed",
            help="--label-columns A,B,C",
        )
    crowd = sample.crowd or Crowd(marks, K, sample.annotators, sample.labels)
    found = list(crowd.of_given(crowd.model))
    prior = np.average([prior for _, prior in found], axis=0, weights=crowd.model.weights)
    T = crowd.model.averaged(np.stack([T for T, _ in found]))
    return CrowdEstimate(f"annotators ({crowd.size})", T, prior, crowd)


@dataclass(frozen=True, eq=False)
class CrowdEstimate:
    """An estimate of T (K, K) and of the class shares (K,) from the labels of a crowd."""

    method: str
    matrix: FloatArray
    class_prior: FloatArray
    crowd: Crowd

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        return self.matrix

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        return self.class_prior

    def others(self) -> tuple["AnnotatorAnswer", ...]:
        """Return each annotator's T."""
        model, names = self.crowd.model, self.crowd.annotators
        return tuple(
            AnnotatorAnswer(f"annotator {name}", T, model.prior)
            for name, T in zip(names, model.transitions, strict=True)
        )

    def grounds(self, rate: Bounded) -> Grounds:
        """Return that people err on the same examples, and how far they agree."""
        M, marks = self.crowd.size, self.crowd.marks
        highest = np.where(marks < 0, -1, marks).max(axis=1)
        lowest = np.where(marks < 0, self.crowd.num_classes, marks).min(axis=1)
        agreed = 100 * float((highest == lowest).mean())
        remarks = [
            Remark(WARNING, 1),
            Remark(f"all labels of an example agree in {agreed:.1f} % of them", 2),
        ]
        if M == 2:
            text = "the labels of two annotators do not determine a T for each: three would"
            remarks.append(Remark(text, 0))
        return Grounds((*remarks, by_width(rate)), is_calibrated=True, annotators=M)

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return the widest bounds of all credible accounts, each from bootstrap replicates.

        The crowd's own replicates are used: each is a fit, and few of them suffice for normal
        bounds.
        """
        crowd = self.crowd
        drawn = [list(crowd.of_given(model, counts)) for counts, model in crowd.replicates]
        return widest([
            spread_of(
                np.stack([of_account[a][0] for of_account in drawn]),
                np.stack([of_account[a][1] for of_account in drawn]),
                confidence=confidence,
                size=len(crowd.marks),
            )
            for a in crowd.model.credible
        ])  # fmt: skip


@dataclass(frozen=True, eq=False)
class AnnotatorAnswer:
    """One annotator's T, reported beside the estimate; its bounds are in the crowd's summary."""

    method: str
    matrix: FloatArray
    class_prior: FloatArray

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        return self.matrix

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        return self.class_prior
