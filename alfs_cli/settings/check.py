"""The settings of `alfs check`: CHECK lists every key of options, variables and files."""

from collections.abc import Mapping
from typing import Any

from alfs_cli.errors import UsageError
from alfs_cli.findings.rules import matching
from alfs_cli.settings import values
from alfs_cli.settings.layers import Key
from alfs_cli.settings.values import as_flag, as_number, as_words

GATE_ON = ("sure", "point", "strict")
TRUST = ("low", "medium", "high")


def _rules(value: Any) -> tuple[str, ...]:
    """Return rule ids, or beginnings of ids; raises ValueError for one that matches no rule."""
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise ValueError("not a list of rules")
    words = [part for word in value for part in as_words(word)]
    for word in words:
        try:
            matching(word)
        except UsageError as error:
            raise ValueError(f"not a list of rules: {error}") from None
    return tuple(words)


def _by_path(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, Mapping):
        raise ValueError("not patterns of paths, with a list of rules each")
    return tuple(
        (str(pattern), _rules([rules] if isinstance(rules, str) else rules))
        for pattern, rules in value.items()
    )


TEXT, PATH = Key(values.text), Key(values.text, is_path=True)
RATE = Key(values.number(0, 1, hint="5 % is written 0.05"), parse=as_number)
NO, YES = (Key(values.flag, default, parse=as_flag) for default in (False, True))


CHECK: dict[str, Key] = {
    "max-noise-rate": RATE,
    "max-class-noise-rate": RATE,
    "min-clean-level": Key(values.number(0), parse=as_number),
    "max-pair-rate": RATE,
    "require-dominance": YES,
    "min-trust": Key(values.one_of(TRUST)),
    "max-new-issues": Key(values.whole(0), parse=as_number),
    "gate-on": Key(values.one_of(GATE_ON), "sure"),
    "select": Key(_rules, (), parse=as_words),
    "ignore": Key(_rules, (), parse=as_words),
    "per-path-ignores": Key(_by_path, (), parse=None),
    "ignore-file": PATH,
    "baseline": PATH,
    "strict-baseline": NO,
    "audit": PATH,
    "exit-zero": NO,
    "evidence": Key(values.text, "auto"),
    "folds": Key(values.whole(2), 5, parse=as_number),
    "confidence": Key(values.number(0.5, 1), 0.95, parse=as_number),
    "in-sample-ok": NO,
    "columns-as-given": NO,
    "rows-as-given": NO,
    "split": TEXT,
    "labels": PATH,
    "true-labels": PATH,
    "features": PATH,
    "pred-probs": PATH,
    "label-column": TEXT,
    "path-column": TEXT,
    "true-label-column": TEXT,
    "feature-columns": TEXT,
    "exclude-columns": TEXT,
    "group-column": TEXT,
    "classes": TEXT,
    "root": PATH,
}
SECTIONS = {"check": CHECK}
