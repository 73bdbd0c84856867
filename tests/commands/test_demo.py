"""`alfs demo` from end to end: what it makes, and that what it says is what it measured."""

import json
from pathlib import Path

import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.demo import docstrings


@pytest.mark.slow
def test_the_whole_tour(alfs, monkeypatch):
    """With fewer epochs than a user's, of whose number nothing here depends."""
    monkeypatch.setattr("alfs_cli.demo.EPOCHS", 4)
    done = alfs("demo", "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["schema"] == "alfs.demo/1"
    folder = Path("alfs-out/demo")
    noisy = load(DataSpec(str(folder / "digits.npz")))
    wrong = noisy.labels != noisy.true_labels
    assert document["noise_rate"]["true"] == pytest.approx(wrong.mean())
    estimate = json.loads((folder / "estimate.json").read_text())
    assert document["noise_rate"]["estimated"] == estimate["noise_rate"]["value"]
    assert document["noise_rate"]["estimated"] == pytest.approx(wrong.mean(), abs=0.05)
    assert estimate["clean_level"]["low"] < document["clean_level"]["true"]
    issues = pd.read_csv(folder / "issues.csv")
    issues = issues[issues.kind != "possible"]
    assert document["suspects"]["listed"] == len(issues)
    assert document["suspects"]["really_wrong"] == wrong[issues["index"]].sum()
    assert document["suspects"]["precision"] > 0.8
    for trained in document["trained"]:
        result = json.loads(Path(trained["run"], "result.json").read_text())
        assert result["test_accuracy"]["last"] == trained["test_accuracy"]
        assert result["test"]["labels"] == "true"
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") > 20
    assert "The truth" in page
    assert len(page) < 5_000_000


@pytest.mark.slow
def test_the_tour_on_texts(alfs, monkeypatch):
    """With half of the docstrings, which shows the same in half the time."""
    texts, labels = docstrings()
    monkeypatch.setattr("alfs_cli.demo.docstrings", lambda: (texts[::2], labels[::2]))
    done = alfs("demo", "--text", "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    noisy = pd.read_csv("alfs-out/demo/noisy.csv")
    wrong = (noisy["label"] != noisy["true_label"]).to_numpy()
    assert document["noise_rate"]["true"] == pytest.approx(wrong.mean())
    estimate = json.loads(Path("alfs-out/demo/estimate.json").read_text())
    assert estimate["evidence"]["kind"] == "text"
    assert estimate["noise_rate"]["low"] <= wrong.mean() <= estimate["noise_rate"]["high"]
    issues = pd.read_csv("alfs-out/demo/issues.csv")
    first = issues["index"][: wrong.sum() // 2]
    assert wrong[first].mean() > 0.8
    assert "Labels most likely wrong" in Path("alfs-out/demo/report.html").read_text()
