"""The content of check.json, with its reader and writer."""

from dataclasses import dataclass
from pathlib import Path

from alfs_cli.findings.finding import ByAudit, Finding, Gate
from alfs_cli.results.estimate import Bounded, CleanLevel
from alfs_cli.storage.documents import from_document, read_document, to_document, write_document

SCHEMA = "alfs.check/1"


@dataclass(frozen=True)
class Suppressed:
    """How many findings the baseline and the ignore list suppressed."""

    baseline: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class Judged:
    """The quantities of the estimate that gates compare with their limits."""

    noise_rate: Bounded
    clean_level: CleanLevel
    trust: str


@dataclass(frozen=True)
class AuditedGate:
    """A gate that an audit's bounds decided, or left open."""

    rule: str
    name: str
    audit: ByAudit


@dataclass(frozen=True)
class JudgedByAudit:
    """The audit that judged gates: its number of answers, and the risk of each bound."""

    file: str
    answers: int
    risk: float
    gates: tuple[AuditedGate, ...]


@dataclass(frozen=True)
class CheckResult:
    """The content of check.json."""

    passed: bool
    gates: tuple[Gate, ...]
    findings: tuple[Finding, ...] = ()
    suppressed: Suppressed = Suppressed()
    stale: tuple[str, ...] = ()
    estimate: Judged | None = None
    audit: JudgedByAudit | None = None

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)

    def save(self, path: Path) -> None:
        """Write check.json."""
        write_document(path, self.document())


def load_check(path: Path) -> CheckResult:
    """Read a check.json; raises InputError where it is missing, broken or newer."""
    return from_document(read_document(path, SCHEMA), CheckResult, where=str(path), is_strict=True)
