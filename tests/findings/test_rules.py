"""The table of rules: complete, in order, within the limits of the formats that carry it."""

import re

import pytest

from alfs_cli.errors import UsageError
from alfs_cli.findings.finding import Finding, Gate
from alfs_cli.findings.rules import RULES, Selection, matching
from alfs_cli.formats.blocks import Report


def test_ids_are_in_order_and_names_are_told_apart():
    assert list(RULES) == sorted(RULES)
    assert all(re.fullmatch(r"ALFS[1-9]\d\d", rule) for rule in RULES)
    assert len({rule.name for rule in RULES.values()}) == len(RULES) >= 18


def test_texts_fit_code_scanning():
    for rule in RULES.values():
        assert rule.short.endswith(".")
        assert "\n" not in rule.short
        assert 20 < len(rule.full) <= 1024
        assert rule.help
        assert re.fullmatch(r"[a-z-]+", rule.name)


def test_a_gate_in_a_line():
    gate = Gate("ALFS301", "noise rate", "fail", 0.094, 0.086, 0.103, 0.08)
    assert gate.message == "noise rate: 9.4 % (8.6 % to 10.3 %), limit 8.0 %"
    gate = Gate("ALFS201", "clean level of class 'cat'", "warn", 5.33, 3.5, float("inf"), 6)
    assert gate.message == "clean level of class 'cat': 5.33x (3.50x to inf), limit 6.00x"
    assert Gate("ALFS303", "trust is 'low'", "fail").message == "trust is 'low'"


def test_gates_that_failed_are_findings_too_but_not_those_that_count_findings():
    found = Finding("ALFS401", "error", "broken", "a.png")
    gates = (
        Gate("ALFS301", "noise rate", "warn", 0.1, 0.05, 0.2, 0.08),
        Gate("ALFS203", "the clean label leads", "fail", 0.5, 0.4, 0.6, 1),
        Gate("ALFS304", "noise", "pass", 0.1, 0.05, 0.2, 0.3),
        Gate("ALFS401", "no unreadable images", "fail", 1, limit=0),
    )
    report = Report("t", (), {}, (found,), gates)
    assert [(f.rule, f.level) for f in report.all_findings] == [
        ("ALFS301", "warning"),
        ("ALFS203", "error"),
        ("ALFS401", "error"),
    ]


def test_where_a_finding_is():
    assert Finding("ALFS101", "warning", "", "a.png").where == "a.png"
    assert Finding("ALFS101", "warning", "").where == ""
    listed = Finding("ALFS101", "warning", "", "img/a.png", 12, manifest="labels.csv")
    assert listed.place == ("labels.csv", 12)
    assert listed.where == "labels.csv:12 img/a.png"
    row = Finding("ALFS101", "warning", "", "labels.csv", 12, manifest="labels.csv")
    assert row.where == "labels.csv:12"


@pytest.mark.parametrize(
    ("select", "ignore", "has", "has_not"),
    [
        ((), (), ("ALFS101", "ALFS203", "ALFS407"), ("ALFS102",)),
        (("ALFS4",), (), ("ALFS401",), ("ALFS101", "ALFS203")),
        (("ALFS4", "ALFS203"), ("ALFS407",), ("ALFS401", "ALFS203"), ("ALFS407",)),
        (("ALFS407",), ("ALFS4",), ("ALFS407",), ("ALFS401",)),
        ((), ("ALFS2", "oversize-image"), ("ALFS101",), ("ALFS203", "ALFS407")),
        (("alfs1", "ALFS102"), (), ("ALFS101", "ALFS102"), ("ALFS203",)),
        (("ALFS1",), (), ("ALFS101",), ("ALFS102",)),
        (("ALFS4",), ("ALFS4",), (), ("ALFS401",)),
    ],
)
def test_selection(select, ignore, has, has_not):
    rules = Selection(select, ignore)
    assert all(rules.has(rule) for rule in has)
    assert not any(rules.has(rule) for rule in has_not)


def test_rules_by_their_beginning_or_name():
    assert [rule.id for rule in matching("alfs30")] == ["ALFS301", "ALFS302", "ALFS303", "ALFS304"]
    assert matching("ALFS") == tuple(RULES.values())
    assert matching("noise-rate-high") == (RULES["ALFS301"],)
    with pytest.raises(UsageError, match="did you mean 'ALFS203'"):
        matching("ALSF203")
    with pytest.raises(UsageError, match="unknown rule ''"):
        matching("")
