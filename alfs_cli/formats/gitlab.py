"""GitLab's code quality report: a JSON list of issues."""

import json
from hashlib import sha256

from alfs_cli.formats.blocks import Report
from alfs_cli.formats.places import keys_of, place_of, repository, worst_first
from alfs_cli.text.plain import plain

SEVERITIES = {"error": "critical", "warning": "major", "note": "info"}
MAX_ISSUES = 5000  # in a report


def render(report: Report) -> str:
    """Return the worst 5,000 findings; a last issue says how many were left out."""
    root = repository()
    findings = worst_first(report.all_findings)
    listed = findings[:MAX_ISSUES]
    issues: list[dict[str, object]] = []
    for finding, key in zip(listed, keys_of(listed), strict=True):  # GitLab merges equal ones
        path, line = place_of(finding, report)
        fingerprint, relative = _digest(finding.rule, key), root.relative(path)
        issues.append(
            _issue(finding.rule, finding.message, fingerprint, finding.level, relative, line)
        )
    left = len(findings) - len(issues)
    if left:
        text = f"{left:,} more findings are not listed"
        where = root.relative(report.source or report.title)
        issues.append(_issue("alfs", text, _digest("left out"), "note", where, 1))
    return json.dumps(issues, indent=2, ensure_ascii=True) + "\n"


def _issue(
    rule: str, message: str, fingerprint: str, level: str, path: str, line: int
) -> dict[str, object]:
    return {
        "description": plain(message),
        "check_name": rule,
        "fingerprint": fingerprint,
        "severity": SEVERITIES[level],
        "location": {"path": plain(path), "lines": {"begin": line}},
    }


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]
