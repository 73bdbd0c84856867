"""An estimate of low trust, as all of its pages tell it: by bounds, and with what to do next."""

import re
from dataclasses import replace

import pytest

from alfs_cli.formats import render
from alfs_cli.formats.blocks import Heatmap, Report
from alfs_cli.reports.estimate import estimate_report, next_after, weakest_first, worst_pairs
from alfs_cli.reports.gallery import Suspects
from alfs_cli.reports.pages import estimate_page
from alfs_cli.results.estimate import Bounded, CleanLevel, Trust

NAMES = ("cat", "dog", "owl")
EVEN = tuple(tuple(0.998 if i == j else 0.001 for j in range(3)) for i in range(3))
LOW = ((0.7, 0.0, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, 0.6))
HIGH = ((1.0, 0.05, 0.1), (0.1, 1.0, 0.4), (0.2, 0.3, 1.0))


@pytest.fixture
def even(estimate):
    """An estimate whose fit found no pair above the others; its bounds say where noise may be."""
    levels = estimate().class_clean_level
    lows = (3.0, 1.2, 2.0)
    made = estimate()
    return replace(
        made,
        noise_rate=Bounded(0.002, 0.0, 0.4),
        transition=EVEN,
        transition_low=LOW,
        transition_high=HIGH,
        class_clean_level=tuple(
            replace(level, class_name=name, value=998.0, low=low, runner_up="dog")
            for level, name, low in zip(levels, NAMES, lows, strict=True)
        ),
        clean_level=CleanLevel(998.0, 1.2, float("inf"), "cat", "dog"),
        trust=Trust("low", ("classes overlap",)),
        data=replace(made.data, classes=NAMES, spec={"source": "my data/", "label_column": "kind"}),
    )


def first_screen(estimate):
    return " ".join(render(estimate_report(estimate).first_screen, "text").split())


def page_of(estimate, tmp_path):
    return estimate_page(estimate, folder=tmp_path, advice=None, checked=None, suspects=Suspects())


def test_equal_rates_are_told_apart_by_their_bounds(even):
    assert [(NAMES[i], NAMES[j]) for i, j in worst_pairs(even)][:3] == [
        ("dog", "owl"), ("owl", "dog"), ("owl", "cat"),
    ]  # fmt: skip
    assert "perhaps 'dog' given as 'owl' between 0.0 % and 40.0 %" in first_screen(even)


def test_the_weakest_class_is_the_one_with_the_lowest_bound(even, tmp_path):
    assert [NAMES[i] for i in weakest_first(even)] == ["dog", "owl", "cat"]
    said = render(page_of(even, tmp_path), "markdown")
    assert "r between 1.20x and inf, where 'dog' is given as 'owl'" in said
    classes = re.findall(r"^\| (cat|dog|owl) \|.*\| (\w+) \|$", said, re.MULTILINE)
    assert classes[:3] == [("dog", "owl"), ("owl", "dog"), ("cat", "owl")]


def test_where_trust_is_high_values_decide(even):
    sure = replace(even, trust=Trust("high", ()))
    assert "where 'cat' is given as 'dog'" in render(estimate_report(sure), "markdown")
    none = tuple(tuple(1.0 - 2e-5 if i == j else 1e-5 for j in range(3)) for i in range(3))
    assert "mostly 'dog' given as 'owl' 0.1 %" in first_screen(sure)
    assert "mostly" not in first_screen(replace(sure, transition=none))


def test_a_class_that_is_not_judged_is_not_the_weakest(even):
    first, second, third = even.class_clean_level
    rare = replace(even, class_clean_level=(first, replace(second, judged=False, low=0.0), third))
    assert [NAMES[i] for i in weakest_first(rare)] == ["owl", "cat", "dog"]


def test_next_is_an_audit_where_the_evidence_cannot_tell(even):
    said = next_after(even, " --out o")
    assert said.startswith("next: alfs audit 'my data/' --label-column kind --out o asks")
    assert said.endswith("or alfs recommend --out o")
    for other in (
        replace(even, trust=Trust("medium", ())),
        replace(even, annotators=3),
        replace(even, data=replace(even.data, spec={})),
    ):
        assert next_after(other, "") == "next: alfs recommend"


def test_rates_that_are_next_to_nothing_stay_pale():
    def heats(rate):
        T = ((1 - rate, rate), (0.0, 1.0))
        page = render(Report("t", (Heatmap("T", ("a", "b"), T),), {}), "html")
        return [float(heat) for heat in re.findall(r"rgba\(var\(--heat\), ([\d.]+)\)", page)]

    assert max(heats(0.001)) < 0.02
    assert max(heats(0.05)) == max(heats(0.4)) == 0.75
