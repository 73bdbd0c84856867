"""The order of classes that a Parquet file declares is followed."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.readers.streaming import open_probabilities
from alfs_cli.errors import InputError

NAMES = ("small", "medium", "large", "huge")
LABELS = np.arange(60) % 3
PROBS = np.full((60, 4), 0.05)
PROBS[np.arange(60), LABELS] = 0.85


def categorical(path, names=NAMES, *, ordered=True, labels=LABELS, **columns):
    cells = pd.Categorical.from_codes(labels, categories=list(names), ordered=ordered)
    pd.DataFrame({"label": cells, **columns}).to_parquet(path, index=False)
    return str(path)


def class_label(path, names=NAMES, labels=LABELS, **columns):
    features = {"label": {"names": list(names), "_type": "ClassLabel"}}
    about = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table({"label": pa.array(labels), **columns}).replace_schema_metadata(about)
    pq.write_table(table, path)
    return str(path)


@pytest.fixture
def probs(tmp_path):
    np.save(tmp_path / "p.npy", PROBS)
    return str(tmp_path / "p.npy")


@pytest.mark.parametrize("write", [categorical, class_label])
def test_declared_classes_of_labels_unused_ones_too(tmp_path, probs, write):
    spec = DataSpec(None, pred_probs=probs, labels=write(tmp_path / "y.parquet"))
    dataset = load(spec)
    assert dataset.class_names == NAMES
    assert dataset.labels.tolist() == LABELS.tolist()
    stream = open_probabilities(spec)
    assert stream.class_names == NAMES
    assert next(stream.blocks()).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("write", [categorical, class_label])
def test_declared_classes_of_data(tmp_path, probs, write):
    x = np.random.default_rng(0).normal(size=60)
    path = write(tmp_path / "d.parquet", x=x)
    for extra in ({}, {"pred_probs": probs}):
        dataset = load(DataSpec(path, **extra))
        assert dataset.class_names == NAMES
        assert dataset.labels.tolist() == LABELS.tolist()
    chosen = load(DataSpec(path, classes="huge,large,medium,small"))
    assert chosen.labels.tolist() == (3 - LABELS).tolist()


@pytest.mark.parametrize("write", [categorical, class_label])
def test_columns_with_names_are_matched_by_name_not_by_position(tmp_path, write):
    columns = {f"p_{name}": PROBS[:, NAMES.index(name)] for name in sorted(NAMES)}
    spec = DataSpec(None, pred_probs=write(tmp_path / "p.parquet", **columns))
    dataset = load(spec)
    assert dataset.class_names == NAMES
    assert (dataset.pred_probs.argmax(axis=1) == dataset.labels).all()
    stream = open_probabilities(spec)
    block = next(stream.blocks())
    assert stream.class_names == NAMES
    assert (block.probs.argmax(axis=1) == block.labels).all()


def test_a_row_without_a_label_of_the_hub(tmp_path):
    path = class_label(tmp_path / "d.parquet", labels=np.where(np.arange(60) == 7, -1, LABELS),
                       x=np.random.default_rng(0).normal(size=60))  # fmt: skip
    with pytest.raises(InputError, match="ALFS406"):
        load(DataSpec(path))


def test_categories_in_no_order_that_text_sorts_otherwise(tmp_path, probs):
    spec = DataSpec(
        None, pred_probs=probs, labels=categorical(tmp_path / "y.parquet", ordered=False)
    )
    with pytest.raises(InputError, match="categories otherwise") as caught:
        load(spec)
    assert "--classes small,medium,large,huge" in caught.value.help


def test_categories_in_no_order_that_text_sorts_alike(tmp_path, probs):
    names = ("a", "b", "c", "unused")
    labels = categorical(tmp_path / "y.parquet", names, ordered=False)
    assert load(DataSpec(None, pred_probs=probs, labels=labels)).class_names == names
    np.save(tmp_path / "p3.npy", PROBS[:, :3] / PROBS[:, :3].sum(axis=1, keepdims=True))
    three = DataSpec(None, pred_probs=str(tmp_path / "p3.npy"), labels=labels)
    assert load(three).class_names == names[:3]


def test_an_order_that_the_file_does_not_keep(tmp_path, probs):
    cells = pd.Categorical.from_codes(LABELS, categories=[2, 1, 0, 3], ordered=True)
    pd.DataFrame({"label": cells}).to_parquet(tmp_path / "y.parquet", index=False)
    with pytest.raises(InputError, match="does not keep"):
        load(DataSpec(None, pred_probs=probs, labels=str(tmp_path / "y.parquet")))


def test_two_declarations_that_differ(tmp_path, probs):
    data = categorical(tmp_path / "d.parquet", x=np.random.default_rng(0).normal(size=60))
    labels = class_label(tmp_path / "y.parquet", NAMES[::-1])
    with pytest.raises(InputError, match="different orders"):
        load(DataSpec(data, labels=labels, pred_probs=probs))
    beside = load(DataSpec(data, labels=labels))  # no columns: by name
    assert beside.class_names == NAMES
    assert beside.labels.tolist() == (3 - LABELS).tolist()


def test_names_beside_whole_numbers_in_an_npz_of_labels(tmp_path, probs):
    np.savez(tmp_path / "y.npz", labels=LABELS, class_names=np.array(NAMES))
    np.savez(tmp_path / "d.npz", features=np.random.default_rng(0).normal(size=(60, 3)),
             labels=LABELS, class_names=np.array(NAMES[::-1]))  # fmt: skip
    dataset = load(DataSpec(str(tmp_path / "d.npz"), labels=str(tmp_path / "y.npz")))
    assert dataset.class_names == NAMES[::-1]
    assert dataset.labels.tolist() == (3 - LABELS).tolist()


@pytest.mark.parametrize("about", [b"[", b"[]", b'{"info": 3}', b'{"info": {"features": []}}',
                                   b'{"info": {"features": {"label": {"_type": "ClassLabel"}}}}',
                                   b'{"info": {"features": {"label": {"_type": "ClassLabel", '
                                   b'"names": ["a", "a"]}}}}'])  # fmt: skip
def test_notes_that_declare_nothing(tmp_path, probs, about):
    table = pa.table({"label": pa.array(LABELS)})
    pq.write_table(table.replace_schema_metadata({b"huggingface": about, b"pandas": about}),
                   tmp_path / "y.parquet")  # fmt: skip
    spec = DataSpec(None, pred_probs=probs, labels=str(tmp_path / "y.parquet"))
    assert load(spec).class_names == ("0", "1", "2", "3")
