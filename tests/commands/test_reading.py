"""What people bring, through the command line: notes, findings and what is told to do."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

N = 120
KINDS = np.arange(N) % 2
X = np.random.default_rng(0).normal(6.0 * KINDS).round(3)
LABELS = np.asarray(["cat", "dog"], dtype=object)[KINDS]
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


def document():
    return json.loads(Path("alfs-out/check.json").read_text(encoding="utf-8"))


def encoded(shade, seed):
    pixels = np.random.default_rng(seed).integers(0, 60, (8, 8)) + shade
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("word", ["nan", "<NA>", "\u00a0"])
def test_a_missing_word_fails_the_gate_and_names_its_lines(alfs, word):
    labels = LABELS.copy()
    labels[[0, 9]] = word
    pd.DataFrame({"x": X, "label": labels}).to_csv("m.csv", index=False)
    assert alfs("check", "m.csv", "-q").code == 1
    lines = [found["line"] for found in document()["findings"] if found["rule"] == "ALFS406"]
    assert lines == [2, 11]
    done = alfs("estimate", "m.csv")
    assert done.code == 2
    assert "(lines 2, 11; ALFS406)" in done.err
    assert "--classes" in done.err
    if word.strip():
        named = alfs("check", "m.csv", "--classes", f"cat,dog,{word}", "-q")
        assert "ALFS406" not in {found["rule"] for found in document()["findings"]}, named.err


def test_a_word_that_may_be_a_class_is_noted(alfs):
    labels = LABELS.copy()
    labels[::10] = "None"
    pd.DataFrame({"x": X, "label": labels}).to_csv("m.csv", index=False)
    done = alfs("check", "m.csv")
    assert "12 labels 'None' are taken for a class of that name: if they are missing" in done.err


def test_rounded_probabilities_give_one_note_streamed_or_not(alfs, monkeypatch):
    """And shards of them merge to exactly the result of one pass."""
    generator = np.random.default_rng(0)
    probs = generator.dirichlet(np.full(3, 0.4), 600)
    labels = [generator.choice(3, p=row) for row in probs]
    frame = pd.DataFrame(probs.round(2), columns=["p_a", "p_b", "p_c"])
    frame["label"] = np.asarray(["a", "b", "c"])[labels]
    frame.to_csv("p.csv", index=False)
    frame.to_parquet("p.parquet")
    notes = []
    for words in (("p.csv",), ("p.parquet",)):
        done = alfs("estimate", "--pred-probs", *words, "--in-sample-ok")
        assert done.code == 0, done.err
        notes += [line for line in done.err.splitlines() if "divided by its sum" in line]
    assert len(notes) == 2
    assert notes[0] == notes[1]
    monkeypatch.setattr("alfs_cli.estimating.in_passes.TOO_MANY", {"auto": 10, "confident": 10})
    words = ("estimate", "--pred-probs", "p.parquet", "--in-sample-ok", "-f", "json")
    done = alfs(*words)
    assert done.code == 0, done.err
    assert notes[0] in done.err
    done = alfs(*words, "--method", "confident")
    assert done.code == 0, done.err
    assert notes[0] in done.err
    whole = json.loads(done.out)
    for part in (1, 2):
        words = ("--pred-probs", "p.parquet", "--shard", f"{part}/2", "--to", f"{part}.npz")
        shard = alfs("shard", *words)
        assert shard.code == 0, shard.err
        assert "divided by its sum" in shard.err
    merged = json.loads(alfs("merge", "1.npz", "2.npz", "-f", "json").out)
    assert merged["transition"] == whole["transition"]


def test_sigmoids_are_not_told_to_become_a_softmax(alfs):
    scores = 1 / (1 + np.exp(-np.random.default_rng(0).normal(size=(N, 4))))
    np.save("p.npy", scores.astype(np.float32))
    np.save("y.npy", KINDS)
    done = alfs("estimate", "--pred-probs", "p.npy", "--labels", "y.npy")
    assert done.code == 2
    assert "these look like sigmoids" in done.err
    assert "softmax" not in done.err


def test_pictures_inside_parquet_are_judged(alfs):
    pictures = [encoded(150 * kind, seed) for seed, kind in enumerate(KINDS)]
    labels = LABELS.copy()
    labels[3] = "cat"
    pictures[7] = pictures[7][:60]
    pictures[5] = pictures[4]  # the same under another label
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = pa.array([{"bytes": picture, "path": None} for picture in pictures], kind)
    pq.write_table(pa.table({"image": rows, "label": pa.array(labels)}), "m.parquet")
    done = alfs("check", "m.parquet", "--evidence", "pixels")
    assert done.code == 1, done.err
    found = {(found["rule"], found["path"], found["row"]) for found in document()["findings"]}
    assert ("ALFS402", "m.parquet", 7) in found
    assert ("ALFS103", "m.parquet", 4) in found
    done = alfs("estimate", "m.parquet", "--evidence", "pixels", "-o", "html=page.html")
    assert done.code == 0, done.err
    assert "data:image/" in Path("page.html").read_text(encoding="utf-8")
    refused = alfs("inject", "m.parquet", "--noise", "symmetric", "--rate", "0.2", "--to", "n.csv")
    assert refused.code == 2  # a copy without its pictures would be none
    assert "does not end in .npz" in refused.err
    with_pictures = ("inject", "m.parquet", "--noise", "symmetric", "--rate", "0.2")
    done = alfs(*with_pictures, "--to", "n.npz")
    assert (done.code, "pictures that cannot be read are black in the copy: 1" in done.err) == (
        0,
        True,
    ), done.err


@pytest.mark.parametrize("name", ["d/cat/00.png", "m.csv", "p.npz"])
def test_pointers_are_named_whatever_is_looked_at(alfs, name):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(LFS)
    words = ("inspect", name) if name.endswith(".png") else ("check", name)
    done = alfs(*words)
    assert done.code == (1 if name.endswith(".png") else 2)
    assert "a pointer of Git LFS" in done.out + done.err
    if done.code == 2:
        assert "help: git lfs pull" in done.err


def test_a_reviewed_list_saved_by_a_european_spreadsheet(alfs):
    labels = LABELS.copy()
    labels[[3, 8]] = ["cat", "dog"]
    pd.DataFrame({"x": X, "label": labels}).to_csv("m.csv", index=False)
    assert alfs("estimate", "m.csv", "-q").code == 0
    issues = pd.read_csv("alfs-out/issues.csv")
    assert len(issues) >= 2
    issues["decision"] = ["keep", *["nan"] * (len(issues) - 1)]
    for form in (
        {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"},
        {"sep": "\t", "decimal": ",", "encoding": "utf-16"},
        {"sep": "|", "encoding": "utf-8"},
    ):
        issues.to_csv("reviewed.csv", index=False, **form)
        words = ("--issues", "reviewed.csv", "--review", "--to", "clean.csv", "-q", "-f", "json")
        done = alfs("fix", "m.csv", *words)
        assert done.code == 0, done.err
        assert json.loads(done.out)["decided"] == 1


def test_lists_of_labels_and_one_hot_columns_are_exit_2(alfs):
    lists = ["cat", "dog", "cat,dog"]
    frame = pd.DataFrame({"x": X, "label": [lists[i % 3] for i in range(N)]})
    frame.to_csv("m.csv", index=False)
    done = alfs("check", "m.csv")
    assert done.code == 2
    assert "'cat,dog'" in done.err
    assert "single-label" in done.err
    marks = pd.DataFrame({"x": X, "cat": 1 - KINDS, "dog": KINDS})
    marks.to_csv("m.csv", index=False)
    done = alfs("check", "m.csv")
    assert done.code == 2
    assert "one-hot" in done.err
    assert "idxmax" in done.err
