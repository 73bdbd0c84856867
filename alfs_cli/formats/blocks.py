"""What a command has to say, before it is text: a Report of blocks, with the saved document.

Commands and builders make Reports; `formats/` turns them into text, JSON, Markdown, CSV or HTML and
knows nothing else. Numbers stay numbers here: a column says what its numbers are, and each format
writes them in its own way.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from alfs_cli.findings.finding import Finding, Gate
from alfs_cli.findings.rules import RULES, Level
from alfs_cli.text.numbers import percent, ratio

Kind = Literal["text", "count", "percent", "number", "ratio", "flag"]
"""What the cells of a column are. `percent` holds a fraction; `ratio` is shown as 3.20x."""

MAX_BRIEF = 2  # findings on a first screen

Cell = str | int | float | bool | None
Status = Literal["pass", "warn", "fail", "info"]


@dataclass(frozen=True)
class Column:
    """A column's heading and what its cells are."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """Rows of cells. `marks` names cells: `best`, or `not-worse` than the best."""

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
    """Plain words."""

    text: str


@dataclass(frozen=True)
class Heatmap:
    """A (K, K) matrix of fractions; the diagonal is greyed out so that the rest uses the scale."""

    title: str
    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    row_axis: str = "true class"
    column_axis: str = "given label"


@dataclass(frozen=True)
class Curves:
    """Lines over a common axis: (name, ((x, y), ...)); y are fractions.

    `bands` are one a line, ((x, low, high), ...), or none at all.
    """

    title: str
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    x_axis: str
    y_axis: str
    bands: tuple[tuple[tuple[float, float, float], ...], ...] = ()


@dataclass(frozen=True)
class Interval:
    """A fraction with its bounds, and a word beside it."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Intervals:
    """Fractions with bounds, drawn as dots on bars; for pages, beside a table of the same."""

    title: str
    rows: tuple[Interval, ...]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A small PNG and what to say under it."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Pictures, the most telling first."""

    title: str
    pictures: tuple[Picture, ...]


Block = Verdict | Facts | Paragraph | Table | Heatmap | Curves | Intervals | Gallery


@dataclass(frozen=True)
class Limits:
    """How many findings the formats for CI list: those that refuse more, and one by one."""

    sarif: int = 5000
    findings: int = 100


@dataclass(frozen=True)
class Report:
    """A title, blocks in reading order, findings, and the document that `-f json` prints.

    `data` are tables of plain numbers for CSV, where those that are shown hold numbers as text.
    `gates` are those of a check; `source` is the DATA it is about, as it was named; `saved` is the
    file that holds all findings, for formats that list only some. `brief` are the blocks of the
    first screen, where not all are wanted at once.
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

    @property
    def first_screen(self) -> "Report":
        """The report as a terminal shows it unless more is asked for: `brief`, where there is one.

        Of the findings a few stand for all.
        """
        if not self.brief:
            return self
        return replace(self, blocks=self.brief, findings=self.findings[:MAX_BRIEF])

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """The findings, after those of classes and the data set: gates that failed or warn.

        For formats that show no gates. A gate that counts findings is not one itself, unless what
        it counts is not among them.
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
    """Write a cell for people."""
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
