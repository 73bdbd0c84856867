"""Annotations of GitHub Actions: workflow commands on stdout.

A step shows 10 errors, 10 warnings and 10 notices and silently drops the rest. So at most 9 of each
level are written, and one notice says how many more there are.
"""

from collections import Counter

from alfs_cli.findings.finding import Finding
from alfs_cli.formats.blocks import Report
from alfs_cli.formats.places import place_of, repository, worst_first
from alfs_cli.text.plain import plain

MAX_OF_A_KIND = 9  # annotations of a level; GitHub shows 10
WORDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report) -> str:
    """Return an annotation per line, by level, those on classes and the data set first."""
    root = repository()
    findings = worst_first(report.all_findings)
    shown: Counter[str] = Counter()
    lines = []
    for finding in findings:
        if shown[finding.level] < MAX_OF_A_KIND:
            shown[finding.level] += 1
            path, line = place_of(finding, report)
            lines.append(_annotation(finding, root.relative(path), line))
    left = len(findings) - shown.total()
    if left:
        where = f", see {report.saved}" if report.saved else ""
        lines.append(f"::notice title=alfs::... and {left:,} more{_data(where)}")
    return "".join(line + "\n" for line in lines)


def _annotation(finding: Finding, path: str, line: int) -> str:
    title = _property(f"alfs ({finding.rule})")
    properties = f"title={title},file={_property(path)},line={line}"
    return f"::{WORDS[finding.level]} {properties}::{_data(finding.message)}"


def _data(text: str) -> str:
    """Escape the message of a workflow command."""
    return plain(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    """Escape a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
