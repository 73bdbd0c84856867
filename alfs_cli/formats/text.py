"""Text for a terminal, rendered by rich; plain text without colour."""

from collections.abc import Iterable
from io import StringIO
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from alfs_cli.findings.finding import Finding
from alfs_cli.formats.blocks import (
    Block,
    Curves,
    Facts,
    Gallery,
    Heatmap,
    Intervals,
    Paragraph,
    Report,
    Table,
    Verdict,
    show,
)
from alfs_cli.text.plain import plain

WORDS = {"pass": "PASS", "warn": "WARN", "fail": "FAIL", "info": ""}
STYLES = {"pass": "bold green", "warn": "bold yellow", "fail": "bold red", "info": "bold"}
LEVELS = {"error": "bold red", "warning": "yellow", "note": "dim"}
MAX_HEATMAP_CLASSES = 12  # classes up to which heat maps are shown
MAX_FINDINGS = 20  # findings listed
WIDEST = 200  # characters of a word up to which it is never cut
HEADINGS = 12  # characters that a table may exceed the width by before its headings are cut


def render(report: Report, *, width: int = 100, color: bool = False) -> str:
    """Return the report as text of `width` characters, with ANSI colours if asked.

    A table is wider where words would be cut: half a path or half a loss would be a wrong one.
    """
    stream = StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(Text(clean(report.title), style="bold"), soft_wrap=True)
    for block in report.blocks:
        for part in _parts(block, width):
            console.width = max(width, getattr(part, "width", None) or 0)
            console.print(part)
    for line in _finding_lines(report.findings):
        console.print(line, soft_wrap=True)
    lines = (line.rstrip() for line in stream.getvalue().split("\n"))
    return "\n".join(lines).rstrip("\n") + "\n"


def clean(text: str) -> str:
    """Return text on one line that cannot move the cursor: control characters become `?`."""
    return plain(text, mark="?")


def _parts(block: Block, width: int) -> Iterable[Any]:
    match block:
        case Verdict():
            yield ""
            word = WORDS[block.status]
            mark = Text(f"  {word}  " if word else "  ", style=STYLES[block.status])
            yield _beside(mark, Text(clean(block.text), style="bold"))
            for reason in block.reasons:
                yield Padding(Text(clean(reason)), (0, 0, 0, 4 + len(word)))
        case Facts():
            yield ""
            yield _facts(block)
        case Paragraph():
            yield ""
            text = "\n".join(map(clean, block.text.split("\n")))
            yield Padding(Text(text), (0, 0, 0, 2))
        case Table():
            yield ""
            yield from _table(block, width)
        case Heatmap() if len(block.names) <= MAX_HEATMAP_CLASSES:
            yield ""
            yield from _table(heatmap_table(block), width)
        case Heatmap() | Curves() | Intervals() | Gallery():
            return


def _beside(mark: Text, text: Text) -> RichTable:
    """Return a text whose second line begins below its first word, not below the mark."""
    grid = RichTable.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(mark, text)
    return grid


def _facts(block: Facts) -> RichTable:
    grid = RichTable(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in block.rows:
        grid.add_row(Text("  " + clean(label)), Text(clean(value)))
    return grid


def _table(block: Table, width: int) -> Iterable[Any]:
    if block.title:
        yield Text("  " + clean(block.title), style="bold")
    table = RichTable(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True, padding=(0, 1), header_style="dim"
    )
    table.add_column("", width=0)
    rows = [
        [
            _cell(clean(show(cell, column.kind)), block.marks.get((i, j)))
            for j, (cell, column) in enumerate(zip(row, block.columns, strict=True))
        ]
        for i, row in enumerate(block.rows)
    ]
    names = [Text(clean(column.name)) for column in block.columns]
    gaps = 3 * len(names) + 2
    numeric = [column.kind not in ("text", "flag") for column in block.columns]
    widths = _widths(names, rows, numeric, width - gaps)
    table.width = sum(widths) + gaps
    for name, right, own in zip(names, numeric, widths, strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold", width=own)
    for row in rows:
        table.add_row("", *row)
    yield table
    if block.note:
        yield Padding(Text(clean(block.note), style="dim"), (0, 0, 0, 2))


def _widths(names: list[Text], rows: list[list[Text]], numeric: list[bool], room: int) -> list[int]:
    """Return the widths of columns: the widest are narrowed, but no word or number is cut."""
    cells = [[row[j] for row in rows] for j in range(len(names))]
    widths = [
        max(cell.cell_len for cell in (name, *column))
        for name, column in zip(names, cells, strict=True)
    ]
    least = [
        min(
            WIDEST,
            max(
                (cell_len(w) for cell in column for w in _parted(cell, is_number=is_number)),
                default=1,
            ),
        )
        for column, is_number in zip(cells, numeric, strict=True)
    ]
    whole = [max((cell_len(word) for word in name.plain.split()), default=1) for name in names]
    with_names = [max(pair) for pair in zip(least, whole, strict=True)]
    for lowest, limit in ((with_names, room), (least, room + HEADINGS)):
        while sum(widths) > limit:  # the second round may cut headings
            spare = [own - low for own, low in zip(widths, lowest, strict=True)]
            if max(spare, default=0) <= 0:
                break
            widest = max((j for j, left in enumerate(spare) if left > 0), key=lambda j: widths[j])
            widths[widest] -= 1
    return [max(1, own) for own in widths]


def _parted(cell: Text, *, is_number: bool) -> list[str]:
    return [cell.plain] if is_number else cell.plain.split()


def _cell(text: str, mark: str | None) -> Text:
    match mark:
        case "best":
            return Text(f"*{text}", style="bold green")
        case "not-worse":
            return Text(f"~{text}", style="underline")
        case _:
            return Text(text)


def heatmap_table(block: Heatmap) -> Table:
    """Return a heat map as a table of percentages, for formats without colour."""
    from alfs_cli.formats.blocks import Column

    corner = f"{block.row_axis.split()[0]} \\ {block.column_axis.split()[0]}"
    columns = (Column(corner), *(Column(name, "number") for name in block.names))
    rows = tuple(
        (name, *(f"{100 * value:.1f}" if value >= 0.0005 else "." for value in row))
        for name, row in zip(block.names, block.values, strict=True)
    )
    return Table(f"{block.title} (%)", columns, rows)


def _finding_lines(findings: tuple[Finding, ...]) -> Iterable[Text]:
    if findings:
        yield Text("")
    for finding in findings[:MAX_FINDINGS]:
        where = f"{clean(finding.where)}: " if finding.where else ""
        line = Text("  ")
        line.append(finding.rule, style=LEVELS[finding.level])
        yield line.append(f"  {where}{clean(finding.message)}")
    if len(findings) > MAX_FINDINGS:
        yield Text(f"  ... and {len(findings) - MAX_FINDINGS:,} more")
