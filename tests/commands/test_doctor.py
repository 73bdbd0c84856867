"""`alfs doctor`: what is here, what is broken and how to mend it."""

import json
import shlex
import sys
from pathlib import Path

import pytest


def test_all_is_well(alfs):
    done = alfs("doctor", "-f", "json")
    assert done.code == 0
    parts = {part["name"]: part for part in json.loads(done.out)["parts"]}
    assert {"alfs", "python", "torch", "cleanlab", "torchvision"} <= set(parts)
    assert parts["torch"]["status"] == "ok"


def test_a_torchvision_that_does_not_match_is_a_warning(alfs, monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "torchvision":
                raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    done = alfs("doctor", "-f", "json")
    assert done.code == 0
    (part,) = [p for p in json.loads(done.out)["parts"] if p["name"] == "torchvision"]
    assert part["status"] == "warn"
    assert "operator torchvision::nms does not exist" in part["detail"]


def test_something_missing_is_exit_1_with_help(alfs, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = alfs("doctor", "-f", "json")
    assert done.code == 1
    (part,) = [p for p in json.loads(done.out)["parts"] if p["name"] == "pyarrow"]
    assert part["status"] == "broken"
    assert "pip install" in part["help"]


def test_data_are_known_with_the_command_that_comes_next(alfs):
    done = alfs("doctor", "digits")
    assert done.code == 0
    assert "next: alfs estimate digits" in done.out
    document = json.loads(alfs("doctor", "digits", "-f", "json").out)
    assert (document["schema"], document["n"]) == ("alfs.doctor/1", 1437)
    assert [use["command"] for use in document["uses"]] == ["estimate", "audit", "check", "train"]


def test_what_is_refused_is_refused_as_by_every_command(alfs, tmp_path):
    rows = [{"label": "cat|dog"}, {"label": "dog"}, {"label": "cat"}]
    (tmp_path / "several.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    done = alfs("doctor", str(tmp_path / "several.jsonl"))
    assert done.code == 2
    assert "holds several" in done.err
    assert "help: " in done.err


@pytest.mark.parametrize(
    ("words", "saved", "kind"),
    [
        (("estimate", "digits"), "out", "alfs.estimate"),
        (("estimate", "digits"), "out/estimate.json", "alfs.estimate"),
        (("audit", "digits", "--sheet", "ask.csv", "--evidence", "none"), "out", "alfs.audit"),
        (("train", "digits", "--loss", "ce", "--epochs", "1"), "out/runs/*", "alfs.run"),
        (
            ("sweep", "digits", "--loss", "ce", "--noise", "symmetric:0.1", "--seeds", "0",
             "--epochs", "1"),
            "out/sweeps/*", "alfs.sweep",
        ),
    ],
)  # fmt: skip
def test_a_saved_result_is_known_and_every_command_it_names_takes_it(
    alfs, forked_workers, words, saved, kind
):
    assert alfs(*words, "--out", "out").code == 0
    (place,) = Path().glob(saved)
    document = json.loads(alfs("doctor", str(place), "-f", "json").out)
    assert document["kind"] == kind
    assert document["uses"]
    for use in document["uses"]:
        done = alfs(*shlex.split(use["command"]), "--out", "again")
        assert done.code in (0, 1), done.err
