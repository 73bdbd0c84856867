r"""LaTeX tables in booktabs style, to paste into a paper; they need \usepackage{booktabs}."""

from collections.abc import Iterable

from alfs_cli.formats.blocks import Heatmap, Report, Table, show
from alfs_cli.text.plain import plain

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",  # after the end of a row it would begin an optional argument
}
MARKS = {"best": r"\textbf{%s}", "not-worse": r"\underline{%s}"}
HEAD = r"% needs \usepackage{booktabs}; bold: best, underlined: not significantly worse"


def render(report: Report) -> str:
    """Return every table of the report; heat maps become tables."""
    from alfs_cli.formats.text import heatmap_table

    tables = [
        heatmap_table(block) if isinstance(block, Heatmap) else block
        for block in report.blocks
        if isinstance(block, Table | Heatmap)
    ]
    return "\n".join([HEAD, *(_table(table) for table in tables)]) + "\n"


def escape(text: str) -> str:
    """Return text that LaTeX prints literally, on one line; ' +- ' becomes the sign."""
    flat = plain(text, mark="?")
    escaped = "".join(SPECIAL.get(c, c) for c in flat)
    return escaped.replace(" +- ", r" $\pm$ ")


def _table(table: Table) -> str:
    kinds = ["l" if column.kind in ("text", "flag") else "r" for column in table.columns]
    lines = [r"\begin{table}", r"\centering"]
    if table.title:
        lines.append(rf"\caption{{{escape(table.title)}}}")
    lines += [
        rf"\begin{{tabular}}{{{''.join(kinds)}}}",
        r"\toprule",
        _row(escape(column.name) for column in table.columns),
        r"\midrule",
    ]
    for i, row in enumerate(table.rows):
        cells = []
        for j, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
            text = escape(show(cell, column.kind))
            mark = table.marks.get((i, j))
            cells.append(MARKS[mark] % text if mark else text)
        lines.append(_row(cells))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
