"""Folders of shards: Parquet as the Hub stores it, and tar archives."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from alfs_cli.copies.writing import write_edited
from alfs_cli.data import DataSpec, load, splits_of
from alfs_cli.data.images.stored import open_pictures
from alfs_cli.errors import InputError
from tests.data.readers.test_folders import encoded, save, table


def parquet(path, count, first=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = table(count, first=first)
    pq.write_table(whole, path, row_group_size=2)


def tar(path, count, first=0):
    with tarfile.open(path, "w") as archive:
        for i in range(first, first + count):
            for name, content in ((f"{i}.png", encoded(i)), (f"{i}.cls", b"%d" % (i % 3))):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def pixels(numbers):
    return np.stack([np.asarray(Image.open(io.BytesIO(encoded(i)))) for i in numbers])


@pytest.mark.parametrize("place", [".", "data"])
def test_parquet_of_the_hub(tmp_path, place):
    for shard in range(3):
        parquet(tmp_path / place / f"train-{shard:05d}-of-00003.parquet", 6, first=6 * shard)
    parquet(tmp_path / place / "validation-00000-of-00001.parquet", 3, first=90)
    spec = DataSpec(str(tmp_path))
    assert splits_of(spec) == ("train", "val")
    dataset = load(spec)
    assert (dataset.kind, dataset.split) == ("shards", "train")
    assert dataset.labels.tolist() == [i % 3 for i in range(18)]
    read, readable = dataset.images.decode(np.arange(18)[::-1])
    assert readable.all()
    assert (read[::-1] == pixels(range(18))).all()
    other = load(DataSpec(str(tmp_path), split="validation"))
    assert (other.images.decode(np.arange(3))[0] == pixels(range(90, 93))).all()


def test_shards_without_splits_are_one_table(tmp_path):
    for shard, name in enumerate("abc"):
        parquet(tmp_path / f"{name}.parquet", 6, first=6 * shard)
    assert splits_of(DataSpec(str(tmp_path))) == ()
    assert len(load(DataSpec(str(tmp_path)))) == 18


def test_archives(tmp_path):
    for shard in range(3):
        tar(tmp_path / f"shard-{shard:06d}.tar", 6, first=6 * shard)
    dataset = load(DataSpec(str(tmp_path)))
    assert dataset.labels.tolist() == [i % 3 for i in range(18)]
    assert (dataset.images.decode(np.arange(18))[0] == pixels(range(18))).all()


def test_memory_is_bounded_over_all_shards(tmp_path, monkeypatch):
    for shard in range(3):
        parquet(tmp_path / f"{shard}.parquet", 6, first=6 * shard)
    monkeypatch.setattr("alfs_cli.data.images.stored.KEPT_BYTES", 1000)
    column = open_pictures(tmp_path, "image")
    assert [column.content(row) for row in range(18)] == [encoded(i) for i in range(18)]
    assert {id(part.kept) for part in column.columns} == {id(column.columns[0].kept)}
    assert len(column.columns[0].kept) <= 3


def test_shards_that_differ_are_refused(tmp_path):
    parquet(tmp_path / "a.parquet", 6)
    pq.write_table(table(6).rename_columns(["image", "y"]), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet' has other columns"):
        load(DataSpec(str(tmp_path)))
    tar(tmp_path / "c.tar", 3)
    with pytest.raises(InputError, match=r"files of different kinds: \.parquet, \.tar"):
        load(DataSpec(str(tmp_path)))


def test_a_folder_of_class_folders_is_no_folder_of_shards(tmp_path, picture):
    for i in range(6):
        picture(tmp_path / "d" / "ab"[i % 2] / f"{i}.png", i)
    parquet(tmp_path / "d/features.parquet", 6)
    assert load(DataSpec(str(tmp_path / "d"))).kind == "folder"
    assert load(DataSpec(str(save(tmp_path / "e")))).kind == "huggingface"


def test_a_copy_has_all_shards_and_their_splits(tmp_path):
    parquet(tmp_path / "d/train-0.parquet", 6)
    parquet(tmp_path / "d/test-0.parquet", 3, first=50)
    dataset = load(DataSpec(str(tmp_path / "d")))
    labels = dataset.labels.copy()
    labels[1] = 0
    write_edited(dataset, labels, np.ones(6, dtype=bool), tmp_path / "c.parquet")
    copy = load(DataSpec(str(tmp_path / "c.parquet")))
    assert copy.labels.tolist() == [0, 0, 2, 0, 1, 2]
    assert (copy.images.decode(np.arange(6))[0] == pixels(range(6))).all()
    assert len(load(DataSpec(str(tmp_path / "c.parquet"), split="test"))) == 3


def test_a_copy_of_archives_is_a_table_of_keys(tmp_path):
    (tmp_path / "d").mkdir()
    tar(tmp_path / "d/0.tar", 3)
    tar(tmp_path / "d/1.tar", 3, first=3)
    dataset = load(DataSpec(str(tmp_path / "d")))
    written = write_edited(dataset, dataset.labels, np.ones(6, dtype=bool), tmp_path / "c.csv")
    assert "the pictures stay in" in written.notes[-1]
    assert Path(tmp_path / "c.csv").read_text().split() == [
        "__key__,label", "0,0", "1,1", "2,2", "3,0", "4,1", "5,2",
    ]  # fmt: skip
