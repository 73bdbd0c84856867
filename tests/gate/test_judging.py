"""The gate: bounds against limits, for each way of gating."""

from dataclasses import replace

import pytest

from alfs_cli.errors import UsageError
from alfs_cli.findings.finding import Finding
from alfs_cli.findings.rules import RULES, Selection
from alfs_cli.gate.baseline import Ceilings, ceilings_of
from alfs_cli.gate.judging import INTEGRITY, Thresholds, judge
from alfs_cli.results.estimate import CleanLevel, ColumnsSummary


def status(estimate, rule, **limits):
    """Return the statuses of a rule's gates."""
    result = judge(estimate, Thresholds(**limits), ())
    return [gate.status for gate in result.gates if gate.rule == rule]


@pytest.mark.parametrize(
    ("limit", "sure", "point", "strict"),
    [  # the noise rate is 0.11, from 0.09 to 0.13
        (0.08, "fail", "fail", "fail"),
        (0.09, "warn", "fail", "fail"),
        (0.10, "warn", "fail", "fail"),
        (0.11, "pass", "pass", "fail"),
        (0.13, "pass", "pass", "pass"),
    ],
)
def test_noise_rate(estimate, limit, sure, point, strict):
    for gate_on, expected in (("sure", sure), ("point", point), ("strict", strict)):
        assert status(estimate(), "ALFS301", max_noise_rate=limit, gate_on=gate_on) == [expected]


@pytest.mark.parametrize(
    ("limit", "sure", "point", "strict"),
    [  # the weakest class has 5.33, from 3.5 to 8
        (9.0, "fail", "fail", "fail"),
        (8.0, "warn", "fail", "fail"),
        (6.0, "warn", "fail", "fail"),
        (5.0, "pass", "pass", "fail"),
        (3.5, "pass", "pass", "pass"),
    ],
)
def test_clean_level(estimate, limit, sure, point, strict):
    for gate_on, expected in (("sure", sure), ("point", point), ("strict", strict)):
        found = status(estimate(), "ALFS201", min_clean_level=limit, gate_on=gate_on)
        assert found[0] == expected
        assert len(found) == 3


@pytest.mark.parametrize(
    "doubt",
    [
        {"in_sample": True},
        {"columns": ColumnsSummary(("a", "code"), {}, {"code": "holds the label again"})},
    ],
)
def test_strict_passes_nothing_on_evidence_that_may_hold_the_labels(estimate, doubt):
    found = estimate()
    found = replace(found, evidence=replace(found.evidence, **doubt))
    limits = {"max_noise_rate": 0.5, "min_clean_level": 1.0, "max_new_issues": 9}
    for rule in ("ALFS301", "ALFS201", "ALFS203", "ALFS101"):
        assert set(status(found, rule, gate_on="strict", **limits)) == {"fail"}
        assert set(status(found, rule, gate_on="sure", **limits)) == {"pass"}
    result = judge(found, Thresholds(gate_on="strict"), ())
    assert "hold the labels" in result.gates[0].message or "in-sample" in result.gates[0].message
    assert status(found, "ALFS403", gate_on="strict") == ["pass"]  # files are judged as they are
    trusted = judge(found, Thresholds(gate_on="strict", in_sample_ok=True), ())
    assert trusted.passed == ("in_sample" in doubt)


def test_class_noise_and_pairs(estimate):
    assert status(estimate(), "ALFS304", max_class_noise_rate=0.15) == ["fail", "pass", "pass"]
    assert status(estimate(), "ALFS304", max_class_noise_rate=0.18) == ["warn", "pass", "pass"]
    assert status(estimate(), "ALFS202", max_pair_rate=0.11) == ["fail"]
    assert status(estimate(), "ALFS202", max_pair_rate=0.5) == ["pass"]
    assert status(estimate(), "ALFS202", max_pair_rate=0.05) == ["fail", "fail"]


@pytest.mark.parametrize(
    ("value", "low", "high", "dominant", "sure", "strict"),
    [
        (5.0, 3.0, 8.0, True, "pass", "pass"),
        (1.2, 0.9, 1.5, None, "pass", "fail"),
        (0.9, 0.7, 1.1, None, "warn", "fail"),
        (0.5, 0.3, 0.8, False, "fail", "fail"),
    ],
)
def test_dominance(estimate, value, low, high, dominant, sure, strict):
    level = CleanLevel(value, low, high, "cat", "dog")
    found = estimate(clean_level=level, dominant=dominant)
    assert status(found, "ALFS203") == [sure]
    assert status(found, "ALFS203", gate_on="strict") == [strict]
    assert status(found, "ALFS203", require_dominance=False) == []


def test_trust(estimate):
    assert status(estimate(), "ALFS303", min_trust="high") == ["pass"]
    low = replace(estimate().trust, level="medium")
    assert status(estimate(trust=low), "ALFS303", min_trust="high") == ["fail"]


def test_files_are_judged_by_their_findings_and_not_without_them(estimate):
    finding = Finding("ALFS401", "error", "broken", "a.png")
    suspect = Finding("ALFS101", "warning", "given 'cat'", "b.png")
    assert not judge(estimate(), Thresholds(), (finding,)).passed
    assert judge(estimate(), Thresholds(), (suspect,)).passed
    alone = judge(estimate(), Thresholds(), None)
    assert alone.passed
    assert {g.rule for g in alone.gates if g.status == "not-judged"} == set(INTEGRITY)


def test_a_gate_the_user_set_must_be_judged(estimate):
    classes = estimate().class_clean_level
    unjudged = estimate(class_clean_level=(*classes[:2], replace(classes[2], judged=False)))
    with pytest.raises(UsageError, match=r"ALFS201: clean level of class '\[red\]'"):
        judge(unjudged, Thresholds(min_clean_level=2), ())
    assert judge(unjudged, Thresholds(), ()).passed


def test_every_rule_has_a_name(estimate):
    limits = Thresholds(0.1, 0.1, 2, 0.1, True, "low", 3)
    assert {gate.rule for gate in judge(estimate(), limits, ()).gates} <= set(RULES)


def gates_of(result, rule):
    return [gate for gate in result.gates if gate.rule == rule]


def test_findings_are_counted_and_warnings_only_warn(estimate):
    found = (
        *(Finding("ALFS101", "warning", "", f"{i}.png") for i in range(3)),
        Finding("ALFS402", "warning", "cut short", "a.png"),
    )
    result = judge(estimate(), Thresholds(max_new_issues=3), found)
    assert result.passed
    assert gates_of(result, "ALFS101")[0].value == 3
    assert gates_of(result, "ALFS402")[0].status == "warn"
    assert not judge(estimate(), Thresholds(max_new_issues=2), found).passed
    with pytest.raises(UsageError, match="ALFS101: new suspect labels cannot be judged"):
        judge(estimate(), Thresholds(max_new_issues=2), None)


def test_only_selected_rules_are_judged(estimate):
    limits = Thresholds(max_noise_rate=0.01, max_new_issues=0)
    only_files = judge(estimate(), limits, (), rules=Selection(select=("ALFS4",)))
    assert {gate.rule[:5] for gate in only_files.gates} == {"ALFS4"}
    but_one = judge(estimate(), limits, None, rules=Selection(ignore=("ALFS301", "ALFS1")))
    assert but_one.passed
    without = judge(estimate(), limits, (), looked_at=("ALFS401",))
    assert [gate.rule for gate in without.gates][-1] == "ALFS401"
    assert not gates_of(without, "ALFS404")


@pytest.mark.parametrize(
    ("ceiling", "sure", "point", "strict"),
    [  # the noise rate is 0.11, from 0.09 to 0.13
        (0.08, "fail", "fail", "fail"),
        (0.10, "warn", "fail", "fail"),
        (0.12, "pass", "pass", "fail"),
        (0.13, "pass", "pass", "pass"),
    ],
)
def test_noise_against_a_baseline(estimate, ceiling, sure, point, strict):
    for gate_on, expected in (("sure", sure), ("point", point), ("strict", strict)):
        limits = Thresholds(gate_on=gate_on)
        result = judge(estimate(), limits, (), ceilings=Ceilings(noise_rate=ceiling))
        assert [gate.status for gate in gates_of(result, "ALFS302")] == [expected]


def test_the_same_estimate_never_breaks_its_own_ceilings(estimate):
    own = ceilings_of(estimate())
    for gate_on in ("sure", "point", "strict"):
        result = judge(estimate(), Thresholds(gate_on=gate_on), (), ceilings=own)
        assert result.passed
        assert [gate.name for gate in gates_of(result, "ALFS302")] == [
            "noise rate against the baseline"
        ]


def test_classes_and_pairs_against_a_baseline(estimate):
    ceilings = Ceilings(0.5, {"cat": 9.0, "dog": 7.0}, {"cat": {"dog": 0.1, "[red]": 0.05}})
    result = judge(estimate(), Thresholds(), (), ceilings=ceilings)
    assert [(gate.status, gate.message) for gate in gates_of(result, "ALFS302")[1:]] == [
        ("fail", "clean level of class 'cat' against the baseline: 5.33x (3.50x to 8.00x), "
                 "limit 9.00x"),
        ("fail", "rate of 'cat' given as 'dog' against the baseline: 15.0 % (12.0 % to 18.0 %), "
                 "limit 10.0 %"),
    ]  # fmt: skip
    assert "measure" not in result.document()["gates"][0]


def test_of_classes_and_pairs_that_only_seem_worse_the_worst_are_told(estimate):
    ceilings = Ceilings(
        0.5, {"cat": 6.0, "dog": 14.0, "[red]": 50.0}, {"cat": {"dog": 0.14, "[red]": 0.03}}
    )
    result = judge(estimate(), Thresholds(), (), ceilings=ceilings)
    assert [(gate.status, gate.name) for gate in gates_of(result, "ALFS302")[1:]] == [
        ("warn", "clean level of class 'dog' against the baseline"),
        ("warn", "rate of 'cat' given as '[red]' against the baseline"),
    ]
