"""The CI gate: thresholds against confidence bounds, so that it does not fail by chance.

A gate compares a quantity (value, low, high) with a limit. `sure` fails only where even the bound
most favourable to the data breaks the limit, and warns where the value does. `point` fails where
the value does. `strict` passes only where even the least favourable bound keeps the limit, and
never on evidence that may hold the given labels themselves.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alfs_cli.audits.claims import Claim
from alfs_cli.errors import UsageError, brief
from alfs_cli.findings.finding import Finding, Gate, GateStatus
from alfs_cli.findings.rules import RULES, Selection
from alfs_cli.gate.baseline import Ceilings
from alfs_cli.results.check import AuditedGate, CheckResult, Judged, JudgedByAudit
from alfs_cli.results.estimate import EvidenceSummary, NoiseEstimate
from alfs_cli.settings.check import TRUST

if TYPE_CHECKING:
    from alfs_cli.gate.audited import Audited

OF_PICTURES = ("ALFS401", "ALFS402", "ALFS407")
OF_TEXTS = ("ALFS408",)
DOMINANCE = "the clean label leads in every class"
INTEGRITY = {
    "ALFS103": "no conflicting duplicates",
    "ALFS401": "no unreadable images",
    "ALFS402": "no truncated images",
    "ALFS403": "no empty classes",
    "ALFS404": "no example in two splits",
    "ALFS405": "no labels that are no class",
    "ALFS406": "no missing labels",
    "ALFS407": "no oversize images",
    "ALFS408": "no empty texts",
    "ALFS409": "no classes that look alike",
}
"""Rules on findings in files, which are judged by default, and the names of their gates."""

NOT_JUDGED = {
    "ALFS101": "an estimate alone cannot tell which labels are new: name DATA, or --ignore ALFS101",
    "ALFS901": "an estimate alone cannot tell which entries are stale: name DATA",
}
"""Help lines for gates that the user set and that cannot be judged."""

EVERY = Selection()
DEFAULT = (*INTEGRITY, "ALFS203")
"""Rules that are judged without a threshold."""


@dataclass(frozen=True)
class Thresholds:
    """The limits that a user may set; None is not set. Rates are fractions, clean levels ratios.

    `settings/check.py` says what each may be. `in_sample_ok` says that probabilities which look
    in-sample are not.
    """

    max_noise_rate: float | None = None
    max_class_noise_rate: float | None = None
    min_clean_level: float | None = None
    max_pair_rate: float | None = None
    require_dominance: bool = True
    min_trust: str | None = None
    max_new_issues: int | None = None
    strict_baseline: bool = False
    gate_on: str = "sure"
    in_sample_ok: bool = False


def judge(
    estimate: NoiseEstimate,
    thresholds: Thresholds,
    findings: Sequence[Finding] | None,
    *,
    rules: Selection = EVERY,
    ceilings: Ceilings | None = None,
    looked_at: Collection[str] = tuple(INTEGRITY),
    stale: Sequence[str] | None = None,
    audit: "Audited | None" = None,
) -> CheckResult:
    """Return the verdict on an estimate and on findings in the files.

    Args:
        estimate: T, the noise rate and the clean levels, with bounds.
        thresholds: the limits.
        findings: None where there is only an estimate; gates on files are then not judged.
        rules: the rules to judge.
        ceilings: the bounds of a baseline.
        looked_at: the rules on files that were checked on these data.
        stale: entries of a baseline that match nothing; None without data to compare them with.
        audit: an audit whose bounds replace those of the estimate where it has some.

    Raises:
        UsageError: a gate that the user set cannot be judged.
    """
    gates = tuple(
        gate
        for gate in (
            *_limits(estimate, thresholds, audit),
            *(_regressions(estimate, ceilings, thresholds.gate_on) if ceilings else ()),
            *_counts(thresholds, findings, looked_at),
            *_stale(thresholds, stale),
        )
        if rules.has(gate.rule)
    )
    for gate in gates:
        if gate.status == "not-judged" and gate.rule not in DEFAULT:
            raise UsageError(
                f"{gate.rule}: {gate.name} cannot be judged",
                help=NOT_JUDGED.get(
                    gate.rule,
                    "a class needs two examples; leave the threshold out, or merge the class",
                ),
            )
    doubt = _doubt(estimate.evidence, in_sample_ok=thresholds.in_sample_ok)
    if thresholds.gate_on == "strict" and doubt is not None:
        gates = tuple(_failed(gate, doubt) for gate in gates)
    passed = all(gate.status != "fail" for gate in gates)
    of = Judged(estimate.noise_rate, estimate.clean_level, estimate.trust.level)
    if of.trust == "low":
        gates = tuple(
            replace(gate, is_unsure=gate.low is not None and gate.by_audit is None)
            for gate in gates
        )
    by_audit = None if audit is None else _judged_by(audit, gates)
    return CheckResult(passed, gates, tuple(findings or ()), estimate=of, audit=by_audit)


def _doubt(evidence: EvidenceSummary, *, in_sample_ok: bool) -> str | None:
    """Return in words why evidence may hold the given labels, None where nothing speaks for it."""
    if evidence.in_sample and not in_sample_ok:
        return "the probabilities look in-sample"
    if evidence.columns is not None and evidence.columns.leaks:
        return f"column '{brief(next(iter(evidence.columns.leaks)))}' may hold the labels"
    return None


def _failed(gate: Gate, doubt: str) -> Gate:
    """Return a gate as failed if it rests on evidence that is in doubt."""
    rests = gate.rule == "ALFS101" or (gate.low is not None and gate.by_audit is None)
    if not rests or gate.status == "not-judged":
        return gate
    detail = f"{gate.detail}, {doubt}" if gate.detail else doubt
    return replace(gate, status="fail", detail=detail)


def _judged_by(audit: "Audited", gates: Sequence[Gate]) -> JudgedByAudit:
    """Return the gates that an audit decided or left open."""
    judged = [AuditedGate(g.rule, g.name, g.by_audit) for g in gates if g.by_audit is not None]
    return JudgedByAudit(str(audit.path), audit.answers, audit.record.plan.risk, tuple(judged))


def _limits(estimate: NoiseEstimate, limits: Thresholds, audit: "Audited | None") -> Iterator[Gate]:
    """Yield the gates on T and on quantities of it, by the audit where it measures them."""
    yield from _rate_gates(estimate, limits, audit)
    classes = estimate.class_clean_level
    if not classes:
        yield from _unknown_classes(limits)
    if limits.min_clean_level is not None:
        yield from _level_gates(estimate, limits.min_clean_level, limits.gate_on, audit)
    if limits.max_pair_rate is not None and classes:
        yield from _pair_gates(estimate, limits.max_pair_rate, limits.gate_on, audit)
    if limits.require_dominance:
        by_audit = audit and audit.dominance("ALFS203", DOMINANCE, limits.gate_on)
        yield by_audit or _dominance(estimate, limits.gate_on)
    if limits.min_trust is not None:
        level = estimate.trust.level
        enough = TRUST.index(level) >= TRUST.index(limits.min_trust)
        name = f"trust is '{level}', '{limits.min_trust}' is needed"
        yield Gate("ALFS303", name, "pass" if enough else "fail")


def _rate_gates(
    estimate: NoiseEstimate, limits: Thresholds, audit: "Audited | None"
) -> Iterator[Gate]:
    """Yield the gates on the noise rate of all labels and of each class."""
    on = limits.gate_on
    if (most := limits.max_noise_rate) is not None:
        rate, claim = estimate.noise_rate, Claim("noise-rate", (), "<=", most)
        by_audit = audit and audit.gate("ALFS301", "noise rate", claim, on)
        yield by_audit or _at_most(
            "ALFS301", "noise rate", rate.value, rate.low, rate.high, most, on
        )
    if (most := limits.max_class_noise_rate) is not None:
        for i, found in enumerate(estimate.class_clean_level):
            name = f"noise rate of class '{found.class_name}'"
            claim = Claim("class-noise", (found.class_name,), "<=", most)
            if by_audit := audit and audit.gate("ALFS304", name, claim, on):
                yield by_audit
                continue
            gate = _at_most(
                "ALFS304",
                name,
                1 - estimate.transition[i][i],
                1 - estimate.transition_high[i][i],
                1 - estimate.transition_low[i][i],
                most,
                on,
            )
            yield gate if found.judged else Gate("ALFS304", name, "not-judged")


def _level_gates(
    estimate: NoiseEstimate, least: float, on: str, audit: "Audited | None"
) -> Iterator[Gate]:
    """Yield a gate for each class, or one for their minimum r where that was audited."""
    claim = Claim("clean-level", (), ">=", least)
    if by_audit := audit and audit.gate("ALFS201", "clean level", claim, on):
        yield by_audit
        return
    for found in estimate.class_clean_level:
        name = f"clean level of class '{found.class_name}'"
        gate = _at_least("ALFS201", name, found.value, found.low, found.high, least, on)
        yield gate if found.judged else Gate("ALFS201", name, "not-judged")


def _unknown_classes(limits: Thresholds) -> Iterator[Gate]:
    """Yield gates on classes as not judged, for an estimate without clean levels of classes."""
    if limits.max_class_noise_rate is not None:
        yield Gate("ALFS304", "noise rate of each class", "not-judged")
    if limits.min_clean_level is not None:
        yield Gate("ALFS201", "clean level of each class", "not-judged")
    if limits.max_pair_rate is not None:
        yield Gate("ALFS202", "rate of each pair", "not-judged")


def _counts(
    limits: Thresholds, findings: Sequence[Finding] | None, looked_at: Collection[str]
) -> Iterator[Gate]:
    """Yield the gates that count findings; a rule of level warning never fails."""
    if limits.max_new_issues is not None:
        yield _count("ALFS101", "new suspect labels", findings, limits.max_new_issues, "fail")
    for rule, name in INTEGRITY.items():
        if rule in looked_at:
            broken: GateStatus = "fail" if RULES[rule].level == "error" else "warn"
            yield _count(rule, name, findings, 0, broken)


def _count(
    rule: str, name: str, findings: Sequence[Finding] | None, limit: int, broken: GateStatus
) -> Gate:
    if findings is None:
        return Gate(rule, name, "not-judged", limit=limit)
    count = sum(finding.rule == rule for finding in findings)
    return Gate(rule, name, broken if count > limit else "pass", value=count, limit=limit)


def _stale(limits: Thresholds, stale: Sequence[str] | None) -> Iterator[Gate]:
    """Yield the gate on stale entries of the baseline, where --strict-baseline asks for it."""
    if limits.strict_baseline:
        name = "no stale baseline entries"
        if stale is None:
            yield Gate("ALFS901", name, "not-judged", limit=0)
        else:
            yield Gate("ALFS901", name, "fail" if stale else "pass", value=len(stale), limit=0)


def _regressions(estimate: NoiseEstimate, ceilings: Ceilings, on: str) -> Iterator[Gate]:
    """Yield a gate for the noise rate, and one for each class and pair that surely got worse.

    Of those that only may have got worse, just the worst class and the worst pair are yielded.
    """
    rate, names = estimate.noise_rate, estimate.data.classes
    if ceilings.noise_rate is not None:
        name = "noise rate against the baseline"
        yield _at_most("ALFS302", name, rate.value, rate.low, rate.high, ceilings.noise_rate, on)
    found: list[Gate] = []
    for i, level in enumerate(estimate.class_clean_level):
        if not level.judged:
            continue
        floor = ceilings.class_clean_level.get(level.class_name)
        if floor is not None:
            name = f"clean level of class '{level.class_name}' against the baseline"
            gate = _at_least("ALFS302", name, level.value, level.low, level.high, floor, on)
            found.append(replace(gate, measure="ratio"))
        for j, given in enumerate(names):
            ceiling = ceilings.of_pair(level.class_name, given)
            if i == j or ceiling is None:
                continue
            value = estimate.transition[i][j]
            low, high = estimate.transition_low[i][j], estimate.transition_high[i][j]
            name = f"rate of '{level.class_name}' given as '{given}' against the baseline"
            found.append(_at_most("ALFS302", name, value, low, high, ceiling, on))
    yield from (gate for gate in found if gate.status == "fail")
    for measure in ("ratio", None):
        warned = [gate for gate in found if (gate.status, gate.measure) == ("warn", measure)]
        yield from sorted(warned, key=_excess)[-1:]


def _excess(gate: Gate) -> float:
    """Return the factor by which a gate's value is beyond its limit."""
    value, limit = gate.value or 0.0, gate.limit or 0.0
    better, worse = (value, limit) if gate.measure == "ratio" else (limit, value)
    return worse / better if better > 0 else math.inf


def _pair_gates(
    estimate: NoiseEstimate, limit: float, on: str, audit: "Audited | None"
) -> Iterator[Gate]:
    """Yield a gate for each audited pair, for each other pair over the limit, and for the worst."""
    names = estimate.data.classes
    audited = {} if audit is None else dict(_audited_pairs(audit, names, limit, on))
    yield from audited.values()
    pairs = sorted(
        (-value, i, j)
        for i, row in enumerate(estimate.transition)
        for j, value in enumerate(row)
        if i != j and (i, j) not in audited
    )
    for place, (negative, i, j) in enumerate(pairs):
        if place and -negative <= limit and on != "strict":
            break
        low, high = estimate.transition_low[i][j], estimate.transition_high[i][j]
        if place and on == "strict" and high <= limit:
            continue
        name = f"rate of '{names[i]}' given as '{names[j]}'"
        if not estimate.class_clean_level[i].judged:
            yield Gate("ALFS202", name, "not-judged")
            continue
        yield _at_most("ALFS202", name, -negative, low, high, limit, on)


def _audited_pairs(
    audit: "Audited", names: Sequence[str], limit: float, on: str
) -> Iterator[tuple[tuple[int, int], Gate]]:
    """Yield ((i, j), gate) for the pairs that were audited."""
    for i, j in audit.pairs():
        claim = Claim("pair", (names[i], names[j]), "<=", limit)
        name = f"rate of '{names[i]}' given as '{names[j]}'"
        if gate := audit.gate("ALFS202", name, claim, on):
            yield (i, j), gate


def _dominance(estimate: NoiseEstimate, on: str) -> Gate:
    level = estimate.clean_level
    status: GateStatus = "pass"
    if any(map(math.isnan, (level.value, level.low, level.high))):
        return Gate("ALFS203", DOMINANCE, "not-judged", limit=1.0)
    if estimate.dominant is False:
        status = "fail"
    elif level.value <= 1:
        status = "fail" if on != "sure" else "warn"
    elif estimate.dominant is None and on == "strict":
        status = "fail"
    return Gate(
        "ALFS203",
        DOMINANCE,
        status,
        level.value,
        level.low,
        level.high,
        1.0,
        detail=f"weakest '{level.true_class}'",
    )


def _at_most(
    rule: str, name: str, value: float, low: float, high: float, limit: float, on: str
) -> Gate:
    if any(map(math.isnan, (value, low, high))):
        return Gate(rule, name, "not-judged", limit=limit)
    broken = {"sure": low > limit, "point": value > limit, "strict": high > limit}[on]
    status: GateStatus = "fail" if broken else "warn" if value > limit else "pass"
    return Gate(rule, name, status, value, low, high, limit)


def _at_least(
    rule: str, name: str, value: float, low: float, high: float, limit: float, on: str
) -> Gate:
    if any(map(math.isnan, (value, low, high))):
        return Gate(rule, name, "not-judged", limit=limit)
    broken = {"sure": high < limit, "point": value < limit, "strict": low < limit}[on]
    status: GateStatus = "fail" if broken else "warn" if value < limit else "pass"
    return Gate(rule, name, status, value, low, high, limit)
