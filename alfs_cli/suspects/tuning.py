"""The constants by which labels are judged, and by which lists of suspects are believed."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

PRECISION = "benchmarks/precision.py"
FITTED = "benchmarks/precision.py --fit"


@dataclass(frozen=True)
class Tuning:
    """Weights of the models that the noise may follow (`weighing.py`)."""

    rate_prior: tuple[float, float] = tuned(
        (1.0, 10.0),
        "Beta(a, b)",
        "prior of the noise rate: 9 % on average, and less is likelier",
        benchmark=PRECISION,
    )
    power_centre: float = tuned(
        0.3, "log power", "prior mean of the power by which evidence is surer than it says"
    )
    power_spread: float = tuned(0.623, "log power", "prior standard deviation of that power")
    blunders: float = tuned(
        0.0015,
        "share of examples",
        "examples whose evidence is wrong however sure it is",
    )
    own_bonus: float = tuned(
        7.5,
        "nats",
        "the estimate's own view of the evidence is preferred where likelihoods hardly differ",
    )
    confusion_cost: float = tuned(
        10.0,
        "nats",
        "noise where the evidence confuses classes also explains overlap, which is not noise",
        benchmark=PRECISION,
    )
    tempering: float = tuned(
        0.25,
        "power of the likelihood",
        "no shape of the noise and no view of the evidence is true: the likeliest is not alone",
        benchmark=PRECISION,
    )
    bound_softness: float = tuned(
        0.25,
        "share of the distance from value to bound",
        "a noise rate outside of its bounds is unlikely, not impossible",
    )
    neighbours: int = tuned(5, "examples", "nearest examples that are told of a listed label")
    most_explained: int = tuned(
        1000,
        "labels",
        "listed labels whose neighbours are told, so that this takes seconds at most",
    )
    shape_floor: float = tuned(
        0.01, "share of a row of T", "every kind of wrong label is possible, also where T has none"
    )
    clean_rate: float = tuned(
        0.004, "noise rate", "the largest rate that counts as clean where `gain` is measured"
    )


@dataclass(frozen=True)
class Learned:
    """How precise likely labels were by own evidence: a regression on lists with known truth."""

    intercept: float = tuned(0.114, "log odds", "regression over lists", benchmark=FITTED)
    claimed: float = tuned(
        0.47, "log odds", "of the precision that the models claim on average", benchmark=FITTED
    )
    overlap: float = tuned(
        -0.285, "log odds", "of the disagreement that noise does not explain", benchmark=FITTED
    )
    size: float = tuned(
        -1.573,
        "log labels",
        "a list is as uncertain as a sample of so many labels where noise explains nothing",
        benchmark=FITTED,
    )
    size_gain: float = tuned(
        0.815, "log labels per log nat", "surer where noise explains much", benchmark=FITTED
    )
    least_size: float = tuned(
        1.0, "labels", "a list less certain than after a single answer is not called likely wrong"
    )
    least_low: float = tuned(
        0.4,
        "share of a list",
        "labels are called likely wrong where at least so many of them are, by the lower bound",
        benchmark=PRECISION,
    )


@dataclass(frozen=True)
class LearnedGiven:
    """How precise likely labels were by probabilities from elsewhere: as `Learned`."""

    intercept: float = tuned(-1.038, "log odds", "regression over lists", benchmark=FITTED)
    overlap: float = tuned(
        -0.454, "log odds", "of the disagreement that noise does not explain", benchmark=FITTED
    )
    gain: float = tuned(0.355, "log odds per log nat", "of what noise explains", benchmark=FITTED)
    size: float = tuned(
        -1.569,
        "log labels",
        "a list is as uncertain as a sample of so many labels where noise explains nothing",
        benchmark=FITTED,
    )
    size_gain: float = tuned(
        0.807, "log labels per log nat", "surer where noise explains much", benchmark=FITTED
    )


@dataclass(frozen=True)
class LearnedDoubted:
    """How precise possible labels were: a regression on lists whose wrong labels were known."""

    intercept: float = tuned(0.905, "log odds", "regression over lists", benchmark=FITTED)
    score: float = tuned(0.719, "log odds", "of the mean score", benchmark=FITTED)
    share: float = tuned(
        0.092, "log odds", "of the wrong labels that the noise rate leaves", benchmark=FITTED
    )
    gain: float = tuned(-0.232, "log odds per log nat", "of what noise explains", benchmark=FITTED)
    size: float = tuned(
        0.024,
        "log labels",
        "a list is as uncertain as a sample of so many labels where noise explains nothing",
        benchmark=FITTED,
    )
    size_gain: float = tuned(
        0.574, "log labels per log nat", "surer where noise explains much", benchmark=FITTED
    )


TUNING = Tuning()
LEARNED = Learned()
GIVEN = LearnedGiven()
DOUBTED = LearnedDoubted()
