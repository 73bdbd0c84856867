"""The content of recommendation.json, with its reader and writer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from alfs_cli.findings.finding import Missing
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.storage.documents import (
    Number,
    from_document,
    read_document,
    to_document,
    write_document,
)

SCHEMA = "alfs.recommendation/1"


@dataclass(frozen=True)
class DataReference:
    """The data that a recommendation is for."""

    source: str | None
    kind: str
    fingerprint: str


@dataclass(frozen=True)
class LevelReference:
    """The clean level and its lower bound."""

    value: Number
    low: Number


@dataclass(frozen=True)
class AuditReference:
    """The audit that a certificate rests on, and what it knows of r.

    `low` and `high` hold at all times, each with a chance of `risk` that it does not;
    `estimated_low` is the bound of the estimate. `missing` says how many answers would show r > 1,
    None where that is shown or not known; `asks_on`, that the audit goes on by itself.
    """

    file: str
    folder: str
    answers: int
    risk: float
    low: Number
    high: Number
    estimated_low: Number
    missing: Missing | None = None
    asks_on: bool = True


@dataclass(frozen=True)
class Recommendation:
    """A recommended loss, its certificate, and the reason for it.

    `margin` is the asymmetry ratio (in a sum, of the separable term) times the lower bound of r;
    `escape` is the escape quotient at that r. A loss with forward correction is applied to
    T'^T p, where T' is T with classes that swap labels held apart by `least_level`. No certificate
    covers the correction: it is "n/a", and the numbers that belong to it are None.
    """

    loss: str
    correction: Literal["none", "forward"]
    asymmetry_ratio: Number | None
    term_ratio: Number | None
    margin: Number | None
    certificate: Literal["proved", "tolerant", "refuted", "not-refuted", "n/a"]
    mass_at_bound: Number | None
    fit: Number
    why: str
    least_level: float = 0.0
    escape: Number | None = None


@dataclass(frozen=True)
class Rejected:
    """A well-known loss that has no certificate here, and the reason."""

    loss: str
    asymmetry_ratio: Number | None
    reason: str


@dataclass(frozen=True)
class Recommendations:
    """The content of recommendation.json."""

    estimate: str
    data: DataReference
    status: Literal["certified", "uncertain", "impossible"]
    clean_level: LevelReference
    bound: Number
    required_ratio: float
    safety: float
    lr: float
    recommendations: tuple[Recommendation, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    prefer: str = "balanced"
    advice: tuple[str, ...] = field(default=())
    audit: AuditReference | None = None

    def rests_on(self, estimate: NoiseEstimate) -> bool:
        """Whether the clean level is that of an estimate, or of an audit beside it."""
        level = estimate.clean_level
        if self.audit is not None:
            return self.audit.estimated_low == level.low
        return (self.clean_level.value, self.clean_level.low) == (level.value, level.low)

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)

    def save(self, path: Path) -> None:
        """Write recommendation.json."""
        write_document(path, self.document())


def load_recommendations(path: Path) -> Recommendations:
    """Read a recommendation.json; raises InputError where it is missing, broken or newer."""
    document = read_document(path, SCHEMA)
    return from_document(document, Recommendations, where=str(path), is_strict=True)
