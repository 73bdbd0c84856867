"""Commands that take probabilities stop where their rows are out of step with the labels."""

import numpy as np
import pytest

from alfs_cli.estimating import in_passes

K = 5


@pytest.fixture
def files(tmp_path):
    """Write right labels with right probabilities, and the same with one row lost on the way."""
    g = np.random.default_rng(0)
    labels = g.integers(0, K, 1500)
    probs = np.full((1500, K), 0.02)
    probs[np.arange(1500), np.where(g.random(1500) < 0.95, labels, 0)] = 1 - 0.02 * (K - 1)
    probs = probs * np.exp(0.2 * g.normal(size=probs.shape))
    probs /= probs.sum(axis=1, keepdims=True)
    np.save(tmp_path / "right.npy", probs)
    np.save(tmp_path / "moved.npy", probs[np.r_[:900, 901:1500, 1499]])
    np.save(tmp_path / "mixed.npy", g.permutation(probs))
    np.save(tmp_path / "y.npy", labels)
    np.savez(tmp_path / "rows.npz", features=probs @ g.normal(size=(K, 8)), labels=labels)


def words(file):
    return "--pred-probs", file, "--labels", "y.npy"


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("command", ["estimate", "check"])
def test_rows_out_of_step(alfs, files, command, is_streamed, monkeypatch):
    if is_streamed:
        monkeypatch.setattr(in_passes, "TOO_MANY", {"auto": 100, "confident": 100})
    done = alfs(command, *words("moved.npy"))
    assert done.code == 2
    assert done.out == ""
    assert "error: labels and probabilities look out of step: in rows 900 to 1,498" in done.err
    assert "the row before" in done.err
    assert "--rows-as-given" in done.err
    assert alfs(command, *words("right.npy")).code == 0
    kept = alfs(command, *words("moved.npy"), "--rows-as-given")
    assert kept.code == 0
    assert "out of step" not in kept.err
    mixed = alfs(command, *words("mixed.npy"))
    assert "as often as by chance: are the rows of the probabilities" in mixed.err


def test_a_sample_shows_it_too(alfs, files):
    done = alfs("estimate", *words("moved.npy"), "--max-examples", "900")
    assert done.code == 2
    assert "out of step" in done.err


def test_a_second_view_out_of_step_is_refused(alfs, files):
    done = alfs("estimate", "rows.npz", "--prior-probs", "moved.npy")
    assert done.code == 2
    assert "out of step" in done.err
    assert alfs("estimate", "rows.npz", "--prior-probs", "moved.npy", "--rows-as-given").code == 0


def test_labels_that_slipped_are_told(alfs, files, tmp_path):
    labels = np.load(tmp_path / "y.npy")
    np.save(tmp_path / "slipped.npy", np.r_[labels[:900], labels[901:], labels[-1]])
    done = alfs("estimate", "rows.npz", "--labels", "slipped.npy")
    assert done.code == 0
    assert "the labels may have slipped: in rows 900 to" in done.err
    assert "slipped" not in alfs("estimate", "rows.npz").err
