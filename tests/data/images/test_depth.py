"""Pictures of more than 8 bits: one scale for all of a data set, by the values that they use."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import FileImages
from alfs_cli.data.images.depth import Scale, measured, scale_from
from alfs_cli.data.images.tuning import TUNING
from alfs_cli.errors import InputError

RAMP = np.arange(64).reshape(8, 8)


def saved(folder, arrays, suffix=".png"):
    names = []
    for number, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"{number}{suffix}")
        names.append(str(folder / f"{number}{suffix}"))
    return FileImages(tuple(names), tuple(names))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 65535, (0, 65535)),
        (0, 40_000, (0, 65535)),
        (0, 4095, (0, 4095)),
        (20, 110, (20, 110)),
        (60_000, 65_535, (60_000, 65_535)),
        (7, 7, (0, 65535)),
    ],
)
def test_whole_numbers(low, high, expected):
    values = np.linspace(low, high, 64).astype(np.uint16).reshape(8, 8)
    assert measured([values]).whole == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, (0, 1)), (0.1, 0.9, (0, 1)), (0, 255, (0, 255)), (0.2, 0.3, (0.2, 0.3)),
     (-1, 1, (-1, 1)), (1200, 6600, (1200, 6600))],
)  # fmt: skip
def test_floats(low, high, expected):
    values = np.linspace(low, high, 64).astype(np.float32).reshape(8, 8)
    assert measured([values]).real == pytest.approx(expected)
    broken = values.copy()
    broken[0, :2] = np.nan, np.inf
    assert measured([broken, values]).real == pytest.approx(expected)
    assert Scale(real=expected).eight_bit(broken)[0, :2].tolist() == [0, 255]


def test_broken_pixels_do_not_darken_the_rest():
    values = np.tile(RAMP.astype(np.uint16), (40, 40))
    values[3, 3] = 65535
    assert measured([values]).whole == (0, 63)
    assert Scale(whole=(0, 63)).eight_bit(values).max() == 255


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_one_scale_for_all_keeps_differences_of_brightness(tmp_path, dtype):
    images = saved(tmp_path, [(3 * RAMP + 192 * k).astype(dtype) for k in range(3)], ".tif")
    pixels, _ = images.decode(np.arange(3))
    means = pixels.mean(axis=(1, 2, 3))
    assert np.diff(means) == pytest.approx(255 * 64 / 191, abs=1.5)
    assert "more than 8 bits" in images.notes[0]
    assert images.scale.is_own
    assert scale_from(images.scale.document()) == images.scale


def test_new_pictures_by_the_scale_of_others(tmp_path):
    dark = saved(tmp_path, [RAMP.astype(np.uint16)])
    other = dark.scaled(Scale(whole=(0, 630)))
    assert other.decode(np.arange(1))[0].max() == 26
    assert other.notes == ()


def test_the_sample_does_not_depend_on_the_order(tmp_path, monkeypatch):
    few = replace(TUNING, sampled_pictures=3)
    monkeypatch.setattr("alfs_cli.data.images.kinds.TUNING", few)
    images = saved(tmp_path, [(RAMP * k + 1).astype(np.uint16) for k in range(1, 9)])
    digests = tuple(images.digest(i) for i in range(8))
    forward = FileImages(images.files, images.shown, digests)
    backward = FileImages(images.files[::-1], images.shown[::-1], digests[::-1])
    assert forward.look == backward.look


def test_beside_pictures_of_eight_bits(tmp_path):
    images = saved(tmp_path, [RAMP.astype(np.uint8), RAMP.astype(np.uint16)])
    pixels, _ = images.decode(np.arange(2))
    assert (pixels[0] == pixels[1]).all()


def test_coloured_pictures_of_sixteen_bits_are_not_read_as_nothing(tmp_path):
    import struct
    import zlib

    def png(path, top):
        rows = b"".join(
            b"\0" + (np.arange(24) * top // 24).astype(">u2").tobytes() for _ in range(8)
        )
        chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)),
                  (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]  # fmt: skip
        body = b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
        return FileImages((str(path),), ("x",))

    with pytest.raises(InputError, match="coloured pictures of 16 bits"):
        png(tmp_path / "dark.png", 4096).decode(np.arange(1))
    bright = png(tmp_path / "bright.png", 60_000)
    assert bright.decode(np.arange(1))[0].max() > 200
    assert "upper 8" in bright.notes[0]


@pytest.mark.parametrize("document", [{"whole": [3, 1]}, {"whole": ["a", 1]}, {"odd": [0, 1]}, [1]])
def test_a_scale_that_is_none(document):
    with pytest.raises((KeyError, TypeError, ValueError)):
        scale_from(document)
    assert scale_from(None) is None
