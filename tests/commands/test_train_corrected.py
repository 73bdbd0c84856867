"""`alfs train --correction forward` as typed: where T comes from, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from alfs_cli.noise import asymmetric, clean_level, read_transition, write_transition
from alfs_cli.results.estimate import load_estimate
from tests.conftest import make_recommendation

QUICK = ("--epochs", "2", "--model", "linear")
DIGITS = tuple(str(digit) for digit in range(10))
TRUE_T = asymmetric(0.4, 10, dataset="digits")
INJECT = ("inject", "digits", "--noise", "asymmetric", "--rate", "0.4", "--to", "noisy.npz")
FORWARD = ("train", "noisy.npz", "--loss", "gce:q=0.3", "--correction", "forward")


@pytest.fixture
def noisy(alfs):
    """Write noisy.npz, an estimate.json that holds the T it was drawn from, and T.csv."""
    from alfs_cli.data import DataSpec, load

    assert alfs(*INJECT, "-q").code == 0
    data = load(DataSpec("noisy.npz"))
    bounded = {"value": 0.2, "low": 0.1, "high": 0.3}
    rows = TRUE_T.array.tolist()
    rate = float(1 - np.diag(TRUE_T.array).mean())
    level = {"value": clean_level(TRUE_T.array), "low": 1.2, "high": 2.0}
    estimate = {
        "schema": "alfs.estimate/1", "alfs_version": "0.1.0", "seed": 0, "seconds": 1.0,
        "confidence": 0.95, "method": "joint-ml",
        "data": {"source": "noisy.npz", "kind": "npz", "n": len(data), "classes": DIGITS,
                 "given_counts": data.given_counts.tolist(), "split": None,
                 "fingerprint": data.fingerprint,
                 "spec": {"source": "noisy.npz"}},
        "evidence": {"kind": "pixels", "name": "pixels", "folds": 5, "agreement": 0.9,
                     "calibration_error": 0.01, "in_sample": False},
        "noise_rate": {"value": rate, "low": 0.1, "high": 0.3}, "transition": rows,
        "transition_low": rows, "transition_high": rows, "class_prior": [0.1] * 10,
        "class_clean_level": [],
        "clean_level": {**level, "true_class": "0", "given_class": "1"}, "gap": bounded,
        "dominant": True, "trust": {"level": "high", "reasons": []},
    }  # fmt: skip
    Path("alfs-out").mkdir()
    Path("alfs-out/estimate.json").write_text(json.dumps(estimate))
    write_transition(Path("T.csv"), TRUE_T, DIGITS)
    return alfs


def document_of(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


def accuracy(done):
    return document_of(done)["test_accuracy"]["last"]


@pytest.mark.slow
def test_correction_helps_and_is_said(noisy):
    long = ("--epochs", "20", "--model", "mlp", "--lr", "0.03", "--seed", "1")
    corrected = noisy(*FORWARD, *long, "-f", "json")
    plain = noisy("train", "noisy.npz", "--loss", "gce:q=0.3", *long, "-f", "json")
    assert accuracy(corrected) > accuracy(plain) + 0.05
    document = document_of(corrected)
    assert document["correction"] == "forward"
    assert document["transition"]["file"] == "alfs-out/estimate.json"
    assert document_of(plain)["correction"] == "none"
    assert document["run"] != document_of(plain)["run"]
    text = noisy(*FORWARD, *long)
    assert "forward, by T of alfs-out/estimate.json" in text.out
    assert "forward, by T of" in noisy(*FORWARD, *QUICK, "--dry-run").out
    evaluated = json.loads(noisy("evaluate", document["run"], "-f", "json").out)
    assert evaluated["accuracy"] == pytest.approx(document["test_accuracy"]["last"])


def test_the_same_T_is_the_same_run_wherever_it_lies(noisy):
    runs = set()
    np.save("T.npy", TRUE_T.array)
    for words in ((), ("--transition", "T.csv"), ("--transition", "T.npy"),
                  ("--set", "transition=alfs-out/estimate.json")):  # fmt: skip
        runs.add(json.loads(noisy(*FORWARD, *QUICK, *words, "--dry-run", "-f", "json").out)["run"])
    assert len(runs) == 1
    write_transition(Path("T.csv"), asymmetric(0.3, 10, dataset="digits"), DIGITS)
    other = noisy(*FORWARD, *QUICK, "--transition", "T.csv", "--dry-run", "-f", "json")
    assert json.loads(other.out)["run"] not in runs


def test_a_run_keeps_its_T(noisy):
    """Neither --resume, --config nor evaluate need the file that T came from."""
    document = document_of(noisy(*FORWARD, *QUICK, "--transition", "T.csv", "-f", "json"))
    folder = Path(document["run"])
    weights = (folder / "model.safetensors").read_bytes()
    Path("T.csv").unlink()
    assert noisy("evaluate", folder.as_posix()).code == 0
    again = noisy("train", "--config", f"{folder}/config.yaml", "--out", "again", "-f", "json")
    repeated = Path(document_of(again)["run"])
    assert repeated.name == folder.name
    assert (repeated / "model.safetensors").read_bytes() == weights
    (folder / "result.json").unlink()
    assert noisy("train", "--resume", folder.as_posix()).code == 0
    (folder / "transition.csv").write_text((repeated / "transition.csv").read_text()[:-8] + "1.0\n")
    (folder / "result.json").unlink()
    assert noisy("train", "--resume", folder.as_posix()).code == 2


def test_recommendation_with_correction(noisy):
    estimate = load_estimate(Path("alfs-out/estimate.json"))
    level = estimate.clean_level
    advice = make_recommendation(
        estimate.data.fingerprint, "ce", "gce:q=0.3", value=level.value, low=level.low
    )
    first, second = advice.recommendations
    second = replace(second, correction="forward", least_level=2.5)
    advice = replace(advice, recommendations=(first, second))
    advice.save(Path("alfs-out/recommendation.json"))
    words = ("--from", "alfs-out/recommendation.json#1", *QUICK, "-f", "json")
    done = noisy("train", *words)
    document = document_of(done)
    assert (document["loss"], document["correction"]) == ("gce:q=0.3", "forward")
    assert document["transition"]["least_level"] == 2.5
    assert "with forward correction, recommended" in done.err
    assert document_of(noisy("train", *words, "--correction", "none"))["correction"] == "none"
    assert document_of(noisy("train", *QUICK, "-f", "json"))["correction"] == "none"


def test_names_put_the_classes_in_order(noisy):
    backwards = DIGITS[::-1]
    write_transition(Path("back.csv"), TRUE_T.array[::-1, ::-1], backwards)
    plans = [
        json.loads(noisy(*FORWARD, "--transition", name, "--dry-run", "-f", "json").out)
        for name in ("T.csv", "back.csv")
    ]
    assert plans[0]["run"] == plans[1]["run"]


def test_resume_after_a_recipe(noisy):
    recipe = {"dataset": "noisy.npz", "loss": "ce", "correction": "forward", "transition": "T.csv"}
    Path("r.yaml").write_text(yaml.safe_dump(recipe))
    document = document_of(noisy("train", "--recipe", "r.yaml", *QUICK, "-f", "json"))
    assert document["transition"]["file"] == "T.csv"


@pytest.mark.parametrize(
    ("words", "message", "help"),
    [
        (("--correction", "backward"), "--correction is 'backward', not one of none, forward", ""),
        (("--correction", "none", "--transition", "T.csv"), "the loss is not corrected",
         "--correction forward"),
        (("--transition", "none.csv"), "no such file: 'none.csv'", "estimate.json"),
        (("--transition", "three.csv"), "'three.csv' is for 3 classes", ""),
        (("--transition", "turned.csv"), "it looks transposed", "rows are true classes"),
        (("--transition", "never.csv"), "says that '3' is never given", "that column is zero"),
        (("--noise", "pair", "--noise-rate", "0.1"), "knows nothing of the noise", "`alfs inject`"),
        (("--out", "elsewhere"), "there is no 'elsewhere/estimate.json'", "`alfs estimate DATA`"),
    ],
)  # fmt: skip
def test_refused(noisy, words, message, help):
    Path("three.csv").write_text("1,0,0\n0,1,0\n0,0,1\n")
    np.savetxt("turned.csv", TRUE_T.array.T, delimiter=",")
    never = TRUE_T.array.copy()
    never[:, 8] += never[:, 3]
    never[:, 3] = 0
    np.savetxt("never.csv", never, delimiter=",")
    done = noisy(*FORWARD, *QUICK, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert help in done.err
    assert not Path("alfs-out/runs").exists()


def test_an_estimate_of_other_data_is_refused(noisy):
    done = noisy("train", "digits", "--loss", "ce", "--correction", "forward", *QUICK)
    assert done.code == 2
    assert "estimate.json' is for other data" in done.err


def test_classes_are_held_apart_in_the_matrix(noisy):
    """Holding classes apart in the run, or in the file beforehand, is the same training."""
    T = read_transition("T.csv", class_names=DIGITS)
    write_transition(Path("apart.csv"), T.held_apart(9), DIGITS)
    apart, written = (
        document_of(noisy(*FORWARD, *QUICK, "--transition", name, *more, "-f", "json"))
        for name, more in (("T.csv", ("--set", "transition.least_level=9")), ("apart.csv", ()))
    )
    assert apart["run"] != written["run"]
    assert apart["test_accuracy"] == written["test_accuracy"]
    repeated = Path(apart["run"], "config.yaml")
    again = document_of(noisy("train", "--config", str(repeated), "--overwrite", "-f", "json"))
    assert again["test_accuracy"] == apart["test_accuracy"]
    done = noisy("train", "digits", "--loss", "ce", "--set", "transition.least_level=2")
    assert done.code == 2
    assert "help:" in done.err
