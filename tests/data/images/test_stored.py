"""Pictures inside Parquet, as the Hub stores them."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load
from alfs_cli.data.images.stored import open_pictures
from alfs_cli.errors import InputError
from alfs_cli.inspecting.examples import problem_finding

N = 30
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def encoded(seed, suffix="PNG"):
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, suffix)
    return stream.getvalue()


PICTURES = [encoded(seed, "PNG" if seed % 2 else "BMP") for seed in range(N)]


def column(kind, pictures):
    match kind:
        case "struct":
            rows = [{"bytes": p, "path": f"{i}.png"} for i, p in enumerate(pictures)]
            return pa.array(rows, STRUCT)
        case "large":
            return pa.array(pictures, pa.large_binary())
        case _:
            return pa.array(pictures, pa.binary())


def write(path, kind="struct", *, name="image", pictures=PICTURES, group=7, **more):
    labels = pa.array([f"c{i % 2}" for i in range(len(pictures))])
    table = pa.table({"row": range(len(pictures)), name: column(kind, pictures), "label": labels})
    for key, values in more.items():
        table = table.append_column(key, pa.array(values))
    pq.write_table(table, path, row_group_size=group)
    return path


@pytest.mark.parametrize("kind", ["struct", "binary", "large"])
@pytest.mark.parametrize("name", ["image", "img"])
@pytest.mark.parametrize("group", [1, 7, 1000])
def test_the_pixels_are_those_of_the_pictures(tmp_path, kind, name, group):
    dataset = load(DataSpec(str(write(tmp_path / "m.parquet", kind, name=name, group=group))))
    assert dataset.class_names == ("c0", "c1")
    assert dataset.paths is None
    order = np.random.default_rng(0).permutation(N)
    pixels, readable = dataset.images.decode(order)
    assert readable.all()
    for place, row in enumerate(order):
        assert np.array_equal(pixels[place], np.asarray(Image.open(io.BytesIO(PICTURES[row]))))


def test_the_fingerprint_is_of_the_pictures_alone(tmp_path):
    first = load(DataSpec(str(write(tmp_path / "a.parquet")))).fingerprint
    assert load(DataSpec(str(write(tmp_path / "b.parquet", "binary")))).fingerprint == first
    changed = [*PICTURES[:-1], PICTURES[-1][:-1] + b"!"]
    other = write(tmp_path / "c.parquet", pictures=changed)
    assert load(DataSpec(str(other))).fingerprint != first


def test_rows_of_a_split_keep_their_pictures(tmp_path):
    split = ["train" if i % 3 else "test" for i in range(N)]
    dataset = load(DataSpec(str(write(tmp_path / "m.parquet", split=split)), split="test"))
    pixels, _ = dataset.images.decode(np.arange(len(dataset)))
    expected = [np.asarray(Image.open(io.BytesIO(PICTURES[i]))) for i in range(0, N, 3)]
    assert np.array_equal(pixels, expected)


def test_broken_pictures_are_problems_of_their_rows(tmp_path):
    pictures = [*PICTURES]
    pictures[4], pictures[9], pictures[11] = None, b"no picture", PICTURES[11][:100]
    dataset = load(DataSpec(str(write(tmp_path / "m.parquet", pictures=pictures)), lenient=True))
    told = [(p.rule, p.row, p.path) for p in dataset.problems]
    assert told == [("ALFS401", 4, None), ("ALFS401", 9, None)]
    late = dataset.images.problem(9)  # row 11, without the two
    assert (late.rule, late.path) == ("ALFS402", None)
    finding = problem_finding(dataset.problems[0], dataset)
    assert (finding.path, finding.row) == (str(tmp_path / "m.parquet"), 4)
    with pytest.raises(InputError, match=r"cannot be read, over 1 %: row 4, row 9"):
        load(DataSpec(str(tmp_path / "m.parquet")))


def test_what_holds_no_picture_is_said(tmp_path):
    sounds = write(tmp_path / "m.parquet", pictures=[b"RIFX\0\0"] * N)
    with pytest.raises(InputError, match=r"column 'image' .* holds no picture"):
        load(DataSpec(str(sounds)))
    table = pq.read_table(write(tmp_path / "n.parquet", name="left"))
    table = table.append_column("right", table["left"])
    pq.write_table(table, tmp_path / "n.parquet")
    with pytest.raises(InputError, match="several columns of pictures: left, right") as caught:
        load(DataSpec(str(tmp_path / "n.parquet")))
    assert caught.value.help.startswith("--path-column left")
    assert load(DataSpec(str(tmp_path / "n.parquet"), path_column="right")).images is not None


def test_pictures_for_labels_are_told_in_few_words(tmp_path):
    for kind, name in (("binary", "label"), ("binary", "species")):
        path = tmp_path / "m.parquet"
        pq.write_table(pa.table({"x": [1.0] * N, name: column(kind, PICTURES)}), path)
        with pytest.raises(InputError) as caught:
            load(DataSpec(str(path), label_column=name))
        assert len(f"{caught.value}") < 300
        assert "PNG" not in f"{caught.value} {caught.value.help}"


def test_text_in_binary_columns_is_still_text(tmp_path):
    labels = pa.array([b"caf\xc3\xa9", b"tea"] * 10, pa.binary())
    pq.write_table(pa.table({"x": np.arange(20.0), "label": labels}), tmp_path / "m.parquet")
    assert load(DataSpec(str(tmp_path / "m.parquet"))).class_names == ("caf\u00e9", "tea")


def test_memory_is_bounded(tmp_path, monkeypatch):
    path = write(tmp_path / "m.parquet", group=5)
    monkeypatch.setattr("alfs_cli.data.images.stored.KEPT_BYTES", 2 * 5 * max(map(len, PICTURES)))
    stored = open_pictures(path, "image")
    assert [stored.content(row) for row in range(N)] == PICTURES
    assert len(stored.kept) <= 2
    monkeypatch.setattr("alfs_cli.storage.memory.available_bytes", lambda: 10)
    with pytest.raises(InputError, match="row group of column 'image'") as caught:
        open_pictures(path, "image")
    assert "row_group_size" in caught.value.help


def test_labels_of_such_a_file_can_be_laid_over_data(tmp_path):
    path = write(tmp_path / "m.parquet")
    np.savez(tmp_path / "d.npz", features=np.zeros((N, 2)))
    dataset = load(DataSpec(str(tmp_path / "d.npz"), labels=str(path)))
    assert dataset.class_names == ("c0", "c1")


def test_metadata_of_the_hub_does_no_harm(tmp_path):
    about = {"info": {"features": {"image": {"_type": "Image"}}}}
    table = pq.read_table(write(tmp_path / "m.parquet"))
    table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    pq.write_table(table, tmp_path / "m.parquet")
    assert len(load(DataSpec(str(tmp_path / "m.parquet")))) == N
