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


def test_accuracy_by_the_parameters_of_a_loss(alfs, run, forked_workers):
    words = ("--holdout", "0.3", "--model", "mlp", "--epochs", "2", "--jobs", "1", "--seeds", "0,1",
             "--noise", "symmetric:0.3")  # fmt: skip
    done = alfs("sweep", "data.npz", "--grid", "agce:a=0.5|2,q=0.5|2", *words)
    assert done.code == 0, done.err
    (folder,) = Path("alfs-out/sweeps").iterdir()
    done = alfs("figures", "fig3", "--from", folder.name, "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["figures"] == [{"name": "fig3", "files": files("fig3")}]
    assert [(one["loss"], one["n"]) for one in document["settings"]] == [
        (f"agce:a={a},q={q}", 2) for a in ("0.5", "2") for q in ("0.5", "2")
    ]
    lines = Path("alfs-out/figures/fig3.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 4 * 2  # a panel's name is two lines
    assert "proved" in alfs("figures", "fig3", "--from", folder.as_posix()).out

    compared = json.loads(alfs("compare", folder.name, "-f", "json").out)["rows"]
    means = {row["loss"]: row["last"]["mean"] for row in compared}
    for one in document["settings"]:
        assert one["accuracy"] == pytest.approx(means[one["loss"]])

    alone = alfs("sweep", "data.npz", "--grid", "agce:a=0.5", *words, "--out", "alone")
    assert alone.code == 0, alone.err
    (single,) = Path("alone/sweeps").iterdir()
    done = alfs("figures", "fig3", "--from", single.as_posix())
    assert (done.code, done.out) == (2, "")
    assert "has one setting of each loss: agce:a=0.5,q=0.6" in done.err
    for result in list(folder.glob("runs/*/result.json"))[:2]:
        result.unlink()
    done = alfs("figures", "fig3", "--from", folder.name)
    assert (done.code, done.out) == (2, "")
    assert "2 of 8 runs" in done.err


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
        (
            ("fig9",),
            "unknown figure 'fig9'",
            "fig1, fig2, fig3, fig4, fig5, fig6, fig7, fig8, tsne",
        ),
        (("fig3",), "fig3 shows the runs of a sweep", "alfs figures fig3 --from SWEEP"),
        (("fig3", "fig1"), "'fig3' is named beside", "alfs figures fig3 --from SWEEP"),
        (("fig3", "--from", "."), "'.' is no sweep: it holds no sweep.json", "alfs-out/sweeps"),
        (("fig3", "--from", "x"), "no such sweep: 'x'", "`alfs sweep` makes one"),
        (("fig3", "--from", "x", "--transition", "y"), "--transition is given", "--from goes with"),
        (("fig1", "tsne"), "'tsne' is named beside", "alfs figures tsne RUN"),
        (("fig1", "--from", "x"), "--from is given", "--from goes with fig3 or fig6"),
        (("fig1", "--transition", "x"), "--transition is given", "--from goes with fig3 or fig6"),
        (("fig6", "--part", "test"), "--part is given", "--from goes with fig3 or fig6"),
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
