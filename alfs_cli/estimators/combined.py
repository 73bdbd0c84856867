"""The default method: a mixture of the joint model's T and confident learning's.

Where classes overlap in the evidence, a label may disagree with it for two reasons. Either the
annotator knew more than the evidence shows and the label is right, or the label is noise. Labels
and evidence cannot tell the two apart. The joint model assumes the first: only noise that depends
on the class alone changes its likelihood. Confident learning mostly assumes the second.

The bounds cover both. They reach down to the joint model's own lower bound. They reach up to the
soft counts of its head, q(true | x) by given label, which are exact if labels depend on x alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.anchor import anchor
from alfs_cli.estimators.confident import confident
from alfs_cli.estimators.joint.families import FREE, STRONG
from alfs_cli.estimators.joint_ml import JointEstimate, joint_from
from alfs_cli.estimators.parts.counts import CountedEstimate, Spread, widest
from alfs_cli.estimators.parts.grounds import Grounds, Remark, by_width
from alfs_cli.estimators.parts.sample import rate_of
from alfs_cli.estimators.tuning import COMBINED, TRUST
from alfs_cli.results.estimate import Bounded

SMALLEST_CELL = 1e-7  # guard of a logarithm
UNFITTED = "too many classes"  # family of a joint model that was not fitted


@dataclass(frozen=True, eq=False)
class CombinedEstimate:
    """The estimates of three methods, and how T is mixed from them.

    Args:
        joint: the joint model.
        counted: confident learning, "the counts".
        anchored: anchor points.
        weight: the share of the counts in a geometric mean with the joint model's T.
        shrinkage: the share of the counts in an arithmetic mean with the result of that.
        contradiction: why noise seems to depend on more than the class; empty where it does not.
        disagreement: the number of given labels that are not the most probable class.
    """

    joint: JointEstimate
    counted: CountedEstimate
    anchored: CountedEstimate
    weight: float
    shrinkage: float
    contradiction: str
    disagreement: int

    @property
    def is_counted(self) -> bool:
        """Whether T rests on the counts alone."""
        return self.shrinkage == 1

    @property
    def method(self) -> str:
        """The methods that T was made by, as estimate.json names them."""
        if self.is_counted:
            return self.counted.method
        counts = self.weight + self.shrinkage - self.weight * self.shrinkage
        return f"{self.joint.method} + {counts:.2f} confident" if counts else self.joint.method

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        T, counted = self.joint.transition(), self.counted.transition()
        if self.weight > 0:
            log_T = (1 - self.weight) * np.log(np.maximum(T, SMALLEST_CELL))
            log_T += self.weight * np.log(np.maximum(counted, SMALLEST_CELL))
            blended = np.exp(log_T)
            T = blended / blended.sum(axis=1, keepdims=True)
        return np.asarray((1 - self.shrinkage) * T + self.shrinkage * counted, dtype=np.float64)

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        counts = self.weight + self.shrinkage - self.weight * self.shrinkage
        mixed = (1 - counts) * self.joint.prior() + counts * self.counted.prior()
        return np.asarray(mixed / mixed.sum(), dtype=np.float64)

    def drawn_from_evidence(self) -> list[CountedEstimate]:
        """Return the head's soft counts as estimates, one for each plausible family of T."""
        K, given = self.joint.num_classes, self.counted.given_counts
        place = np.ix_(self.joint.present, self.joint.present)
        found = []
        for candidate in self.joint.plausible:
            soft = np.zeros((K, K))
            soft[place] = candidate.soft_counts
            found.append(CountedEstimate("head", soft, given))
        return found

    def others(self) -> tuple["JointEstimate | CountedEstimate", ...]:
        """Return the methods that were combined, for the report."""
        return (self.counted, self.joint, self.anchored)

    def grounds(self, rate: Bounded) -> Grounds:
        """Return how well the methods agree, and what the evidence leaves open."""
        before = (
            f"classes overlap in {100 * overlap_of(self.joint):.0f} % of the evidence, where noise "
            "and overlap look alike: "
        )
        remarks = [by_width(rate, before)]
        joint, counted = 100 * rate_of(self.joint), 100 * rate_of(self.counted)
        if abs(joint - counted) > 100 * TRUST.methods_apart:
            text = (
                f"methods disagree: {joint:.1f} % noise by the joint model, {counted:.1f} % by "
                "confident learning, which counts overlap as noise"
            )
            remarks.append(Remark(text, 2))
        if self.contradiction:
            text = f"noise may depend on more than the class: {self.contradiction}"
            remarks.append(Remark(text, 0))
        elif self.weight > 0:
            text = (
                "labels confuse the classes that the evidence confuses, as people do: the joint "
                "model takes part of such noise for overlap"
            )
            remarks.append(Remark(text, 1))
        return Grounds(tuple(remarks), is_calibrated=not self.is_counted)

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return bounds that cover each method, and labels that depend on the evidence alone.

        The upper bound of the noise rate is at least the out-of-fold disagreement: where noise
        depends on the class alone, no example agrees with its most probable label with a higher
        probability than the diagonal of T.
        """
        methods: list[JointEstimate | CountedEstimate] = [self.joint, self.counted]
        methods += self.drawn_from_evidence()
        bounds = widest(
            [
                one.spread(confidence=confidence, resamples=resamples, generator=generator)
                for one in methods
            ]
        )
        agreeing = int(self.counted.given_counts.sum()) - self.disagreement
        most = float(betaincinv(self.disagreement + 1, agreeing, confidence)) if agreeing else 1.0
        rate = (max(bounds.noise_rate[0], 0.0), max(bounds.noise_rate[1], most))
        return Spread(bounds.transition, rate, bounds.gap, bounds.class_levels, bounds.level)


def combined(probs: FloatArray, labels: IntArray) -> CombinedEstimate:
    """Return the combination of `joint-ml`, `confident` and `anchor` for (N, K) and (N,)."""
    counted = confident(probs, labels)
    joint = joint_from(probs, labels, counted)
    anchored = anchor(probs, labels)
    against, reason = _contradiction(joint, counted, anchored)
    return CombinedEstimate(
        joint=joint,
        counted=counted,
        anchored=anchored,
        weight=counts_weight(joint),
        shrinkage=max(shrinkage(joint, counted), against),
        contradiction=reason,
        disagreement=int((probs.argmax(axis=1) != labels).sum()),
    )


def shrinkage(joint: JointEstimate, counted: CountedEstimate) -> float:
    """Return the share of the counts in T that sampling error asks for.

    It is v / (v + d^2), after Stein's estimator: v is the sampling variance of the joint model's T,
    d^2 its squared distance from the counted T. It is 0 where T has one or two rates, which are
    well determined, and 1 where the joint model was not fitted.
    """
    family = joint.best.fit.family
    if family not in (FREE, STRONG):
        return 1.0 if family == UNFITTED else 0.0
    apart = float(((joint.transition() - counted.transition()) ** 2).sum())
    error = joint.error()
    return error / (error + apart) if error > 0 else 0.0


def _contradiction(
    joint: JointEstimate, counted: CountedEstimate, anchored: CountedEstimate
) -> tuple[float, str]:
    """Return the share of the counts in T that the anchor points ask for, and why.

    There are two cases. Anchors with less noise than the joint model's T are impossible where noise
    depends on the class alone. Anchors as noisy as the counts say, where T says much less, cannot
    be explained by overlap, because anchors lie where classes do not overlap.
    """
    shown = anchored.counts.sum(axis=1)
    wrong = float((shown - np.diag(anchored.counts)).sum())
    weights = shown / max(shown.sum(), 1e-12)

    def expected(T: FloatArray) -> float:
        return float(1 - weights @ np.diag(T))

    rest = max(shown.sum() - wrong, 1e-9)
    most = float(betaincinv(wrong + 1, rest, COMBINED.anchor_confidence))
    low, high = expected(joint.transition()), expected(counted.transition())
    if most < low and high > low:
        return 1.0, "the surest examples are cleaner than noise by class alone allows"
    dispute = high - low
    explained = COMBINED.overlap_share * dispute
    if dispute < COMBINED.least_dispute or overlap_of(joint) < explained:
        return 0.0, ""
    place = (wrong / max(shown.sum(), 1e-12) - low) / dispute
    share = float(np.clip((place - COMBINED.anchor_start) / COMBINED.anchor_span, 0, 1))
    reason = "even the surest examples are as noisy as confident learning says"
    return share, reason if share > 0 else ""


def overlap_of(joint: JointEstimate) -> float:
    """Return how much of the evidence is overlap of classes, as a share of the examples.

    It is the probability that a class drawn from the head's q(true | x) differs from the given
    label, less the noise rate.
    """
    soft = joint.soft_counts
    apart = float(1 - np.trace(soft) / max(soft.sum(), 1e-12))
    return max(apart - rate_of(joint), 0.0)


def counts_weight(joint: JointEstimate) -> float:
    """Return the weight of the counts, which rises as T resembles the head's own confusion.

    People confuse what the head confuses, and the head then absorbs their noise. The resemblance is
    the correlation over cells off the diagonal of log T and log(E[q_i q_j] / E[q_i]), weighted by a
    power of T so that empty cells do not count. The weight is 0 where T has no free cells.
    """
    family = joint.best.fit.family
    if family != FREE or len(joint.present) < 3:
        return 0.0
    place = np.ix_(joint.present, joint.present)
    T, M = joint.transition()[place], joint.confusion[place]
    off = ~np.eye(len(T), dtype=bool)
    weights = T[off] ** COMBINED.correlation_power
    first, second = np.log(np.maximum(T, SMALLEST_CELL))[off], np.log(np.maximum(M, 1e-7))[off]
    first = first - np.average(first, weights=weights)
    second = second - np.average(second, weights=weights)
    scale = np.sqrt(np.sum(weights * first**2) * np.sum(weights * second**2))
    if scale <= 0:
        return 0.0
    correlation = float(np.sum(weights * first * second) / scale)
    rise = (correlation - COMBINED.correlation_start) / COMBINED.correlation_span
    return float(COMBINED.largest_weight * np.clip(rise, 0, 1))
