"""CSV: the tables of a report with plain numbers, or its facts where it has no table.

One table is a plain CSV file. Several follow one another, each under a line `# title`, separated by
blank lines.
"""

import csv
from collections.abc import Sequence
from io import StringIO

from alfs_cli.formats.blocks import Cell, Column, Facts, Heatmap, Paragraph, Report, Table, Verdict
from alfs_cli.formats.text import clean
from alfs_cli.text.cells import safe_cell

GATE = ("status", "rule", "name", "value", "low", "high", "limit")
FINDING = ("rule", "level", "message", "path", "line", "given", "suggested", "score")


def render(report: Report) -> str:
    """Return the tables, matrices, gates and findings of a report, else its facts."""
    tables = list(report.data)
    if not tables and not report.gates:
        tables = [block for block in report.blocks if isinstance(block, Table)]
    tables += [_matrix(block) for block in report.blocks if isinstance(block, Heatmap)]
    if report.gates:
        tables.append(_attributes("gates", report.gates, GATE))
    if report.findings:
        tables.append(_attributes("findings", report.findings, FINDING))
    if not tables:
        tables = [_facts(report)]
    if len(tables) == 1:
        return _table(tables[0])
    return "\n".join(f"# {clean(table.title)}\n{_table(table)}" for table in tables)


def _facts(report: Report) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for block in report.blocks:
        match block:
            case Verdict():
                rows.append(("result", block.text))
            case Facts():
                rows += block.rows
            case Paragraph():
                rows.append(("note", block.text))
    return Table(report.title, (Column("name"), Column("value")), tuple(rows))


def _attributes(title: str, items: Sequence[object], names: tuple[str, ...]) -> Table:
    rows = tuple(tuple(getattr(item, name) for name in names) for item in items)
    return Table(title, tuple(map(Column, names)), rows)


def _table(table: Table) -> str:
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([safe_cell(column.name) for column in table.columns])
    writer.writerows([safe_cell(cell) for cell in row] for row in table.rows)
    return stream.getvalue()


def _matrix(block: Heatmap) -> Table:
    columns = (Column(f"{block.row_axis} / {block.column_axis}"), *map(Column, block.names))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *row) for name, row in zip(block.names, block.values, strict=True)
    )
    return Table(block.title, columns, rows)
