"""Files of our own with one thing changed: read as they are or refused, and never a bug."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file


def changes(array):
    """Return an array under other types, shapes and values."""
    whole = array.dtype.kind in "iu"
    kept = [array[None], array.ravel()[:-1], array.astype("U9"), array.astype(complex)]
    kept += [np.zeros((0, *array.shape[1:]), array.dtype), array.astype(bool), np.array("x")]
    filled = (-1, 2**40, 2**62) if whole else (-1.0, 7.0, np.nan, np.inf)
    kept += [np.full_like(array, value) for value in filled]
    return [*kept, array.astype(np.float64) if whole else array.astype(np.int64)]


@pytest.fixture
def shards(alfs):
    """Two files of statistics, of two halves of the same probabilities."""
    g = np.random.default_rng(0)
    labels = g.integers(0, 3, 600)
    logits = g.normal(size=(600, 3)) + 2 * np.eye(3)[labels]
    np.save("p.npy", np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    np.save("y.npy", labels)
    words = ("shard", "--pred-probs", "p.npy", "--labels", "y.npy", "-q")
    for i in (1, 2):
        assert alfs(*words, "--shard", f"{i}/2", "--to", f"{i}.npz").code == 0
    return alfs


def test_statistics_of_a_shard(shards):
    with np.load("1.npz") as file:
        arrays = dict(file)
    accepted = 0
    for key, array in arrays.items():
        for value in [*changes(array), None] if key != "about" else [None]:
            left = {name: one for name, one in arrays.items() if name != key}
            np.savez("x.npz", **left, **({} if value is None else {key: value}))
            done = shards("merge", "x.npz", "2.npz", "-q")
            assert done.code in (0, 2), (key, value, done.err)
            assert done.code == 2 or value.shape == array.shape, (key, value)
            accepted += done.code == 0
    assert accepted < 10


@pytest.mark.parametrize("key", ["part", "parts", "count", "classes", "fingerprint", "spec"])
def test_what_a_shard_says_of_itself(shards, key):
    with np.load("1.npz") as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"].item()))
    wrong = [None, -1, 0, 1.5, True, "x", [], {}, [1], {"x": 1}, 2**70, ["a", "a", "b"]]
    for value in [value for value in wrong if (key, value) != ("spec", {})]:
        changed = np.array(json.dumps({**about, key: value}))
        np.savez("x.npz", **{**arrays, "about": changed})
        for other in (("x.npz", "2.npz"), ("x.npz", "x.npz"), ("x.npz",)):
            done = shards("merge", *other, "-q")
            assert done.code == 2, (key, value, done.err)
            assert "Traceback" not in done.err


@pytest.fixture
def trained(alfs):
    g = np.random.default_rng(0)
    labels = np.arange(60) % 3
    np.savez("a.npz", features=g.normal(size=(60, 4)) + labels[:, None], labels=labels)
    words = ("train", "a.npz", "--loss", "ce", "--epochs", "1", "--model", "linear", "-q")
    assert alfs(*words).code == 0
    (run,) = Path("alfs-out/runs").iterdir()
    return alfs, run


ODD = [None, -1, 10**6, 2**70, 0.5, "x", b"x", [], {}, (), True, [1], {"a": 1}, float("nan"),
       torch.zeros(0), torch.zeros(2, 2), torch.tensor(1), torch.ones(3, dtype=torch.complex64),
       torch.zeros(5056, dtype=torch.uint8)]  # fmt: skip


def test_checkpoints(trained):
    alfs, run = trained
    (run / "result.json").unlink()
    path = run / "checkpoints/last.pt"
    state = torch.load(path, weights_only=True)
    for key in state:
        for value in [*ODD, KeyError]:
            left = {name: one for name, one in state.items() if name != key}
            torch.save(left if value is KeyError else {**left, key: value}, path)
            done = alfs("train", "--resume", str(run), "-q")
            (run / "result.json").unlink(missing_ok=True)
            is_tensor = isinstance(value, torch.Tensor)
            is_same = value.shape == () if key == "hits" and is_tensor else False
            if not is_tensor:
                fits = (("seconds", 10**6), ("seconds", 0.5), ("objective", {}))
                is_same = (key, value) in fits
            assert done.code == (0 if is_same else 2), (key, value, done.err)


def test_weights(trained):
    alfs, run = trained
    path = run / "model.safetensors"
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["alfs"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

    def evaluated(about, weights):
        save_file(weights, path, metadata={"alfs": json.dumps(about)})
        return alfs("evaluate", str(run), "a.npz", "-q").code

    assert evaluated(about, weights) == 0
    for key in ("schema", "model", "shape", "classes"):
        for value in (None, -1, 0.5, "x", [], {}, True, ["a"], [1, 2, 3], {"num_features": -1},
                      {"num_features": 10**9}, {"channels": 3}, {"num_features": "4"}):  # fmt: skip
            assert evaluated({**about, key: value}, weights) == 2, (key, value)
    for name, tensor in weights.items():
        odd = [tensor[:0], tensor[None], tensor.double(), tensor.half(), tensor.long()]
        odd += [torch.full_like(tensor, float("nan"))]
        for value in odd:
            assert evaluated(about, {**weights, name: value.contiguous()}) == 2, name
        assert evaluated(about, {k: v for k, v in weights.items() if k != name}) == 2
