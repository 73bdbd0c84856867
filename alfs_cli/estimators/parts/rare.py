"""Classes with next to no examples are set aside, so that they do not distort the others.

A label on a single example, perhaps a misspelt one, is never predicted out-of-fold. So the mean
probability of its own examples is about 0, every example reaches that threshold, and confident
learning would count them for a class that hardly exists. The method sees only the other classes and
their examples; nothing is claimed about the classes set aside.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaincinv

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.data.rare import rare_classes
from alfs_cli.estimators.parts.counts import Spread
from alfs_cli.estimators.parts.grounds import Grounds
from alfs_cli.estimators.parts.sample import Answer, Estimate, Sample
from alfs_cli.results.estimate import Bounded


def without_rare(estimator: Callable[[Sample], Estimate]) -> Callable[[Sample], Estimate]:
    """Return the estimator with rare classes set aside before it is called."""

    def estimate(sample: Sample) -> Estimate:
        counts = np.bincount(sample.labels, minlength=sample.num_classes).astype(np.int64)
        rare = rare_classes(counts)
        if not rare.any():
            return estimator(sample)
        kept = np.flatnonzero(~rare)
        return RareAside(estimator(_among(sample, kept)), kept, counts)

    return estimate


def _among(sample: Sample, kept: IntArray) -> Sample:
    """Return the sample of the examples labelled with the classes `kept`, and of these classes."""
    place = np.full(sample.num_classes, -1)
    place[kept] = np.arange(len(kept))
    rows = np.flatnonzero(place[sample.labels] >= 0)
    probs = np.maximum(sample.probs[np.ix_(rows, kept)], 1e-12)
    trusted = None
    if sample.trusted is not None:
        true = place[sample.trusted.true]
        known = replace(sample.trusted, true=true).taken(true >= 0)
        trusted = known.among(rows, len(sample.labels))
    return replace(
        sample,
        probs=probs / probs.sum(axis=1, keepdims=True),
        labels=place[sample.labels[rows]],
        features=None if sample.features is None else sample.features[rows],
        trusted=trusted,
    )


@dataclass(frozen=True, eq=False)
class AnswerAside:
    """An answer for the classes `kept` of K; the rows of the others are those of the identity."""

    inner: Answer
    kept: IntArray
    given_counts: IntArray

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.inner.method

    @property
    def shares(self) -> FloatArray:
        """The share of each label, (K,)."""
        return np.asarray(self.given_counts / self.given_counts.sum(), dtype=np.float64)

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        return self._placed(np.eye(len(self.given_counts)), self.inner.transition())

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        prior = self.shares
        prior[self.kept] = self.inner.prior() * prior[self.kept].sum()
        return prior

    def _placed(self, whole: FloatArray, inner: FloatArray) -> FloatArray:
        whole[np.ix_(self.kept, self.kept)] = inner
        return whole


@dataclass(frozen=True, eq=False)
class RareAside(AnswerAside):
    """An estimate for the classes `kept` of K; nothing is claimed about the others."""

    inner: Estimate

    def others(self) -> tuple[AnswerAside, ...]:
        """Return the other methods' answers, extended to all classes."""
        inner = self.inner.others()
        return tuple(AnswerAside(one, self.kept, self.given_counts) for one in inner)

    def grounds(self, rate: Bounded) -> Grounds:
        """Return the grounds of the estimate for the classes kept."""
        return self.inner.grounds(rate)

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return bounds for all classes; those of r and the gap are of the classes kept.

        Each example with a label that was set aside may be right or wrong.
        """
        inner = self.inner.spread(confidence=confidence, resamples=resamples, generator=generator)
        K, counts = len(self.given_counts), self.given_counts
        most = betaincinv(counts + 1, np.maximum(counts[:, None] - counts, 1), confidence)
        low, high = np.zeros((K, K)), np.asarray(most, dtype=np.float64)
        aside = np.ones(K, dtype=np.bool_)
        aside[self.kept] = False
        high[aside] = 1.0
        levels_low, levels_high = np.zeros(K), np.full(K, np.inf)
        levels_low[self.kept], levels_high[self.kept] = inner.class_levels
        share = float(self.shares[aside].sum())
        return Spread(
            transition=(
                self._placed(low, inner.transition[0]),
                self._placed(high, inner.transition[1]),
            ),
            noise_rate=(
                (1 - share) * inner.noise_rate[0],
                min((1 - share) * inner.noise_rate[1] + share, 1.0),
            ),
            gap=inner.gap,
            class_levels=(levels_low, levels_high),
            level=inner.level,
        )
