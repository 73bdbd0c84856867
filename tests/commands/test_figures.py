"""`alfs figures`: what it writes, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from alfs_cli.results.estimate import Truth

TRAIN = ("--loss", "gce", "--model", "mlp", "--epochs", "1", "--holdout", "0.3", "-f", "json")


@pytest.fixture
def run(alfs):
    """Return the folder of a short run on 100 examples, with a third of its labels wrong."""
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 3
    np.savez("data.npz", features=rng.normal(size=(100, 4)) + 3 * np.eye(3, 4)[labels],
             labels=labels)  # fmt: skip
    words = ("--noise", "symmetric", "--noise-rate", "0.33")
    done = alfs("train", "data.npz", *TRAIN, *words)
    assert done.code == 0, done.err
    return json.loads(done.out)["run"]


def files(name):
    return [f"alfs-out/figures/{name}{suffix}" for suffix in (".png", ".svg", ".csv")]


def test_matrices_of_files_and_of_an_estimate(alfs, estimate):
    T = ((0.9, 0.1, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    np.save("T.npy", np.array(T))
    estimate(truth=Truth(0.1, 9.0, T, 0.05)).save(Path("estimate.json"))
    done = alfs("figures", "fig6", "--transition", "T.npy", "-f", "json")
    assert json.loads(done.out)["figures"] == [{"name": "fig6", "files": files("fig6")}]
    assert '"T.npy\nclean level 9",0,1,0.1' in Path("alfs-out/figures/fig6.csv").read_text()
    assert alfs("figures", "fig6", "--from", "estimate.json", "-q").code == 0
    panels = Path("alfs-out/figures/fig6.csv").read_text()
    assert '"estimated' in panels
    assert '"true' in panels


def test_features_of_a_run(alfs, run):
    done = alfs("figures", "tsne", run, "--part", "train", "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["figures"][0]["files"] == files("tsne")
    (shown,) = document["runs"]
    assert (shown["n"], shown["noise"]) == (70, "symmetric 0.33")
    assert 20 <= shown["wrong"] <= 26
    rows = Path("alfs-out/figures/tsne.csv").read_text().splitlines()
    assert sum(row.endswith(",1") for row in rows) == shown["wrong"]

    done = alfs("figures", "fig5", Path(run).name, "-f", "json")
    (shown,) = json.loads(done.out)["runs"]
    assert (shown["n"], shown["wrong"]) == (30, 0)
    assert shown["classes"] == "given label"
    assert "true labels are not known" in done.err


def test_runs_that_cannot_be_drawn(alfs, run):
    Path("empty").mkdir()
    for words, cause, remedy in (
        (("empty",), "is no run", "runs are the folders"),
        ((run, "--data", "other.npz"), "other.npz", ""),
        ((run, "--part", "all"), "unknown part 'all'", "test, train"),
        ((run, "--data", "data.npz", "--part", "train"), "--part", "leave one"),
        ((run, "--split", "train"), "--split is given", "alfs figures -h"),
        ((), "none is named", "alfs figures tsne RUN"),
    ):
        done = alfs("figures", "tsne", *words)
        assert done.code == 2, words
        assert cause in done.err
        assert f"help: {remedy}" in done.err or remedy in done.err
    weights = Path(run, "model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-100])
    done = alfs("figures", "tsne", run)
    assert done.code == 2
    assert "model.safetensors" in done.err
    weights.unlink()
    assert "help: " in alfs("figures", "tsne", run).err
    assert not Path("alfs-out/figures").exists()


@pytest.mark.parametrize(
    ("words", "cause", "remedy"),
    [
        (("fig9",), "unknown figure 'fig9'", "fig1, fig2, fig4, fig5, fig6, fig7, fig8, tsne"),
        (("fig3",), "fig3 of the paper shows trained networks", "alfs sweep"),
        (("fig1", "tsne"), "'tsne' is named beside", "alfs figures tsne RUN"),
        (("fig1", "--from", "x"), "--from is given", "--from and --transition go with"),
        (("fig1", "--transition", "x"), "--transition is given", "--from and --transition go with"),
        (("fig6", "--part", "test"), "--part is given", "--from and --transition go with"),
        (("fig6", "--from", "x", "--transition", "y"), "each name", "leave one"),
        (("fig6", "--from", "none.json"), "none.json", ""),
        (("fig6", "--transition", "none.csv"), "none.csv", ""),
    ],
)
def test_what_does_not_go_together(alfs, words, cause, remedy):
    done = alfs("figures", *words)
    assert (done.code, done.out) == (2, "")
    assert cause in done.err
    assert remedy in done.err.partition("help: ")[2]
