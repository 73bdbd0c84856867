"""The constants of the joint fit of a head and T, and of the posterior that follows from it."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

LOW_NOISE = "benchmarks/low_noise.py"
ESTIMATORS = "benchmarks/estimators.py"


@dataclass(frozen=True)
class Head:
    """Which heads are fitted, and how they are held."""

    max_quadratic_classes: int = tuned(
        12, "classes", "with more classes a quadratic head has too many parameters to be fitted"
    )
    examples_per_product: int = tuned(
        10, "examples per parameter", "with fewer examples a quadratic head never wins"
    )
    product_price: float = tuned(
        1.25,
        "nats per parameter",
        "a quadratic head can fit noise, so its products cost more than a nat",
    )
    max_mixed_classes: int = tuned(
        30, "classes", "with more classes the head scales each class's score alone"
    )
    examples_per_weight: int = tuned(
        10,
        "examples per parameter",
        "with fewer examples a head of K^2 weights learns wrong labels",
    )
    max_classes: int = tuned(
        200, "classes", "with more classes a class has too few examples to be fitted"
    )
    prior_examples: float = tuned(
        10.0,
        "examples per class",
        "weight of the prior that true classes are as frequent as given labels",
    )
    max_parameters: int = tuned(
        2000, "parameters", "a larger head is held fixed where the variance of T is computed"
    )
    held_variance_factor: float = tuned(
        4.0, "times the variance", "the variance of T with the head held fixed is too small"
    )
    prior_precision: float = tuned(
        1e-3,
        "1 / variance of a parameter",
        "bounds stay finite for what the labels say nothing about",
    )


@dataclass(frozen=True)
class Families:
    """How the families of T are started and compared."""

    starting_rate: float = tuned(0.1, "noise rate", "the least rate that the first start assumes")
    least_rate: float = tuned(1e-4, "noise rate", "the least rate that the sharper start assumes")
    sharper: float = tuned(
        4.0,
        "times the logits",
        "a start whose head hardly mixes classes finds rare noise between classes that lie apart",
        benchmark=LOW_NOISE,
    )
    certain: float = tuned(
        20.0,
        "times the logits",
        "a head that mixes no classes, under which T is counted",
        benchmark=LOW_NOISE,
    )
    strong_cell: float = tuned(
        5.0, "standard errors", "a cell of T stands out from its row by as much to be free"
    )
    shared_examples: float = tuned(
        0.1, "examples", "two classes share as many for the head's weights of them to be in use"
    )
    free_margin: float = tuned(
        10.0,
        "nats",
        "by which free cells must win, because a head that mixes classes is never exact",
        benchmark=LOW_NOISE,
    )
    near_best: float = tuned(5.0, "nats", "families this close to the best count in the bounds")
    chance_margin: float = tuned(
        1.645,
        "standard errors",
        "and those behind by what spare parameters gain by chance in 95 of 100 data sets",
    )
    richer_gain: float = tuned(
        3.0,
        "times the gain of a linear head",
        "a richer T brings a quadratic head no more than this",
    )
    hopeless: float = tuned(
        50.0,
        "nats",
        "families further behind even so are not fitted",
    )
    many_examples: int = tuned(
        10_000, "examples", "with more examples free cells need no third start"
    )
    both_heads_examples: int = tuned(
        30_000, "examples", "with more examples a sample decides which heads are fitted to all"
    )
    sample_examples: int = tuned(10_000, "examples", "the smallest such sample")
    sample_part: int = tuned(7, "one in", "the share of the examples in a larger sample")
    sample_margin: float = tuned(
        2.0, "standard errors", "a head is left out where it is behind by more on the sample"
    )


@dataclass(frozen=True)
class HeldOut:
    """When labels held out decide whether cells of T are free."""

    folds: int = tuned(3, "folds", "each family is fitted to the other folds")
    margin: float = tuned(
        1.645, "standard errors", "by chance one family is ahead of another by less"
    )
    most_foreseen: float = tuned(
        0.55,
        "share of the labels",
        "where the evidence foresees more of the labels, noise does not fit too well",
    )
    max_numbers: int = tuned(
        300_000, "scores (N K)", "with more examples they fit what they have not seen as well"
    )


@dataclass(frozen=True)
class Bounds:
    """What the likelihood cannot see, in the bounds."""

    overlap_error: float = tuned(
        0.25,
        "share of the overlap",
        "so much of the overlap of classes may have been taken for noise",
        benchmark=ESTIMATORS,
    )
    own_overlap_error: float = tuned(
        0.5,
        "share of a class's overlap",
        "likewise, within one class: errors of classes cancel in the noise rate, not in a class",
    )
    rate_error: float = tuned(
        0.01, "share of the noise rate", "the head is not exactly of the fitted form"
    )


@dataclass(frozen=True)
class Posterior:
    """How q(true | x) is found from p(given | x) and T."""

    deconvolution_steps: int = tuned(
        30, "steps", "Richardson-Lucy steps; more of them fit the noise of the probabilities"
    )
    max_deconvolved_classes: int = tuned(
        200, "classes", "with more classes a step costs more than reading the probabilities"
    )
    max_head_classes: int = tuned(30, "classes", "with more classes no head of K^2 is fitted")
    folds: int = tuned(5, "folds", "the head of an example is fitted to the other folds")
    least_share_kept: float = tuned(
        0.25, "share of a class", "a head that leaves a class fewer examples is refused"
    )
    least_examples_kept: float = tuned(
        5.0, "examples", "classes with fewer examples are not asked for it"
    )


HEAD = Head()
FAMILIES = Families()
HELD_OUT = HeldOut()
BOUNDS = Bounds()
POSTERIOR = Posterior()
