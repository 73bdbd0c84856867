"""The baseline: what it accepts, when an entry is stale, and that it only gets stricter."""

import json
from dataclasses import replace

import pytest

from alfs_cli.errors import InputError
from alfs_cli.findings.finding import Finding
from alfs_cli.gate.baseline import (
    Accepted,
    Baseline,
    Ceilings,
    ceilings_of,
    load_baseline,
    render,
    stricter,
    updated,
)
from alfs_cli.results.estimate import Bounded


def suspect(key, rule="ALFS101"):
    return Finding(rule, "warning", "", fingerprint=key)


BASELINE = Baseline(
    {"bb:dog": Accepted(("ALFS101",), "twins"), "aa:cat": Accepted(("ALFS101", "ALFS401"))},
    ("dd:cat", "ee:dog"),
    Ceilings(0.13, {"cat": 3.5, "dog": float("inf")}, {"cat": {"dog": 0.18}}),
)


def test_as_a_file_it_comes_back_and_has_an_entry_a_line(tmp_path):
    path = tmp_path / "b.json"
    BASELINE.save(path)
    assert load_baseline(path) == BASELINE
    text = path.read_text()
    assert text == render(load_baseline(path))
    assert b"\r" not in path.read_bytes()
    lines = text.splitlines()
    assert lines[3:5] == [
        '    "aa:cat": {"rules": ["ALFS101", "ALFS401"]},',
        '    "bb:dog": {"reason": "twins", "rules": ["ALFS101"]}',
    ]
    assert list(json.loads(text)) == ["schema", "accepted", "borderline", "ceilings"]
    Baseline().save(path)
    assert load_baseline(path) == Baseline()


def test_a_finding_is_accepted_by_content_and_rule():
    assert BASELINE.accepts(suspect("aa:cat"))
    assert BASELINE.accepts(suspect("aa:cat", "ALFS401"))
    assert not BASELINE.accepts(suspect("aa:cat", "ALFS103"))
    assert not BASELINE.accepts(suspect("aa:dog"))
    assert not BASELINE.accepts(suspect(None))
    assert BASELINE.accepts(suspect("dd:cat"))
    assert not BASELINE.accepts(suspect("dd:cat", "ALFS401"))
    assert BASELINE.stale({"aa:cat", "cc:cat"}) == ("bb:dog",)


def test_an_update_takes_in_what_is_new_and_leaves_out_what_is_stale(estimate):
    found = [suspect("cc:cat"), suspect("aa:cat", "ALFS402"), suspect(None)]
    new = updated(BASELINE, found, {"aa:cat", "cc:cat"}, estimate(), ratchet=False)
    assert new.accepted == {
        "aa:cat": Accepted(("ALFS101", "ALFS401", "ALFS402")),
        "cc:cat": Accepted(("ALFS101",)),
    }
    assert new.ceilings == ceilings_of(estimate())
    assert new.borderline == ()
    kept = updated(
        BASELINE,
        [suspect("dd:cat")],
        {"bb:dog", "dd:cat", "ee:dog"},
        estimate(),
        borderline=["ff:dog", "bb:dog"],
        ratchet=False,
    )
    assert kept.borderline == ("ee:dog", "ff:dog")
    assert kept.accepted["bb:dog"].reason == "twins"


def test_ceilings_are_the_unfavourable_bounds_rounded_outward(estimate):
    ceilings = ceilings_of(estimate(noise_rate=Bounded(0.11, 0.09, 0.123456)))
    assert ceilings.noise_rate == 0.1235
    assert ceilings.class_clean_level == {"cat": 3.5, "dog": 6.0, "[red]": 20.0}
    assert ceilings.pair["cat"] == {"dog": 0.18, "[red]": 0.08}
    assert ceilings.of_pair("cat", "dog") == 0.18
    assert ceilings.of_pair("cat", "lynx") == 0.08
    assert ceilings.of_pair("lynx", "cat") is None


def test_a_ratchet_never_raises_a_ceiling_nor_accepts_more(estimate):
    better = estimate(noise_rate=Bounded(0.02, 0.01, 0.03))
    worse = estimate(
        noise_rate=Bounded(0.3, 0.2, 0.4),
        transition_high=tuple(tuple(1.0 for _ in row) for row in estimate().transition_high),
        class_clean_level=tuple(replace(c, low=1.0) for c in estimate().class_clean_level),
    )
    old = updated(Baseline(), [suspect("aa:cat")], {"aa:cat"}, better, ratchet=False)
    found = [suspect("aa:cat"), suspect("bb:cat")]
    assert updated(old, found, {"aa:cat", "bb:cat"}, worse, ratchet=True) == old
    assert updated(old, found, {"bb:cat"}, worse, ratchet=True).accepted == {}
    near = updated(BASELINE, [], {"dd:cat"}, worse, borderline=["gg:cat"], ratchet=True)
    assert near.borderline == ("dd:cat",)
    before = updated(Baseline(), [], (), worse, ratchet=False)
    assert updated(before, [], (), better, ratchet=True).ceilings == old.ceilings


def test_the_stricter_of_two():
    old = Ceilings(0.1, {"a": 2.0, "b": 5.0}, {"a": {"b": 0.2, "c": 0.1}})
    new = Ceilings(0.2, {"a": 3.0, "c": 1.0}, {"a": {"b": 0.3, "d": 0.4}, "b": {"a": 0.1}})
    assert stricter(old, new) == Ceilings(
        0.1,
        {"a": 3.0, "b": 5.0, "c": 1.0},
        {"a": {"b": 0.2, "c": 0.1, "d": 0.1}, "b": {"a": 0.1}},
    )
    assert stricter(Ceilings(), new) == new


@pytest.mark.parametrize(
    ("text", "says", "help"),
    [
        ('{"schema": "alfs.baseline/2"}', "reads up to 'alfs.baseline/1'", "upgrade alfs"),
        ('{"schema": "alfs.check/1"}', "schema is 'alfs.check/1'", ""),
        ("{", "b.json:1: not valid JSON", ""),
        ('{\n<<<<<<< HEAD\n"a": 1\n', "b.json:2: not valid JSON", "conflict markers"),
        ('{"schema": "alfs.baseline/1", "accepted": []}', "accepted", ""),
        ('{"schema": "alfs.baseline/1", "accepted": {"a": 3}}', "accepted.a", ""),
    ],
)
def test_a_file_that_is_broken_or_newer(tmp_path, text, says, help):
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_baseline(path)
    assert says in str(caught.value)
    assert help in str(caught.value.help)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_baseline(tmp_path / "b.json")
