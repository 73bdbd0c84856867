"""Pictures just below the limit of pixels: a few of them must not fill the memory."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data.images import kinds
from alfs_cli.data.images.kinds import FileImages

KINDS = {"rgba": (6, 8, 4), "grey16": (0, 16, 2), "rgb": (2, 8, 3), "palette": (3, 8, 1)}


def write_png(path, side, kind):
    """Write a picture of zeros row by row."""
    color, bits, bytes_a_pixel = KINDS[kind]

    def chunk(name, content):
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    packer = zlib.compressobj(1)
    row = bytes(1 + side * bytes_a_pixel)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, bits, color, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", b"\0") if color == 3 else b""
    content = chunk(b"IHDR", header) + palette + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK", "I", "F", "I;16", "1"])
def test_a_large_picture_looks_as_a_small_one_does(tmp_path, monkeypatch, mode):
    ramp = np.tile(np.linspace(0, 250, 64), (64, 1))
    picture = Image.fromarray(np.repeat(np.repeat(ramp, 8, 0), 8, 1).astype(np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    else:
        picture = picture.convert(mode)
    suffix = ".tif" if mode in ("F", "CMYK", "I", "I;16") else ".png"
    picture.save(tmp_path / f"a{suffix}")
    files = FileImages((str(tmp_path / f"a{suffix}"),), ("a",))
    plain, _ = files.decode(np.array([0]), size=32)
    monkeypatch.setattr(kinds, "LARGE_PIXELS", 1000)
    shrunk, readable = files.decode(np.array([0]), size=32)
    assert readable.all()
    assert np.abs(plain.astype(int) - shrunk.astype(int)).mean() < (40 if mode == "1" else 3)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_memory_stays_bounded(tmp_path):
    side = 8_000
    for kind in KINDS:
        write_png(tmp_path / f"{kind}.png", side, kind)
    script = (
        "import sys, numpy as np\n"
        "from alfs_cli.data.images.kinds import FileImages\n"
        "files = FileImages(tuple(sys.argv[1:]), tuple(sys.argv[1:]))\n"
        "pixels, readable = files.decode(np.arange(len(files)), size=64)\n"
        "thumbnail = files.png(0, 96)\n"
        "status = open('/proc/self/status').read()\n"  # getrusage would count the parent's, too
        "print(readable.all(), status.split('VmHWM:')[1].split()[0])\n"
    )
    paths = [str(tmp_path / f"{kind}.png") for kind in KINDS]
    done = subprocess.run(
        [sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True
    )
    readable, kilobytes = done.stdout.split()
    assert readable == "True"
    assert int(kilobytes) < 1_000_000
