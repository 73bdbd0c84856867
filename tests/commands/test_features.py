"""`alfs features`: files that are whole are kept, others made anew, nothing else written over."""

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load
from alfs_cli.data.readers.features import open_features
from alfs_cli.evidence import written
from tests.forks import forked_alfs

NAMES = ("ant", "bee", "cow")


@pytest.fixture
def table(alfs, monkeypatch):
    """table.csv: 90 rows of three numbers in files of 20 rows."""
    monkeypatch.setattr(written, "LEAST", 20)
    generator = np.random.default_rng(0)
    labels = np.arange(90) // 30
    X = 3 * np.eye(3)[labels] + generator.normal(size=(90, 3))
    frame = pd.DataFrame(X, columns=["height", "width", "depth"])
    frame["label"] = np.array(NAMES)[labels]
    frame.to_csv("table.csv", index=False)
    return alfs


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in Path(folder).glob("*.parquet")}


def test_what_is_written_is_the_data(table):
    done = table("features", "table.csv", "--to", "f", "-f", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["new"] == 5
    assert "next: alfs estimate f" in done.err
    source, read = load(DataSpec("table.csv")), load(DataSpec("f"))
    np.testing.assert_array_equal(read.features, source.features)
    np.testing.assert_array_equal(read.labels, source.labels)
    assert (read.class_names, read.fingerprint) == (source.class_names, source.fingerprint)
    assert read.columns.used == ("height", "width", "depth")
    beside = load(DataSpec("table.csv", features="f"))
    np.testing.assert_array_equal(beside.features, source.features)
    alone = load(DataSpec(None, features="f"))
    np.testing.assert_array_equal(alone.labels, source.labels)


def test_other_tools_read_the_files(table):
    table("features", "table.csv", "--to", "f")
    whole = pyarrow.parquet.ParquetDataset("f").read().to_pandas().sort_values("index")
    assert whole["label"].tolist() == pd.read_csv("table.csv")["label"].tolist()
    assert len(whole["features"].iloc[0]) == 3


def test_each_file_is_a_random_sample_although_the_data_are_sorted(table):
    table("features", "table.csv", "--to", "f")
    stream = open_features("f")
    blocks = [stream.read(number) for number in stream.numbers]
    assert all(set(block.labels) == {0, 1, 2} for block in blocks[:4])
    rows = np.concatenate([block.index for block in blocks])
    assert sorted(rows) == list(range(90))


def test_the_second_run_makes_only_what_is_missing_or_damaged(table):
    table("features", "table.csv", "--to", "f")
    before = times("f")
    cut, gone, changed = (Path("f", f"features-{n:06d}.parquet") for n in (0, 2, 3))
    whole = {path.name: path.read_bytes() for path in (cut, gone, changed)}
    cut.write_bytes(whole[cut.name][:300])
    gone.unlink()
    spoilt = bytearray(whole[changed.name])
    spoilt[200] ^= 255
    changed.write_bytes(spoilt)
    done = table("features", "table.csv", "--to", "f", "-f", "json")
    document = json.loads(done.out)
    assert (document["new"], document["kept"]) == (3, 2)
    assert {path.name: path.read_bytes() for path in (cut, gone, changed)} == whole
    after = times("f")
    assert [before[name] == after[name] for name in sorted(before)] == [0, 1, 0, 0, 1]


def test_it_goes_on_after_it_was_killed(table, monkeypatch):
    """At the third of five files, without a chance to tidy up."""
    write = written.write_block

    def die(folder, about, block):
        if block.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        write(folder, about, block)

    with monkeypatch.context() as patch:
        patch.setattr(written, "write_block", die)
        process = forked_alfs("features", "table.csv", "--to", "f", "-q", stdout=subprocess.PIPE)
        process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    document = json.loads(table("features", "table.csv", "--to", "f", "-f", "json").out)
    assert (document["new"], document["kept"], document["complete"]) == (3, 2, True)


def test_two_at_once_make_one_folder(table):
    words = ("features", "table.csv", "--to", "f", "-q")
    both = [forked_alfs(*words, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=120) and process.returncode for process in both] == [0, 0]
    assert table("features", "table.csv", "--to", "alone").code == 0
    one, two = ({p.name: p.read_bytes() for p in Path(d).iterdir()} for d in ("f", "alone"))
    assert one == two


def test_shards_make_the_files_of_one_run(table):
    table("features", "table.csv", "--to", "one")
    first = table("features", "table.csv", "--to", "two", "--shard", "2/2")
    assert (first.code, "the other shards" in first.err) == (0, True)
    missing = table("estimate", "two")
    assert (missing.code, "files of 'two' are missing" in missing.err) == (2, True)
    assert table("features", "table.csv", "--to", "two", "--shard", "1/2").code == 0
    one, two = ({p.name: p.read_bytes() for p in Path(d).glob("*.parquet")} for d in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("table.csv", "--to", "full"), "is not empty, and has no _features.json"),
        (("table.csv", "--to", "table.csv"), "is no folder"),
        (("table.csv", "--to", "x", "--shard", "9/8"), "not I/N"),
        (("table.csv", "--to", "x", "--shard", "1/9"), "is empty"),
        (("other.csv", "--to", "f"), "holds features of other data"),
        (("f", "--to", "x"), "holds features already"),
        (("table.csv", "--to", "x", "--max-bad", "2"), "--max-bad"),
        (("table.csv", "--to", "x", "--encoder", "efficientnet-lite0"), "neither pictures"),
        (("table.csv", "--to", "x", "--executor", "dask"), "unknown executor 'dask'"),
        (("texts.csv", "--to", "x"), "TF-IDF needs all of them"),
    ],
)
def test_what_is_refused(table, words, says):
    table("features", "table.csv", "--to", "f")
    Path("full").mkdir()
    Path("full", "mine.txt").write_text("mine")
    pd.read_csv("table.csv")[::-1].to_csv("other.csv", index=False)
    texts = [f"the {NAMES[i % 3]} said so on day {i}" for i in range(60)]
    pd.DataFrame({"text": texts, "label": [NAMES[i % 3] for i in range(60)]}).to_csv("texts.csv")
    before = times("f")
    done = table("features", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "help: " in done.err
    assert times("f") == before
    assert [p.name for p in Path("full").iterdir()] == ["mine.txt"]


def test_a_file_of_another_tool_is_not_written_over(table):
    table("features", "table.csv", "--to", "f")
    pd.DataFrame({"a": [1]}).to_parquet("f/features-000001.parquet")
    done = table("features", "table.csv", "--to", "f")
    assert (done.code, "was not written by `alfs features`" in done.err) == (2, True)
    assert pd.read_parquet("f/features-000001.parquet")["a"].tolist() == [1]
    assert table("estimate", "f").code == 2


@pytest.fixture
def pictures(alfs):
    """pictures/: 24 of two classes, one of which is cut short."""
    generator = np.random.default_rng(0)
    for i in range(24):
        folder = Path("pictures", ("ant", "bee")[i % 2])
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 255, (32, 32, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")
    whole = Path("pictures/bee/05.png").read_bytes()
    Path("pictures/bee/05.png").write_bytes(whole[: len(whole) // 2])
    return alfs


def test_pictures_that_cannot_be_read_are_named_or_left_out(pictures):
    done = pictures("features", "pictures", "--to", "f")
    assert done.code == 2
    assert "1 of 24 examples cannot be read, over 1 %: 'pictures/bee/05.png'" in done.err
    done = pictures("features", "pictures", "--to", "g", "--max-bad", "0.1", "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert [one["path"] for one in document["unread"]] == ["pictures/bee/05.png"]
    assert document["examples"] == 23
    read = load(DataSpec("g"))
    assert len(read) == 23
    lost = document["unread"][0]["row"]
    assert read.positions.tolist() == [row for row in range(24) if row != lost]
    assert read.paths == tuple(
        p for i, p in enumerate(load(DataSpec("pictures")).paths) if i != lost
    )
    inside = pictures("features", "pictures", "--to", "pictures/f")
    assert (inside.code, "lies in 'pictures'" in inside.err) == (2, True)


def test_features_of_pictures_are_those_of_an_estimate(pictures):
    from alfs_cli.evidence.encoders import find_encoder
    from alfs_cli.evidence.representations import representation

    Path("pictures/bee/05.png").unlink()
    assert pictures("features", "pictures", "--to", "f").code == 0
    X, _ = representation(load(DataSpec("pictures")), "encoder", (find_encoder(),))
    np.testing.assert_allclose(load(DataSpec("f")).features, X, atol=2e-3)
