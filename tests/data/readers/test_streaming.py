"""Probabilities in blocks are those that `load` reads whole."""

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.readers.streaming import open_probabilities
from alfs_cli.errors import InputError, UsageError

N = 100
NAMES = ("cat", "dog", "a,b")


@pytest.fixture
def probs():
    return np.random.default_rng(0).dirichlet(np.ones(3), N)


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 3, N)


def frame(probs, labels):
    table = pd.DataFrame(probs, columns=[f"p_{name}" for name in NAMES])
    return table.assign(label=np.asarray(NAMES)[labels])


def assert_same(spec, rows):
    stream, whole = open_probabilities(spec), load(spec)
    assert stream.class_names == whole.class_names
    assert stream.count == N
    for _ in range(2):  # each call starts anew
        blocks = list(stream.blocks(rows))
        assert max(len(block.labels) for block in blocks) <= rows
        starts = np.cumsum([0, *(len(block.labels) for block in blocks)])
        assert [block.start for block in blocks] == starts[:-1].tolist()
        assert (np.concatenate([block.probs for block in blocks]) == whole.pred_probs).all()
        assert (np.concatenate([block.labels for block in blocks]) == whole.labels).all()


@pytest.mark.parametrize("rows", [1000, 100, 7])
def test_parquet(tmp_path, probs, labels, rows):
    frame(probs, labels).to_parquet(tmp_path / "p.parquet", row_group_size=16)
    assert_same(DataSpec(None, pred_probs=str(tmp_path / "p.parquet")), rows)


@pytest.mark.parametrize("form", ["category", "int"])
def test_parquet_labels_of_other_types(tmp_path, probs, labels, form):
    table = frame(probs, labels)
    table["label"] = table.label.astype("category") if form == "category" else labels
    table.to_parquet(tmp_path / "p.parquet", row_group_size=16)
    assert_same(DataSpec(None, pred_probs=str(tmp_path / "p.parquet")), 30)


def test_npy_with_labels_beside(tmp_path, probs, labels):
    np.save(tmp_path / "p.npy", probs.astype(np.float32))
    np.save(tmp_path / "y.npy", labels)
    spec = DataSpec(None, pred_probs=str(tmp_path / "p.npy"), labels=str(tmp_path / "y.npy"))
    assert_same(spec, 9)
    np.save(tmp_path / "y.npy", labels[1:])
    with pytest.raises(InputError, match="labels have 99 rows, pred_probs has 100"):
        open_probabilities(spec)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_shards_follow_each_other(tmp_path, probs, labels, suffix):
    for number, rows in enumerate(np.array_split(np.arange(N), 4)):
        part, path = frame(probs[rows], labels[rows]), tmp_path / f"{number}{suffix}"
        if suffix == ".csv":
            part.to_csv(path, index=False)
        else:
            part.to_parquet(path)
    assert_same(DataSpec(None, pred_probs=str(tmp_path)), 10)
    first = open_probabilities(DataSpec(None, pred_probs=str(tmp_path))).fingerprint
    (tmp_path / f"0{suffix}").rename(tmp_path / f"9{suffix}")
    assert open_probabilities(DataSpec(None, pred_probs=str(tmp_path))).fingerprint != first


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_classes_put_columns_in_order(tmp_path, probs, labels, suffix):
    path = str(tmp_path / f"p{suffix}")
    if suffix == ".csv":
        frame(probs, labels).to_csv(path, index=False)
    else:
        frame(probs, labels).to_parquet(path)
    assert open_probabilities(DataSpec(None, pred_probs=path)).class_names == NAMES
    (tmp_path / "order.txt").write_text("a,b\ncat\ndog\n")
    spec = DataSpec(None, pred_probs=path, classes=str(tmp_path / "order.txt"))
    assert open_probabilities(spec).class_names == ("a,b", "cat", "dog")
    assert_same(spec, 50)
    with pytest.raises(InputError, match="3 columns, the data 2 classes"):
        open_probabilities(DataSpec(None, pred_probs=path, classes="cat,dog"))


def test_a_broken_row_is_named_wherever_it_is(tmp_path, probs, labels):
    probs[77] *= 2
    frame(probs, labels).to_parquet(tmp_path / "p.parquet")
    stream = open_probabilities(DataSpec(None, pred_probs=str(tmp_path / "p.parquet")))
    with pytest.raises(InputError, match=r"row 77 .* sums to 2"):
        list(stream.blocks(10))


def test_what_is_missing_is_said(tmp_path, probs, labels):
    with pytest.raises(UsageError, match="no probabilities"):
        open_probabilities(DataSpec("digits"))
    table = frame(probs, labels)
    table.drop(columns="label").to_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError, match="has no labels"):
        open_probabilities(DataSpec(None, pred_probs=str(tmp_path / "p.parquet")))
    table[["label"]].to_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError, match="no columns p_<class>"):
        open_probabilities(DataSpec(None, pred_probs=str(tmp_path / "p.parquet")))
    table.loc[3, "label"] = None
    table.to_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError, match="ALFS406"):
        list(open_probabilities(DataSpec(None, pred_probs=str(tmp_path / "p.parquet"))).blocks())
