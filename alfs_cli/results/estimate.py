"""The content of estimate.json, with its reader and writer; without arrays, so that it loads fast.

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
    """r = min_i r_i with its bounds, and the pair of classes where it is attained."""

    true_class: str
    given_class: str


@dataclass(frozen=True)
class ClassCleanLevel:
    """r_i of one class with its bounds, against `runner_up`, its most frequent wrong label.

    `n` counts given labels; `judged` is False where they are too few.
    """

    class_name: Annotated[str, Field(alias="class")]
    value: Number
    low: Number
    high: Number
    runner_up: str
    n: int
    judged: bool


@dataclass(frozen=True)
class DataSummary:
    """The data of an estimate; `spec` holds the fields of the DataSpec that reads them again."""

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
    """Bounds on the noise rate from nearest neighbours, without a fitted model.

    `agreement` is the share of examples whose nearest neighbour has the same given label, `purity`
    the share whose nearest neighbour has the same true class, according to the estimate.
    """

    examples: int
    agreement: float
    purity: float
    noise_low: float
    noise_high: float


def data_words(spec: Mapping[str, str | None], *, leave_out: tuple[str, ...] = ()) -> list[str]:
    """Return the command-line arguments that name the data of a spec.

    >>> data_words({"source": "a.csv", "label_column": "y", "split": None})
    ['a.csv', '--label-column', 'y']
    """
    words = [str(spec["source"])] if spec.get("source") else []
    for name, value in spec.items():
        if name not in ("source", *leave_out) and value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def training_words(spec: Mapping[str, str | None]) -> list[str]:
    """Return the arguments that name the data for `alfs train`, which reads no probabilities."""
    return data_words(spec, leave_out=("pred_probs",))


@dataclass(frozen=True)
class CopiesSummary:
    """The number of distinct examples, and how many examples duplicate another one.

    `exact` duplicates are equal in every byte; `near` ones are far closer than other examples are.
    Folds keep each of the `groups` of duplicates together.
    """

    contents: int
    exact: int
    near: int
    groups: int


@dataclass(frozen=True)
class ColumnsSummary:
    """The feature columns `used`, those set `aside`, and those used that may leak the label.

    `aside` and `leaks` hold the reason of each column. `filled` are columns of numbers with the
    number of missing values, which the median stands for. `encoded` are the features where columns
    of categories became one for each value, such as `colour=red`.
    """

    used: tuple[str, ...]
    aside: dict[str, str]
    leaks: dict[str, str]
    filled: dict[str, int] = field(default_factory=dict)
    encoded: tuple[str, ...] = ()


@dataclass(frozen=True)
class SecondEvidence:
    """Probabilities of a model that did not see the labels, and what they brought.

    `agreement` is the share of given labels that are its most probable class, `own_agreement` that
    of the own evidence. The evidence is own^own_power second^second_power.
    """

    agreement: float
    own_agreement: float
    own_power: float
    second_power: float


@dataclass(frozen=True)
class EvidenceSummary:
    """Where the out-of-fold probabilities came from, and how good they are.

    `agreement` is the share of given labels that are the most probable class; `calibration_error`
    is the expected calibration error against the given labels, 15 bins. `encoder` is the network
    that made the features, with the size of the pictures if one was asked for, and " + " between
    several; `map` is what was fitted to them: linear borders between classes, or the curved ones of
    random Fourier features. `sample` is the number of examples that T was fitted to, drawn at
    random, where it was not all of them. `second` is a second evidence that was joined to it.
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
    sample: int | None = None
    second: SecondEvidence | None = None


@dataclass(frozen=True)
class Trust:
    """How far the estimate can be trusted, and why."""

    level: Literal["high", "medium", "low"]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class OtherEstimate:
    """The estimate of another method from the same evidence."""

    method: str
    noise_rate: Number
    clean_level: Number
    transition: Rows


@dataclass(frozen=True)
class PopulationTruth:
    """The T that the noise was drawn from, where alfs injected it."""

    noise_rate: Number
    clean_level: Number
    transition: Rows


@dataclass(frozen=True)
class Truth:
    """The true noise, counted from the true labels where they are known.

    `row_tv` is the mean over rows of the total variation distance between the estimated T and this
    one.
    """

    noise_rate: Number
    clean_level: Number
    transition: Rows
    row_tv: Number
    population: PopulationTruth | None = None


@dataclass(frozen=True)
class Promise:
    """The expected share of wrong labels among listed ones, with bounds; None without any."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


def _promise(value: Any) -> Any:
    """Read a bare number, as earlier versions wrote it, as a promise without bounds."""
    return {"value": value} if value is None or isinstance(value, int | float) else value


@dataclass(frozen=True)
class PromiseByKind:
    """The promise for labels listed as likely wrong, and for those as possibly wrong."""

    likely: Promise = Promise()
    possible: Promise = Promise()


@dataclass(frozen=True)
class KindCounts:
    """The number of listed labels of each kind."""

    proven: int = 0
    likely: int = 0
    possible: int = 0


@dataclass(frozen=True)
class IssuesFile:
    """The file of suspect labels, relative to estimate.json, and how many it lists.

    `expected_precision` is that of the likely ones. `precision` and `recall` are the actual ones of
    the proven and likely, where true labels are known. `counts` is None in files of older versions.
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
    """Clean levels of single examples, from the labels of their k nearest neighbours."""

    k: int
    median: Number
    quantiles: dict[str, Number]
    share_below_1: float


@dataclass(frozen=True)
class AnnotatorSummary:
    """How one annotator labels, with bounds; `labels` is how many labels they gave."""

    name: str
    labels: int
    noise_rate: Bounded
    transition: Rows
    transition_low: Rows
    transition_high: Rows


@dataclass(frozen=True)
class CrowdSummary:
    """Several annotators of the same examples: each of them, and how far they agree and err alike.

    `kappa` (Fleiss), `ac1` (Gwet) and `alpha` (Krippendorff) are None where not defined.
    `error_correlation` is that of two annotators' errors on examples of one class. `effective` is
    the number of annotators who err independently and whose share of wrong labels on an example
    varies as much: n / (1 + (n - 1) error_correlation), with n = `labels_per_example`. `disputed`
    counts the examples that got different labels; `file` lists every example's consensus label.
    """

    annotators: tuple[AnnotatorSummary, ...]
    labels_per_example: float
    kappa: Bounded | None
    ac1: Bounded | None
    alpha: Bounded | None
    error_correlation: Bounded
    effective: Bounded
    disputed: int
    file: str | None = None


@dataclass(frozen=True)
class NoiseEstimate:
    """T, the clean level and what they rest on: the content of estimate.json.

    `trusted_examples` is the number of true labels that T was estimated from, `annotators` the
    number of people whose labels it was.
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
    crowd: CrowdSummary | None = None

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
    """Read an estimate.json; raises InputError if it is missing, broken, newer or inconsistent."""
    from alfs_cli.results.consistency import check_estimate

    document = read_document(path, SCHEMA)
    read = from_document(document, NoiseEstimate, where=str(path), is_strict=True)
    return check_estimate(read, where=str(path))
