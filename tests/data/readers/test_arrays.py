"""Arrays: .npz data sets, labels, probabilities and features beside them."""

import contextlib
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.content import array_digest
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.data.readers.streaming import open_probabilities
from alfs_cli.errors import InputError


def read(path=None, **options):
    return load(DataSpec(None if path is None else str(path), **options))


@pytest.fixture
def save(tmp_path):
    """Write an .npz of 12 grey images with these arrays too."""

    def write(name="data.npz", **arrays):
        pixels = np.random.default_rng(0).integers(0, 256, (12, 4, 5), dtype=np.uint8)
        np.savez(tmp_path / name, **{"images": pixels, **arrays})
        return tmp_path / name

    return write


@pytest.fixture
def probs():
    return np.random.default_rng(1).dirichlet(np.ones(3), 12)


LABELS = np.arange(12) % 3
NAMES = np.array(["ant", "bee", "cat"])


# Labels and their order


def test_whole_numbers_are_positions(save):
    dataset = read(save(labels=LABELS.astype(np.uint8), class_names=NAMES[::-1]))
    assert dataset.class_names == ("cat", "bee", "ant")
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.labels.dtype == np.int64
    assert dataset.images.shape == (4, 5, 1)
    assert dataset.kind == "npz"


def test_names_are_looked_up_or_sorted(save):
    assert read(save(labels=NAMES[LABELS])).class_names == ("ant", "bee", "cat")
    dataset = read(save(labels=NAMES[LABELS], class_names=NAMES[::-1]))
    assert dataset.labels.tolist() == (2 - LABELS).tolist()
    assert read(save(labels=NAMES[LABELS].astype("S"))).class_names == ("ant", "bee", "cat")
    assert read(save(labels=NAMES[LABELS]), classes="cat,ant,bee").labels.tolist()[:3] == [1, 2, 0]


def test_whole_floats_are_whole_numbers(save):
    assert read(save(labels=LABELS.astype(np.float32))).labels.tolist() == LABELS.tolist()
    with pytest.raises(InputError, match=r"row 0 is 0.5, not a whole number"):
        read(save(labels=LABELS + 0.5))


def test_numbers_that_do_not_start_at_zero_become_names(save):
    dataset = read(save(labels=LABELS * 3 + 1))
    assert dataset.class_names == ("1", "4", "7")
    assert dataset.labels.tolist() == LABELS.tolist()
    assert "kept as class names" in dataset.notes[0]


def test_eleven_positions_need_no_names(save):
    assert read(save(labels=np.arange(12))).class_names == tuple(map(str, range(12)))


@pytest.mark.parametrize("labels", [np.arange(1, 13), np.arange(12).astype(str)])
def test_numbers_as_names_that_sort_two_ways_are_refused(save, labels):
    with pytest.raises(InputError, match="sort in two ways") as caught:
        read(save(labels=labels))
    assert caught.value.help.startswith("--classes ")
    names = caught.value.help.removeprefix("--classes ")
    assert read(save(labels=labels), classes=names).labels.tolist() == list(range(12))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(12, dtype=int), r"have shape \(12, 12\)"),
        (
            np.where(LABELS == 0, -1, LABELS),
            r"4 of labels .* \(rows 0, 3, 6, 9; .*: below 0",
        ),
        (np.where(LABELS == 0, np.nan, LABELS), r"4 of labels .* are missing \(rows 0, 3, 6, 9"),
        (np.where(LABELS == 0, "", NAMES[LABELS]), "4 of labels"),
        (np.zeros(12, dtype=int), "one class"),
        (LABELS[:11], "labels has 11 rows, the data has 12"),
        (LABELS.astype(complex), "type complex128"),
        (np.zeros(0, dtype=int), "0 rows"),
    ],
)
def test_labels_that_cannot_be_are_refused(save, labels, message):
    with pytest.raises(InputError, match=message):
        read(save(labels=labels))


def test_labels_beyond_the_names_are_refused(save):
    with pytest.raises(InputError, match=r"label 3 \(row 2\) is not one of the 3 classes") as e:
        read(save(labels=LABELS + 1, class_names=NAMES))
    assert "subtract 1" in e.value.help
    with pytest.raises(InputError, match=r"label 'bea' .*did you mean 'bee'"):
        read(save(labels=np.where(LABELS == 1, "bea", NAMES[LABELS]), class_names=NAMES))


def test_class_names_are_distinct(save):
    with pytest.raises(InputError, match="'a' is named twice"):
        read(save(labels=LABELS, class_names=["a", "b", "a"]))
    with pytest.raises(InputError, match="named twice"):
        read(save(labels=LABELS), classes="a,a,b")


def test_classes_come_from_files_of_several_forms(save, tmp_path):
    path = save(labels=LABELS)
    forms = {
        "c.txt": "x\ny\nz\n",
        "c.json": '["x", "y", "z"]',
        "d.json": '{"z": 2, "x": 0, "y": 1}',
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
        assert read(path, classes=str(tmp_path / name)).class_names == ("x", "y", "z")
    (tmp_path / "c.json").write_text("[1, false]")
    with pytest.raises(InputError, match="not a list of texts"):
        read(path, classes=str(tmp_path / "c.json"))
    with pytest.raises(InputError, match=r"no such file: 'missing\.txt'"):
        read(path, classes="missing.txt")


def test_truth_is_read_and_numbered_alike(save, tmp_path):
    dataset = read(save(labels=NAMES[LABELS], true_labels=NAMES[LABELS[::-1]]))
    assert dataset.true_labels.tolist() == LABELS[::-1].tolist()
    np.savez(tmp_path / "y.npz", clean=LABELS, worse=LABELS[::-1])
    path = save(labels=LABELS)
    dataset = read(
        path,
        labels=str(tmp_path / "y.npz"),
        label_column="worse",
        true_labels=str(tmp_path / "y.npz"),
        true_label_column="clean",
    )
    assert dataset.labels.tolist() == LABELS[::-1].tolist()
    assert dataset.true_labels.tolist() == LABELS.tolist()


# Images and features


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((12, 4, 4), np.float32), "are float32, not uint8"),
        (np.zeros((12, 3, 8, 8), np.uint8), "8 channels, not 1, 3 or 4"),
        (np.zeros((12, 4), np.uint8), r"shape \(12, 4\), not"),
        (np.zeros((12, 0, 4), np.uint8), "shape"),
    ],
)
def test_images_of_other_forms_are_refused(save, images, message):
    with pytest.raises(InputError, match=message):
        read(save(images=images, labels=LABELS))


def test_transparent_pixels_lie_over_white(save):
    pixels = np.zeros((12, 2, 2, 4), np.uint8)
    pixels[1, ..., 3] = 255
    dataset = read(save(images=pixels, labels=LABELS))
    seen, readable = dataset.images.decode(np.arange(2))
    assert seen.shape == (2, 2, 2, 3)
    assert seen[:, 0, 0, 0].tolist() == [255, 0]
    assert readable.all()


def test_features_stand_alone_or_beside(save, tmp_path):
    values = np.random.default_rng(0).normal(size=(12, 3))
    np.savez(tmp_path / "f.npz", features=values.astype(np.float16), labels=LABELS)
    dataset = read(tmp_path / "f.npz")
    assert dataset.images is None
    assert dataset.features.dtype == np.float32
    np.save(tmp_path / "f.npy", values)
    beside = read(save(labels=LABELS), features=str(tmp_path / "f.npy"))
    assert beside.features == pytest.approx(values.astype(np.float32))
    assert beside.fingerprint == read(save(labels=LABELS)).fingerprint
    values[3, 1] = np.nan
    np.save(tmp_path / "f.npy", values)
    with pytest.raises(InputError, match=r"1 rows hold NaN or infinite values \(first 3\)"):
        read(save(labels=LABELS), features=str(tmp_path / "f.npy"))


def test_population_is_read_back(save):
    T = np.full((3, 3), 1 / 3)
    assert read(save(labels=LABELS, transition=T)).population.tolist() == T.tolist()
    assert read(save(labels=LABELS)).population is None
    assert read(save(labels=LABELS, transition=np.eye(4))).population is None


# Safety


def test_objects_are_never_unpickled(tmp_path, save):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    objects = np.empty(12, dtype=object)
    objects[:] = Trap()
    np.save(tmp_path / "y.npy", objects)
    np.savez(tmp_path / "x.npz", images=np.zeros((12, 2, 2), np.uint8), labels=objects)
    for attempt in (
        lambda: read(tmp_path / "x.npz"),
        lambda: read(save(labels=LABELS), labels=str(tmp_path / "y.npy")),
        lambda: read(pred_probs=str(tmp_path / "y.npy"), labels=str(tmp_path / "y.npy")),
    ):
        with pytest.raises(InputError, match="holds Python objects; alfs never unpickles"):
            attempt()
    assert not (tmp_path / "sprung").exists()


def test_an_archive_that_unpacks_to_more_than_memory_is_refused(tmp_path, monkeypatch):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 32, 32)}
    )
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header.getvalue() + bytes(10**6))
    monkeypatch.setattr("alfs_cli.storage.memory.available_bytes", lambda: 10**5)
    with pytest.raises(InputError, match="memory are free"):
        read(tmp_path / "bomb.npz")


def test_an_array_that_claims_more_than_it_holds_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 10**6)}
    )
    with zipfile.ZipFile(tmp_path / "liar.npz", "w") as archive:
        archive.writestr("images.npy", header.getvalue())
    with pytest.raises(InputError, match=r"liar\.npz"):
        load_npz(tmp_path / "liar.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"not a zip"])
def test_damaged_archives_are_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InputError, match="cannot read"):
        read(tmp_path / "x.npz")


def test_missing_arrays_are_listed(tmp_path, save):
    np.savez(tmp_path / "x.npz", X=LABELS, y=LABELS)
    told = r"no array 'images' or 'features' \(has: X, y\)"
    with pytest.raises(InputError, match=told) as caught:
        read(tmp_path / "x.npz")
    assert "np.savez" in caught.value.help
    with pytest.raises(InputError, match="no array 'labels'"):
        read(save())


# Fingerprints


def test_fingerprints_follow_content_alone(save, probs):
    first = read(save(labels=LABELS)).fingerprint
    assert read(save("other.npz", labels=LABELS.astype(np.uint8))).fingerprint == first
    assert read(save("p.npz", labels=LABELS, pred_probs=probs)).fingerprint == first
    assert read(save("t.npz", labels=LABELS, true_labels=LABELS)).fingerprint == first
    assert read(save("l.npz", labels=LABELS[::-1])).fingerprint != first
    assert read(save("c.npz", labels=LABELS, class_names=NAMES)).fingerprint != first
    assert len(first) == 16


def test_large_arrays_count_whole_and_byte_order_does_not_count(monkeypatch):
    values = np.arange(1000, dtype="<f4").reshape(-1, 5)
    assert array_digest(values) == array_digest(values.astype(">f4"))
    whole = array_digest(values)
    monkeypatch.setattr("alfs_cli.data.content.WHOLE_BYTES", 100)
    monkeypatch.setattr("alfs_cli.data.content.PART_BYTES", 100)
    in_parts = array_digest(values)
    assert in_parts != whole
    assert array_digest(values.astype(">f4")) == in_parts
    seen = {in_parts}
    for row in range(len(values)):  # a change anywhere is one
        values[row, row % 5] += 1
        seen.add(array_digest(values))
    assert len(seen) == len(values) + 1
    assert array_digest(values[:-1]) not in seen
    assert array_digest(values.reshape(5, -1)) not in seen


def test_parquet_and_npy_labels_agree(save, tmp_path):
    pd.DataFrame({"label": LABELS}).to_parquet(tmp_path / "y.parquet")
    path = save(labels=LABELS[::-1])
    assert read(path, labels=str(tmp_path / "y.parquet")).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".npy", ".jsonl", ".csv"])
def test_damage_anywhere_is_an_input_error(tmp_path, probs, suffix):
    """Whatever bytes change, a file loads or is refused; nothing else happens."""
    path = tmp_path / f"x{suffix}"
    np.save(tmp_path / "y.npy", NAMES[LABELS])
    table = pd.DataFrame(probs, columns=[f"p_{name}" for name in NAMES])
    table["label"] = NAMES[LABELS]
    match suffix:
        case ".npz":
            np.savez_compressed(path, pred_probs=probs, labels=NAMES[LABELS])
        case ".npy":
            np.save(path, probs)
        case ".parquet":
            table.to_parquet(path)
        case ".jsonl":
            table.to_json(path, orient="records", lines=True)
        case _:
            table.to_csv(path, index=False)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(whole)
        for place in generator.integers(0, len(content), 3):
            content[place] = generator.integers(0, 256)
        path.write_bytes(content[: generator.integers(len(content) // 2, len(content) + 1)])
        spec = DataSpec(None, pred_probs=str(path), labels=str(tmp_path / "y.npy"))
        for read_all in (load, lambda spec: list(open_probabilities(spec).blocks())):
            with contextlib.suppress(InputError):
                read_all(spec)
