"""The constants of the estimators and of the trust level that were chosen, not derived."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

ESTIMATORS = "benchmarks/estimators.py"
TRUSTED_BOUNDS = "benchmarks/trusted_bounds.py"


@dataclass(frozen=True)
class Anchors:
    """How many examples of a class are its anchor points (`anchor.py`)."""

    share: float = tuned(
        0.03,
        "share of a class",
        "Patrini et al., CVPR 2017, take the 97 % quantile of each class",
    )
    least: int = tuned(20, "examples", "the counts of fewer anchors are mostly chance")


@dataclass(frozen=True)
class Combined:
    """How the default mixes the joint model and confident learning (`combined.py`)."""

    largest_weight: float = tuned(
        0.6,
        "share",
        "largest weight of the counts where T resembles the head's confusion; tuned on the two "
        "human label sets",
        benchmark=ESTIMATORS,
    )
    correlation_start: float = tuned(
        0.45,
        "correlation",
        "T and the head's confusion correlate by chance up to here; tuned on the two human label "
        "sets",
        benchmark=ESTIMATORS,
    )
    correlation_span: float = tuned(
        0.25,
        "correlation",
        "the weight of the counts is largest so far above the start; tuned on the two human label "
        "sets",
        benchmark=ESTIMATORS,
    )
    correlation_power: float = tuned(
        1.5, "power of T", "weights of cells in that correlation; cells near 0 are mostly chance"
    )
    least_dispute: float = tuned(
        0.05, "noise rate", "methods that differ by less leave nothing for anchors to decide"
    )
    overlap_share: float = tuned(
        0.5,
        "share of the dispute",
        "overlap explains the dispute between the methods where it is at least so large",
    )
    anchor_start: float = tuned(
        0.5,
        "share of the way from the joint model to the counts",
        "anchors nearer to the counts than to the joint model speak for the counts",
    )
    anchor_span: float = tuned(
        0.25,
        "share of the way from the joint model to the counts",
        "anchors so far beyond the start replace the joint model by the counts",
    )
    anchor_confidence: float = tuned(
        0.999, "confidence", "anchors contradict the joint model only beyond chance"
    )


@dataclass(frozen=True)
class WithTrusted:
    """How far trusted labels mend the default (`with_trusted.py`)."""

    prior_precision: tuple[float, ...] = tuned(
        (4.0, 4.0, 4.0, 4.0, 1.0),
        "1 / variance",
        "the weights of the model stay within about 0.5, and 1 for the bonus of the given label",
    )
    least_probability: float = tuned(
        1e-4, "probability", "a few hundred labels cannot show that a model may be surer than this"
    )
    replicates: int = tuned(
        20, "bootstrap replicates", "enough to measure the variance of T that chance explains"
    )
    least_to_mend: int = tuned(
        30, "trusted examples", "replicates of fewer do not measure the variance of T"
    )
    enough: int = tuned(100, "trusted examples", "trust is not high with fewer")
    confidence: float = tuned(
        0.95, "confidence", "of the bounds of the noise rate that T is moved into, as by default"
    )


@dataclass(frozen=True)
class RateBounds:
    """Bounds of the noise rate from trusted labels and scores (`rate_bounds.py`)."""

    least_score: float = tuned(
        1e-7, "probability", "a few hundred labels cannot show that scores are surer than this"
    )
    least_events: float = tuned(
        0.2,
        "wrong labels",
        "expected in the sample at the lowest chance that the curve gives, and right ones at the "
        "highest, so that sure scores can hide some; 0.5 is wider and covers no better",
        benchmark=TRUSTED_BOUNDS,
    )
    slope_precision: float = tuned(
        0.1,
        "1 / variance",
        "of the curve's slope by standard deviation of the scores; 0.5 flattens good scores",
        benchmark=TRUSTED_BOUNDS,
    )
    widening: float = tuned(
        4.0,
        "sampled labels",
        "bounds lie farther off by this share of the sample, since the curve is fitted to it; with "
        "0 those of 100 labels hold in up to 3 points fewer samples than they say",
        benchmark=TRUSTED_BOUNDS,
    )
    most_move: float = tuned(
        4.0,
        "times the average",
        "how much more or less than others an example moves with the rate; all must move",
    )
    whole_numbers: float = tuned(
        0.19,
        "1 / standard deviation",
        "counts that vary by 1 / 0.38 or more are tested by mid-P values, rarer ones exactly: each "
        "bound then misses at most 2 points more than it says",
    )
    drawn_by_label: float = tuned(
        1e-4, "p-value", "below it the given labels of the sample are not those of a random one"
    )


@dataclass(frozen=True)
class Hoc:
    """The fit and the test of label triples (`hoc.py`)."""

    start_diagonal: float = tuned(
        0.6, "share", "weight of the identity in the first T of EM, so that classes keep their name"
    )
    least_expected: float = tuned(
        5.0, "examples", "the usual rule for a cell of a chi-square test; smaller cells are pooled"
    )
    rejected: float = tuned(
        0.01, "p-value", "below it neighbours do not share their true class, so trust is low"
    )


@dataclass(frozen=True)
class Neighbours:
    """How many neighbours vote, and when they are asked (`knn.py`, `neighbourhood.py`)."""

    voting: int = tuned(
        25, "neighbours", "at 30 % noise ten neighbours outvote the truth in every tenth vote"
    )
    asked: int = tuned(
        5000, "examples", "enough to compare the noise rate with the agreement of neighbours"
    )
    most_classes_for_triples: int = tuned(
        100, "classes", "with more classes the triples of so few examples do not determine T"
    )
    least_examples: int = tuned(20, "examples", "neighbours among fewer examples say nothing")


@dataclass(frozen=True)
class Local:
    """The neighbourhoods that stand for repeated labels of one example (`local.py`)."""

    most: int = tuned(400, "neighbours", "more neighbours are no longer alike")
    least: int = tuned(50, "neighbours", "half of them choose the leader, the rest bound its lead")
    per_class: float = tuned(
        0.5, "share of an average class", "so that most neighbours are of the same class"
    )
    asked: int = tuned(2000, "examples", "enough for quantiles from 5 % to 95 %")


@dataclass(frozen=True)
class Plausible:
    """How estimates at trust low lean to what data sets usually have (`plausible.py`)."""

    leaning: float = tuned(
        0.5, "share of the way", "the estimate and the expected noise rate count the same"
    )
    shapeless: float = tuned(
        1e-3, "noise rate", "a T with less noise does not show where wrong labels go"
    )
    least_diagonal: float = tuned(
        0.02, "probability", "every class keeps some right labels when noise is scaled up"
    )


@dataclass(frozen=True)
class Copies:
    """When copies weigh evenly (`copies.py`)."""

    least_cell: float = tuned(
        1e-3, "share of the examples", "the mean number of copies in a rarer cell is chance"
    )
    evenness: float = tuned(
        1.1, "ratio", "cells whose mean numbers of copies differ by less count as equal"
    )


@dataclass(frozen=True)
class Trust:
    """The limits of the grades high and medium of each aspect of trust (`trust.py`)."""

    width_high: float = tuned(0.10, "noise rate", "width of its interval at trust high")
    width_medium: float = tuned(0.25, "noise rate", "width of its interval at trust medium")
    methods_apart: float = tuned(
        0.05, "noise rate", "methods that differ by more are reported to disagree"
    )
    examples_high: int = tuned(100, "examples", "of the rarest class, or trusted ones")
    examples_medium: int = tuned(20, "examples", "of the rarest class, or trusted ones")
    least_judged: int = tuned(
        2, "examples", "the clean level of a class with fewer is shown, and not judged"
    )
    separation_high: float = tuned(
        0.95, "probability", "mean probability of the most probable true class"
    )
    separation_medium: float = tuned(
        0.80, "probability", "mean probability of the most probable true class"
    )
    calibration_high: float = tuned(0.03, "calibration error", "of the out-of-fold probabilities")
    calibration_medium: float = tuned(0.10, "calibration error", "of the out-of-fold probabilities")
    level_high: float = tuned(0.6, "ratio", "lower bound of the clean level over its value")
    level_medium: float = tuned(0.5, "ratio", "lower bound of the clean level over its value")
    enough_level: float = tuned(
        20.0, "clean level", "losses need no more: beyond it 1 / r is near 0"
    )
    copies_high: float = tuned(
        0.001, "share of the examples", "copies that given probabilities may have been trained on"
    )
    copies_medium: float = tuned(
        0.02, "share of the examples", "copies that given probabilities may have been trained on"
    )
    near_copies_medium: float = tuned(
        0.10, "share of the examples", "with more near-duplicates others were probably missed"
    )


ANCHORS = Anchors()
COMBINED = Combined()
WITH_TRUSTED = WithTrusted()
RATE_BOUNDS = RateBounds()
HOC = Hoc()
NEIGHBOURS = Neighbours()
LOCAL = Local()
PLAUSIBLE = Plausible()
COPIES = Copies()
TRUST = Trust()
