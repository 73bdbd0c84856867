"""What estimate.json says, as types; load and save. No arrays here, so that reading one is quick.

Every `low` and `high` is a one-sided bound at `confidence`. Matrices are (K, K), rows = true class.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from alfs_cli.storage.documents import (
    Number,
    from_document,
    read_document,
    to_document,
    write_document,
)

SCHEMA = "alfs.estimate/1"
Rows = tuple[tuple[Number, ...], ...]


@dataclass(frozen=True)
class Bounded:
    """A value with its one-sided lower and upper confidence bounds."""

    value: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class CleanLevel(Bounded):
    """r = min_i r_i and the pair of classes where it is attained."""

    true_class: str
    given_class: str


@dataclass(frozen=True)
class ClassCleanLevel:
    """r_i of one class, against the label it is most often mistaken for; n counts given labels."""

    class_name: Annotated[str, Field(alias="class")]
    value: Number
    low: Number
    high: Number
    runner_up: str
    n: int
    judged: bool


@dataclass(frozen=True)
class DataSummary:
    """The data an estimate was made from; `spec` is what reads it again."""

    source: str | None
    kind: str
    n: int
    classes: tuple[str, ...]
    given_counts: tuple[int, ...]
    split: str | None
    fingerprint: str
    spec: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class NeighbourCheck:
    """What nearest neighbours say of the noise without any fit; the noise rate's closed bounds.

    `agreement` is the share of examples whose nearest neighbour carries the same given label,
    `purity` how many share their true class, by the estimate itself.
    """

    examples: int
    agreement: float
    purity: float
    noise_low: float
    noise_high: float


def data_words(spec: Mapping[str, str | None], *, leave_out: tuple[str, ...] = ()) -> list[str]:
    """Return how data were named on the command line, from what was typed of a DataSpec."""
    words = [str(spec["source"])] if spec.get("source") else []
    for name, value in spec.items():
        if name not in ("source", *leave_out) and value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def training_words(spec: Mapping[str, str | None]) -> list[str]:
    """Return how `alfs train` is told of the data; it has no use for probabilities."""
    return data_words(spec, leave_out=("pred_probs",))


@dataclass(frozen=True)
class CopiesSummary:
    """How many different contents the examples have, and how many of them repeat another's.

    `exact` copies are the same to the byte, `near` ones far closer than examples of their kind lie.
    `groups` are what folds keep together.
    """

    contents: int
    exact: int
    near: int
    groups: int


@dataclass(frozen=True)
class ColumnsSummary:
    """The feature columns in use, those set aside and those used although they tell the label.

    Each of the latter with the reason.
    """

    used: tuple[str, ...]
    aside: dict[str, str]
    leaks: dict[str, str]


@dataclass(frozen=True)
class EvidenceSummary:
    """Where the out-of-fold probabilities came from, and how good they are.

    `agreement` is the share of given labels that are the most probable class; `calibration_error`
    the expected calibration error against the given labels, 15 bins. `encoder` is the network whose
    features were taken, `map` what they went through: linear borders between classes, or the curved
    ones of random Fourier features.
    """

    kind: str
    name: str
    folds: int | None
    agreement: float
    calibration_error: float
    in_sample: bool
    neighbours: NeighbourCheck | None = None
    copies: CopiesSummary | None = None
    columns: ColumnsSummary | None = None
    encoder: str | None = None
    map: Literal["linear", "fourier"] | None = None


@dataclass(frozen=True)
class Trust:
    """How far to believe the estimate, and why."""

    level: Literal["high", "medium", "low"]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class OtherEstimate:
    """What another method says on the same evidence."""

    method: str
    noise_rate: Number
    clean_level: Number
    transition: Rows


@dataclass(frozen=True)
class PopulationTruth:
    """The matrix that labels were drawn from, where alfs injected them."""

    noise_rate: Number
    clean_level: Number
    transition: Rows


@dataclass(frozen=True)
class Truth:
    """What true labels, where they are known, say; counted from the labels at hand.

    `row_tv` is the mean over rows of half the L1 distance between the estimate and this.
    """

    noise_rate: Number
    clean_level: Number
    transition: Rows
    row_tv: Number
    population: PopulationTruth | None = None


@dataclass(frozen=True)
class Promise:
    """The share of listed labels that is wrong, with its bounds; None where none is listed."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


def _promise(value: Any) -> Any:
    """Return what an earlier alfs wrote, a number without bounds, as a promise."""
    return {"value": value} if value is None or isinstance(value, int | float) else value


@dataclass(frozen=True)
class PromiseByKind:
    """What is promised of the labels that are likely wrong, and of those that are possibly."""

    likely: Promise = Promise()
    possible: Promise = Promise()


@dataclass(frozen=True)
class KindCounts:
    """How many labels of each kind are listed."""

    proven: int = 0
    likely: int = 0
    possible: int = 0


@dataclass(frozen=True)
class IssuesFile:
    """Where the suspect labels are written, relative to estimate.json, and how many there are.

    `expected_precision` is of the likely ones; `precision` and `recall` are what they are, of the
    proven and likely, where the truth is known. `counts` is None where an earlier alfs wrote it.
    """

    file: str
    count: int
    expected_precision: Annotated[Promise, BeforeValidator(_promise)] = Promise()
    by_kind: PromiseByKind = PromiseByKind()
    counts: KindCounts | None = None
    precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True)
class LocalCleanLevel:
    """Instance-level clean level by k nearest neighbours."""

    k: int
    median: Number
    quantiles: dict[str, Number]
    share_below_1: float


@dataclass(frozen=True)
class NoiseEstimate:
    """T, the clean level and what they rest on: the content of estimate.json.

    `trusted_examples` is how many true labels T rests on, `annotators` how many people's.
    """

    alfs_version: str
    seed: int
    seconds: float
    confidence: float
    method: str
    data: DataSummary
    evidence: EvidenceSummary
    noise_rate: Bounded
    transition: Rows
    transition_low: Rows
    transition_high: Rows
    class_prior: tuple[float, ...]
    class_clean_level: tuple[ClassCleanLevel, ...]
    clean_level: CleanLevel
    gap: Bounded
    dominant: bool | None
    trust: Trust
    other_estimates: tuple[OtherEstimate, ...] = ()
    local: LocalCleanLevel | None = None
    truth: Truth | None = None
    issues: IssuesFile | None = None
    trusted_examples: int = 0
    annotators: int = 0

    @property
    def bound(self) -> float:
        """The paper's bound on the asymmetry ratio, at the lower bound of r: 1 / low."""
        return 1 / self.clean_level.low if self.clean_level.low > 0 else float("inf")

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)

    def save(self, path: Path) -> None:
        """Write estimate.json."""
        write_document(path, self.document())


def load_estimate(path: Path) -> NoiseEstimate:
    """Read an estimate.json; raises InputError where it is missing, broken, newer or at odds."""
    from alfs_cli.results.consistency import check_estimate

    document = read_document(path, SCHEMA)
    read = from_document(document, NoiseEstimate, where=str(path), is_strict=True)
    return check_estimate(read, where=str(path))
