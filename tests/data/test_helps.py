"""Every error about data says what to do: the list of options would be no remedy."""

import ast
from pathlib import Path

import alfs_cli.data

ERRORS = ("InputError", "UsageError")


def test_no_error_about_data_is_without_help():
    silent, seen = [], 0
    for path in sorted(Path(alfs_cli.data.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in ERRORS:
                seen += 1
                if not any(word.arg == "help" for word in node.keywords):
                    silent.append(f"{path.name}:{node.lineno}")
    assert seen > 80
    assert not silent
