"""Run `alfs` as a user does, in an empty folder."""

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory) -> Callable[..., dict]:
    """Return a function that trains a run, once, and lays it in alfs-out/ of the folder here."""
    known: dict[tuple[str, ...], tuple[Path, dict]] = {}

    def call(*words: str) -> dict:
        if words not in known:
            folder, said = tmp_path_factory.mktemp("trained"), io.StringIO()
            with contextlib.chdir(folder), contextlib.redirect_stdout(said):
                assert run(["train", *words, "-q", "-f", "json"]) == 0
            known[words] = folder, json.loads(said.getvalue())
        folder, document = known[words]
        shutil.copytree(folder / "alfs-out", "alfs-out")
        return document

    return call
