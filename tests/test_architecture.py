"""What keeps the house in order: every test has its module, every recipe loads, ASCII in code."""

import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "alfs_cli"


def python_files():
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 60
    return found


def test_a_command_is_where_its_word_says():
    from alfs_cli.commands import COMMANDS, GROUPS

    for name in (*COMMANDS, *GROUPS):
        assert (PACKAGE / "commands" / f"{name}.py").is_file()


def test_the_line_in_the_help_of_all_begins_the_help_of_each():
    from alfs_cli.cli import whole
    from alfs_cli.commands import COMMANDS, GROUPS

    for name, line in {**COMMANDS, **GROUPS}.items():
        assert whole(name).help.partition("\n")[0] == line


def test_every_command_is_tested_under_its_name():
    from alfs_cli.commands import COMMANDS, GROUPS

    tests = {path.stem for path in (TOP / "tests" / "commands").glob("test_*.py")}
    for name in (*COMMANDS, *GROUPS):
        assert {f"test_{name}", f"test_{name}_command"} & tests, name


def test_code_is_ascii():
    for path in python_files():
        assert path.read_text(encoding="utf-8").isascii(), path


def test_no_assert_outside_tests():
    for path in python_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if line.strip().startswith("assert ")], path


def test_files_can_be_read_at_one_sitting():
    for path in python_files():
        assert len(path.read_text(encoding="utf-8").splitlines()) < 600, path


def test_no_junk_drawers():
    names = {path.stem for path in python_files()}
    assert not names & {"utils", "util", "helpers", "common", "misc", "core"}


def test_nothing_large_or_packed_is_kept_beside_the_code():
    """Half a megabyte is the most: results are tables, and wheels belong nowhere here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git repository")
    files = [TOP / name for name in listed.stdout.split("\0") if name]
    assert len(files) > 500
    there = [path for path in files if path.is_file()]
    assert [path.name for path in there if path.stat().st_size > 500_000] == []
    packed = (".whl", ".gz", ".zip", ".pyc", ".npz", ".pt")
    assert [path.name for path in there if path.suffix in packed] == []
