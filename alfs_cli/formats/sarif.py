"""SARIF 2.1.0, as GitHub's code scanning reads it.

GitHub refuses files of more than 25,000 results in a run and shows 5,000. So by default the worst
5,000 are written, and a notification says how many were left out. An image has no lines: its region
is 1/1/1/1. A row of a manifest lies at its line, with the image as a related location. A row of an
array is a logical location in the array's file.
"""

import re
from typing import Any
from urllib.parse import quote

from alfs_cli import __version__
from alfs_cli.findings.finding import Finding
from alfs_cli.findings.rules import RULES, Rule
from alfs_cli.formats.blocks import Report
from alfs_cli.formats.places import Repository, keys_of, place_of, repository, worst_first
from alfs_cli.storage.documents import render_document
from alfs_cli.text.plain import plain

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
PLACEHOLDER = re.compile(r"\{\d+\}")
LINK = re.compile(r"\[([^\[\]]*)\]\(")
SEVERITY = {"error": "error", "warning": "warning", "note": "recommendation"}


def render(report: Report) -> str:
    """Return the SARIF log of one run."""
    root = repository()
    findings = worst_first(report.all_findings)
    listed = findings[: report.limits.sarif]
    names = sorted({finding.rule for finding in findings} | {gate.rule for gate in report.gates})
    source = root.relative(report.source or report.title)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "alfs",
                "semanticVersion": __version__,
                "rules": [_rule(RULES[name]) for name in names],
            }
        },
        "invocations": [{"executionSuccessful": True, **_cut(len(listed), len(findings))}],
        "automationDetails": {"id": f"alfs/{plain(source)}/"},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(found, key, names.index(found.rule), report, root)
            for found, key in zip(listed, keys_of(listed), strict=True)
        ],
    }
    return render_document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.short},
        "fullDescription": {"text": rule.full},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.level},
        "properties": {
            "precision": rule.precision,
            "problem.severity": SEVERITY[rule.level],
            "tags": ["label-quality", rule.scope],
        },
    }


def _result(
    finding: Finding, key: str, index: int, report: Report, root: Repository
) -> dict[str, Any]:
    path, line = place_of(finding, report)
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _artifact(path, root),
            "region": {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 1},
        }
    }
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.level,
        "message": {"text": _literal(plain(finding.message))},
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": plain(key)},
    }
    if finding.line is None and finding.row is not None and finding.path == report.source:
        location["logicalLocations"] = [{"name": f"row {finding.row}"}]
    elif finding.path is not None and finding.path != path:
        image = {"artifactLocation": _artifact(finding.path, root)}
        result["relatedLocations"] = [{"physicalLocation": image, "message": {"text": "the image"}}]
    facts = {
        "given": finding.given,
        "suggested": finding.suggested,
        "score": finding.score,
        "row": finding.row,
    }
    known = {key: value for key, value in facts.items() if value is not None}
    return result | ({"properties": known} if known else {})


def _literal(text: str) -> str:
    """Return a message that no reader takes for more than text.

    `{0}` is a placeholder (SARIF 3.11.5) and `[word](1)` a link (3.11.6). Braces are doubled only
    in messages with a placeholder: not every reader takes them back.
    """
    if PLACEHOLDER.search(text):
        text = text.replace("{", "{{").replace("}", "}}")
    return LINK.sub(r"\\[\1\\](", text)


def _artifact(path: str, root: Repository) -> dict[str, str]:
    relative = root.relative(path)
    uri = quote(relative, safe="/", errors="backslashreplace")
    return {"uri": uri, "uriBaseId": "%SRCROOT%"}


def _cut(listed: int, found: int) -> dict[str, Any]:
    if listed == found:
        return {}
    text = f"{found - listed:,} of {found:,} findings are not in this file: the worst are listed"
    return {"toolExecutionNotifications": [{"level": "note", "message": {"text": text}}]}
