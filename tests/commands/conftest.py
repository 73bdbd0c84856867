"""Run `alfs` as a user does, in an empty folder."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from alfs_cli.cli import run


@dataclass(frozen=True)
class Done:
    """What a command line came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def alfs(tmp_path, monkeypatch, capsys, estimates_made_once) -> Callable[..., Done]:
    """Return a function that runs one command line in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Done:
        capsys.readouterr()
        code = run(list(words))
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return call
