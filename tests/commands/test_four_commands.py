"""The four commands that users type, in one folder, in that order, as they stand."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits


@pytest.fixture
def data(alfs):
    """An image folder of 600 digits in data/, every eighth under the next digit's name."""
    digits = load_digits()
    for place in range(600):
        shown = int(digits.target[place])
        label = (shown + 1) % 10 if place % 8 == 0 else shown
        folder = Path("data") / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        pixels = (digits.images[place] * 15.9).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{place:04}.png")
    return Path("data")


@pytest.mark.slow
def test_as_they_stand(alfs, data):
    estimated = alfs("estimate", "data/")
    assert estimated.code == 0, estimated.err
    assert "of the labels are wrong" in estimated.out or "look wrong" in estimated.out
    estimate = json.loads(Path("alfs-out/estimate.json").read_text())
    assert estimate["schema"] == "alfs.estimate/1"
    assert estimate["noise_rate"]["value"] == pytest.approx(0.125, abs=0.06)

    recommended = alfs("recommend")
    assert recommended.code == 0, recommended.err
    advice = json.loads(Path("alfs-out/recommendation.json").read_text())
    assert advice["status"] == "certified"
    assert advice["data"]["fingerprint"] == estimate["data"]["fingerprint"]

    trained = alfs("train", "--loss", "nce+aul")
    assert trained.code == 0, trained.err
    (run,) = Path("alfs-out/runs").iterdir()
    result = json.loads((run / "result.json").read_text())
    assert result["loss"] == "nce+aul:a=6.3,p=1.5,alpha=1,beta=4"
    assert result["test"]["labels"] == "given"
    assert "given labels" in trained.out
    assert "clean" not in trained.out

    checked = alfs("check", "data/")
    assert checked.code == 0, checked.err
    check = json.loads(Path("alfs-out/check.json").read_text())
    assert check["passed"] is True

    listed = Path("alfs-out/issues.csv").read_text().splitlines()
    wrong = sum(int(line.split(",")[1][-8:-4]) % 8 == 0 for line in listed[1:])
    assert wrong / max(len(listed) - 1, 1) > 0.7
    assert json.loads(Path("alfs-out/estimate.json").read_text()) == estimate


@pytest.mark.slow
def test_train_without_a_loss_takes_the_recommendation(alfs, data):
    assert alfs("estimate", "data/", "-q").code == 0
    assert alfs("recommend", "-q").code == 0
    done = alfs("train", "--epochs", "1", "-f", "json")
    assert done.code == 0, done.err
    advice = json.loads(Path("alfs-out/recommendation.json").read_text())
    assert json.loads(done.out)["loss"] == advice["recommendations"][0]["loss"]


@pytest.mark.slow
def test_changed_data_is_stale(alfs, data):
    assert alfs("estimate", "data/", "-q").code == 0
    assert alfs("recommend", "-q").code == 0
    next(Path("data/3").iterdir()).unlink()
    done = alfs("train", "--epochs", "1")
    assert done.code == 2
    assert done.out == ""
    assert "fingerprint" in done.err
    assert not Path("alfs-out/runs").exists()
