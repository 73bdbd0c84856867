"""Run `alfs` as a user does, in an empty folder."""

import io
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    """Return `estimate_noise` that remembers, by all that it is given, what it returned.

    But for what is said of the evidence: whether it was made anew or read back is no matter to it.
    """

    @wraps(function)
    def call(dataset: Any, evidence: Any, **options: Any) -> Any:
        given = io.BytesIO()
        pickler = pickle.Pickler(given)
        pickler.fast = True  # the same object twice is as good as two that are equal
        try:
            pickler.dump((dataset, replace(evidence, notes=()), options))
        except (pickle.PicklingError, TypeError, AttributeError, ValueError):
            return function(dataset, evidence, **options)
        key = sha256(given.getvalue()).digest()
        if key not in known:
            known[key] = pickle.dumps(function(dataset, evidence, **options))
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
