"""A picture is opened by the decoder of what it begins like, or not at all."""

import io
import os
from subprocess import PIPE

import pytest
from PIL import Image

from alfs_cli.data.images.kinds import FileImages
from alfs_cli.data.images.opening import format_of, opened
from alfs_cli.data.readers.folder import IMAGE_SUFFIXES
from tests.forks import forked_alfs

KINDS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF")
if ".avif" not in Image.registered_extensions():  # Pillow before 11.3 has no coder of it
    KINDS = KINDS[:-1]
OTHERS = ("EPS", "ICO", "PCX", "TGA", "SGI", "PDF", "JPEG2000", "DDS", "MSP", "XBM", "SPIDER")
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


def bytes_of(kind):
    mode = {"XBM": "1", "MSP": "1", "SPIDER": "F"}.get(kind, "RGB")
    stream = io.BytesIO()
    Image.new(mode, (8, 8)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_what_alfs_reads_is_opened_whatever_it_is_called(tmp_path, kind):
    path = tmp_path / "a.png"
    path.write_bytes(bytes_of(kind))
    with opened(str(path)) as picture:
        assert picture.format == kind
        picture.load()
    assert FileImages((str(path),), ("a.png",)).problem(0) is None


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_no_other_decoder_is_asked(tmp_path, kind, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(EPS if kind == "EPS" else bytes_of(kind))
    assert FileImages((str(path),), (path.name,)).problem(0).rule == "ALFS401"
    assert FileImages((str(path),), (path.name,)).pixel_digest(0) is None
    with pytest.raises(OSError, match="does not begin like"), opened(str(path)):
        pass


@pytest.mark.parametrize(
    "head",
    [b"", b"P7\n", b"RIFF\0\0\0\0AVI ", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
     b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", b"%!PS", b"8BPS", b"\xc5\xd0\xd3\xc6"],
)  # fmt: skip
def test_other_beginnings(head):
    assert format_of(head) is None


def test_a_brand_among_others_is_avif():
    assert format_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"


def test_no_program_is_started_for_a_picture(tmp_path):
    """Ghostscript, by a program in its place."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/owned\n")
    (tmp_path / "bin" / "gs").chmod(0o755)
    (tmp_path / "data").mkdir()
    for suffix in IMAGE_SUFFIXES:
        (tmp_path / "data" / f"a{suffix}").write_bytes(EPS)
    process = forked_alfs(
        "inspect", "data", "-f", "json",
        cwd=tmp_path, env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        stdout=PIPE, stderr=PIPE, text=True,
    )  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert out.count("ALFS401") == len(IMAGE_SUFFIXES)
    assert not (tmp_path / "owned").exists()
