"""Decoding: modes, orientation, damage, sizes."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import ArrayImages, DataSpec, FileImages, decode_all, load
from alfs_cli.errors import InputError


def files(*paths):
    names = tuple(str(path) for path in paths)
    return FileImages(names, names)


def one(path, **options):
    pixels, readable = files(path).decode(np.arange(1), **options)
    assert readable.all()
    return pixels[0]


def png_header(width, height):
    """Return a PNG that only claims a size."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT"


def test_colours_are_as_they_were(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert (one(tmp_path / "x.png") == pixels).all()
    assert files(tmp_path / "x.png").shape == (5, 7, 3)


def test_grey_stays_grey_only_if_all_is_grey(tmp_path, picture):
    Image.new("L", (4, 4), 77).save(tmp_path / "grey.png")
    assert one(tmp_path / "grey.png").tolist() == [[[77]] * 4] * 4
    both = files(tmp_path / "grey.png", picture(tmp_path / "colour.png", size=(4, 4)))
    assert both.shape == (4, 4, 3)
    assert both.decode(np.arange(2))[0][0, 0, 0].tolist() == [77, 77, 77]


@pytest.mark.parametrize(
    ("mode", "color", "seen"),
    [
        ("1", 1, [255]),
        ("CMYK", (0, 0, 0, 0), [255, 255, 255]),
        ("RGBA", (200, 0, 0, 0), [255, 255, 255]),
        ("RGBA", (200, 0, 0, 255), [200, 0, 0]),
        ("LA", (10, 0), [255]),
        ("LA", (10, 255), [10]),
    ],
)
def test_every_mode_becomes_grey_or_rgb(tmp_path, mode, color, seen):
    path = tmp_path / "x.tif"
    Image.new(mode, (3, 3), color).save(path)
    assert one(path)[1, 1].tolist() == seen


def test_a_palette_with_transparency_lies_over_white(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    picture.save(tmp_path / "x.png", transparency=0)
    assert one(tmp_path / "x.png").tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    values = np.asarray([[0, 257 * 100, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    assert one(tmp_path / "x.png")[0, :, 0].tolist() == [0, 100, 255]


def test_floats_are_fractions(tmp_path):
    values = np.asarray([[0, 0.2, 1]], dtype=np.float32)
    Image.fromarray(values).save(tmp_path / "x.tif")
    assert one(tmp_path / "x.tif")[0, :, 0].tolist() == [0, 51, 255]


def test_exif_turns_the_picture(tmp_path):
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise to be upright
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    seen = one(tmp_path / "x.png")
    assert seen.shape == (8, 4, 3)
    assert seen[0, 0, 0] == 0
    assert seen[7, 0, 0] == 255


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("L", (3, 3), value) for value in (10, 200)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert one(tmp_path / "x.gif")[0, 0].max() == 10


def test_sizes_meet_at_the_commonest(tmp_path, picture):
    paths = [picture(tmp_path / f"{i}.png", i, size=(6, 4)) for i in range(3)]
    paths += [
        picture(tmp_path / "big.png", size=(60, 40)),
        picture(tmp_path / "1.jpg", size=(1, 1)),
    ]
    images = files(*paths)
    assert images.shape == (4, 6, 3)
    pixels, readable = images.decode(np.arange(5))
    assert pixels.shape == (5, 4, 6, 3)
    assert readable.all()
    assert images.decode(np.asarray([4, 0]), size=9)[0].shape == (2, 9, 9, 3)


def test_a_jpeg_at_a_fraction_is_close_to_the_whole(tmp_path):
    ramp = np.linspace(0, 255, 256, dtype=np.uint8)
    Image.fromarray(np.tile(ramp, (256, 1))).save(tmp_path / "x.jpg", quality=95)
    seen = one(tmp_path / "x.jpg", size=16)[:, :, 0].mean(axis=0)
    assert seen == pytest.approx(ramp.reshape(16, 16).mean(axis=1), abs=4)


@pytest.fixture
def damaged(tmp_path, picture):
    whole = picture(tmp_path / "whole.jpg", size=(64, 64)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "bomb.png").write_bytes(png_header(50_000, 50_000))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("cut.jpg", "ALFS402"),
        ("empty.png", "ALFS401"),
        ("text.jpg", "ALFS401"),
        ("bomb.png", "ALFS407"),
        ("missing.png", "ALFS401"),
    ],
)
def test_damage_is_black_and_explained(damaged, name, rule):
    images = files(damaged / "whole.jpg", damaged / name)
    pixels, readable = images.decode(np.arange(2))
    assert readable.tolist() == [True, False]
    assert not pixels[1].any()
    problem = images.problem(1)
    assert problem.rule == rule
    assert name in problem.message
    assert images.problem(0) is None
    assert images.png(1, 16) is None


def test_damage_found_late_leaves_the_data_set(damaged, picture):
    root = damaged / "set"
    for number in range(149):
        picture(root / f"cat/{number:03d}.png", number)
    picture(root / "dog/1.png")
    (root / "dog/2.jpg").write_bytes((damaged / "cut.jpg").read_bytes())
    dataset = load(DataSpec(str(root)))
    assert len(dataset) == 151
    done = []
    pixels, kept = decode_all(dataset, size=8, progress=done.append)
    assert pixels.shape == (150, 8, 8, 3)
    assert len(kept) == 150
    assert [p.rule for p in kept.problems if p.rule != "ALFS403"] == ["ALFS402"]
    assert done[-1] == 151
    for number in range(5):
        (root / f"cat/{number:03d}.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(InputError, match=r"6 of 151 images .* cannot be read, over 1 %"):
        decode_all(load(DataSpec(str(root))), size=8)


def test_thumbnails_are_png_and_small(tmp_path, picture):
    images = files(picture(tmp_path / "x.jpg", size=(300, 200)))
    with Image.open(io.BytesIO(images.png(0, 96))) as small:
        assert small.format == "PNG"
        assert small.size == (96, 64)
    grey = ArrayImages(np.zeros((2, 8, 8), np.uint8))
    with Image.open(io.BytesIO(grey.png(1, 96))) as small:
        assert small.size == (8, 8)


def test_arrays_and_files_resize_alike(tmp_path, picture):
    path = picture(tmp_path / "x.png", size=(20, 10))
    with Image.open(path) as source:
        pixels = np.asarray(source)[None]
    assert (ArrayImages(pixels).decode(np.arange(1), size=7)[0][0] == one(path, size=7)).all()


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(InputError, match="none of the images can be read"):
        _ = files(tmp_path / "x.png").shape


def test_more_pixels_than_memory_are_refused(tmp_path, picture, monkeypatch):
    images = files(picture(tmp_path / "x.png"))
    monkeypatch.setattr("alfs_cli.storage.memory.available_bytes", lambda: 1000)
    with pytest.raises(InputError, match="1 images of 100 x 100"):
        images.decode(np.arange(1), size=100)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".bmp", ".webp", ".tif"])
@pytest.mark.filterwarnings("ignore")
def test_damage_anywhere_is_only_damage(tmp_path, picture, suffix):
    """Whatever bytes change, a file decodes or is unreadable; nothing else happens."""
    whole = picture(tmp_path / f"x{suffix}", size=(12, 12)).read_bytes()
    generator = np.random.default_rng(0)
    paths = []
    for number in range(40):
        content = bytearray(whole)
        for place in generator.integers(0, len(content), 4):
            content[place] = generator.integers(0, 256)
        paths.append(tmp_path / f"{number}{suffix}")
        paths[-1].write_bytes(content[: generator.integers(8, len(content) + 1)])
    images = files(tmp_path / f"x{suffix}", *paths)
    pixels, readable = images.decode(np.arange(41), size=6)
    assert readable[0]
    assert not pixels[~readable].any()
    for place in np.flatnonzero(~readable):
        assert images.png(int(place), 8) is None
        images.problem(int(place))
