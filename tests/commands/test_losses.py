"""`alfs losses`: what it prints, what it exits with, and that it stays light."""

import json
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from alfs_cli.cli import run
from alfs_cli.losses import LOSSES
from alfs_cli.losses.terms import Computed
from alfs_cli.losses.vector import NLNL

NOISE = ("--noise", "pair", "--rate", "0.4", "--classes", "4")


def output(capsys, *words):
    """Return exit code, stdout and stderr of a command line."""
    code = run(["losses", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_list_names_every_loss(capsys):
    code, out, err = output(capsys, "list")
    assert (code, err) == (0, "")
    assert all(f"    {name}" in out for name in LOSSES)
    assert "nce+agce" in out


def test_list_as_json(capsys):
    code, out, _ = output(capsys, "list", "-f", "json")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "alfs.losses/1"
    assert len(document["losses"]) == len(LOSSES) + 6


def test_show(capsys):
    code, out, _ = output(capsys, "show", "agce:a=1,q=0.5")
    assert code == 0
    assert "0.707107 = (a / (a + 1))^(1 - q) at a = 1, q = 0.5" in out
    assert "the clean level is 1.414 or more" in out
    assert "classification-calibrated" in out


def test_show_as_json(capsys):
    code, out, _ = output(capsys, "show", "mae:scale=2", "-f", "json")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "alfs.loss/1"
    assert document["asymmetry_ratio"] == 1
    assert document["is_completely_asymmetric"] is True
    assert document["excess_risk_constant"] == pytest.approx(1)
    assert document["shape"] == "affine"


def test_show_says_what_theorems_say(capsys):
    def shown(loss):
        code, out, _ = output(capsys, "show", loss)
        assert code == 0
        return " ".join(out.split())

    text = shown("rce:A=-4")
    assert "C, which depends on K: 4 (K = 2), 8 (K = 3), 36 (K = 10), 396 (K = 100)" in text
    assert "C = 1 for any number of classes K" in shown("nce")
    assert "symmetric no: the sum over all labels depends" in shown("ce")
    assert "theorem 3 does not hold from three classes on" in shown("nfl")
    assert "theorem 3" not in shown("ngce:q=1.5")
    assert "theorem 3, nce alone does not hold" in shown("nce+agce")
    assert "c from 1 to 1.48: positive above a clean level of 1.48" in shown("agce")
    assert "negative near u = 1 under any noise" in shown("gce")
    text = shown("gce+aul:q=0.3,a=1,p=0.3")
    assert "r_u = 1: refutes rows of no clean level (Theorem 8)" in text
    assert "for two classes only: L(u, 1) + L(u, 2) = 6.667" in text
    assert "the ratio proves it nowhere, which refutes nothing" in text
    mixed = shown("agce+aul:agce.a=0.3,q=0.5,aul.a=1.2,p=0.5")
    assert "1.186 or more, and perhaps below" in mixed
    assert "necessary ratio" not in shown("agce")
    assert "above 1 a class lost early comes back, the sooner the larger" in shown("ael")


def test_show_without_a_ratio(capsys):
    code, out, _ = output(capsys, "show", "nce")
    assert code == 0
    assert "not defined" in out


@pytest.mark.parametrize("suffix", ["png", pytest.param("svg", marks=pytest.mark.slow)])
def test_plot(capsys, tmp_path, suffix):
    file = tmp_path / f"loss.{suffix}"
    code, _, err = output(capsys, "show", "nce+aul", "--plot", str(file))
    assert (code, err) == (0, f"wrote {file}\n")
    assert file.read_bytes()[:4] in (b"\x89PNG", b"<?xm")


def test_check_proved(capsys):
    code, out, err = output(capsys, "check", "nce+agce", *NOISE)
    assert (code, err) == (0, "")
    assert "PASS  proved: nce+agce:a=6,q=1.5,alpha=1,beta=4" in out
    assert "least margin 1.50x" in out


def test_check_refuted(capsys):
    code, out, err = output(capsys, "check", "ce", *NOISE)
    assert (code, err) == (1, "")
    assert "FAIL  refuted: ce" in out
    assert "still ranks the true class first" in out


@pytest.mark.parametrize(
    "noise", [("--rate", "0.4", "--noise", "symmetric"), ("--rate", "0", "--noise", "pair")]
)
def test_check_tolerant(capsys, noise):
    """A verdict of its own, with its words in every format, and exit code 0."""
    for form in ("text", "json", "csv", "markdown", "html"):
        code, out, err = output(capsys, "check", "nce", *noise, "--classes", "4", "-f", form)
        assert (code, err) == (0, "")
        assert "tolerant" in out
        assert "refuted" not in out
    code, out, _ = output(capsys, "check", "nfl", *noise, "--classes", "4")
    assert "PASS  tolerant: nfl:gamma=0.5" in out
    assert "moves none of the loss's minima" in out
    assert output(capsys, "check", "nce", *NOISE)[0] == 1


def test_check_a_row_of_labels_all_alike(capsys):
    words = ("--noise", "symmetric", "--rate", "0.75", "--classes", "4")
    for loss in ("ngce", "nce", "mae"):
        code, out, err = output(capsys, "check", loss, *words)
        assert (code, err) == (1, "")
        assert "nan" not in out.lower()


def test_check_a_loss_added_to_the_table(capsys, monkeypatch):
    """By the recipe of CONTRIBUTING: a dataclass and its line in the table, and no rule."""

    @dataclass(frozen=True)
    class Mine(NLNL):
        name = "mine"
        ruling, rise, minimiser = Computed.ruling, Computed.rise, Computed.minimiser

    monkeypatch.setitem(LOSSES, "mine", Mine)
    for text in ("mine", "mine+mae", "nce+mine"):
        code, out, err = output(capsys, "check", text, *NOISE)
        assert (code, err) == (0, "")
        assert f"WARN  not-refuted: {text}" in out
        assert "Not refuted is not proved" in out
    assert output(capsys, "show", "mine")[0] == 0


def test_escape_quotient(capsys):
    words = ("--noise", "pair", "--rate", "0.4", "--classes", "3")
    code, out, _ = output(capsys, "check", "aul:a=3,p=0.1", *words)
    assert code == 0
    assert "escape quotient 1.04: a class that training loses early hardly comes back" in out
    assert "hardly" not in output(capsys, "check", "ael:a=3.5", *words)[1]
    assert "0.62: a class that training loses early stays lost" in " ".join(
        output(capsys, "check", "agce:a=1.8,q=3", *words)[1].split()
    )
    rows = json.loads(output(capsys, "check", "ael:a=3.5", *words, "-f", "json")[1])["rows"]
    assert rows[0]["escape"] == pytest.approx(1.996, abs=1e-3)
    shown = output(capsys, "show", "aul:a=3,p=0.1")[1]
    assert "only from a clean level of 1.44 on" in " ".join(shown.split())
    assert "escape quotient" not in output(capsys, "show", "amse")[1]
    document = json.loads(output(capsys, "show", "nce", "-f", "json")[1])
    assert document["escape_slope"] == "inf"


def test_a_loss_that_is_not_defined_for_so_many_classes(capsys):
    words = ("--noise", "pair", "--rate", "0.4", "--classes", "10")
    code, _, err = output(capsys, "check", "nnce:p_min=0.1", *words)
    assert code == 2
    assert "not defined for 10 classes" in err
    assert "help: valid: p_min < 1 / K" in err
    assert "(K = 2)" in output(capsys, "show", "nnce:p_min=0.1")[1]


def test_check_prints_the_certificate(capsys):
    code, out, _ = output(capsys, "check", "gce", *NOISE, "-f", "json")
    document = json.loads(out)
    assert code == 1
    assert document["schema"] == "alfs.certificate/1"
    assert document["loss"] == "gce:q=0.7"
    assert document["verdict"] == "refuted"
    keys = {"class", "verdict", "margin", "runner_up", "minimiser", "mass_at_bound"}
    assert keys <= set(document["rows"][0])
    assert sum(document["rows"][0]["minimiser"]) == pytest.approx(1)


@pytest.mark.parametrize("form", ["csv", "markdown", "html"])
def test_other_formats(capsys, form):
    code, out, _ = output(capsys, "check", "mae", *NOISE, "-f", form)
    assert code == 0
    assert "proved" in out


def test_check_on_a_transition_file(capsys, tmp_path):
    file = tmp_path / "T.csv"
    file.write_text(",cat,dog\ncat,0.6,0.4\ndog,0.1,0.9\n")
    assert output(capsys, "check", "ael:a=2.5", "--transition", str(file))[0] == 0
    assert output(capsys, "check", "ael:a=2.4", "--transition", str(file))[0] == 1
    np.save(tmp_path / "T.npy", np.array([[0.6, 0.4], [0.1, 0.9]]).T)
    code, _, err = output(capsys, "check", "ael", "--transition", str(tmp_path / "T.npy"))
    assert code == 2
    assert "looks transposed" in err


def test_check_on_an_estimate(capsys, tmp_path):
    document = {
        "schema": "alfs.estimate/1",
        "transition": [[0.6, 0.4], [0.1, 0.9]],
        "data": {"classes": ["cat", "dog"]},
    }
    (tmp_path / "estimate.json").write_text(json.dumps(document))
    for words in (("--estimate", str(tmp_path / "estimate.json")), ("--out", str(tmp_path))):
        code, out, _ = output(capsys, "check", "ael:a=1.5", *words)
        assert code == 1
        assert "worst: 'cat' against 'dog'" in out


OWN = """
import torch.nn.functional as F

def mine(logits, labels):
    return F.cross_entropy(logits, labels, reduction="none")

def mean(logits, labels):
    return F.cross_entropy(logits, labels)

NUMBER = 3
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_losses_of_test.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "own_losses_of_test"
    sys.modules.pop("own_losses_of_test", None)


def test_check_own_loss(capsys, own_module):
    code, out, _ = output(capsys, "check", "--python", f"{own_module}:mine", *NOISE)
    assert code == 1
    assert f"refuted: {own_module}:mine" in out
    for name, words in [("mean", "returned ()"), ("NUMBER", "not a function"), ("x", "import")]:
        code, _, err = output(capsys, "check", "--python", f"{own_module}:{name}", *NOISE)
        assert code == 2
        assert words in err
    code, _, err = output(capsys, "check", f"{own_module}:mine", *NOISE)
    assert code == 2
    assert f"--python {own_module}:mine" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "agec"), "did you mean 'agce'"),
        (("show", "agce:a=-1"), "valid: a >= 0 with q > 0"),
        (("show", "ce", "--plot", "x.txt"), "suffix"),
        (("check",), "name one loss"),
        (("check", "ce", "--python", "a:b", *NOISE), "name one loss"),
        (("check", "ce", "--noise", "pair"), "--noise needs --rate and --classes"),
        (("check", "ce", "--rate", "0.3"), "go with --noise"),
        (("check", "ce", *NOISE, "--transition", "x.csv"), "give one"),
        (("check", "ce", "--noise", "pear", "--rate", "0.3", "--classes", "3"), "'pair'"),
        (("check", "ce", "--noise", "pair", "--rate", "1.3", "--classes", "3"), "rate"),
        (("check", "ce", *NOISE, "--classes", "2147483648"), "2,147,483,648 classes: T would"),
        (("check", "ce", "--transition", "nowhere.csv"), "no such file"),
        (("check", "--python", "a", *NOISE), "MODULE:FUNCTION"),
        (("check", "ce"), "no transition matrix"),
    ],
)
def test_bad_usage_is_exit_2(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = output(capsys, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
