"""Commands on data at addresses: what they say, save and write names addresses, and no secret."""

import io
import json
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import alfs_cli
from alfs_cli.errors import InputError, UsageError

NAMES = ("a cat", "50% dog")


@pytest.fixture
def store(tmp_path_factory, monkeypatch):
    """A store with a table of features, a folder of pictures and manifests that list them."""
    monkeypatch.setenv("ALFS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    fs = fsspec.filesystem("memory")
    generator = np.random.default_rng(0)
    lines = ["path,label"]
    for number in range(40):
        label = number % 2
        pixels = generator.integers(0, 80, (6, 6)) + 150 * label
        stream = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
        path = f"photos/{NAMES[label]}/{number}.png"
        fs.pipe_file(f"/d/{path}", stream.getvalue())
        lines.append(f"{path},{NAMES[label if number else 1]}")  # the first label is wrong
    fs.pipe_file("/d/labels.csv", "\n".join(lines).encode())
    y = np.arange(60) % 2
    X = 4 * y[:, None] + generator.normal(size=(60, 3))
    frame = pd.DataFrame(X, columns=list("abc")).assign(label=np.array(NAMES)[y])
    with fs.open("/d/table.parquet", "wb") as file:
        frame.to_parquet(file)
    for name, array in (("X", X), ("P", 0.1 + 0.8 * np.eye(2)[y]), ("y", y)):
        with fs.open(f"/d/{name}.npy", "wb") as file:
            np.save(file, array)
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


def written():
    """Return all that lies in the current folder, as one text."""
    files = [path for path in Path().rglob("*") if path.is_file()]
    assert files
    return b"\n".join(path.read_bytes() for path in files).decode("utf-8", "replace")


def test_a_folder_and_what_is_told_of_it(alfs, store):
    done = alfs("estimate", "memory://d/photos", "--all-scores")
    assert done.code == 0, done.err
    assert "note: fetching 40 files" in done.err
    saved = json.loads(Path("alfs-out/estimate.json").read_text())["data"]
    assert saved["source"] == saved["spec"]["source"] == "memory://d/photos"
    listed = pd.read_csv("alfs-out/issues.csv")
    assert listed.path.str.startswith("memory://d/photos/").all()
    assert alfs("report", "-o", "html=page.html").code == 0
    assert "<img" in Path("page.html").read_text()
    assert "remote/memory" not in written()
    before = saved["fingerprint"]
    store.pipe_file("/d/photos/a cat/0.png", store.cat_file("/d/photos/50% dog/1.png"))
    done = alfs("doctor", "memory://d/photos", "-f", "json")
    assert done.code == 0, done.err
    assert alfs_cli.estimate("memory://d/photos").result.data.fingerprint != before


def test_a_manifest_there_and_one_here_that_lists_addresses(alfs, store):
    text = store.cat_file("/d/labels.csv").decode()
    Path("here.csv").write_text(text.replace("photos/", "memory://d/photos/"))
    Path("short.csv").write_text(text)
    found = [
        alfs_cli.estimate(*data, root=root)
        for *data, root in (
            ["memory://d/labels.csv", None], ["here.csv", "memory://d"],
            ["short.csv", "memory://d"],
        )
    ]  # fmt: skip
    assert len({est.noise_rate for est in found}) == 1
    paths = {tuple(est.suspects["path"]) for est in found}
    assert len(paths) == 1
    assert "memory://d/photos/a cat/0.png" in next(iter(paths))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("file:///etc/passwd", "names 'file:///etc/passwd'"),
        ("zip://a.png::memory://d/x.zip", "names 'zip://a.png::memory://d/x.zip'"),
        ("memory://d/none.png", "1 of 1 paths of 'bad.csv' do not exist"),
        ("memory://../none.png", "no file here can be called"),
    ],
)
def test_manifests_do_not_lead_out(alfs, store, cell, said):
    Path("bad.csv").write_text(f"path,label\n{cell},cat\n")
    done = alfs("check", "bad.csv", "--root", "memory://d")
    assert done.code == 2
    assert said in done.err
    assert "help: " in done.err


@pytest.mark.parametrize("root", [(), ("--root", "memory://elsewhere"), ("--root", ".")])
def test_nothing_outside_of_the_root_is_fetched(alfs, store, root):
    """A table that somebody gave names no place that is then asked for something."""
    Path("bad.csv").write_text("path,label\nmemory://d/photos/a cat/0.png,cat\n")
    done = alfs("check", "bad.csv", *root)
    assert done.code == 2
    assert "names a URL outside the root (line 2: 'memory://d/photos/a cat/0.png')" in done.err
    assert "--root memory:// lets alfs fetch" in done.err
    there = "path,label\n../other/0.png,cat\nmemory://e/0.png,cat\n"
    store.pipe_file("/d/bad.csv", there.encode())
    done = alfs("check", "memory://d/bad.csv")
    assert (done.code, "points outside the root" in done.err) == (2, True)


def test_tables_features_and_probabilities(alfs, store):
    assert alfs_cli.estimate("memory://d/table.parquet").n == 60
    assert alfs_cli.estimate(features="memory://d/X.npy", labels="memory://d/y.npy").n == 60
    done = alfs("estimate", "--pred-probs", "memory://d/P*.npy", "--labels", "memory://d/y.npy")
    assert done.code == 0, done.err
    assert "memory://d/P*.npy" in Path("alfs-out/estimate.json").read_text()
    done = alfs(
        "shard", "--pred-probs", "memory://d/P.npy", "--labels", "memory://d/y.npy",
        "--shard", "1/1", "--to", "1.npz",
    )  # fmt: skip
    assert done.code == 0, done.err
    done = alfs("features", "memory://d/table.parquet", "--to", "feats")
    assert done.code == 0, done.err
    assert "memory://d/table.parquet" in Path("feats/_features.json").read_text()
    for path in Path("feats").iterdir():
        store.put_file(str(path), f"/d/feats/{path.name}")
    assert alfs_cli.estimate("memory://d/feats").result.data.source == "memory://d/feats"
    assert "remote/memory" not in written()


def test_copies_name_addresses(alfs, store):
    assert alfs("estimate", "memory://d/labels.csv").code == 0
    for words in (
        ("fix", "memory://d/labels.csv", "--relabel", "--force", "--to", "fixed.csv"),
        ("inject", "memory://d/photos", "--noise", "symmetric", "--rate", "0.2", "--to", "n.csv"),
    ):
        done = alfs(*words)
        assert done.code == 0, done.err
        table = pd.read_csv(words[-1])
        assert table["path"].str.startswith("memory://d/photos/").all()
        assert "--root 'memory://'" in done.err
        assert alfs_cli.estimate(words[-1], root="memory://").n == 40
    assert alfs("estimate", "memory://d/photos").code == 0
    done = alfs("fix", "memory://d/photos", "--drop", "--force", "--to", "tasks.json")
    assert done.code == 0, done.err
    assert json.loads(Path("tasks.json").read_text())[0]["data"]["image"].startswith("memory://d/")


def test_findings_and_messages_name_addresses(alfs, store):
    store.pipe_file("/d/photos/a cat/8.png", b"no picture")
    done = alfs("check", "memory://d/labels.csv", "-o", "sarif=x.sarif")
    assert done.code == 1, done.err
    said = written()
    assert "memory://d/photos/a cat/8.png" in said
    assert "remote/memory" not in said + done.out + done.err
    done = alfs("inspect", "memory://d/photos")
    assert done.code == 1
    assert "memory://d/photos/a cat/8.png" in done.out
    done = alfs("estimate", "memory://d/labels.csv", "--label-column", "nothing")
    assert "'memory://d/labels.csv' has no column 'nothing'" in done.err
    assert "remote/memory" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("estimate", "digits", "--out", "memory://d/out"),
        ("estimate", "digits", "-o", "json=memory://d/out.json"),
        ("inject", "digits", "--noise", "symmetric", "--rate", ".2", "--to", "memory://d/x.npz"),
        ("features", "memory://d/table.parquet", "--to", "memory://d/feats"),
        ("estimate", "digits", "--trusted", "memory://d/trusted.csv"),
    ],
)
def test_results_stay_here(alfs, store, words):
    done = alfs(*words)
    assert done.code == 2
    assert "memory://d/" in done.err
    assert "only DATA" in done.err
    assert not Path("memory:").exists()


def test_programs_write_no_folder_named_after_an_address(alfs, store):
    found = alfs_cli.estimate("memory://d/table.parquet")
    with pytest.raises(UsageError, match="memory://d/out"):
        found.save("memory://d/out")
    assert not Path("memory:").exists()
    with pytest.raises(InputError, match=r"no such file or folder: 'memory://d/none\.csv'"):
        alfs_cli.estimate("memory://d/none.csv")


def test_a_run_records_no_secret(alfs, store):
    done = alfs("train", "https://me:secret@host/x.npz?signature=secret", "--loss", "ce")
    assert done.code == 2
    assert "DATA 'https://host/x.npz' holds a password or a query" in done.err
    assert "secret" not in done.err


def test_a_run_is_trained_and_repeated(alfs, store):
    done = alfs("train", "memory://d/table.parquet", "--loss", "ce", "--epochs", "1")
    assert done.code == 0, done.err
    (config,) = Path("alfs-out/runs").glob("*/config.yaml")
    assert "memory://d/table.parquet" in config.read_text()
    done = alfs("train", "--config", str(config), "--out", "again")
    assert done.code == 0, done.err
