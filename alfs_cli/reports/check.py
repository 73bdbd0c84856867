"""The report of `alfs check`: the verdict, each gate, and the findings."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from alfs_cli.formats.blocks import Block, Column, Paragraph, Report, Status, Table, Verdict
from alfs_cli.results.check import CheckResult
from alfs_cli.storage.documents import names_result
from alfs_cli.text.numbers import between

ORDER = ("fail", "warn", "not-judged", "pass")
MAX_PASSED = 10  # passed gates listed
MAX_STALE = 3  # stale entries named


def check_report(
    result: CheckResult, *, title: str, source: str | None = None, exit_zero: bool = False
) -> Report:
    """Return the report of a check; formats render its findings after the blocks."""
    counts = Counter(gate.status for gate in result.gates)
    judged = len(result.gates) - counts["not-judged"]
    failed = counts["fail"]
    word = "gate" if judged == 1 else "gates"
    text = f"{failed} of {judged} {word} failed" if failed else f"{judged} {word} passed"
    status: Status = "fail" if failed else "warn" if counts["warn"] else "pass"
    if not judged:
        status, text = "warn", "nothing was judged"
    reasons = []
    unsure = sum(gate.status == "warn" and gate.low is not None for gate in result.gates)
    if unsure:
        reasons.append(f"{unsure} beyond the limit, but not surely: a warning")
    if counts["warn"] > unsure:
        reasons.append(f"{counts['warn'] - unsure} with findings that are only warnings")
    if counts["not-judged"]:
        reasons.append(f"{counts['not-judged']} could not be judged")
    if result.estimate is not None and result.estimate.trust == "low":
        rate = result.estimate.noise_rate
        alone = "" if result.audit is None else ", by the estimate alone"
        wrong = f"{between(rate.low, rate.high)} of the labels are wrong{alone}"
        reasons.append(f"trust is low: {wrong}")
    reasons += [*_audited(result, source), *_suppressed(result)]
    if exit_zero and failed:
        reasons.append("exit code 0 all the same: --exit-zero")
    blocks: list[Block] = [
        Verdict(status, text, tuple(reasons)),
    ]
    if result.gates:
        blocks.append(_table(result))
    suspects = sum(finding.rule == "ALFS101" for finding in result.findings)
    if suspects:
        look = "label looks" if suspects == 1 else "labels look"
        blocks.append(Paragraph(f"{suspects:,} {look} wrong (ALFS101)"))
    return Report(title, tuple(blocks), result.document(), result.findings, result.gates, source)


def _audited(result: CheckResult, source: str | None) -> Iterator[str]:
    """Yield how many gates an audit judged, and what would decide those it left open."""
    audit = result.audit
    if audit is None:
        return
    count = len(audit.gates)
    if not count:
        yield (
            f"no gate asks for what the {audit.answers:,} answers of '{audit.file}' bound: "
            "--max-noise-rate 0.1 does, or --min-clean-level 1.5 where that was claimed"
        )
        return
    said = f"{count} gate{' is' if count == 1 else 's are'} judged by the {audit.answers:,} answers"
    trust = "" if result.estimate is None else f" ({result.estimate.trust})"
    yield (
        f"{said} of '{audit.file}': its bounds (risk {audit.risk:g} each) hold whatever the trust "
        f"in the estimate{trust}"
    )
    for gate in audit.gates:
        if gate.audit.verdict == "undecided":
            yield f"{gate.name}: {gate.audit.text}"
    if any(gate.audit.verdict == "undecided" for gate in audit.gates):
        named = "DATA" if source is None or names_result(source) else source
        folder = Path(audit.file).parent if audit.file.endswith(".json") else audit.file
        yield f"`alfs audit {named} --out {folder}` goes on asking"


def _suppressed(result: CheckResult) -> Iterator[str]:
    """Yield how many findings are suppressed, and which entries suppress nothing."""
    by_baseline, ignored = result.suppressed.baseline, result.suppressed.ignored
    if by_baseline or ignored:
        total = by_baseline + ignored
        yield f"{total:,} suppressed ({by_baseline:,} baseline, {ignored:,} ignored)"
    if result.stale:
        first = ", ".join(result.stale[:MAX_STALE]) + (", ..." if result.stale[MAX_STALE:] else "")
        yield f"{len(result.stale):,} stale (ALFS901): {first}"
    if any(entry.endswith("(unused)") for entry in result.stale):
        yield (
            "an unused line names neither a path nor a finding: a row's id is the fingerprint of "
            "its finding in check.json"
        )


def _table(result: CheckResult) -> Table:
    gates = sorted(result.gates, key=lambda gate: ORDER.index(gate.status))
    passed = [gate for gate in gates if gate.status == "pass"]
    shown = [gate for gate in gates if gate.status != "pass"] + passed[:MAX_PASSED]
    columns = (
        Column("gate"),
        Column("rule"),
        Column("what"),
        Column("found"),
        Column("bounds"),
        Column("limit"),
    )
    rows = tuple(
        (
            gate.status,
            gate.rule,
            gate.name if gate.by_audit is None else f"{gate.name} (audited)",
            gate.found,
            "-"
            if gate.low is None or gate.high is None or gate.is_unsure
            else f"{gate.number(gate.low)} to {gate.number(gate.high)}",
            gate.number(gate.limit),
        )
        for gate in shown
    )
    left = len(passed) - MAX_PASSED
    return Table("", columns, rows, note=f"{left} more passed" if left > 0 else "")
