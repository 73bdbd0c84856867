"""`alfs recommend` as typed."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from alfs_cli.results.estimate import Bounded, CleanLevel
from tests.conftest import make_estimate


@pytest.fixture
def saved(alfs):
    """Save an estimate where `recommend` looks for it; return the runner and the saver."""

    def save(**changes):
        Path("alfs-out").mkdir(exist_ok=True)
        make_estimate(**changes).save(Path("alfs-out/estimate.json"))
        return alfs

    return save


def test_certified(saved):
    done = saved()("recommend", "-f", "json")
    assert done.code == 0, done.err
    assert done.out == Path("alfs-out/recommendation.json").read_text()
    document = json.loads(done.out)
    assert document["schema"] == "alfs.recommendation/1"
    assert document["data"] == {"source": "data/", "kind": "folder", "fingerprint": "abc"}
    assert document["estimate"] == "alfs-out/estimate.json"
    assert document["required_ratio"] == pytest.approx(1.25 / 3.5)
    assert set(document["recommendations"][0]) >= {
        "loss", "correction", "asymmetry_ratio", "term_ratio", "margin", "certificate",
        "mass_at_bound", "fit", "why",
    }  # fmt: skip
    assert set(document["rejected"][0]) == {"loss", "asymmetry_ratio", "reason"}


@pytest.mark.parametrize(
    ("level", "dominant", "status"),
    [
        (CleanLevel(0.5, 0.3, 0.8, "cat", "dog"), False, "impossible"),
        (CleanLevel(1.5, 0.9, 2.0, "cat", "dog"), None, "uncertain"),
    ],
)
def test_not_certified_is_exit_1_and_said(saved, level, dominant, status):
    first = (level.value / (1 + level.value), 1 / (1 + level.value), 0.0)
    made = make_estimate()
    changes = {
        "transition": (first, *made.transition[1:]),
        "transition_low": ((0.0,) * 3, *made.transition_low[1:]),
        "transition_high": ((1.0,) * 3, *made.transition_high[1:]),
        "noise_rate": Bounded(1 - (0.34 * first[0] + 0.33 * 0.9 + 0.33 * 0.98), 0.0, 1.0),
        "class_clean_level": (
            replace(made.class_clean_level[0], value=level.value, low=level.low, high=level.high),
            *made.class_clean_level[1:],
        ),
    }
    done = saved(clean_level=level, dominant=dominant, **changes)("recommend")
    assert done.code == 1
    assert status in done.out
    assert "'cat' given as 'dog'" in done.out
    assert json.loads(Path("alfs-out/recommendation.json").read_text())["status"] == status


def test_options(saved):
    alfs = saved()
    done = alfs("recommend", "--losses", "ael,nce+agce", "--explain", "--safety", "2")
    assert done.code == 0
    assert "min(1, safety / r) = min(1, 2 / 3.5) = 0.5714" in done.out
    document = json.loads(Path("alfs-out/recommendation.json").read_text())
    names = [item["loss"].partition(":")[0] for item in document["recommendations"]]
    assert names == ["nce+agce", "ael"]


def test_another_place(saved):
    alfs = saved()
    Path("alfs-out").rename("elsewhere")
    assert alfs("recommend").code == 2
    assert alfs("recommend", "elsewhere", "--out", "elsewhere").code == 0
    assert Path("elsewhere/recommendation.json").exists()
    assert not Path("alfs-out").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "alfs estimate DATA"),
        ("{", "not valid JSON"),
        ('{"schema": "alfs.run/1"}', "schema is 'alfs.run/1'"),
        ('{"schema": "alfs.estimate/9"}', "upgrade alfs"),
        ('{"schema": "alfs.estimate/1", "seed": "x"}', "field required (and 16 more)"),
    ],
)
def test_refused(alfs, text, says):
    if text is not None:
        Path("alfs-out").mkdir()
        Path("alfs-out/estimate.json").write_text(text)
    done = alfs("recommend")
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert not Path("alfs-out/recommendation.json").exists()


def test_what_it_says_comes_next_finds_what_it_wrote(alfs):
    """`estimate --out X`, then the lines that each command ends with, typed as they are."""
    assert alfs("inject", "digits", "--noise", "pair", "--rate", "0.2", "--to", "g.npz").code == 0
    last = alfs("estimate", "g.npz", "--out", "my out").err.splitlines()[-1]
    commands = []
    while last.startswith("next: alfs ") and "--dry-run" not in last:
        words = shlex.split(last.removeprefix("next: alfs "))
        commands.append(words[0])
        done = alfs(*words, *(["--dry-run"] if words[0] == "train" else []))
        assert done.code == 0, done.err
        last = done.err.splitlines()[-1] if words[0] != "train" else ""
    assert commands == ["recommend", "train"]
    elsewhere = alfs("recommend", "my out/estimate.json").err.splitlines()[-1]
    words = shlex.split(elsewhere.removeprefix("next: alfs "))
    assert words[:2] == ["train", "g.npz"]
    assert alfs(*words, "--dry-run").code == 0
