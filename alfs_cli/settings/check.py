"""What `alfs check` can be told, by option, variable or file: CHECK is every key there is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alfs_cli.errors import UsageError
from alfs_cli.findings.rules import matching
from alfs_cli.settings.layers import Key, as_words, choice, flag, number, text, whole

GATE_ON = ("sure", "point", "strict")
TRUST = ("low", "medium", "high")
RATE = number(0, 1, "5 % is written 0.05")


def _rules(value: Any) -> tuple[str, ...]:
    """Read rule ids or their beginnings; each must match a rule."""
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


CHECK: dict[str, Key] = {
    "max-noise-rate": RATE,
    "max-class-noise-rate": RATE,
    "min-clean-level": number(0, float("inf")),
    "max-pair-rate": RATE,
    "require-dominance": flag(default=True),
    "min-trust": choice(TRUST),
    "max-new-issues": whole(0),
    "gate-on": choice(GATE_ON, "sure"),
    "select": Key(_rules, (), parse=as_words),
    "ignore": Key(_rules, (), parse=as_words),
    "per-path-ignores": Key(_by_path, (), parse=None),
    "ignore-file": text(is_path=True),
    "baseline": text(is_path=True),
    "strict-baseline": flag(),
    "exit-zero": flag(),
    "evidence": text("auto"),
    "folds": whole(2, 5),
    "confidence": replace(number(0.5, 1), default=0.95),
    "in-sample-ok": flag(),
    "columns-as-given": flag(),
    "split": text(),
    "labels": text(is_path=True),
    "true-labels": text(is_path=True),
    "features": text(is_path=True),
    "pred-probs": text(is_path=True),
    "label-column": text(),
    "path-column": text(),
    "true-label-column": text(),
    "feature-columns": text(),
    "exclude-columns": text(),
    "group-column": text(),
    "classes": text(),
    "root": text(is_path=True),
}
SECTIONS = {"check": CHECK}
