"""What an estimator sees, and what it returns: the protocol of every method."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.data import Trusted
from alfs_cli.errors import InputError
from alfs_cli.estimators.parts.counts import Spread
from alfs_cli.estimators.parts.grounds import Grounds
from alfs_cli.evidence.crowd import Crowd
from alfs_cli.results.estimate import Bounded


@dataclass(frozen=True, eq=False)
class Sample:
    """The examples that an estimator sees.

    Args:
        probs: out-of-fold probabilities of the given labels, (N, K).
        labels: the given labels (N,).
        features: what the probabilities were made from, (N, D).
        trusted: examples whose true labels are known.
        annotations: the labels (N, M) of M annotators, -1 where one gave none.
        annotators: the names of the annotators.
        crowd: these labels with the model that was fitted to them, where it was.
    """

    probs: FloatArray
    labels: IntArray
    features: Features | None = None
    trusted: Trusted | None = None
    annotations: IntArray | None = None
    annotators: tuple[str, ...] = ()
    crowd: Crowd | None = None

    @property
    def num_classes(self) -> int:
        """The number of classes, K."""
        return int(self.probs.shape[1])

    def needed_features(self, method: str) -> Features:
        """Return the features; raises InputError where there are none."""
        if self.features is None:
            raise InputError(
                f"method '{method}' needs features, and there are only probabilities",
                help="give the data themselves, or --features FILE beside the probabilities",
            )
        return self.features

    def needed_trusted(self, method: str) -> Trusted:
        """Return the trusted examples; raises InputError where there are none."""
        if self.trusted is None:
            raise InputError(
                f"method '{method}' needs examples whose true labels are known",
                help="--trusted FILE, with the columns index and true_label",
            )
        return self.trusted

    def needed_annotations(self, method: str) -> IntArray:
        """Return the annotators' labels; raises InputError where there are none."""
        if self.annotations is None:
            raise InputError(
                f"method '{method}' needs the labels of several annotators",
                help="--label-columns A,B,C names their columns",
            )
        return self.annotations


class Answer(Protocol):
    """A method's T and class shares, without bounds."""

    @property
    def method(self) -> str:
        """The name of the method."""
        ...

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        ...

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        ...


class Estimate(Answer, Protocol):
    """What every method of ESTIMATORS returns: an answer, its bounds, and its grounds."""

    def others(self) -> tuple[Answer, ...]:
        """Return the answers of other methods that were computed on the way."""
        ...

    def grounds(self, rate: Bounded) -> Grounds:
        """Return what the estimate rests on; `rate` is its noise rate with bounds."""
        ...

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return one-sided bounds at a confidence."""
        ...


def rate_of(estimate: Answer) -> float:
    """Return the noise rate 1 - sum_i prior_i T_ii."""
    return float(1 - estimate.prior() @ np.diag(estimate.transition()))
