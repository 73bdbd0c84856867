"""The parameters of public functions: alike where they mean the same, with the core's defaults."""

import inspect
from dataclasses import MISSING, fields

import pytest

from alfs_cli.estimating import EstimateOptions
from alfs_cli.gate.judging import Thresholds
from alfs_cli.python.asked import data_asked
from alfs_cli.python.checks import check
from alfs_cli.python.estimates import estimate


def parameters(function):
    return inspect.signature(function).parameters


def test_check_names_data_as_estimate_does():
    named = set(parameters(data_asked)) - {"data", "given"}
    shared = (set(parameters(estimate)) & set(parameters(check))) - {"data"}
    assert len(named) >= 10
    assert named | {"features", "labels", "pred_probs", "true_labels", "folds"} <= shared
    for name in shared:  # annotations and defaults too
        assert parameters(estimate)[name] == parameters(check)[name]


@pytest.mark.parametrize(
    ("function", "core", "at_least"),
    [(estimate, EstimateOptions, 15), (check, EstimateOptions, 8), (check, Thresholds, 9)],
)
def test_defaults_are_those_of_the_core(function, core, at_least):
    own = parameters(function)
    shared = [field for field in fields(core) if field.name in own]
    assert len(shared) >= at_least
    for field in shared:
        assert field.default is not MISSING
        assert own[field.name].default == field.default, field.name
