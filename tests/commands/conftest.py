"""Run `alfs` as a user does, in an empty folder."""

import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from hashlib import sha256
from typing import Any

import pytest

from alfs_cli.cli import run

ESTIMATING = "alfs_cli.estimating.in_memory"


@dataclass(frozen=True)
class Done:
    """What a command line came to."""

    code: int
    out: str
    err: str


def _made_once(function: Callable[..., Any], known: dict[bytes, bytes]) -> Callable[..., Any]:
    """Return a function that remembers, by all that it is given, what it returned."""

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            given = pickle.dumps((arguments, options))
        except (pickle.PicklingError, TypeError, AttributeError):
            return function(*arguments, **options)
        key = sha256(given).digest()
        if key not in known:
            known[key] = pickle.dumps(function(*arguments, **options))
        return pickle.loads(known[key])

    return call


@pytest.fixture(scope="session")
def fits() -> dict[bytes, bytes]:
    """What was fitted so far, by what it was fitted to; clear it where a fit is to be made anew."""
    return {}


@pytest.fixture
def alfs(tmp_path, monkeypatch, capsys, fits) -> Callable[..., Done]:
    """Return a function that runs one command line in a folder of its own.

    The fit of T to evidence, most of the time that `estimate` and `check` take, is made once where
    many tests ask for the same: it is a function of what it is given (tests/estimators shows so).
    """
    monkeypatch.chdir(tmp_path)
    if (module := sys.modules.get(ESTIMATING)) is not None:
        monkeypatch.setattr(module, "estimate_noise", _made_once(module.estimate_noise, fits))

    def call(*words: str) -> Done:
        capsys.readouterr()
        code = run(list(words))
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return call
