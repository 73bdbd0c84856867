"""`alfs.check`: the verdict of the command, from data in any form, or from an estimate."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import alfs_cli as alfs
from alfs_cli.cli import run

pytestmark = pytest.mark.usefixtures("estimates_made_once")


def of_command(folder, *words):
    """Return the exit code of `alfs check`, and the document that it writes."""
    code = run(["check", *map(str, words), "--isolated", "--out", str(folder), "-q"])
    return code, json.loads((folder / "check.json").read_text())


def as_saved(verdict):
    return json.loads(json.dumps(verdict.document()))


def test_data_give_the_verdict_of_the_command(tmp_path, data):
    _, y, true = data
    P = 0.1 + 0.7 * np.eye(3)[true]
    np.savez(tmp_path / "d.npz", pred_probs=P, labels=y)
    limits = {"max_noise_rate": 0.05, "min_clean_level": 1.5, "gate_on": "point"}
    words = ("--max-noise-rate", 0.05, "--min-clean-level", 1.5, "--gate-on", "point")
    code, typed = of_command(tmp_path / "out", tmp_path / "d.npz", *words)
    named = alfs.check(tmp_path / "d.npz", **limits)
    held = alfs.check(pred_probs=P, labels=y, **limits)
    assert (code, named.passed, held.passed) == (1, False, False)
    assert as_saved(named) == typed
    assert as_saved(held)["gates"] == typed["gates"]
    assert [f["given"] for f in as_saved(held)["findings"]] == [
        f["given"] for f in typed["findings"]
    ]
    named.save(tmp_path / "mine")
    saved = (tmp_path / "mine" / "check.json").read_bytes()
    assert saved == (tmp_path / "out" / "check.json").read_bytes()


def test_an_estimate_is_judged_with_what_it_knows(tmp_path, est):
    est.save(tmp_path)
    with_examples = alfs.check(est, max_noise_rate=0.05)
    assert not with_examples.passed
    assert len(with_examples.findings) == len(est.suspects)
    for source in (alfs.load_estimate(tmp_path), tmp_path / "estimate.json"):
        verdict = alfs.check(source, max_noise_rate=0.05)
        assert [gate.status for gate in verdict.gates if gate.rule == "ALFS301"] == ["fail"]
        assert verdict.findings == ()


def test_thresholds_decide(est):
    assert alfs.check(est, max_noise_rate=0.9).passed
    assert alfs.check(est, min_trust="low", require_dominance=False).passed
    assert not alfs.check(est, max_new_issues=0).passed
    assert alfs.check(est, max_new_issues=0, ignore=["ALFS101"]).passed
    assert {gate.rule for gate in alfs.check(est, select=["ALFS203"]).gates} == {"ALFS203"}


def test_missing_labels_are_findings_and_fail(data):
    X, y, _ = data
    labels = pd.Series(y.astype(object))
    labels[[3, 7]] = None
    verdict = alfs.check(features=X, labels=labels)
    assert not verdict.passed
    assert [f.row for f in verdict.findings if f.rule == "ALFS406"] == [3, 7]


def test_a_baseline_accepts_what_was_there(tmp_path, monkeypatch, data):
    X, y, _ = data
    np.savez(tmp_path / "d.npz", features=X, labels=y)
    monkeypatch.chdir(tmp_path)
    assert run(["check", "d.npz", "--update-baseline", "-q"]) == 0
    accepted = alfs.check("d.npz", max_new_issues=0, baseline="alfs-baseline.json")
    assert accepted.passed
    assert accepted.result.suppressed.baseline > 10


def test_no_configuration_file_or_variable_is_read(tmp_path, monkeypatch, est):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALFS_CHECK_MAX_NOISE_RATE", "0.001")
    (tmp_path / "alfs.yaml").write_text("check:\n  max-noise-rate: 0.001\n")
    (tmp_path / ".alfsignore").write_text("nonsense\n")
    assert alfs.check(est).passed


def test_it_fits_a_screen_and_a_notebook(est):
    names = ("max_noise_rate", "max_class_noise_rate", "max_pair_rate")
    verdict = alfs.check(est, min_clean_level=50, **dict.fromkeys(names, 0.001))
    assert repr(verdict).startswith("failed\n  fail         ALFS301 noise rate: ")
    assert len(repr(verdict)) < 1500
    assert "gates failed" in verdict._repr_html_()
    assert not re.search(r"<script|https?:|<html", verdict._repr_html_())
    assert repr(alfs.check(est)).startswith("passed\n")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"max_noise_rate": 5}, "max_noise_rate is 5: not a number from 0 to 1"),
        ({"max_noise_rate": "5 %"}, "max_noise_rate is .5 %.: not a number"),
        ({"min_trust": "hihg"}, "did you mean 'high'"),
        ({"gate_on": "surely"}, "gate_on is 'surely'"),
        ({"ignore": ["XYZ"]}, "ignore is .* not a list of rules"),
        ({"labels": [0, 1]}, "an estimate is judged as it is"),
        ({"strict_baseline": True}, "strict_baseline=True says how"),
    ],
)
def test_mistakes_are_told_in_parameters(est, asked, said):
    with pytest.raises(alfs.AlfsError, match=said) as caught:
        alfs.check(est, **asked)
    assert "--" not in f"{caught.value} {caught.value.help}"


def test_a_gate_that_an_estimate_alone_cannot_judge(tmp_path, est):
    est.save(tmp_path)
    with pytest.raises(alfs.AlfsError, match="ALFS101: new suspect labels cannot be judged"):
        alfs.check(alfs.load_estimate(tmp_path).source, max_new_issues=0)
