"""A saved estimate whose numbers cannot be, or do not agree, is judged by nobody: exit code 2."""

import copy
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from alfs_cli.cli import run
from alfs_cli.errors import UsageError
from alfs_cli.gate.judging import Thresholds, judge
from alfs_cli.results.estimate import load_estimate
from tests.conftest import make_estimate

LEVELS = ("sure", "point", "strict")
GATE = ("--max-noise-rate", "0.5", "--min-clean-level", "1", "--max-pair-rate", "0.9")


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """Return a function that saves an estimate with one value changed, or text in its place."""
    monkeypatch.chdir(tmp_path)

    def save(place, value):
        document = copy.deepcopy(make_estimate().document())
        *above, last = place
        part = document
        for key in above:
            part = part[key]
        if value is KeyError:
            del part[last]
        else:
            part[last] = value
        Path("e.json").write_text(json.dumps(document))

    return save


CHANGES = [
    (("noise_rate", "value"), math.nan), (("noise_rate", "value"), "NaN"),
    (("noise_rate", "value"), "0.1"), (("noise_rate", "value"), True),
    (("noise_rate", "value"), None), (("noise_rate", "value"), KeyError),
    (("noise_rate", "value"), "inf"), (("noise_rate", "value"), -0.1),
    (("noise_rate", "value"), 0.0), (("noise_rate", "low"), 0.2), (("noise_rate", "high"), 0.01),
    (("noise_rate", "high"), 1.5), (("noise_rate",), None), (("noise_rate", "low"), -math.inf),
    (("clean_level", "value"), 50.0), (("clean_level", "value"), math.inf),
    (("clean_level", "low"), 9.0), (("clean_level", "high"), "NaN"),
    (("clean_level", "true_class"), "cow"), (("class_clean_level", 0, "value"), 9.0),
    (("class_clean_level", 0, "low"), math.nan),
    (("class_clean_level", 0, "n"), "450"), (("class_clean_level",), KeyError),
    (("transition", 0, 0), 0.9), (("transition", 0), [0.9, 0.1]), (("transition",), []),
    (("transition", 0, 0), "NaN"), (("transition_low", 0, 0), 0.99),
    (("transition_high", 0, 1), 0.0), (("transition_high", 0, 1), True),
    (("class_prior",), [0.5, 0.5]), (("class_prior", 0), 0.9), (("class_prior", 0), math.nan),
    (("data", "n"), 3), (("data", "given_counts", 0), 0), (("data", "classes"), ["a", "b"]),
    (("data", "classes"), ["a", "a", "b"]), (("dominant",), None), (("dominant",), "yes"),
    (("gap", "low"), 2), (("confidence",), 7), (("trust", "level"), "very high"),
    (("evidence", "agreement"), 1.5), (("evidence", "agreement"), "NaN"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value"), CHANGES)
def test_a_number_that_cannot_be_passes_no_gate(changed, capsys, place, value):
    changed(place, value)
    for level in LEVELS:
        assert run(["check", "e.json", *GATE, "--gate-on", level]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "e.json" in err
        assert "help: " in err
    assert run(["recommend", "e.json"]) == 2
    if value is not KeyError and not isinstance(value, float | list):
        assert str(place[0]) in err


def test_an_estimate_that_says_nothing_of_classes_passes_no_gate_on_them(changed):
    changed(("class_clean_level",), [])
    for limit in (("--min-clean-level", "1"), ("--max-class-noise-rate", "1"),
                  ("--max-pair-rate", "1")):  # fmt: skip
        for level in LEVELS:
            assert run(["check", "e.json", *limit, "--gate-on", level]) == 2


def test_as_it_was_made_it_is_read(changed):
    changed(("seed",), 0)
    assert run(["check", "e.json", *GATE]) == 0
    assert load_estimate(Path("e.json")) == make_estimate()


@pytest.mark.parametrize("on", LEVELS)
@pytest.mark.parametrize(
    "limits", [{"max_noise_rate": 0.5}, {"min_clean_level": 1.0}, {"max_pair_rate": 0.9}]
)
def test_a_gate_that_was_set_and_cannot_be_judged_is_an_error(on, limits):
    estimate = make_estimate()
    broken = replace(
        estimate,
        noise_rate=replace(estimate.noise_rate, low=math.nan),
        class_clean_level=(
            replace(estimate.class_clean_level[0], high=math.nan, judged=False),
            *estimate.class_clean_level[1:],
        ),
    )
    with pytest.raises(UsageError, match="cannot be judged"):
        judge(broken, Thresholds(gate_on=on, **limits), ())


def test_a_baseline_whose_ceilings_cannot_be(changed, capsys):
    for name, wrong in [("noise_rate", 7), ("noise_rate", "inf"), ("noise_rate", "NaN"),
                        ("pair", {"a": {"b": True}}), ("class_clean_level", {"a": -1}),
    ]:  # fmt: skip
        Path("b.json").write_text(
            json.dumps({"schema": "alfs.baseline/1", "ceilings": {name: wrong}})
        )
        changed(("seed",), 0)
        assert run(["check", "e.json", "--baseline", "b.json"]) == 2
        assert name in capsys.readouterr().err
