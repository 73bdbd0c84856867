"""Commands that take probabilities stop where their columns look permuted."""

import numpy as np
import pytest

from alfs_cli.estimating import in_passes

K = 11


@pytest.fixture
def files(tmp_path):
    """Write right probabilities, and the same with their columns as text sorts 0 .. 10."""
    g = np.random.default_rng(0)
    labels = g.integers(0, K, 3000)
    probs = np.full((3000, K), 0.02)
    probs[np.arange(3000), np.where(g.random(3000) < 0.9, labels, 0)] = 1 - 0.02 * (K - 1)
    np.save(tmp_path / "right.npy", probs)
    np.save(tmp_path / "moved.npy", probs[:, sorted(range(K), key=str)])
    np.save(tmp_path / "y.npy", labels)
    np.savez(tmp_path / "d.npz", pred_probs=np.load(tmp_path / "moved.npy"), labels=labels)


def words(file):
    return "--pred-probs", file, "--labels", "y.npy"


@pytest.mark.parametrize("command", ["estimate", "check"])
def test_permuted_columns(alfs, files, command):
    done = alfs(command, *words("moved.npy"))
    assert done.code == 2
    assert done.out == ""
    assert "error: columns look permuted: " in done.err
    assert "--columns-as-given" in done.err
    assert alfs(command, *words("right.npy")).code == 0
    assert alfs(command, *words("moved.npy"), "--columns-as-given", "--no-require-dominance"
                if command == "check" else "--seed=0").code == 0  # fmt: skip
    assert alfs(command, "d.npz").code == 2


def test_permuted_columns_of_a_stream(alfs, files, monkeypatch):
    monkeypatch.setattr(in_passes, "TOO_MANY", {"auto": 100, "confident": 100})
    assert "columns look permuted" in alfs("estimate", *words("moved.npy")).err
    assert alfs("estimate", *words("right.npy")).code == 0
    assert alfs("estimate", *words("moved.npy"), "--columns-as-given").code == 0


def test_permuted_columns_of_shards(alfs, files):
    for file in ("moved", "right"):
        for part in ("1", "2"):
            shard = ("--shard", f"{part}/2", "--to", f"{file}{part}.npz")
            assert alfs("shard", *words(f"{file}.npy"), *shard).code == 0
    done = alfs("merge", "moved1.npz", "moved2.npz")
    assert done.code == 2
    assert "columns look permuted" in done.err
    assert alfs("merge", "right1.npz", "right2.npz").code == 0
    assert alfs("merge", "moved1.npz", "moved2.npz", "--columns-as-given").code == 0


def test_the_setting_in_a_file(alfs, files, tmp_path):
    (tmp_path / "alfs.yaml").write_text("check:\n  columns-as-given: true\n")
    assert "columns look permuted" not in alfs("check", *words("moved.npy")).err
