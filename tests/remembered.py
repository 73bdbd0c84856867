"""What an estimate is made of, kept from test to test: many of them ask for the same one.

Evidence, the fit of T and the scores are most of the time that `estimate` and `check` take, and
each is a function of what it is given (tests/estimators and tests/evidence show so). So are the
members of families of losses and their certificates (tests/recommending, tests/certificate).
"""

import importlib
import io
import pickle
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import wraps
from hashlib import sha256
from typing import Any

import pytest

Known = dict[bytes, Any]


def remember(monkeypatch: pytest.MonkeyPatch, known: Known) -> None:
    """Have the parts of estimates and recommendations made once for all who share `known`."""
    estimating = importlib.import_module("alfs_cli.estimating.in_memory")
    gathering = importlib.import_module("alfs_cli.evidence.gathering")
    choosing = importlib.import_module("alfs_cli.evidence.choosing")
    combining = importlib.import_module("alfs_cli.estimators.combined")
    recommending = importlib.import_module("alfs_cli.recommending.search")
    for module, name, asked in (
        (gathering, "out_of_fold", _told_of_no_progress),
        (choosing, "out_of_fold", _told_of_no_progress),
        (estimating, "estimate_noise", _with_evidence_however_it_came),
        (combining, "joint_from", _all),
        (estimating, "weighed_scores", _all),
        (recommending, "member", _all),
        (recommending, "certify", _all),
    ):
        monkeypatch.setattr(module, name, _made_once(getattr(module, name), known, asked))


def _all(*args: Any, **options: Any) -> Any:
    return args, options


def _told_of_no_progress(*args: Any, **options: Any) -> Any:
    return args, {**options, "progress": None}


def _with_evidence_however_it_came(dataset: Any, evidence: Any, **options: Any) -> Any:
    """Whether it was made anew or read back is no matter to the fit."""
    return dataset, replace(evidence, notes=()), options


def _made_once(
    function: Callable[..., Any], known: Known, asked: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a function that remembers, by all that it is given, what it returned."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        given = io.BytesIO()
        pickler = pickle.Pickler(given)
        pickler.fast = True  # the same object twice is as good as two that are equal
        try:
            pickler.dump((function.__name__, asked(*args, **options)))
        except (pickle.PicklingError, TypeError, AttributeError, ValueError):
            return function(*args, **options)
        key = sha256(given.getvalue()).digest()
        if key not in known:
            known[key] = function(*args, **options)
        return deepcopy(known[key])

    return call
