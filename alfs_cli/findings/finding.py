"""The types of findings and of judged gates."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from alfs_cli.findings.rules import RULES, Level, Measure
from alfs_cli.storage.documents import Number
from alfs_cli.text.numbers import between, percent, ratio

WITHOUT_LINES = (".npz", ".npy", ".parquet")  # files whose rows are counted from 0


@dataclass(frozen=True)
class Finding:
    """One thing found wrong: the rule that it breaks, and where it is.

    `path` is the file concerned: the image, or the table or array that holds the example. `line` is
    the example's 1-based line in `manifest` (the table that lists the images, if there is one),
    `row` its 0-based index in DATA. `fingerprint` is of content and label, not of the place: the
    first 16 hex digits of the SHA-256 of the file's (or the row's) bytes, a colon, the given label.
    """

    rule: str
    level: Level
    message: str
    path: str | None = None
    line: int | None = None
    given: str | None = None
    suggested: str | None = None
    score: float | None = None
    manifest: str | None = None
    row: int | None = None
    fingerprint: str | None = None

    @property
    def place(self) -> tuple[str | None, int | None]:
        """The file and line to point at, those of the manifest where there is one."""
        return (self.path if self.manifest is None else self.manifest), self.line

    @property
    def where(self) -> str:
        """The place in words: `a/b.png`, `labels.csv:12 a/b.png`, `x.npz row 3`, or nothing."""
        file, line = self.place
        text = f"{file or ''}:{line}" if file and line else file or ""
        if line is None and self.row is not None and text.endswith(WITHOUT_LINES):
            text += f" row {self.row}"
        return f"{text} {self.path}" if self.path not in (None, file) else text


GateStatus = Literal["pass", "warn", "fail", "not-judged"]


@dataclass(frozen=True)
class Missing:
    """A forecast of the answers that an audit still needs: 10th, 50th and 90th percentile."""

    p10: int
    p50: int
    p90: int

    def __str__(self) -> str:
        return f"about {self.p50:,} more answers ({self.p10:,} to {self.p90:,})"


@dataclass(frozen=True)
class ByAudit:
    """What an audit says of a gate: accepted, rejected or undecided, on how many answers."""

    verdict: str
    answers: int
    missing: Missing | None = None

    @property
    def text(self) -> str:
        """The verdict in words."""
        if self.missing is not None:
            return f"{self.verdict}: {self.missing} would decide it"
        return f"{self.verdict} on {self.answers:,} answers"


@dataclass(frozen=True)
class Gate:
    """One gate and how it was judged; numbers are None where they do not apply.

    `name` is the same for every data set. `is_unsure` says that trust in the estimate is low, so
    that its bounds are shown without its value. `measure` is the kind of the numbers where it
    differs from that of the rule, `detail` an addition to the message, `by_audit` the verdict of an
    audit.
    """

    rule: str
    name: str
    status: GateStatus
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    limit: Number | None = None
    measure: Annotated[Measure | None, Field(exclude=True)] = None
    detail: Annotated[str, Field(exclude=True)] = ""
    is_unsure: Annotated[bool, Field(exclude=True)] = False
    by_audit: Annotated[ByAudit | None, Field(exclude=True)] = None

    @property
    def found(self) -> str:
        """The value in words, or the bounds alone where trust is low."""
        if self.is_unsure and self.low is not None and self.high is not None:
            return between(self.low, self.high, self.number)
        return self.number(self.value)

    @property
    def message(self) -> str:
        """The gate in one line: its name, value, bounds and limit."""
        text = self.name
        if self.value is not None:
            text += f": {self.found}"
        if self.low is not None and self.high is not None and not self.is_unsure:
            text += f" ({self.number(self.low)} to {self.number(self.high)})"
        if self.detail:
            text += f", {self.detail}"
        return text if self.limit is None else f"{text}, limit {self.number(self.limit)}"

    def number(self, value: float | None) -> str:
        """Return one of its numbers as text, in the unit of the gate."""
        measure = self.measure or RULES[self.rule].measure
        if value is None:
            return "-"
        if measure == "percent":
            return percent(value)
        return ratio(value) if measure == "ratio" else f"{value:,.0f}"
