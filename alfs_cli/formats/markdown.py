"""GitHub-flavoured Markdown, for summaries and pull requests."""

import re

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
from alfs_cli.formats.text import heatmap_table
from alfs_cli.text.plain import plain

MARKS = {"pass": "PASS", "warn": "WARN", "fail": "FAIL", "info": ""}
MAX_HEATMAP_CLASSES = 20  # classes up to which heat maps are shown
MAX_FINDINGS = 50  # findings listed


def render(report: Report) -> str:
    """Return the report as Markdown."""
    parts = [f"## {escape(report.title)}"]
    parts += [text for block in report.blocks if (text := _block(block))]
    if report.findings:
        parts.append(_findings(report.findings))
    return "\n\n".join(parts) + "\n"


APART = "&#8203;"  # a zero-width space: it breaks up mentions, links and issue numbers
MARKUP = re.compile(r"[\\`*_\[\]<>|#~$]")
BEGINNING = re.compile(r"^(\d*)([-+=.)])(?=\s|[-=]*\s*$)")  # list items, underlined headings
LIVE = re.compile(
    r"(@)|(\#)(?=\d)|(\bGH-)(?=\d)"  # mentions and issues
    r"|(:)(?=//)|(\bwww)(?=\.)|(\bmailto:|\bxmpp:)"  # links without brackets
    r"|(:)(?=[\w+-]+:)",  # emoji codes
    re.IGNORECASE,
)


def escape(text: str) -> str:
    """Return text that Markdown and HTML show literally, on one line.

    GitHub links mentions, issue numbers and addresses after it has parsed Markdown, so that escapes
    do not stop it: a zero-width space in each does.
    """
    flat = plain(text, mark=" ").lstrip().replace("&", "&amp;")
    flat = BEGINNING.sub(r"\1\\\2", MARKUP.sub(r"\\\g<0>", flat))
    return LIVE.sub(rf"\g<0>{APART}", flat)


def _block(block: Block) -> str:
    match block:
        case Verdict():
            word = MARKS[block.status]
            head = f"**{word}** " if word else ""
            return "\n".join(
                [f"{head}{escape(block.text)}", *(f"- {escape(r)}" for r in block.reasons)]
                if not block.reasons
                else [f"{head}{escape(block.text)}", "", *(f"- {escape(r)}" for r in block.reasons)]
            )
        case Facts():
            return "\n".join(f"- {escape(label)}: {escape(value)}" for label, value in block.rows)
        case Paragraph():
            return escape(block.text)
        case Table():
            return _table(block)
        case Heatmap() if len(block.names) <= MAX_HEATMAP_CLASSES:
            return _table(heatmap_table(block))
        case Heatmap() | Curves() | Intervals() | Gallery():
            return ""


def _table(block: Table) -> str:
    lines = [f"### {escape(block.title)}", ""] if block.title else []
    lines.append("| " + " | ".join(escape(column.name) for column in block.columns) + " |")
    rules = ["---" if column.kind in ("text", "flag") else "---:" for column in block.columns]
    lines.append("| " + " | ".join(rules) + " |")
    for i, row in enumerate(block.rows):
        cells = []
        for j, (cell, column) in enumerate(zip(row, block.columns, strict=True)):
            text = escape(show(cell, column.kind))
            mark = block.marks.get((i, j))
            cells.append(
                {"best": f"**{text}**", "not-worse": f"<u>{text}</u>"}.get(mark or "", text)
            )
        lines.append("| " + " | ".join(cells) + " |")
    if block.note:
        lines += ["", escape(block.note)]
    return "\n".join(lines)


def _findings(findings: tuple[Finding, ...]) -> str:
    lines = ["### Findings", ""]
    for finding in findings[:MAX_FINDINGS]:
        where = f" {escape(finding.where)}" if finding.where else ""
        lines.append(f"- {finding.rule}{where}: {escape(finding.message)}")
    if len(findings) > MAX_FINDINGS:
        lines.append(f"- ... and {len(findings) - MAX_FINDINGS:,} more")
    return "\n".join(lines)
