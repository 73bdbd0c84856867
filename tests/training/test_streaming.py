"""Pictures that memory does not hold: the same run, from a file that survives being killed."""

import os
import signal
import time
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
import torch
from PIL import Image

from alfs_cli.data import DataSpec, load
from alfs_cli.data.images import pixel_cache
from alfs_cli.data.images.pixel_cache import mapped_pixels
from alfs_cli.errors import InputError, WorkError
from alfs_cli.results.run import WEIGHTS, AugmentationConfig
from alfs_cli.training import batches, plan, train
from alfs_cli.training.batches import EpochBatches, Normaliser, Stream, Windows, gather
from alfs_cli.training.devices import Device
from tests.forks import forked

CPU = Device("cpu", "float32", channels_last=True)
TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_folder(top, count=40, size=(12, 10), broken=()):
    rng = np.random.default_rng(0)
    for i in range(count):
        path = top / ("cat", "dog")[i % 2] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels // 2 + 100 * (i % 2)).save(path)
        if i in broken:
            path.write_bytes(path.read_bytes()[:60])
    return load(DataSpec(str(top)))


@pytest.fixture
def small_memory(monkeypatch):
    """Let no picture fit in memory."""
    monkeypatch.setattr(batches, "MOST_OF_MEMORY", 0.0)


@pytest.mark.parametrize(("crop", "flip"), [(0, False), (2, False), (0, True), (2, True)])
def test_streams_cut_what_windows_cut(crop, flip):
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (50, 7, 6, 3), dtype=np.uint8))
    augmentation = AugmentationConfig(crop, flip, rotation=15)
    labels = torch.arange(50)
    resident, streamed = (
        EpochBatches(source, labels, 8, seed=1, epoch=4)
        for source in (
            Windows(pixels, augmentation),
            Stream(pixels, augmentation, torch.device("cpu")),
        )
    )
    pairs = list(zip(resident.start_at(1), streamed.start_at(1), strict=True))
    assert [step for (step, *_), _ in pairs] == [1, 2, 3, 4, 5, 6]
    for (_, ours, given), (_, theirs, others) in pairs:
        assert torch.equal(ours, theirs)
        assert torch.equal(given, others)


def test_a_streamed_run_equals_a_resident_one(tmp_path, monkeypatch):
    write_folder(tmp_path / "data")
    settings = {
        "dataset": {"source": str(tmp_path / "data")}, "loss": "nce+rce", "model": "cnn4",
        "epochs": 2, "batch_size": 8, "augmentation": {"crop": 2, "flip": True, "rotation": 10.0},
    }  # fmt: skip
    notes = []
    train(plan(settings), tmp_path / "resident", CPU, on_note=notes.append)
    assert notes == []
    monkeypatch.setattr(batches, "MOST_OF_MEMORY", 0.0)
    train(plan(settings), tmp_path / "streamed", CPU, on_note=notes.append)
    assert len(notes) == 2  # those to train on, those to test on
    assert "more than memory holds" in notes[0]
    assert len(list((tmp_path / "cache").glob("*.u8"))) == 2
    weights = [(tmp_path / run / WEIGHTS).read_bytes() for run in ("resident", "streamed")]
    assert weights[0] == weights[1]
    train(plan(settings), tmp_path / "again", CPU, on_note=notes.append)
    assert len(notes) == 2  # decoded once
    assert (tmp_path / "again" / WEIGHTS).read_bytes() == weights[0]


@pytest.mark.usefixtures("small_memory")
def test_gathered_from_a_file_is_gathered_from_memory(tmp_path):
    data = write_folder(tmp_path / "data", count=300, broken=(7, 100))
    examples = gather(data, cache=tmp_path / "cache")
    assert examples.is_mapped
    plain = gather(data)
    assert not plain.is_mapped
    assert len(examples) == 298
    assert torch.equal(examples.inputs, plain.inputs)
    assert torch.equal(examples.labels, plain.labels)
    one, other = Normaliser.of(examples), Normaliser.of(plain)
    assert torch.equal(one.mean, other.mean)
    assert torch.equal(one.std, other.std)


@pytest.mark.usefixtures("small_memory")
def test_grey_pictures_for_a_colour_network(tmp_path):
    from alfs_cli.training.models import InputShape, build
    from alfs_cli.training.prediction import logits_of

    rng = np.random.default_rng(0)
    for i in range(6):
        path = tmp_path / "data" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    data = load(DataSpec(str(tmp_path / "data")))
    shape = InputShape(3, 8, 8)
    mapped = gather(data, shape=shape, cache=tmp_path / "cache")
    plain = gather(data, shape=shape)
    model = build("cnn8", shape, 2, seed=0)
    normaliser = Normaliser(torch.full((3,), 0.5), torch.full((3,), 0.25))
    one, other = (logits_of(model, normaliser, e.inputs, CPU) for e in (mapped, plain))
    torch.testing.assert_close(one, other)
    stream = Stream(mapped.inputs, AugmentationConfig(1, True), torch.device("cpu"))
    (inputs, _) = EpochBatches(stream, mapped.labels, 4, seed=0, epoch=0)[0]
    assert normaliser(inputs).shape == (4, 3, 8, 8)


def test_each_part_size_and_content_has_its_own_file(tmp_path):
    data = write_folder(tmp_path / "data")
    cache = tmp_path / "cache"
    mapped_pixels(data, cache)
    mapped_pixels(data.subset(np.arange(20)), cache)
    small, _ = mapped_pixels(data, cache, size=6)
    assert small.shape == (40, 6, 6, 3)
    other = load(DataSpec(str(tmp_path / "data"), classes="dog,cat"))
    mapped_pixels(other, cache)
    assert len(list(cache.glob("*.u8"))) == 4


def test_a_file_that_was_cut_is_made_anew(tmp_path):
    data = write_folder(tmp_path / "data")
    first = np.array(mapped_pixels(data, tmp_path)[0])
    (file,) = tmp_path.glob("*.u8")
    file.write_bytes(file.read_bytes()[:-1])
    assert np.array_equal(mapped_pixels(data, tmp_path)[0], first)
    file.with_suffix(".npy").write_bytes(b"")
    assert np.array_equal(mapped_pixels(data, tmp_path)[0], first)


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    data = write_folder(tmp_path / "data")
    (tmp_path / "cache").mkdir()

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WorkError, match="No space left on device"):
            mapped_pixels(data, tmp_path / "cache")
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} == {".lock"}
    from shutil import disk_usage

    monkeypatch.setattr("shutil.disk_usage", lambda path: disk_usage(path)._replace(free=100))
    with pytest.raises(InputError, match=r"0\.0 GB left, and the decoded pictures take"):
        mapped_pixels(data, tmp_path / "cache")


def decode_slowly(data, cache):
    """Decode pictures in many parts, and tell of each."""
    real = pixel_cache.batches

    def slowly(*arguments):
        for part in real(*arguments):
            yield part
            print("part", flush=True)
            time.sleep(0.05)

    pixel_cache.AT_ONCE, pixel_cache.batches = 4000, slowly
    mapped_pixels(data, cache)


@pytest.mark.slow
def test_killed_while_decoding(tmp_path):
    data = write_folder(tmp_path / "data")
    cache = tmp_path / "cache"
    process = forked(lambda: decode_slowly(data, cache), stdout=PIPE)
    process.stdout.readline()
    time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(cache.glob("*.partial"))
    assert not list(cache.glob("*.u8"))
    pixels, readable = mapped_pixels(data, cache)
    expected, _ = data.images.decode(np.arange(len(data)))
    assert readable.all()
    assert np.array_equal(pixels, expected)
    assert not list(cache.glob("*.partial"))
