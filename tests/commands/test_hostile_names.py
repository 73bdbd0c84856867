"""Names made to steer a terminal, through every stream and file, and back where they are read."""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CLASSES = ("a\x1b[31mred\x1b[0m", "b\u202egnp.exe", "c\x9b2J", "d\\x1b", "=e\u2066")


@pytest.fixture
def data(alfs):
    """data.npz of classes with hostile names, three labels of which are wrong."""
    labels = np.arange(200) % len(CLASSES)
    features = np.eye(len(CLASSES))[labels] * 12
    features = features + np.random.default_rng(0).normal(size=features.shape)
    labels[:3] = (labels[:3] + 1) % len(CLASSES)
    np.savez("data.npz", features=features, labels=labels, class_names=np.array(CLASSES))
    return alfs


def steering(text):
    return {c for c in text if not c.isprintable()} - {"\n", "\t"}


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_lists_steer_nothing_and_are_read_back(data):
    done = data("estimate", "data.npz", "-f", "csv")
    assert done.code == 0, done.err
    assert not steering(done.out + done.err)
    for name in ("issues.csv", "transition.csv"):
        assert not steering(Path("alfs-out", name).read_text(encoding="utf-8"))
    rows = rows_of("alfs-out/issues.csv")
    listed = pd.read_parquet("alfs-out/issues.parquet")
    assert {int(row["index"]) for row in rows} >= {0, 1, 2}
    assert set(listed["given"]) <= set(CLASSES)  # as they are
    decided = {int(row["index"]): row["suggested"] for row in rows}
    with open("reviewed.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "decision"])
        writer.writeheader()
        writer.writerows({**row, "decision": row["suggested"]} for row in rows)
    done = data("fix", "data.npz", "--review", "--issues", "reviewed.csv", "--to", "fixed.npz",
                "--allow-stale")  # fmt: skip
    assert done.code == 0, done.err
    with np.load("fixed.npz") as fixed:
        names = fixed["class_names"][fixed["labels"]]
    suggested = dict(zip(listed["index"], listed["suggested"], strict=True))
    assert len(decided) >= 3
    assert all(names[index] == suggested[index] for index in decided)
    done = data("estimate", "data.npz", "--trusted", "reviewed.csv", "--out", "again", "-q")
    assert done.code == 0, done.err
    done = data("losses", "check", "ce", "--transition", "alfs-out/transition.csv", "-f", "csv")
    assert not steering(done.out + done.err)


@pytest.mark.parametrize("format", ["csv", "text", "markdown", "html", "json", "concise", "github"])
def test_no_format_of_check_steers(data, format):
    done = data("check", "data.npz", "-f", format, "--exit-zero", "-o", f"{format}=file")
    assert done.code == 0, done.err
    assert not steering(done.out + done.err + Path("file").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["a\x1b[2Jb.csv", "\u202evsc.csv", "a\x07\x9b31m.csv"])
@pytest.mark.parametrize("text", ["path,label\n", "x\n1\n", "label\n\x1b[31m\n"])
def test_a_traceback_steers_nothing(alfs, name, text):
    Path(name).write_text(text)
    done = alfs("estimate", name, "--debug")
    assert done.code == 2
    assert "Traceback" in done.err
    assert not steering(done.err)


def test_neither_does_that_of_a_bug(alfs, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("a\x1b[31m\u202e")

    monkeypatch.setattr("alfs_cli.data.readers.arrays.read_npz", broken)
    np.savez("a.npz", labels=np.arange(4))
    done = alfs("estimate", "a.npz", "--debug")
    assert done.code == 101
    assert not steering(done.err)
    crash = Path(done.err.rpartition("the traceback is in ")[2].strip())
    text = crash.read_text(encoding="utf-8")
    crash.unlink()
    assert "a\\x1b[31m\\u202e" in text
    assert not steering(text)


@pytest.mark.parametrize("mask", [0o077, 0o027])
def test_what_is_written_is_as_private_as_the_umask_says(data, mask):
    before = os.umask(mask)
    try:
        done = data(
            "check", "data.npz", "--exit-zero", "-q", "-o", "csv=a.csv", "-o", "html=b.html"
        )
        assert data("inject", "data.npz", "--rate", "0.1", "--to", "noisy.npz", "-q").code == 0
    finally:
        os.umask(before)
    assert done.code == 0, done.err
    written = [*Path("alfs-out").rglob("*"), Path("a.csv"), Path("b.html"), Path("noisy.npz")]
    assert len(written) > 4
    for path in written:
        assert not path.stat().st_mode & mask, path
