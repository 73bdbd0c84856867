"""What is tested on: the first that applies, and whose labels count as true."""

import shutil

import numpy as np
import pytest

from alfs_cli.data import DataSpec, load, train_and_test
from alfs_cli.data.readers.builtin import stratified_split
from alfs_cli.errors import InputError, UsageError


@pytest.fixture
def arrays(tmp_path):
    """Write an .npz of 60 examples in three classes."""

    def write(name="x.npz", count=60, **more):
        labels = np.arange(count) % 3
        values = np.random.default_rng(0).normal(size=(count, 4))
        np.savez(tmp_path / name, **{"features": values, "labels": labels, **more})
        return str(tmp_path / name)

    return write


def test_a_holdout_is_stratified_and_the_same_whatever_is_seeded(arrays):
    spec = DataSpec(arrays())
    np.random.default_rng(7)
    parts, again = train_and_test(spec), train_and_test(spec)
    assert (len(parts.train), len(parts.test)) == (48, 12)
    assert np.bincount(parts.test.labels).tolist() == [4, 4, 4]
    assert parts.test.positions.tolist() == again.test.positions.tolist()
    both = np.concatenate([parts.train.positions, parts.test.positions])
    assert sorted(both.tolist()) == list(range(60))
    assert parts.about.split == "holdout"
    assert parts.about.labels == "given"
    assert parts.about.n == 12
    assert train_and_test(spec, test_labels_are_true=True).about.labels == "true"


def test_true_labels_are_tested_on_where_they_are_known(arrays):
    truth = np.zeros(60, dtype=int)
    truth[0] = 2
    parts = train_and_test(DataSpec(arrays(true_labels=truth)))
    assert parts.about.labels == "true"
    assert (parts.test.labels == truth[parts.test.positions]).all()
    assert (parts.train.labels == np.arange(60)[parts.train.positions] % 3).all()


def test_nothing_may_be_held_out(arrays):
    parts = train_and_test(DataSpec(arrays()), holdout=0)
    assert parts.test is None
    assert parts.about is None
    assert len(parts.train) == 60
    for holdout in (-0.1, 1.0):
        with pytest.raises(UsageError, match="--holdout"):
            train_and_test(DataSpec(arrays()), holdout=holdout)


@pytest.mark.parametrize(
    ("splits", "tested"),
    [
        (("train", "val", "test"), "test"),
        (("train", "val"), "val"),
        (("train",), "holdout"),
    ],
)
def test_a_split_comes_before_a_holdout(folder, tmp_path, splits, tested):
    for name in splits:
        shutil.copytree(folder, tmp_path / "set" / name)
    parts = train_and_test(DataSpec(str(tmp_path / "set")))
    assert parts.about.split == tested
    assert parts.about.labels == "given"
    assert parts.train.split == "train"


def test_a_manifest_has_splits_too(tmp_path):
    rows = "".join(f"{i},{'ab'[i % 2]},{['train', 'test'][i // 8]}\n" for i in range(16))
    (tmp_path / "m.csv").write_text("x,label,split\n" + rows)
    parts = train_and_test(DataSpec(str(tmp_path / "m.csv")))
    assert parts.about.split == "test"
    assert parts.test.features[:, 0].tolist() == list(range(8, 16))


def test_other_data_comes_before_all(arrays, folder):
    test = DataSpec(arrays("test.npz", 9))
    parts = train_and_test(DataSpec(arrays()), test=test)
    assert (len(parts.train), len(parts.test)) == (60, 9)
    assert parts.about.source == test.source
    assert parts.about.split is None


def test_test_data_are_numbered_as_the_training_data(arrays):
    source = DataSpec(arrays(labels=np.array(["a", "b", "c"])[np.arange(60) % 3]))
    test = DataSpec(arrays("test.npz", 6, labels=np.array(["c", "b"] * 3)))
    parts = train_and_test(source, test=test)
    assert parts.test.labels.tolist() == [2, 1] * 3
    assert parts.test.class_names == ("a", "b", "c")
    other = DataSpec(arrays("other.npz", 6, labels=np.array(["c", "d"] * 3)))
    with pytest.raises(InputError, match="label 'd'"):
        train_and_test(source, test=other)


def test_the_built_in_test_split_is_clean_whatever_labels_are_trained_on(tmp_path):
    noisy = np.random.default_rng(0).integers(0, 10, 1437)
    np.save(tmp_path / "y.npy", noisy)
    parts = train_and_test(DataSpec("digits", labels=str(tmp_path / "y.npy")))
    assert (parts.train.labels == noisy).all()
    assert (parts.train.true_labels == load(DataSpec("digits")).labels).all()
    assert (parts.test.labels == load(DataSpec("digits", split="test")).labels).all()
    assert parts.about.labels == "true"


def test_training_on_the_test_split_does_not_test_on_it(folder, tmp_path):
    for name in ("train", "test"):
        shutil.copytree(folder, tmp_path / "set" / name)
    parts = train_and_test(DataSpec(str(tmp_path / "set"), split="test"))
    assert parts.train.split == "test"
    assert parts.about.split == "holdout"


def test_every_class_is_in_both_parts():
    labels = np.asarray([0] * 50 + [1] * 2 + [2])
    train, test = stratified_split(labels, 0.2)
    assert set(labels[train]) == {0, 1, 2}
    assert set(labels[test]) == {0, 1}


def test_a_test_part_with_fewer_classes_is_numbered_as_the_whole(folder, picture, tmp_path):
    shutil.copytree(folder, tmp_path / "set/train")
    picture(tmp_path / "set/test/dog/1.png")
    parts = train_and_test(DataSpec(str(tmp_path / "set")))
    assert parts.test.labels.tolist() == [1]
    assert parts.test.class_names == ("cat", "dog")
    picture(tmp_path / "set/test/fox/1.png")
    with pytest.raises(InputError, match="label 'fox'"):
        train_and_test(DataSpec(str(tmp_path / "set")))
