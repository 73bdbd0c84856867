"""One finding per line, `path:line: RULE message`, for grep and editors."""

from alfs_cli.formats.blocks import Report
from alfs_cli.text.plain import plain


def render(report: Report) -> str:
    """Return a line for every failed or warning gate and every finding, empty without any."""
    lines = []
    for finding in report.all_findings:
        path, line = finding.place
        where = path or report.source or report.title
        place = f"{where}:{line}" if line is not None else where
        image = f"{finding.path}: " if finding.path not in (None, path) else ""
        lines.append(plain(f"{place}: {finding.rule} {image}{finding.message}") + "\n")
    return "".join(lines)
