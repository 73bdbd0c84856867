"""What a check finds and how a gate was judged, as types."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from alfs_cli.findings.rules import RULES, Level, Measure
from alfs_cli.storage.documents import Number
from alfs_cli.text.numbers import between, percent, ratio

WITHOUT_LINES = (".npz", ".npy", ".parquet")  # files of which rows are counted, from 0


@dataclass(frozen=True)
class Finding:
    """One thing found wrong, with the rule that says so and where it is.

    `path` is the file concerned: the image, or the table or array that holds the example. `line` is
    the example's 1-based line in `manifest` (its own table, where images are listed in one), `row`
    its 0-based place in the order of DATA. `fingerprint` is of the content, wherever it lies: the
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
        """The file and line to point at: the row of the manifest where there is one."""
        return (self.path if self.manifest is None else self.manifest), self.line

    @property
    def where(self) -> str:
        """The place for people: `a/b.png`, `labels.csv:12 a/b.png`, `x.npz row 3`, or nothing."""
        file, line = self.place
        text = f"{file or ''}:{line}" if file and line else file or ""
        if line is None and self.row is not None and text.endswith(WITHOUT_LINES):
            text += f" row {self.row}"
        return f"{text} {self.path}" if self.path not in (None, file) else text


GateStatus = Literal["pass", "warn", "fail", "not-judged"]


@dataclass(frozen=True)
class Missing:
    """About how many more answers an audit needs: the 10th, 50th and 90th percentile."""

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

    `is_unsure` says that trust in the estimate is low: its bounds are told, not its value.
    `measure` is what the numbers are, where it is not what they are for the rule in general, and
    `detail` what else the message tells; `by_audit` is what an audit says. The
    name stays the same from one data set to the next.
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
        """What was found, for people: the value, or the bounds alone where trust is low."""
        if self.is_unsure and self.low is not None and self.high is not None:
            return between(self.low, self.high, self.number)
        return self.number(self.value)

    @property
    def message(self) -> str:
        """The gate in a line: what, how much, its bounds, the limit."""
        text = self.name
        if self.value is not None:
            text += f": {self.found}"
        if self.low is not None and self.high is not None and not self.is_unsure:
            text += f" ({self.number(self.low)} to {self.number(self.high)})"
        if self.detail:
            text += f", {self.detail}"
        return text if self.limit is None else f"{text}, limit {self.number(self.limit)}"

    def number(self, value: float | None) -> str:
        """Write one of its numbers for people."""
        measure = self.measure or RULES[self.rule].measure
        if value is None:
            return "-"
        if measure == "percent":
            return percent(value)
        return ratio(value) if measure == "ratio" else f"{value:,.0f}"
