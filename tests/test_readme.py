"""The README and docs/ are true: tables of commands, commands' words, links, Python, what runs."""

import re
import shlex
from pathlib import Path

import pytest
import torch

from alfs_cli.commands import COMMANDS, GROUPS
from alfs_cli.formats import FORMATS, formats_of

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
PAGES = {path: path.read_text(encoding="utf-8") for path in (TOP / "docs").glob("*.md")}
PAGES[TOP / "README.md"] = README
assert len(PAGES) > 1


def test_the_table_of_commands_is_the_help():
    rows = dict(re.findall(r"^\| `alfs (\w+)` \| (.*) \|$", README, flags=re.MULTILINE))
    expected = {name: body.__doc__.splitlines()[0] for name, body in COMMANDS.items()}
    expected |= {name: help for name, (help, _) in GROUPS.items()}
    assert rows == expected
    assert list(rows) == [*COMMANDS, *GROUPS]


def test_formats_are_all_named():
    everywhere = formats_of("estimate")
    assert "|".join(everywhere) in README
    for command in {*FORMATS.values()} - {None}:
        own = [name for name in formats_of(command) if name not in everywhere]
        assert f"`{command}` also" in README
        assert f"`-f {'|'.join(own)}`" in README


def blocks():
    """Return the code blocks of commands of all pages."""
    texts = PAGES.values()
    return [b for t in texts for b in re.findall(r"^```\n(.*?)^```", t, re.MULTILINE | re.DOTALL)]


def commands():
    """Return the command lines in them."""
    lines = [line for block in blocks() for line in block.splitlines()]
    found = [match[1] for line in lines if (match := re.search(r"(?:^|--> )alfs ([^#;]*)", line))]
    assert len(found) > 20
    return sorted({text.strip() for text in found})


@pytest.mark.parametrize("text", commands())
def test_every_option_there_is_known(text):
    import typer

    from alfs_cli.cli import app

    words = text.split()
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands"), text
    known = {word for parameter in command.params for word in parameter.opts}
    for option in (word for word in words if word.startswith("-")):
        assert option in known, text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[path])
    assert links or path.parent.name == "docs"
    for link in links:
        assert (path.parent / link).is_file(), link


def test_settings_and_hooks_there_are_ones_that_exist():
    import yaml

    from alfs_cli.findings.rules import RULES
    from alfs_cli.options.check import CheckOptions
    from alfs_cli.settings.check import CHECK

    page = PAGES[TOP / "docs" / "gate.md"]
    settings, action, gitlab = (
        yaml.safe_load(text)
        for text in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    )
    assert set(settings["check"]) <= set(CHECK)
    inputs = yaml.safe_load((TOP / "action.yml").read_text(encoding="utf-8"))
    assert set(action[0]["with"]) <= set(inputs["inputs"])
    (outputs,) = re.findall(r"Its outputs are (.*?);", page, re.DOTALL)
    assert set(re.findall(r"`([\w-]+)`", outputs)) == set(inputs["outputs"])
    assert "labels" in gitlab
    hooks = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert all(f"`{hook['id']}`" in page for hook in hooks)
    assert set(re.findall(r"ALFS\d{3}", page)) <= set(RULES)
    table = dict(re.findall(r"^\| `--(?:no-)?([\w-]+)[^`]*` \| (ALFS\d+) ", page, re.MULTILINE))
    assert {name.replace("-", "_") for name in table} <= set(CheckOptions.__dataclass_fields__)
    assert len(table) == 8


REHEARSALS = [block for block in blocks() if "echo $?" in block]


@pytest.mark.slow
@pytest.mark.parametrize("block", REHEARSALS, ids=["README", "baseline"][: len(REHEARSALS)])
def test_what_is_to_be_typed_ends_as_it_says(tmp_path, monkeypatch, capsys, block):
    """In a fresh folder, line by line: the exit code is the number in the comment, else 0."""
    from alfs_cli.cli import run

    monkeypatch.chdir(tmp_path)
    lines = block.strip().splitlines()
    assert len(lines) == 5
    for line in lines:
        words, _, comment = line.partition("#")
        code = int(comment.strip()[0]) if "echo $?" in words else 0
        program, *rest = shlex.split(words.partition(";")[0])
        assert program == "alfs"
        assert run(rest) == code, line
        text = capsys.readouterr().out
        for number in re.findall(r"\d+(?:\.\d+)? %", comment):
            assert number in text, line


def test_the_python_runs():
    found = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    public, code = found
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 10
    logits = torch.randn(400, 10, generator=generator) + 4 * torch.eye(10)[labels]
    names = {
        "logits": logits,
        "labels": labels,
        "pred_probs": logits.double().softmax(dim=1).numpy(),
        "X": logits.numpy(),
        "y": labels.numpy(),
    }
    exec(public, names)
    assert names["est"].noise_rate.low <= names["est"].noise_rate.value
    lines = code.replace("estimate_transition(pred_probs, labels)",
                         "estimate_transition(pred_probs, labels.numpy())")  # fmt: skip
    exec(lines, names)
    assert names["clean_level"](names["T"]) == pytest.approx(13.5)
    assert names["certify"](names["loss"], names["T"]).verdict == "proved"
