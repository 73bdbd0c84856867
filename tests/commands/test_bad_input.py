"""Every command with input that cannot be right: exit 2, error and help, nothing else anywhere."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TRAIN = ("train", "--epochs", "1", "--model", "linear")


def png(path, value=0):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), value).save(path)


@pytest.fixture
def inputs(alfs):
    """Write one of each thing that is wrong."""
    Path("empty").mkdir()
    for i in range(4):
        png(f"one/cat/{i}.png", i)
    images = np.zeros((12, 8, 8), np.uint8)
    labels = np.arange(12) % 3
    np.savez("short.npz", images=images, labels=labels[:11])
    np.savez("floats.npz", images=images.astype(float), labels=labels)
    np.savez("single.npz", images=images, labels=labels * 0)
    np.savez("nan.npz", features=np.full((12, 3), np.nan), labels=labels)
    np.savez("ragged.npz", images=images, labels=labels, pred_probs=np.full((12, 2), 0.5))
    np.savez("logits.npz", images=images, labels=labels, pred_probs=np.full((12, 3), -2.0))
    np.savez("objects.npz", images=images, labels=np.array([{}] * 12, dtype=object))
    Path("text.npz").write_text("not an npz")
    Path("broken.json").write_text("{")
    Path("newer.json").write_text('{"schema": "alfs.estimate/99"}')
    Path("table.csv").write_text("path,label\nno/such.png,cat\n")
    Path("nolabel.csv").write_text("path,species\na.png,cat\n")
    Path("loss.yaml").write_text("dataset: digits\nloss: nce+alu\nepochs: -3\n")
    Path("T.csv").write_text("0.9,0.3\n0.1,0.7\n")
    Path("run").mkdir()
    Path("run/config.yaml").write_text("[")
    Path("run/result.json").write_text("{")
    Path("newrun").mkdir()
    Path("newrun/result.json").write_text('{"schema": "alfs.run/99"}')
    return alfs


DATA = [
    "missing", "empty", "one", "short.npz", "floats.npz", "single.npz", "objects.npz", "text.npz",
    "table.csv", "nolabel.csv",
]  # fmt: skip
CASES = [
    *[("estimate", data) for data in [*DATA, "nan.npz", "ragged.npz", "logits.npz"]],
    *[("check", data) for data in [*DATA, "nan.npz", "broken.json", "newer.json"]],
    *[(*TRAIN, data) for data in [*DATA, "nan.npz"]],
    *[("inject", data, "--noise", "symmetric", "--rate", "0.2", "--to", "made.npz")
      for data in DATA],
    ("inject", "digits", "--noise", "symetric", "--rate", "0.2", "--to", "made.npz"),
    ("inject", "digits", "--noise", "symmetric", "--rate", "1.2", "--to", "made.npz"),
    ("inject", "digits", "--noise", "T.csv", "--to", "made.npz"),
    ("inject", "digits", "--noise", "symmetric", "--rate", "0.2", "--to", "made.csv"),
    *[("fix", data, "--drop", "--to", "made.npz") for data in DATA],
    ("recommend",),
    ("recommend", "broken.json"),
    ("recommend", "newer.json"),
    ("recommend", "missing.json"),
    ("train",),
    (*TRAIN, "digits", "--loss", "nce+alu"),
    (*TRAIN, "digits", "--loss", "aul:a=0.5"),
    (*TRAIN, "digits", "--loss", "aul:b=2"),
    (*TRAIN, "digits", "--loss", "gce:q=nan"),
    (*TRAIN, "digits", "--loss", "ce", "--batch-size", "-1"),
    (*TRAIN, "digits", "--loss", "ce", "--lr", "-0.1"),
    (*TRAIN, "digits", "--loss", "ce", "--noise", "symetric", "--noise-rate", "0.1"),
    (*TRAIN, "digits", "--loss", "ce", "--noise", "symmetric", "--noise-rate", "2"),
    (*TRAIN, "digits", "--loss", "ce", "--device", "cuda:99"),
    (*TRAIN, "digits", "--loss", "ce", "--test", "missing"),
    (*TRAIN, "digits", "--from", "broken.json"),
    (*TRAIN, "digits", "--from", "newer.json"),
    ("train", "digits", "--loss", "ce", "--model", "resnet19"),
    (*TRAIN, "digits", "--loss", "ce", "--correction", "forward"),
    (*TRAIN, "digits", "--loss", "ce", "--correction", "backward"),
    (*TRAIN, "digits", "--loss", "ce", "--correction", "forward", "--transition", "T.csv"),
    (*TRAIN, "digits", "--loss", "ce", "--correction", "forward", "--transition", "missing.npy"),
    (*TRAIN, "digits", "--loss", "ce", "--transition", "T.csv"),
    (*TRAIN, "digits", "--loss", "ce", "--noise", "T.csv"),
    (*TRAIN, "digits", "--loss", "ce", "--noise", "instance"),
    (*TRAIN, "digits", "--loss", "ce", "--set", "augmentation.rotation=-1"),
    (*TRAIN, "digits", "--loss", "ce", "--set", "nlnl.nl=1", "--set", "nlnl.selnl=0"),
    ("train", "digits", "--loss", "ce", "--model", "torchvision:resnet19"),
    ("predict", "missing", "digits", "--cross-val", "2"),
    ("train", "--recipe", "loss.yaml"),
    ("train", "--recipe", "mnist/auel"),
    ("train", "--config", "missing.yaml"),
    ("train", "--resume", "missing"),
    ("evaluate", "missing"),
    ("evaluate", "run"),
    ("evaluate", "newrun"),
    ("evaluate", "empty"),
    ("predict", "missing", "digits"),
    ("compare", "missing"),
    ("compare", "empty"),
    ("compare", "run"),
    *[("sweep", data, "--loss", "ce", "--epochs", "1") for data in ("missing", "one", "short.npz")],
    ("sweep",),
    ("sweep", "digits"),
    ("sweep", "digits", "--loss", "ce", "--loss", "nce+alu"),
    ("sweep", "digits", "--loss", "ce", "--noise", "symmetric:2"),
    ("sweep", "digits", "--loss", "ce", "--executor", "slurm"),
    ("report",),
    *[("report", name) for name in ("missing", "empty", "broken.json", "newer.json", "run")],
    ("losses", "show", "nce+alu"),
    ("losses", "show", "agce:a=-1"),
    ("losses", "check", "ce", "--transition", "T.csv"),
    ("losses", "check", "ce", "--noise", "symmetric", "--rate", "0.4", "--classes", "1"),
    ("losses", "check", "ce", "--estimate", "broken.json"),
    ("recipes", "show", "mnist/auel"),
    ("recipes", "validate", "loss.yaml"),
    ("figures", "fig99"),
]  # fmt: skip


def everything():
    """Return every file there with its content."""
    return {path: path.read_bytes() for path in Path(".").rglob("*") if path.is_file()}


@pytest.mark.parametrize("words", CASES, ids=" ".join)
def test_refused_and_nothing_left_behind(inputs, words):
    before = everything()
    done = inputs(*words)
    assert done.code == 2, (done.code, done.out, done.err)
    assert done.out == ""
    lines = done.err.strip().splitlines()
    assert any(line.startswith("error: ") for line in lines), done.err
    assert any(line.startswith("help: ") for line in lines), done.err
    assert "Traceback" not in done.err
    assert everything() == before


def test_a_transposed_matrix_is_called_so(inputs):
    done = inputs("losses", "check", "ce", "--transition", "T.csv")
    assert "transposed" in done.err
