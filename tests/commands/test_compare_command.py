"""`alfs compare` on runs that were really trained."""

import json
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

QUICK = ("--epochs", "2", "--model", "linear", "-q")


@pytest.mark.slow
def test_two_losses_two_seeds(alfs):
    for loss in ("ce", "mae"):
        for seed in ("0", "1"):
            assert alfs("train", "digits", "--loss", loss, "--seed", seed, *QUICK).code == 0
    document = json.loads(alfs("compare", "-f", "json").out)
    assert [row["n"] for row in document["rows"]] == [2, 2]
    best, other = document["rows"]
    assert best["is_best"] is True
    assert best["last"]["mean"] >= other["last"]["mean"]
    assert best["last"]["std"] > 0
    table = pd.read_csv(StringIO(alfs("compare", "-f", "csv").out))
    assert list(table["loss"]) == [row["loss"] for row in document["rows"]]
    means = [row["last"]["mean"] for row in document["rows"]]
    assert list(table["last_mean"]) == pytest.approx(means, rel=1e-14)
    assert list(table["dataset"]) == ["digits", "digits"]
    text = alfs("compare").out
    assert "+-" in text
    assert "test accuracy (%) on true labels" in text
    markdown = alfs("compare", "-f", "markdown").out
    assert markdown.count("\n| ce |") + markdown.count("\n| mae:scale=1 |") == 2
    page = alfs("compare", "-f", "html").out
    assert page.count("<polyline") == page.count("<polygon") == 2
    assert "chosen on test" in page
    latex = alfs("compare", "-f", "latex").out
    assert r"\textbf{" in latex
    assert r" $\pm$ " in latex
    assert "not reported" in alfs("compare", "--paper").out

    assert alfs("compare", "-q", "-o", "json=base.json").code == 0
    assert json.loads(Path("base.json").read_text()) == document
    done = alfs("compare", "--fail-on-regression", "base.json")
    assert (done.code, done.err) == (0, "")
    assert "PASS  nothing is significantly worse than in base.json" in done.out
    for row in document["rows"]:
        row["last"] = {"mean": row["last"]["mean"] + 0.4, "std": 0.001}
    Path("base.json").write_text(json.dumps(document))
    done = alfs("compare", "--fail-on-regression", "base.json", "-f", "json")
    assert done.code == 1
    assert json.loads(done.out)["regressions"][0]["p"] < 0.05
    Path("base.json").write_text("{")
    done = alfs("compare", "--fail-on-regression", "base.json")
    assert (done.code, done.out) == (2, "")
    assert "help: " in done.err


def test_no_runs(alfs):
    done = alfs("compare")
    assert (done.code, done.out) == (2, "")
    assert "no finished runs" in done.err
    assert "alfs train" in done.err


def test_a_run_that_is_not_there(alfs):
    done = alfs("compare", "nce+rce-00000000-s0")
    assert (done.code, done.out) == (2, "")
    assert "no such run" in done.err
