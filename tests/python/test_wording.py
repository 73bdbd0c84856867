"""Messages name parameters: every option that the core speaks of is one, or a command's."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import alfs_cli as alfs
from alfs_cli.errors import InputError
from alfs_cli.python.wording import (
    FLAGS,
    PARAMETERS,
    RENAMED,
    for_programs,
    told_to_programs,
)

PACKAGE = Path(alfs.__file__).parent
CORE = (
    "data",
    "evidence",
    "estimators",
    "estimating",
    "suspects",
    "noise",
    "certificate",
    "losses",
)
OF_COMMANDS = {
    "download-examples", "no-cache", "out", "to", "shard", "update-baseline", "holdout", "test",
    "recipe", "rate", "set", "write-recipe", "ignore-file", "baseline", "upgrade", "overwrite",
    "noise", "python", "resume", "config", "max-bad",
    "executor",
}  # fmt: skip
"""Options that no function has: what speaks of them speaks of a command."""


def texts():
    """Return every text in the core that is no docstring and no row of a table of constants."""
    for folder in CORE:
        for path in (PACKAGE / folder).rglob("*.py"):
            if path.name == "tuning.py":
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            documentation = {
                id(node.body[0].value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                and node.body
                and isinstance(node.body[0], ast.Expr)
            }
            for node in ast.walk(tree):
                is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
                if is_text and id(node) not in documentation:
                    yield path, node.value


def test_every_option_in_a_message_is_a_parameter_or_a_command_s():
    seen = set()
    for path, text in texts():
        for option in re.findall(r"--([a-z][a-z-]*[a-z])", text):
            name = option.removeprefix("no-") if option.removeprefix("no-") in FLAGS else option
            assert name in PARAMETERS | FLAGS | OF_COMMANDS, f"{path.name}: --{option} in {text!r}"
            seen.add(name)
    assert len(seen & PARAMETERS) > 15


def test_every_parameter_there_is_one_of_a_function():
    functions = (alfs.estimate, alfs.check, alfs.recommend)
    known = {name for function in functions for name in inspect.signature(function).parameters}
    for option in PARAMETERS | FLAGS:
        assert RENAMED.get(option, option.replace("-", "_")) in known, option


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("--labels FILE supplies them, one a row", "labels=FILE supplies them, one a row"),
        ("--classes names all classes", "class_names names all classes"),
        ("--classes FILE|A,B,C", "class_names=FILE|A,B,C"),
        ("--feature-columns A,B,C takes columns", "feature_columns=A,B,C takes columns"),
        ("for example --confidence 0.95", "for example confidence=0.95"),
        ("--confidence is 2, not between", "confidence is 2, not between"),
        ("--label-column 'kind', if that is", "label_column='kind', if that is"),
        ("--columns-as-given takes them", "columns_as_given=True takes them"),
        ("--no-require-dominance", "require_dominance=False"),
        ("--encoder is of no use to --evidence knn", 'encoder is of no use to evidence="knn"'),
        ("alfs check DATA --update-baseline", "alfs check DATA --update-baseline"),
    ],
)
def test_words(typed, told):
    assert for_programs(typed) == told


def test_the_help_is_in_the_traceback():
    with pytest.raises(InputError) as caught, told_to_programs():
        raise InputError("--folds is wrong", help="for example --folds 5")
    assert str(caught.value) == "folds is wrong"
    assert caught.value.help == "for example folds=5"
    assert caught.value.__notes__ == ["help: for example folds=5"]
