"""The CI gate: thresholds against confidence bounds, so that it does not fail by chance.

A gate compares a quantity (value, low, high) with a limit. `sure` fails only where even the bound
most favourable to the data breaks the limit, and warns where the point does; `point` fails where
the point does; `strict` passes only where even the least favourable bound holds.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alfs_cli.documents import to_document, write_document
from alfs_cli.errors import UsageError, unknown
from alfs_cli.estimate import NoiseEstimate
from alfs_cli.report import Finding, Gate, GateStatus

SCHEMA = "alfs.check/1"
GATE_ON = ("sure", "point", "strict")
TRUST = ("low", "medium", "high")

INTEGRITY = {
    "ALFS401": "no unreadable images",
    "ALFS103": "no conflicting duplicates",
    "ALFS403": "no empty classes",
    "ALFS406": "no missing labels",
}
"""The default gates that count findings."""


@dataclass(frozen=True)
class Thresholds:
    """The limits a user may set; None is not set. Rates are fractions, clean levels ratios."""

    max_noise_rate: float | None = None
    max_class_noise_rate: float | None = None
    min_clean_level: float | None = None
    max_pair_rate: float | None = None
    require_dominance: bool = True
    min_trust: str | None = None
    gate_on: str = "sure"

    def __post_init__(self) -> None:
        if self.gate_on not in GATE_ON:
            raise unknown("value of --gate-on", self.gate_on, GATE_ON)
        if self.min_trust is not None and self.min_trust not in TRUST:
            raise unknown("trust level", self.min_trust, TRUST)
        for name in ("max_noise_rate", "max_class_noise_rate", "max_pair_rate"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                option = "--" + name.replace("_", "-")
                raise UsageError(
                    f"{option} is {value}, not between 0 and 1", help="5 % is written 0.05"
                )
        level = self.min_clean_level
        if level is not None and not (math.isfinite(level) and level >= 0):
            raise UsageError(f"--min-clean-level is {level}, not a ratio of 0 or more")


@dataclass(frozen=True)
class Suppressed:
    """How many findings a baseline or an ignore list took away."""

    baseline: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class CheckResult:
    """The content of check.json."""

    passed: bool
    gates: tuple[Gate, ...]
    findings: tuple[Finding, ...] = ()
    suppressed: Suppressed = Suppressed()
    stale: tuple[str, ...] = ()

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)

    def save(self, path: Path) -> None:
        """Write check.json."""
        write_document(path, self.document())


def judge(
    estimate: NoiseEstimate, thresholds: Thresholds, findings: Sequence[Finding] | None
) -> CheckResult:
    """Return the verdict on an estimate and on what was found in the files.

    `findings` is None where only the estimate is at hand: gates on files are then not judged.
    Raises UsageError where a gate the user set cannot be judged.
    """
    gates = tuple(_gates(estimate, thresholds, findings))
    for gate in gates:
        is_default = gate.rule in INTEGRITY or gate.rule == "ALFS203"
        if gate.status == "not-judged" and not is_default:
            raise UsageError(
                f"{gate.rule}: {gate.name} cannot be judged",
                help="a class needs two examples or more; leave the threshold out, or merge it",
            )
    passed = all(gate.status != "fail" for gate in gates)
    return CheckResult(passed, gates, tuple(findings or ()))


def _gates(
    estimate: NoiseEstimate, limits: Thresholds, findings: Sequence[Finding] | None
) -> Iterator[Gate]:
    on = limits.gate_on
    if limits.max_noise_rate is not None:
        rate = estimate.noise_rate
        yield _at_most(
            "ALFS301", "noise rate", rate.value, rate.low, rate.high, limits.max_noise_rate, on
        )
    classes = estimate.class_clean_level
    if limits.max_class_noise_rate is not None:
        for i, found in enumerate(classes):
            name = f"noise rate of class '{found.class_name}'"
            gate = _at_most(
                "ALFS304",
                name,
                1 - estimate.transition[i][i],
                1 - estimate.transition_high[i][i],
                1 - estimate.transition_low[i][i],
                limits.max_class_noise_rate,
                on,
            )
            yield gate if found.judged else Gate("ALFS304", name, "not-judged")
    if limits.min_clean_level is not None:
        for found in classes:
            name = f"clean level of class '{found.class_name}'"
            gate = _at_least(
                "ALFS201", name, found.value, found.low, found.high, limits.min_clean_level, on
            )
            yield gate if found.judged else Gate("ALFS201", name, "not-judged")
    if limits.max_pair_rate is not None:
        yield from _pair_gates(estimate, limits.max_pair_rate, on)
    if limits.require_dominance:
        yield _dominance(estimate, on)
    if limits.min_trust is not None:
        level = estimate.trust.level
        enough = TRUST.index(level) >= TRUST.index(limits.min_trust)
        name = f"trust is '{level}', '{limits.min_trust}' is needed"
        yield Gate("ALFS303", name, "pass" if enough else "fail")
    for rule, name in INTEGRITY.items():
        if findings is None:
            yield Gate(rule, name, "not-judged", limit=0)
        else:
            count = sum(finding.rule == rule for finding in findings)
            yield Gate(rule, name, "fail" if count else "pass", value=count, limit=0)


def _pair_gates(estimate: NoiseEstimate, limit: float, on: str) -> Iterator[Gate]:
    """Yield a gate for each pair over the limit, and for the worst pair in any case."""
    names = estimate.data.classes
    pairs = sorted(
        (-value, i, j)
        for i, row in enumerate(estimate.transition)
        for j, value in enumerate(row)
        if i != j
    )
    for place, (negative, i, j) in enumerate(pairs):
        if place and -negative <= limit and on != "strict":
            break
        low, high = estimate.transition_low[i][j], estimate.transition_high[i][j]
        if place and on == "strict" and high <= limit:
            continue
        name = f"rate of '{names[i]}' given as '{names[j]}'"
        yield _at_most("ALFS202", name, -negative, low, high, limit, on)


def _dominance(estimate: NoiseEstimate, on: str) -> Gate:
    level = estimate.clean_level
    name = f"the clean label leads in every class (weakest '{level.true_class}')"
    status: GateStatus = "pass"
    if estimate.dominant is False:
        status = "fail"
    elif level.value <= 1:
        status = "fail" if on != "sure" else "warn"
    elif estimate.dominant is None and on == "strict":
        status = "fail"
    return Gate("ALFS203", name, status, level.value, level.low, level.high, 1.0)


def _at_most(
    rule: str, name: str, value: float, low: float, high: float, limit: float, on: str
) -> Gate:
    broken = {"sure": low > limit, "point": value > limit, "strict": high > limit}[on]
    status: GateStatus = "fail" if broken else "warn" if value > limit else "pass"
    return Gate(rule, name, status, value, low, high, limit)


def _at_least(
    rule: str, name: str, value: float, low: float, high: float, limit: float, on: str
) -> Gate:
    broken = {"sure": high < limit, "point": value < limit, "strict": low < limit}[on]
    status: GateStatus = "fail" if broken else "warn" if value < limit else "pass"
    return Gate(rule, name, status, value, low, high, limit)
