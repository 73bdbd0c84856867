"""What an estimator sees, and what it returns."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data import Trusted
from alfs_cli.errors import InputError
from alfs_cli.estimators.parts.counts import Spread
from alfs_cli.estimators.parts.grounds import Grounds
from alfs_cli.results.estimate import Bounded

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sample:
    """Out-of-fold probabilities (N, K) of the given labels (N,), and what else there is.

    `features` (N, D) are what the probabilities were made from; `trusted` examples with their true
    labels; `annotations` (N, M) the labels of M annotators, -1 where one gave none.
    """

    probs: FloatArray
    labels: IntArray
    features: Features | None = None
    trusted: Trusted | None = None
    annotations: IntArray | None = None
    annotators: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """K."""
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
    """What a method says: T and the shares of the true classes."""

    @property
    def method(self) -> str:
        """What T was made by."""
        ...

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        ...

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        ...


class Estimate(Answer, Protocol):
    """What every method of the table returns: an answer, how far it may be off, and why."""

    def others(self) -> tuple[Answer, ...]:
        """Return what other methods say, where it has asked them."""
        ...

    def grounds(self, rate: Bounded) -> Grounds:
        """Return what it rests on; `rate` is its noise rate with bounds."""
        ...

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return one-sided bounds at a confidence."""
        ...


def rate_of(estimate: Answer) -> float:
    """Return the noise rate 1 - sum_i prior_i T_ii."""
    return float(1 - estimate.prior() @ np.diag(estimate.transition()))
