"""Every error says what to do: the list of options would be no remedy."""

import ast
from pathlib import Path

import pytest

import alfs_cli
from alfs_cli.errors import UsageError, together

ERRORS = ("InputError", "UsageError")


def test_no_error_is_without_help():
    silent, seen = [], 0
    top = Path(alfs_cli.__file__).parent
    for path in sorted(top.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in ERRORS:
                seen += 1
                if node.args and not any(word.arg == "help" for word in node.keywords):
                    silent.append(f"{path.relative_to(top)}:{node.lineno}")
    assert seen > 300
    assert not silent


def test_the_helps_of_several_mistakes_are_told_together():
    def raises(text, help):
        def read():
            raise UsageError(text, help=help)

        return read

    with pytest.raises(UsageError, match="first\nsecond\nthird") as found:
        together([raises("first", "do a"), raises("second", None), raises("third", "do b")])
    assert found.value.help == "do a; do b"
