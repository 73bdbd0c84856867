"""The default: the joint model's T, tempered by the counts, within bounds that admit all of them.

What labels and evidence cannot tell: where classes overlap in the evidence, disagreement is overlap
if labels know the truth beyond the evidence, and noise if they do not. The joint model takes the
first side (only noise that depends on the class alone leaves a mark on the likelihood), confident
learning much of the second. The bounds reach from the one to the other: down to the joint model's
own lower bound, up to the soft counts of its head, q(true | x) beside the given label, which are
the truth if the label was drawn from x alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from alfs_cli.estimators.anchor import anchor
from alfs_cli.estimators.confident import confident
from alfs_cli.estimators.joint.families import FREE, STRONG
from alfs_cli.estimators.joint_ml import JointEstimate, joint_from
from alfs_cli.estimators.parts.counts import CountedEstimate, Spread, widest
from alfs_cli.estimators.parts.grounds import ROOM_HIGH, Grounds, Remark, by_width
from alfs_cli.estimators.parts.sample import rate_of
from alfs_cli.results.estimate import Bounded

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# People confuse what the head confuses, and the head then absorbs their noise. The weight of the
# counts rises with the correlation between T and the head's own confusion; the numbers were tuned
# on the two human label sets of benchmarks/estimators.py, and on nothing else.
COUNTS_WEIGHT, CORRELATION_START, CORRELATION_SPAN = 0.6, 0.45, 0.25
SMALLEST_CELL = 1e-7
# Where overlap explains what the counts call noise, the surest examples are cleaner than they say.
MIN_DISPUTE = 0.05  # difference of the noise rates below which there is nothing to explain
ANCHOR_START, ANCHOR_SPAN = 0.5, 0.25  # how far from the joint model to the counts the anchors lie
UNFITTED = "too many classes"
SURE = 0.999  # confidence at which anchors contradict the joint model


@dataclass(frozen=True, eq=False)
class CombinedEstimate:
    """What the methods say, and how T is mixed from them.

    `weight` is the share of the counts in a geometric mean with the joint model's T, `shrinkage`
    their share in an arithmetic mean of the two. `is_contradicted` says that the surest examples
    carry less noise than the joint model's T allows, so that noise depends on more than the class.
    `disagreement` is how many given labels are not the most probable class.
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
        """Whether T is the counts' alone."""
        return self.shrinkage == 1

    @property
    def method(self) -> str:
        """What T was made from, for estimate.json."""
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
        """Return the head's soft counts, one for each plausible family."""
        K, given = self.joint.num_classes, self.counted.given_counts
        place = np.ix_(self.joint.present, self.joint.present)
        found = []
        for candidate in self.joint.plausible:
            soft = np.zeros((K, K))
            soft[place] = candidate.soft_counts
            found.append(CountedEstimate("head", soft, given))
        return found

    def others(self) -> tuple["JointEstimate | CountedEstimate", ...]:
        """Return the methods beside the combination."""
        return (self.counted, self.joint, self.anchored)

    def grounds(self, rate: Bounded) -> Grounds:
        """Return how far the methods agree, and what the evidence leaves open."""
        before = (
            f"classes overlap in {100 * overlap_of(self.joint):.0f} % of the evidence, where noise "
            "and overlap look alike: "
        )
        remarks = [by_width(rate, before)]
        joint, counted = 100 * rate_of(self.joint), 100 * rate_of(self.counted)
        if abs(joint - counted) > 100 * ROOM_HIGH / 2:
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
                "labels are mistaken for what the evidence mistakes, as people's are: the joint "
                "model takes part of such noise for overlap"
            )
            remarks.append(Remark(text, 1))
        return Grounds(tuple(remarks), is_calibrated=not self.is_counted)

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return bounds that admit each method and labels that know nothing beyond the evidence.

        The noise rate reaches up to the out-of-fold disagreement at least: where noise depends on
        the class alone, no example agrees with its most probable label more often than T's
        diagonal.
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
    """Return the combination of `joint-ml` and `confident`, with `anchor` beside it."""
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
    """Return the share of the counts in T: all where nothing was fitted, much where it is unsure.

    v / (v + d^2), v the sampling variance of the joint model's T and d^2 its squared distance from
    the counted T (after Stein's estimator). Only where T has free cells: a rate or two are sure
    enough.
    """
    family = joint.plausible_best.fit.family
    if family not in (FREE, STRONG):
        return 1.0 if family == UNFITTED else 0.0
    apart = float(((joint.transition() - counted.transition()) ** 2).sum())
    error = joint.error()
    return error / (error + apart) if error > 0 else 0.0


def _contradiction(
    joint: JointEstimate, counted: CountedEstimate, anchored: CountedEstimate
) -> tuple[float, str]:
    """Return the share of the counts that the surest examples ask for, and why.

    Anchors with less noise than T: noise by class alone does not allow it. Anchors as noisy as the
    counts say, and much noisier than T: overlap does not explain it, for it spares them.
    """
    shown = anchored.counts.sum(axis=1)
    wrong = float((shown - np.diag(anchored.counts)).sum())
    weights = shown / max(shown.sum(), 1e-12)

    def expected(T: FloatArray) -> float:
        return float(1 - weights @ np.diag(T))

    most = float(betaincinv(wrong + 1, max(shown.sum() - wrong, 1e-9), SURE))
    low, high = expected(joint.transition()), expected(counted.transition())
    if most < low and high > low:
        return 1.0, "the surest examples are cleaner than noise by class alone allows"
    if high - low < MIN_DISPUTE or overlap_of(joint) < (high - low) / 2:
        return 0.0, ""
    place = (wrong / max(shown.sum(), 1e-12) - low) / (high - low)
    share = float(np.clip((place - ANCHOR_START) / ANCHOR_SPAN, 0, 1))
    reason = "even the surest examples are as noisy as confident learning says"
    return share, reason if share > 0 else ""


def overlap_of(joint: JointEstimate) -> float:
    """Return the share of examples whose class a draw from the head's q(x) would miss."""
    soft = joint.soft_counts
    apart = float(1 - np.trace(soft) / max(soft.sum(), 1e-12))
    return max(apart - rate_of(joint), 0.0)


def counts_weight(joint: JointEstimate) -> float:
    """Return the weight of the counts: 0 unless free cells of T look like the head's confusion.

    The correlation over cells off the diagonal of log T and log E[q_i q_j] / E[q_i], weighted by
    T^1.5 so that empty cells do not speak.
    """
    family = joint.plausible_best.fit.family
    if family != FREE or len(joint.present) < 3:
        return 0.0
    place = np.ix_(joint.present, joint.present)
    T, M = joint.transition()[place], joint.confusion[place]
    off = ~np.eye(len(T), dtype=bool)
    weights = T[off] ** 1.5
    first, second = np.log(np.maximum(T, SMALLEST_CELL))[off], np.log(np.maximum(M, 1e-7))[off]
    first = first - np.average(first, weights=weights)
    second = second - np.average(second, weights=weights)
    scale = np.sqrt(np.sum(weights * first**2) * np.sum(weights * second**2))
    if scale <= 0:
        return 0.0
    correlation = float(np.sum(weights * first * second) / scale)
    rise = (correlation - CORRELATION_START) / CORRELATION_SPAN
    return float(COUNTS_WEIGHT * np.clip(rise, 0, 1))
