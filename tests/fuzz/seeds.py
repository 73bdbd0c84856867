"""One good file or folder of each kind that alfs reads: what the fuzzer starts from."""

import contextlib
import csv
import io
import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from alfs_cli.cli import run
from tests.conftest import make_estimate

CLASSES = ("cat", "dog", "eel")
N = 36
RECIPE = """# A recipe.
dataset: data.npz
noise: {kind: symmetric, rate: 0.2}
model: linear
loss: nce+agce:a=6,q=1.5,alpha=1,beta=4
optimizer: {lr: 0.01, momentum: 0.9, weight_decay: 1.0e-4, grad_clip: 5.0}
schedule: cosine
epochs: 1
batch_size: 16
seed: 0
augmentation: {crop: 1, flip: true}
normalisation: {mean: [0.5], std: [0.25]}
"""


def labels():
    """Return labels (N,) of three classes."""
    return np.arange(N) % len(CLASSES)


@cache
def pixels():
    """Return pictures (N, 8, 8) uint8 whose brightness tells the class."""
    noise = np.random.default_rng(0).integers(0, 60, (N, 8, 8))
    return (noise + 70 * labels()[:, None, None]).astype(np.uint8)


@cache
def features():
    """Return features (N, 4)."""
    return np.random.default_rng(1).normal(size=(N, 4)) + 2 * labels()[:, None]


@cache
def probabilities():
    """Return probabilities (N, 3) that agree with most labels."""
    raw = np.random.default_rng(2).uniform(0.05, 1, (N, 3)) + 2 * np.eye(3)[labels()]
    return raw / raw.sum(axis=1, keepdims=True)


@cache
def image(kind, index=0, mode="L"):
    """Return the bytes of a picture."""
    stream = io.BytesIO()
    Image.fromarray(pixels()[index]).convert(mode).save(stream, kind)
    return stream.getvalue()


IMAGE_KINDS = {
    ".png": "PNG", ".jpg": "JPEG", ".gif": "GIF", ".bmp": "BMP", ".tif": "TIFF", ".webp": "WEBP",
    ".ppm": "PPM",
}  # fmt: skip


def folder(root, kind=".png", copies=1):
    """Write data/<class>/<image>."""
    for i in range(copies * N):
        path = root / "data" / CLASSES[i % 3] / f"{i:03}{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = "RGB" if kind in (".jpg", ".webp", ".ppm") else "L"
        path.write_bytes(image(IMAGE_KINDS[kind], i % N, mode))


def table_rows(kind):
    """Return the header and rows of a manifest: of images, of features or of probabilities."""
    names = [CLASSES[i] for i in labels()]
    if kind == "images":
        return ["path", "label"], [
            [f"data/{name}/{i:03}.png", name] for i, name in enumerate(names)
        ]
    values, header = (features(), ["x", "y", "z", "w"])
    if kind == "probabilities":
        values, header = probabilities(), [f"p_{name}" for name in CLASSES]
    rows = [[*(float(v) for v in row), name] for row, name in zip(values, names, strict=True)]
    return [*header, "label"], rows


def csv_text(header, rows, separator=","):
    """Return a table as text."""
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator, lineterminator="\n").writerows([header, *rows])
    return stream.getvalue()


def jsonl_text(header, rows):
    """Return a table as JSON lines."""
    return "".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows)


def npz_arrays(kind):
    """Return the arrays of an .npz."""
    arrays = {"labels": labels()}
    if kind == "images":
        arrays["images"] = pixels()
    elif kind == "features":
        arrays["features"] = features()
    else:
        arrays["pred_probs"] = probabilities()
    return arrays


@cache
def estimate_document():
    """Return the JSON of an estimate."""
    return make_estimate().document()


@cache
def _made():
    """Return the files of a run, and those of an estimate and its advice, made once a process."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        np.savez("data.npz", **npz_arrays("images"))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run(["estimate", "data.npz"])
            run(["recommend"])
            made = _files(Path("alfs-out"))
            run(["train", "data.npz", "--loss", "ce", "--epochs", "1", "--model", "linear"])
        (folder,) = Path("alfs-out/runs").iterdir()
        return _files(folder), made


@cache
def shard_files():
    """Return the statistics of two halves of some probabilities."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        np.save("p.npy", probabilities())
        np.save("l.npy", labels())
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for i in (1, 2):
                words = ["shard", "--pred-probs", "p.npy", "--labels", "l.npy"]
                assert run([*words, "--shard", f"{i}/2", "--to", f"{i}.npz"]) == 0
        return {name: Path(name).read_bytes() for name in ("1.npz", "2.npz")}


def _files(top):
    return {
        str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()
    }


def trained_run(root):
    """Write data.npz and a run of it; return the run's folder."""
    np.savez(root / "data.npz", **npz_arrays("images"))
    for name, content in _made()[0].items():
        path = root / "out" / "runs" / "ce-0-s0" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return "out/runs/ce-0-s0"


def results():
    """Return the files that `estimate` and `recommend` leave under --out, cache included."""
    return _made()[1]
