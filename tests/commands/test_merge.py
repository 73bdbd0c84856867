"""`alfs merge` as typed: what it refuses; that shards merge to one pass is in test_shard.py."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def shards(alfs):
    """One of two shards, one of other data, and what is no shard."""
    probs = np.random.default_rng(0).dirichlet([1, 1, 1], 300)
    np.save("p.npy", probs)
    np.save("y.npy", probs.argmax(axis=1))
    np.save("other.npy", (probs.argmax(axis=1) + 1) % 3)
    words = ("shard", "--pred-probs", "p.npy", "-q")
    assert alfs(*words, "--labels", "y.npy", "--shard", "1/2", "--to", "1.npz").code == 0
    assert alfs(*words, "--labels", "other.npy", "--shard", "2/2", "--to", "other.npz").code == 0
    np.savez("p.npz", pred_probs=probs)
    return alfs


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("1.npz", "1.npz"), "is given twice"),
        (("1.npz",), "shard 2/2 is missing"),
        (("1.npz", "other.npz"), "different data"),
        (("gone.npz",), "no such file"),
        (("p.npz",), "no statistics of a shard"),
        ((), "missing argument"),
        (("1.npz", "--pred-probs", "p.npy"), "no such option: --pred-probs"),
        (("1.npz", "--method", "anchor"), "no such option: --method"),
        (("1.npz", "--trusted", "t.csv"), "no such option: --trusted"),
        (("1.npz", "--confidence", "2"), "--confidence"),
    ],
)
def test_refused(shards, words, says):
    done = shards("merge", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "help: " in done.err
    assert not Path("alfs-out/estimate.json").exists()
