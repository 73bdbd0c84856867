"""The README is short, and the pages name the formats, settings and hooks that exist.

That their blocks run is tested in tests/docs/test_blocks.py.
"""

import re
from pathlib import Path

from alfs_cli.formats import FORMATS, formats_of
from tests.docs.blocks import blocks

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
FORMATS_PAGE = (TOP / "docs" / "formats.md").read_text(encoding="utf-8")
GATE_PAGE = TOP / "docs" / "gate.md"
MOST_WORDS = 1000


def test_it_can_be_read_at_once():
    assert len(README.split()) <= MOST_WORDS


def test_it_says_how_everything_is_tested():
    """What decides whether a change lands runs the same."""
    commands = "".join(block.text for block in blocks(TOP / "README.md", "sh"))
    assert re.search(r"^make test\b", commands, re.MULTILINE)
    assert "make lint test" in (TOP / ".ci" / "run").read_text(encoding="utf-8")


def test_formats_are_all_named():
    everywhere = formats_of("estimate")
    assert "|".join(everywhere) in FORMATS_PAGE
    for command in {*FORMATS.values()} - {None}:
        own = [name for name in formats_of(command) if name not in everywhere]
        assert f"`{command}` also" in FORMATS_PAGE
        assert f"`-f {'|'.join(own)}`" in FORMATS_PAGE
    assert all(f"| `{name}` |" in FORMATS_PAGE for name in FORMATS)


def test_settings_and_hooks_there_are_ones_that_exist():
    import yaml

    from alfs_cli.findings.rules import RULES
    from alfs_cli.options.check import CheckOptions
    from alfs_cli.settings.check import CHECK

    page = GATE_PAGE.read_text(encoding="utf-8")
    settings, action, gitlab, local = (
        yaml.safe_load(one.text) for one in blocks(GATE_PAGE, "yaml")
    )
    assert set(settings["check"]) <= set(CHECK)
    inputs = yaml.safe_load((TOP / "action.yml").read_text(encoding="utf-8"))
    assert set(action[0]["with"]) <= set(inputs["inputs"])
    (outputs,) = re.findall(r"Its outputs are (.*?);", page, re.DOTALL)
    assert set(re.findall(r"`([\w-]+)`", outputs)) == set(inputs["outputs"])
    assert "labels" in gitlab
    hooks = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert all(f"`{hook['id']}`" in page for hook in hooks)
    assert local["repos"][0]["hooks"] == [{"id": hook["id"]} for hook in hooks]
    assert set(re.findall(r"ALFS\d{3}", page)) <= set(RULES)
    table = dict(re.findall(r"^\| `--(?:no-)?([\w-]+)[^`]*` \| (ALFS\d+) ", page, re.MULTILINE))
    assert {name.replace("-", "_") for name in table} <= set(CheckOptions.__dataclass_fields__)
    assert len(table) == 8
