"""Reports: blocks in reading order with the saved document, before any format renders them.

Commands and builders make Reports; the modules of `formats/` turn them into text, JSON, Markdown,
CSV or HTML. Cells hold plain numbers: a column names their kind, and each format writes that kind
in its own way.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from alfs_cli.findings.finding import Finding, Gate
from alfs_cli.findings.rules import RULES, Level
from alfs_cli.text.numbers import percent, ratio

Kind = Literal["text", "count", "percent", "number", "ratio", "flag"]
"""The kind of a column's cells. `percent` holds a fraction; `ratio` is shown as 3.20x."""

MAX_BRIEF = 2  # findings on the first screen

Cell = str | int | float | bool | None
Status = Literal["pass", "warn", "fail", "info"]


@dataclass(frozen=True)
class Column:
    """The heading of a column and the kind of its cells."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """Rows of cells; `marks` of (row, column) say which are best, or not worse than the best."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    marks: Mapping[tuple[int, int], Literal["best", "not-worse"]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The one line that a reader must not miss, and the reasons under it."""

    status: Status
    text: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Short labelled facts: (label, value)."""

    rows: tuple[tuple[str, str], ...]
    title: str = ""


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Heatmap:
    """A (K, K) matrix of fractions; the diagonal is grey, so that the rest has the whole scale."""

    title: str
    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    row_axis: str = "true class"
    column_axis: str = "given label"


@dataclass(frozen=True)
class Curves:
    """Lines over a common axis: (name, ((x, y), ...)); y are fractions.

    `bands` holds ((x, low, high), ...) for each line, or is empty.
    """

    title: str
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    x_axis: str
    y_axis: str
    bands: tuple[tuple[tuple[float, float, float], ...], ...] = ()


@dataclass(frozen=True)
class Interval:
    """A fraction with its bounds, and a note beside it."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Intervals:
    """Fractions with bounds, drawn as dots on bars; shown in HTML only."""

    title: str
    rows: tuple[Interval, ...]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A small PNG and its caption.

    `place` is the file or the row, `href` where the file is, from the page's folder. `given` and
    `suggested` are classes by which a page filters, `reasons` lines on why the picture is shown.
    """

    png: bytes
    caption: str
    place: str = ""
    href: str = ""
    given: str = ""
    suggested: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gallery:
    """Pictures, the most important first, of `total` in all; shown in HTML only."""

    title: str
    pictures: tuple[Picture, ...]
    total: int = 0


Block = Verdict | Facts | Paragraph | Table | Heatmap | Curves | Intervals | Gallery


@dataclass(frozen=True)
class Limits:
    """The most findings that SARIF lists, and the most that JUnit lists."""

    sarif: int = 5000
    findings: int = 100


@dataclass(frozen=True)
class Sample:
    """A picture with its given label; of a suspect also what was found, else None.

    `confidence` is the out-of-fold probability of the given label.
    """

    path: str
    given: str
    suggested: str | None = None
    score: float | None = None
    confidence: float | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Report:
    """A title, blocks in reading order, findings, and the document that `-f json` prints.

    `data` are tables of plain numbers for CSV, where the tables of `blocks` hold numbers as text.
    `gates` are those of a check, `source` is DATA as it was named, and `saved` is the file with all
    findings, for formats that list only some. `brief` holds the blocks of the first screen, where
    they are fewer. `samples` are all pictures, for the tool that shows them.
    """

    title: str
    blocks: tuple[Block, ...]
    document: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()
    gates: tuple[Gate, ...] = ()
    source: str | None = None
    saved: str | None = None
    limits: Limits = Limits()
    data: tuple[Table, ...] = ()
    brief: tuple[Block, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def first_screen(self) -> "Report":
        """The report that a terminal shows without -v: `brief` if there is one, few findings."""
        if not self.brief:
            return self
        return replace(self, blocks=self.brief, findings=self.findings[:MAX_BRIEF])

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """The failed and warning gates as findings, then the findings of examples and files.

        For formats that show no gates. A gate that counts findings is left out where those findings
        are listed.
        """
        listed = {finding.rule for finding in self.findings}
        levels: dict[str, Level] = {"fail": "error", "warn": "warning"}
        of_gates = [
            Finding(
                gate.rule, levels[gate.status], gate.message, fingerprint=f"{gate.rule}:{gate.name}"
            )
            for gate in self.gates
            if gate.status in levels
            and (RULES[gate.rule].measure != "count" or gate.rule not in listed)
        ]
        return (*of_gates, *self.findings)


def show(cell: Cell, kind: Kind) -> str:
    """Return a cell as text, as its kind says.

    >>> show(0.053, "percent"), show(1234, "count"), show(None, "number")
    ('5.3 %', '1,234', '-')
    """
    if cell is None:
        return "-"
    if kind == "percent" and isinstance(cell, int | float):
        return percent(float(cell))
    if kind == "ratio" and isinstance(cell, int | float):
        return ratio(float(cell))
    if kind == "count" and isinstance(cell, int | float):
        return f"{cell:,}"
    if kind == "number" and isinstance(cell, int | float):
        return "-" if math.isnan(cell) else f"{cell:.4g}"
    if kind == "flag":
        return "yes" if cell else "no"
    return str(cell)
