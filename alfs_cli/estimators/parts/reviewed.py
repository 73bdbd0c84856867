"""Labels that a person has reviewed: each decision counts for its own example only."""

from dataclasses import dataclass, replace

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.estimators.parts.counts import Spread
from alfs_cli.estimators.parts.grounds import Grounds, Remark
from alfs_cli.estimators.parts.sample import Answer, Estimate, Sample
from alfs_cli.noise import class_clean_levels, rows_of_counts
from alfs_cli.results.estimate import Bounded


@dataclass(frozen=True, eq=False)
class SettledEstimate:
    """An estimate corrected by reviewed labels.

    Its bounds are those of the estimate before, shifted by the change of the values: reviewing some
    examples leaves the others as uncertain as they were.
    """

    before: Estimate
    matrix: FloatArray
    class_prior: FloatArray
    reason: str

    @property
    def method(self) -> str:
        """The name of the method."""
        return f"{self.before.method}, reviewed"

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        return self.matrix

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        return self.class_prior

    def others(self) -> tuple[Answer, ...]:
        """Return the other methods' answers, without the reviewed labels."""
        return self.before.others()

    def grounds(self, rate: Bounded) -> Grounds:
        """Return the grounds of the estimate before, with a remark on the decisions."""
        inner = self.before.grounds(rate)
        return replace(inner, remarks=(Remark(self.reason, 2), *inner.remarks))

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return the bounds of the estimate before, shifted by the change of the values."""
        old, new = self.before.transition(), self.matrix
        bounds = self.before.spread(confidence=confidence, resamples=resamples, generator=generator)
        moved = float(old.diagonal() @ self.before.prior() - new.diagonal() @ self.class_prior)
        was, now = class_clean_levels(old), class_clean_levels(new)
        finite = np.isfinite(was) & np.isfinite(now) & (was > 0)
        by = np.where(finite, now / np.where(finite, was, 1), 1.0)
        level = float(now.min() / was.min()) if finite[was.argmin()] else 1.0
        low, high = bounds.transition
        return Spread(
            (np.clip(low + new - old, 0, 1), np.clip(high + new - old, 0, 1)),
            (
                min(max(bounds.noise_rate[0] + moved, 0.0), 1.0),
                min(max(bounds.noise_rate[1] + moved, 0.0), 1.0),
            ),
            bounds.gap,
            (bounds.class_levels[0] * by, bounds.class_levels[1] * by),
            (bounds.level[0] * level, bounds.level[1] * level),
        )


def settled(before: Estimate, sample: Sample) -> SettledEstimate:
    """Return an estimate corrected by the decisions in `sample.trusted`.

    Suspects are chosen because they look wrong: as a sample they would overstate the noise, and a
    model fitted to them would be biased. So each decision replaces the posterior of its own example
    in the joint counts of true class and given label, and changes nothing else. Raises InputError
    where there are no decisions.
    """
    trusted = sample.needed_trusted("review")
    T, prior = before.transition(), before.prior()
    given = sample.labels[trusted.places]
    guessed = true_class_probs(sample.probs[trusted.places], T) * T[:, given].T
    guessed /= np.maximum(guessed.sum(axis=1, keepdims=True), 1e-300)
    joint = prior[:, None] * T * len(sample.labels)
    np.add.at(joint.T, given, -guessed)
    np.add.at(joint, (trusted.true, given), 1)
    joint = np.maximum(joint, 0)
    wrong = int((trusted.true != given).sum())
    expected = float(1 - guessed[np.arange(len(given)), given].mean())
    reason = (
        f"{len(given):,} reviewed labels are settled, {wrong:,} of them wrong "
        f"({100 * wrong / len(given):.0f} %, where {100 * expected:.0f} % were expected); the "
        "others are judged as before"
    )
    return SettledEstimate(before, rows_of_counts(joint), joint.sum(axis=1) / joint.sum(), reason)
