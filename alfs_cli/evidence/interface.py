"""What evidence is: probabilities of the given labels, and how they were made."""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.evidence.alike import Alike
from alfs_cli.evidence.crowd import Crowd
from alfs_cli.evidence.out_of_fold import Map
from alfs_cli.evidence.tuning import GATHERING
from alfs_cli.evidence.zeros import filled, step_of
from alfs_cli.results.estimate import EvidenceSummary, SecondEvidence
from alfs_cli.results.evaluation import agreement, calibration_error

KINDS = ("auto", "pred-probs", "features", "text", "encoder", "pixels", "network")


@dataclass(frozen=True, eq=False)
class Evidence:
    """Probabilities of the given labels, and how they were made.

    Args:
        kind: one of KINDS but `auto`, or "annotators".
        name: the classifier and its features, for the report.
        probs: the probability of each given label, (N, K).
        folds: the number of folds, None where probabilities were given.
        fold_of: the fold in which each example was held out, (N,).
        agreement: the share of given labels that are the most probable class.
        calibration_error: of the probabilities.
        kept: the indices (N,) in the data set of the examples that could be read.
        notes: what to tell the user.
        features: what the probabilities were made from, (N, D).
        alike: which examples are copies of one another, or belong together.
        encoder: the network that made the features.
        map: the feature map before the ridge classifier.
        crowd: the labels of several annotators, where there are any.
        second: what a second evidence brought, where there is one.
    """

    kind: str
    name: str
    probs: FloatArray
    folds: int | None
    fold_of: IntArray | None
    agreement: float
    calibration_error: float
    kept: IntArray
    notes: tuple[str, ...] = ()
    features: Features | None = None
    alike: Alike | None = None
    encoder: str | None = None
    map: Map | None = None
    crowd: Crowd | None = None
    second: SecondEvidence | None = None

    @property
    def in_sample(self) -> bool:
        """Whether the probabilities look as if the model was trained on these labels."""
        is_given = self.folds is None and self.kind != "annotators"
        return is_given and self.agreement > GATHERING.in_sample_agreement

    def summary(self) -> EvidenceSummary:
        """Return the summary that estimate.json keeps."""
        return EvidenceSummary(
            self.kind,
            self.name,
            self.folds,
            self.agreement,
            self.calibration_error,
            self.in_sample,
            copies=None if self.alike is None else self.alike.summary(),
            encoder=self.encoder,
            map=self.map,
            second=self.second,
        )


def evidence_from_probs(probs: FloatArray, labels: IntArray) -> Evidence:
    """Return given probabilities (N, K) as evidence; zeros are taken for less than a step."""
    probs = np.asarray(filled(probs, step_of(probs)), dtype=np.float64)
    return Evidence(
        kind="pred-probs",
        name="given probabilities",
        probs=probs,
        folds=None,
        fold_of=None,
        agreement=agreement(probs, labels),
        calibration_error=calibration_error(probs, labels),
        kept=np.arange(len(labels)),
    )
