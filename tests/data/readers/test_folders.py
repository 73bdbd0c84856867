"""Folders: as Hugging Face's save_to_disk writes them, and with metadata for each split."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load, splits_of
from alfs_cli.errors import InputError

N = 12
NAMES = ("zebra", "cat", "dog")
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FEATURES = {"image": {"_type": "Image"}, "label": {"names": list(NAMES), "_type": "ClassLabel"}}


def encoded(seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def table(count=N, first=0):
    pictures = [{"bytes": encoded(first + i), "path": None} for i in range(count)]
    labels = pa.array([i % 3 for i in range(count)], pa.int64())
    return pa.table({"image": pa.array(pictures, STRUCT), "label": labels})


def save(folder, found=None, *, files=1, features=FEATURES, embedded=False):
    """Write a folder as save_to_disk does: streams of Arrow, their names, and the features."""
    found = table() if found is None else found
    folder.mkdir(parents=True, exist_ok=True)
    if embedded:
        about = json.dumps({"info": {"features": features}})
        found = found.replace_schema_metadata({"huggingface": about})
    size = -(-len(found) // files)
    names = [f"data-{i:05d}-of-{files:05d}.arrow" for i in range(files)]
    for i, name in enumerate(names):
        with pa.ipc.new_stream(str(folder / name), found.schema) as stream:
            stream.write_table(found.slice(i * size, size), max_chunksize=3)
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("embedded", [True, False])
def test_pictures_labels_and_their_order(tmp_path, files, embedded):
    dataset = load(DataSpec(str(save(tmp_path / "d", files=files, embedded=embedded))))
    assert dataset.kind == "huggingface"
    assert dataset.class_names == NAMES
    assert dataset.labels.tolist() == [i % 3 for i in range(N)]
    pixels, readable = dataset.images.decode(np.arange(N)[::-1])
    expected = [np.asarray(Image.open(io.BytesIO(encoded(i)))) for i in range(N)]
    assert readable.all()
    assert (pixels[::-1] == expected).all()


def test_splits(tmp_path):
    save(tmp_path / "d/train")
    save(tmp_path / "d/validation", table(6, first=50))
    (tmp_path / "d/dataset_dict.json").write_text(json.dumps({"splits": ["train", "validation"]}))
    spec = DataSpec(str(tmp_path / "d"))
    assert splits_of(spec) == ("train", "val")
    assert (load(spec).split, len(load(spec))) == ("train", N)
    assert len(load(DataSpec(spec.source, split="validation"))) == 6
    with pytest.raises(InputError, match=r"no split 'test': .* has the splits train, val"):
        load(DataSpec(spec.source, split="test"))
    (tmp_path / "d/dataset_dict.json").write_text(json.dumps({"splits": ["../train"]}))
    with pytest.raises(InputError, match=r"or no folder in it"):
        load(spec)


def test_features_without_pictures(tmp_path):
    X = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 4)
    found = pa.table({"vector": lists, "label": table()["label"]})
    dataset = load(DataSpec(str(save(tmp_path / "d", found))))
    assert np.array_equal(dataset.features, X)


@pytest.mark.parametrize("length", [0, 10, 1000, -100])
def test_a_file_cut_short_is_refused(tmp_path, length):
    folder = save(tmp_path / "d")
    path = folder / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"cannot read .*\.arrow' as Arrow") as caught:
        load(DataSpec(str(folder)))
    assert caught.value.help


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("state.json", "{}", "names no files of the folder"),
        ("state.json", '{"_data_files": [{"filename": "../x.arrow"}]}', "names no files of"),
        ("state.json", '{"_data_files": [{"filename": "x.arrow"}]}', "no such file"),
        ("state.json", "[" * 10**5, "cannot read"),
        ("data-00000-of-00001.arrow", "x" * 5000, "as Arrow"),
    ],
)
def test_what_is_broken_is_refused(tmp_path, name, content, says):
    (save(tmp_path / "d") / name).write_text(content)
    with pytest.raises(InputError, match=says):
        load(DataSpec(str(tmp_path / "d")))


def test_a_label_of_several_classes_is_refused(tmp_path):
    found = table().drop_columns("label").append_column("label", pa.array([[0, 1]] * N))
    with pytest.raises(InputError, match=r"label is not one value but a list"):
        load(DataSpec(str(save(tmp_path / "d", found, features={"image": FEATURES["image"]}))))


def metadata(folder, picture, suffix=".csv", first=0):
    rows = [{"file_name": f"{i}.png", "label": ("cat", "dog")[i % 2]} for i in range(4)]
    for i in range(4):
        picture(folder / f"{i}.png", first + i)
    if suffix == ".csv":
        text = "".join(f"{row['file_name']},{row['label']}\n" for row in rows)
        (folder / "metadata.csv").write_text(f"file_name,label\n{text}")
    else:
        (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_metadata_for_each_split(tmp_path, picture, suffix):
    metadata(tmp_path / "train", picture, suffix)
    metadata(tmp_path / "test", picture, suffix, first=9)
    spec = DataSpec(str(tmp_path))
    assert set(splits_of(spec)) == {"train", "test"}
    dataset = load(spec)
    assert (dataset.split, dataset.class_names, len(dataset)) == ("train", ("cat", "dog"), 4)
    assert dataset.images.decode(np.arange(4))[1].all()
    assert load(DataSpec(str(tmp_path), split="test")).paths[0] == str(tmp_path / "test/0.png")
