"""Parquet: lists of numbers, pictures that are paths alone."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError

N = 10
LABELS = pa.array(["a", "b"] * 5)


def write(path, **columns):
    pq.write_table(pa.table({**columns, "label": LABELS}), path, row_group_size=3)
    return DataSpec(str(path))


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()),
                                  pa.list_(pa.float32(), 4)])  # fmt: skip
def test_lists_of_real_numbers_are_columns(tmp_path, kind):
    X = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    dataset = load(write(tmp_path / "m.parquet", v=pa.array(X.tolist(), kind)))
    assert np.array_equal(dataset.features, X)
    assert dataset.columns.used == ("v[0]", "v[1]", "v[2]", "v[3]")


@pytest.mark.parametrize(
    "lists",
    [
        pa.array([[1.0] * (1 + i % 2) for i in range(N)]),  # of two lengths
        pa.array([[1.0]] * 9 + [None]),
        pa.array([[1, 2]] * N),  # whole numbers, which may be labels
        pa.array([["x"]] * N),
        pa.array([[]] * N, pa.list_(pa.float32())),
    ],
)
def test_other_lists_are_no_features(tmp_path, lists):
    with pytest.raises(InputError, match="neither a column of image paths"):
        load(write(tmp_path / "m.parquet", v=lists))


def test_a_label_that_is_a_list_is_refused(tmp_path):
    pq.write_table(
        pa.table({"x": np.arange(4) + 0.5, "label": [[1, 2]] * 4}), tmp_path / "m.parquet"
    )
    with pytest.raises(InputError, match="label is not one value but a list"):
        load(DataSpec(str(tmp_path / "m.parquet")))


def test_pictures_that_are_paths_alone_are_read_from_there(tmp_path, picture):
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for i in range(N):
        picture(tmp_path / f"p/{i}.png", i)
    rows = [{"bytes": None, "path": f"p/{i}.png"} for i in range(N)]
    dataset = load(write(tmp_path / "m.parquet", image=pa.array(rows, kind)))
    assert dataset.paths[3] == str(tmp_path / "p/3.png")
    assert dataset.images.decode(np.arange(N))[1].all()
