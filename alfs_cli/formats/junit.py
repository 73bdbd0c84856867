"""JUnit XML: the first suite has a test case per gate, the second one per finding.

Findings are failures if a gate failed. Otherwise they are skipped tests, so that a CI server lists
them but shows no failure for a job that passes.
"""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from alfs_cli.findings.finding import Finding, Gate
from alfs_cli.findings.rules import RULES
from alfs_cli.formats.blocks import Report
from alfs_cli.formats.places import names_of, worst_first
from alfs_cli.text.plain import plain


def render(report: Report) -> str:
    """Return `testsuites`: the gates, then the worst findings, up to the report's limit."""
    name = plain(report.source or report.title)
    findings = worst_first(report.findings)
    listed = findings[: report.limits.findings]
    failed = sum(gate.status == "fail" for gate in report.gates)
    samples_failed = len(listed) if failed else 0
    skipped = sum(gate.status == "not-judged" for gate in report.gates)
    root = Element(
        "testsuites",
        name="alfs",
        tests=str(len(report.gates) + len(listed)),
        failures=str(failed + samples_failed),
        errors="0",
    )
    suite = _suite(root, f"alfs.gates.{name}", len(report.gates), failed, skipped)
    for gate in report.gates:
        _gate(suite, gate)
    if listed:
        left = len(listed) - samples_failed
        suite = _suite(root, f"alfs.samples.{name}", len(listed), samples_failed, left)
        for finding, where in zip(listed, names_of(listed), strict=True):
            _sample(suite, finding, plain(where), is_failure=failed > 0)
        if len(findings) > len(listed):
            SubElement(
                suite, "system-out"
            ).text = f"the worst {len(listed):,} of {len(findings):,} findings"
    indent(root)
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(root: Element, name: str, tests: int, failures: int, skipped: int) -> Element:
    return SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(tests),
        failures=str(failures),
        errors="0",
        skipped=str(skipped),
    )


def _gate(suite: Element, gate: Gate) -> None:
    name = plain(gate.name + _limit(gate))
    case = SubElement(suite, "testcase", classname=f"alfs.{gate.rule}", name=name)
    message = plain(gate.message)
    match gate.status:
        case "fail":
            SubElement(case, "failure", type="error", message=message).text = message
        case "not-judged":
            SubElement(case, "skipped", message="nothing here to judge it by")
        case "warn":
            SubElement(case, "system-out").text = f"warning: {message}"
        case "pass":
            pass


def _sample(suite: Element, finding: Finding, where: str, *, is_failure: bool) -> None:
    message = plain(finding.message)
    case = SubElement(suite, "testcase", classname=f"alfs.{finding.rule}", name=where)
    if is_failure:
        failure = SubElement(case, "failure", type=finding.level, message=message)
        failure.text = plain(f"{where}: {finding.rule} {finding.message}")
    else:
        SubElement(case, "skipped", message=f"{finding.level}: {message}")


def _limit(gate: Gate) -> str:
    """Return the condition of a gate, such as ` >= 1.00x`, empty where its name says it."""
    measure = RULES[gate.rule].measure
    if gate.limit is None or (measure == "count" and gate.limit == 0):
        return ""
    return f" {'>=' if measure == 'ratio' else '<='} {gate.number(gate.limit)}"
