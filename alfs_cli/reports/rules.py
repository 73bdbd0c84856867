"""The report of the gate's rules: `alfs check --explain`."""

from dataclasses import asdict

from alfs_cli.findings.rules import RULES, Rule, matching
from alfs_cli.formats.blocks import Block, Column, Facts, Paragraph, Report, Table

SCHEMA = "alfs.rules/1"


def rules_report(word: str) -> Report:
    """Return the explanation of a rule, or the list of the rules with a prefix or of `all`."""
    rules = tuple(RULES.values()) if word == "all" else matching(word)
    document = {"schema": SCHEMA, "rules": [asdict(rule) for rule in rules]}
    if len(rules) == 1:
        return Report(f"{rules[0].id} {rules[0].name}", _explained(rules[0]), document)
    columns = (Column("rule"), Column("name"), Column("level"), Column("what it says"))
    rows = tuple((rule.id, rule.name, rule.level, rule.short) for rule in rules)
    return Report("Rules of alfs check", (Table("", columns, rows),), document)


def _explained(rule: Rule) -> tuple[Block, ...]:
    return (
        Paragraph(rule.short),
        Paragraph(rule.full),
        Facts((("level", rule.level), ("about", f"one {rule.scope}"), ("to do", rule.help))),
    )
