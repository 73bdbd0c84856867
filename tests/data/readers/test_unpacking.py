"""Small files that unpack to more than they should: refused before they are read."""

import time
import zipfile

import numpy as np
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.readers import unpacking
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.errors import InputError


def header_of(shape, descr="|u1"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (118 - len(text) - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def bomb(path, megabytes, key="images"):
    """Write an .npz of so many zeros, a thousandth of them on disk."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{key}.npy", "w", force_zip64=True) as file,
    ):
        file.write(header_of((megabytes, 1000, 1000)))
        for _ in range(megabytes):
            file.write(bytes(1_000_000))


@pytest.mark.parametrize("key", ["images", "features", "extra"])
def test_a_bomb_is_refused_whatever_memory_there_is(tmp_path, monkeypatch, key):
    monkeypatch.setattr("alfs_cli.storage.memory.available_bytes", lambda: 1 << 50)
    bomb(tmp_path / "bomb.npz", 600, key)
    begun = time.process_time()
    with pytest.raises(InputError, match=r"unpacks to 0\.6 GB, 1,\d\d\d times") as caught:
        load_npz(tmp_path / "bomb.npz")
    assert "np.savez" in caught.value.help
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("copies", [2, 30])
def test_many_small_ones_are_one(tmp_path, monkeypatch, copies):
    monkeypatch.setattr(unpacking, "FREE", 1_000_000)
    arrays = {f"a{i}": np.zeros(2_000_000 // copies, np.uint8) for i in range(copies)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match="unpacks to"):
        load_npz(tmp_path / "a.npz")
    assert load_npz(tmp_path / "a.npz", keys=("b",)) == {}


def test_what_is_stored_as_it_is_or_packs_less_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "FREE", 1000)
    np.savez(tmp_path / "plain.npz", a=np.zeros(1_000_000))
    pixels = np.random.default_rng(0).integers(0, 2, 1_000_000, dtype=np.uint8)
    np.savez_compressed(tmp_path / "packed.npz", a=pixels)
    assert len(load_npz(tmp_path / "plain.npz")["a"]) == 1_000_000
    assert len(load_npz(tmp_path / "packed.npz")["a"]) == 1_000_000


@pytest.mark.parametrize(
    ("shape", "descr"),
    [((10**15,), "|u1"), ((10**9, 10**9), "<f8"), ((3,), "<U200000000"), ((4, 3), "<f8")],
)
def test_a_shape_beyond_the_entry_is_refused(tmp_path, shape, descr):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("features.npy", header_of(shape, descr) + bytes(64))
        archive.writestr("labels.npy", header_of((4,)) + bytes(4))
    with pytest.raises(InputError, match=r"features of '.*' says that it is .*, and has 192"):
        load(DataSpec(str(tmp_path / "a.npz")))


def test_lists_in_parquet_count(tmp_path, monkeypatch):
    import pyarrow
    import pyarrow.parquet

    rows = pyarrow.array([[0] * 200_000] * 4)
    table = pyarrow.table({"x": rows, "label": ["a", "b", "a", "b"]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 20_000
    monkeypatch.setattr("alfs_cli.storage.memory.available_bytes", lambda: 1_000_000)
    with pytest.raises(InputError, match="memory are free"):
        load(DataSpec(str(tmp_path / "a.parquet")))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_a_table_larger_than_memory_is_refused(tmp_path, suffix):
    with (tmp_path / f"a{suffix}").open("wb") as file:
        file.truncate(1 << 42)  # takes no room
    with pytest.raises(InputError, match="memory are free"):
        load(DataSpec(str(tmp_path / f"a{suffix}")))
