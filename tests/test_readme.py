"""The README is true: its table of commands, its commands' words, its Python."""

import re
from pathlib import Path

import pytest
import torch

from alfs_cli.commands import COMMANDS, GROUPS
from alfs_cli.formats import FORMATS, formats_of

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


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


def commands():
    """Return the command lines of the README's code blocks."""
    blocks = re.findall(r"^```\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
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


def test_the_python_runs():
    (code,) = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 10
    logits = torch.randn(400, 10, generator=generator) + 4 * torch.eye(10)[labels]
    names = {
        "logits": logits,
        "labels": labels,
        "pred_probs": logits.double().softmax(dim=1).numpy(),
    }
    lines = code.replace("estimate_transition(pred_probs, labels)",
                         "estimate_transition(pred_probs, labels.numpy())")  # fmt: skip
    exec(lines, names)
    assert names["clean_level"](names["T"]) == pytest.approx(13.5)
    assert names["certify"](names["loss"], names["T"]).verdict == "proved"
