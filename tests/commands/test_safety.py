"""Data made by somebody who means harm: refused or inert, and nothing outside --out is touched."""

import io
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

LABELS = np.arange(60) % 2


class Trap:
    """Writes a file when it is unpickled."""

    def __reduce__(self):
        return (open, ("owned", "w"))


@pytest.fixture
def pictures(alfs):
    """data/ of two classes, and secret.png beside it."""
    for i, label in enumerate(LABELS):
        path = Path("data", "ab"[label], f"{i}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), int(100 * label + i)).save(path)
    Image.new("L", (8, 8), 7).save("secret.png")
    return alfs


def manifest(path, first):
    rows = [f"data/{'ab'[label]}/{i}.png,{'ab'[label]}" for i, label in enumerate(LABELS)]
    rows[0] = f"{first},a"
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("\n".join(["path,label", *rows]) + "\n")


@pytest.mark.parametrize("command", ["estimate", "check", "inject", "train"])
@pytest.mark.parametrize(
    "path", ["../secret.png", "data/../../secret.png", "{here}/secret.png", "file:///etc/passwd",
             "http://example.com/a.png", "a\0b.png", "~/a.png"]
)  # fmt: skip
def test_paths_of_a_manifest_stay_inside_its_root(pictures, command, path):
    Path("root").mkdir()
    Path("data").rename("root/data")
    manifest("root/m.csv", path.format(here=os.getcwd()))
    extra = {"inject": ("--rate", "0.1", "--to", "n.csv"), "train": ("--loss", "ce")}
    done = pictures(command, "root/m.csv", *extra.get(command, ()))
    assert (done.code, done.out) == (2, ""), done.err
    assert "line 2" in done.err or "do not exist" in done.err
    assert not Path("n.csv").exists()


def test_folders_that_link_in_circles(pictures):
    Path("data/a/again").symlink_to("..")
    Path("data/a/self").symlink_to("self")
    Path("data/b/two").symlink_to("../a")
    Path("data/b/away.png").symlink_to("nowhere")
    done = pictures("check", "data", "--exit-zero", "-f", "sarif")
    assert done.code in (0, 2), done.err
    assert "links back" in done.err or done.code == 2


def test_pipes_and_devices_are_not_read(pictures):
    os.mkfifo("data/a/pipe.png")
    Path("data/a/zero.png").symlink_to("/dev/zero")
    Path("data/b/random.png").symlink_to("/dev/urandom")
    for i in range(300):  # so few among many are left out
        Image.new("L", (8, 8), i % 200).save(f"data/a/more{i}.png")
    done = pictures("check", "data", "--exit-zero", "-f", "concise", "-q")
    assert done.code == 0, done.err
    for name in ("a/pipe.png", "a/zero.png", "b/random.png"):
        assert f"data/{name}: ALFS401" in done.out


@pytest.mark.parametrize("option", ["data", "--labels", "--pred-probs", "--features"])
@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_pickles_are_never_run(alfs, option, suffix):
    stream = io.BytesIO()
    np.save(stream, np.array([Trap()] * 60, dtype=object), allow_pickle=True)
    if suffix == ".npz":
        with zipfile.ZipFile("trap.npz", "w") as archive:
            for key in ("labels", "features", "pred_probs", "images", "class_names"):
                archive.writestr(f"{key}.npy", stream.getvalue())
            archive.writestr("features", pickle.dumps(Trap()))
    else:
        Path("trap.npy").write_bytes(stream.getvalue())
    np.savez("good.npz", features=np.random.default_rng(0).normal(size=(60, 3)), labels=LABELS)
    words = (f"trap{suffix}",) if option == "data" else ("good.npz", option, f"trap{suffix}")
    done = alfs("estimate", *words)
    assert (done.code, done.out) == (2, ""), done.err
    assert not Path("owned").exists()


def test_checkpoints_and_cached_evidence_run_nothing(alfs):
    import torch

    np.savez("a.npz", features=np.random.default_rng(0).normal(size=(60, 3)), labels=LABELS)
    assert alfs("estimate", "a.npz", "-q").code == 0
    (kept,) = Path("alfs-out/cache").glob("*.npz")
    with zipfile.ZipFile(kept, "w") as archive:
        stream = io.BytesIO()
        np.save(stream, np.array([Trap()], dtype=object), allow_pickle=True)
        archive.writestr("probs.npy", stream.getvalue())
    assert alfs("estimate", "a.npz", "-q").code == 0
    words = ("train", "a.npz", "--loss", "ce", "--epochs", "1", "--model", "linear", "-q")
    assert alfs(*words).code == 0
    (run,) = Path("alfs-out/runs").iterdir()
    torch.save({"version": 1, "trap": Trap()}, run / "checkpoints/last.pt")
    (run / "result.json").unlink()
    assert alfs("train", "--resume", str(run)).code == 2
    assert not Path("owned").exists()


def bomb(side):
    """Return a PNG that claims so many pixels."""

    def chunk(name, content):
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)
            + chunk(b"IEND", b""))  # fmt: skip


def test_decompression_bombs_are_findings(pictures):
    for i in range(200):
        Image.new("L", (8, 8), i).save(f"data/a/more{i}.png")
    Path("data/a/bomb.png").write_bytes(bomb(60_000))
    Path("data/b/text.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(5) + b"\0\0\0\0zTXt" + bytes(100)
    )
    done = pictures("check", "data", "-f", "concise", "--exit-zero", "-q")
    assert done.code == 0, done.err
    assert "data/a/bomb.png: ALFS407" in done.out


def test_archives_that_unpack_to_more_than_memory(alfs, monkeypatch):
    monkeypatch.setattr("alfs_cli.storage.memory.available_bytes", lambda: 50_000_000)
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 10, 10), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    with zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w") as file:
            file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
            for _ in range(100):
                file.write(bytes(1_000_000))
        stream = io.BytesIO()
        np.save(stream, np.zeros(1_000_000, np.int64))
        archive.writestr("labels.npy", stream.getvalue())
    assert Path("bomb.npz").stat().st_size < 1_000_000
    done = alfs("check", "bomb.npz")
    assert (done.code, done.out) == (2, "")
    assert "memory" in done.err
