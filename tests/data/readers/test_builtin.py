"""Built-in data sets, in torchvision's layout made small."""

import gzip
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

from alfs_cli.data import DataSpec, load, train_and_test
from alfs_cli.data.names import CIFAR10, CIFAR100
from alfs_cli.errors import InputError


def read(name, **options):
    return load(DataSpec(name, **options))


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.tobytes()


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (20, 3072), dtype=np.uint8)


LABELS = [i % 10 for i in range(20)]


def test_digits_are_split_once_and_for_all():
    train, test = read("digits"), read("digits", split="test")
    assert (len(train), len(test)) == (1437, 360)
    assert train.kind == "digits"
    assert train.class_names == tuple("0123456789")
    assert (train.true_labels == train.labels).all()
    assert train.fingerprint == read("digits").fingerprint != test.fingerprint
    both = np.concatenate([train.images.pixels, test.images.pixels]).reshape(1797, -1)
    expected = np.round(load_digits().data * 255 / 16).astype(np.uint8)
    assert sorted(map(bytes, both)) == sorted(map(bytes, expected))
    shares = np.bincount(test.labels) / np.bincount(train.labels)
    assert shares == pytest.approx(0.25, abs=0.01)


def test_digits_whose_file_lies_elsewhere_are_the_same(monkeypatch):
    whole = read("digits").fingerprint
    monkeypatch.setattr("alfs_cli.data.readers.builtin.DIGITS", "nowhere.csv.gz")
    assert read("digits").fingerprint == whole


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("name", "place"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_idx_files_plain_or_packed(tmp_path, name, place, packed):
    raw = tmp_path / place / "raw"
    raw.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    for stem in ("train", "t10k"):
        for file, array in (
            ("images-idx3-ubyte", images),
            ("labels-idx1-ubyte", np.uint8(LABELS)),
        ):
            content = gzip.compress(idx(array)) if packed else idx(array)
            (raw / f"{stem}-{file}{'.gz' if packed else ''}").write_bytes(content)
    parts = train_and_test(DataSpec(name, root=str(tmp_path)))
    assert parts.train.kind == name
    assert (parts.train.images.pixels == images).all()
    assert parts.train.labels.tolist() == LABELS
    assert (parts.about.split, parts.about.labels) == ("test", "true")
    (raw / "train-labels-idx1-ubyte").write_bytes(idx(np.uint8(LABELS))[:-1])
    (raw / "train-labels-idx1-ubyte.gz").unlink(missing_ok=True)
    with pytest.raises(InputError, match="cut short: 19 bytes, not 20"):
        read(name, root=str(tmp_path))


def test_a_missing_root_says_where_it_looked(tmp_path):
    with pytest.raises(InputError, match=r"no mnist under .*train-images-idx3-ubyte") as caught:
        read("mnist", root=str(tmp_path))
    assert "--root" in caught.value.help
    with pytest.raises(InputError, match="no split 'extra': 'mnist' has the splits train, test"):
        read("mnist", split="extra", root=str(tmp_path))


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("key", [str, str.encode])
def test_cifar10_batches(tmp_path, pixels, protocol, key):
    place = tmp_path / "cifar-10-batches-py"
    place.mkdir()
    for number, file in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        rows = slice(4 * number % 20, 4 * number % 20 + 4)
        batch = {key("data"): pixels[rows], key("labels"): LABELS[rows], key("filenames"): ["x"]}
        (place / file).write_bytes(pickle.dumps(batch, protocol=protocol))
    dataset = read("cifar10", root=str(tmp_path))
    assert dataset.labels.tolist() == LABELS
    assert dataset.class_names == CIFAR10
    assert dataset.images.shape == (32, 32, 3)
    expected = pixels.reshape(20, 3, 32, 32)[7, :, 2, 9]
    assert dataset.images.pixels[7, 2, 9].tolist() == expected.tolist()
    assert len(read("cifar10", split="test", root=str(tmp_path))) == 4


def test_a_batch_as_python_2_wrote_it(tmp_path, pixels):
    """Protocol 2 with the raw bytes as an 8-bit string and numpy's old module name."""
    rows = pixels[:2].tobytes()
    stream = (
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        b"K\x00\x85U\x01b\x87R(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + len(rows).to_bytes(4, "little") + rows + b"tbU\x0bfine_labels](K\x07K\x63eu."
    )  # fmt: skip
    place = tmp_path / "cifar-100-python"
    place.mkdir()
    (place / "train").write_bytes(stream)
    dataset = read("cifar100", root=str(tmp_path))
    assert dataset.labels.tolist() == [7, 99]
    assert dataset.class_names == CIFAR100
    assert dataset.images.pixels[1, 0, 0, 0] == pixels[1, 0]


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_batch_that_would_run_code_is_refused(tmp_path, pixels):
    place = tmp_path / "cifar-100-python"
    place.mkdir()
    for content in (
        pickle.dumps({"data": Trap(tmp_path / "sprung"), "fine_labels": LABELS}),
        pickle.dumps({"data": pixels.astype(object), "fine_labels": LABELS}),
        pickle.dumps({"data": pixels.astype(float), "fine_labels": LABELS}),
        pickle.dumps({"data": pixels, "fine_labels": LABELS[:3]}),
        pickle.dumps([1]),
        b"\x80\x02broken",
        b"",
    ):
        (place / "train").write_bytes(content)
        with pytest.raises(InputError, match="is not a CIFAR batch"):
            read("cifar100", root=str(tmp_path))
    assert not (tmp_path / "sprung").exists()


def test_webvision_mini_is_the_first_fifty_classes(tmp_path, picture):
    (tmp_path / "info").mkdir()
    lines = []
    for label in (0, 49, 50, 0):
        name = f"google/q{len(lines)}/{label}.jpg"
        lines.append(f"{name} {label}\n")
        if label < 50:
            picture(tmp_path / name, label)
    (tmp_path / "info/train_filelist_google.txt").write_text("".join(lines))
    (tmp_path / "info/val_filelist.txt").write_text("v1.jpg 3\nv2.jpg 60\n")
    picture(tmp_path / "val_images_256/v1.jpg")
    names = ["n1 crane, bird", "n2 crane, machine", *(f"n{i} thing{i}, x" for i in range(3, 60))]
    (tmp_path / "info/synsets.txt").write_text("\n".join(names))
    parts = train_and_test(DataSpec("webvision-mini", root=str(tmp_path)))
    assert parts.train.labels.tolist() == [0, 49, 0]
    assert parts.train.true_labels is None
    assert parts.train.class_names[:3] == ("crane (n1)", "crane (n2)", "thing3")
    assert parts.test.labels.tolist() == [3]
    assert (parts.about.split, parts.about.labels) == ("val", "true")
    assert parts.train.images.decode(np.arange(3), size=8)[1].all()
