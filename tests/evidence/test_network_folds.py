"""Networks trained in folds as evidence: out of fold, calibrated, the same for the same seed."""

import json

import numpy as np
import pytest

from alfs_cli.data import ArrayImages, DataSpec, LabelledDataset
from alfs_cli.evidence.gathering import gather
from alfs_cli.evidence.network_folds import network_probabilities
from alfs_cli.training.devices import choose_device


def bars(count=120, wrong=0):
    """Return a data set of 8 x 8 grey pictures, bright above or below; some labels are wrong."""
    generator = np.random.default_rng(0)
    true = np.arange(count) % 2
    pixels = generator.integers(0, 60, (count, 8, 8))
    pixels[true == 0, :4] += 120
    pixels[true == 1, 4:] += 120
    given = true.copy()
    given[:wrong] = 1 - given[:wrong]
    return LabelledDataset(
        name="bars", kind="npz", spec=DataSpec("bars"), labels=given, class_names=("up", "down"),
        fingerprint="b", images=ArrayImages(pixels.astype(np.uint8)), true_labels=true,
    )  # fmt: skip


def test_networks_learn_and_wrong_labels_stand_out():
    dataset = bars(wrong=12)
    steps = []
    evidence = gather(
        dataset,
        kind="network",
        folds=2,
        progress=lambda task, done, total: steps.append((task, done, total)),
    )
    assert evidence.kind == "network"
    assert "cnn4, 10 epochs" in evidence.name
    assert evidence.folds == 2
    assert evidence.probs.sum(axis=1) == pytest.approx(np.ones(120))
    assert (evidence.probs.argmax(axis=1) == dataset.true_labels).mean() > 0.9
    assert steps[-1][0] == "training folds"
    assert steps[-1][1] == steps[-1][2]


def test_no_example_is_scored_by_a_network_that_saw_it():
    """Labels that are coin tosses cannot be told from held-out pictures."""
    dataset = bars()
    tossed = np.random.default_rng(1).integers(2, size=120)
    fold_of = np.arange(120) % 2
    probs, _ = network_probabilities(
        dataset.with_labels(tossed), fold_of, epochs=3, device=choose_device("cpu")
    )
    assert (probs.argmax(axis=1) == tossed).mean() < 0.65


def test_as_typed(tmp_path, monkeypatch, capsys):
    from alfs_cli.cli import run

    monkeypatch.chdir(tmp_path)
    dataset = bars(80)
    pixels, _ = dataset.images.decode(np.arange(80))
    np.savez("bars.npz", images=pixels, labels=dataset.labels)
    words = ["estimate", "bars.npz", "--evidence", "network", "--folds", "2", "-f", "json"]
    assert run(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["evidence"]["kind"] == "network"
    assert run(words) == 0
    again, err = capsys.readouterr()
    assert "evidence taken from" in err
    assert json.loads(again)["transition"] == first["transition"]
