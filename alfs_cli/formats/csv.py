"""CSV of the report's tables, one after another with a blank line between; raw numbers."""

import csv
from io import StringIO

from alfs_cli.documents import safe_cell
from alfs_cli.report import Cell, Column, Heatmap, Report, Table


def render(report: Report) -> str:
    """Return every table (a heat map counts as one) as CSV; findings follow as a table."""
    tables = [block for block in report.blocks if isinstance(block, Table)]
    tables += [_matrix(block) for block in report.blocks if isinstance(block, Heatmap)]
    if report.findings:
        names = ("rule", "level", "message", "path", "line", "given", "suggested", "score")
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            tuple(getattr(f, name) for name in names) for f in report.findings
        )
        tables.append(Table("findings", tuple(Column(name) for name in names), rows))
    return "\n".join(_table(table) for table in tables)


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
