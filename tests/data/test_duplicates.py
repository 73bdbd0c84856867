"""Which pictures are the same: by their bytes, and by their pixels whatever the file."""

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data.duplicates import conflicting_duplicates, digests_of_pictures
from alfs_cli.data.images.kinds import FileImages


def pictures(folder, *made):
    """Save each (name, picture, options) and return them as images."""
    files = []
    for name, picture, options in made:
        picture.save(folder / name, **options)
        files.append(str(folder / name))
    return FileImages(tuple(files), tuple(files))


def shades(seed=0, mode="RGB"):
    generator = np.random.default_rng(seed)
    return Image.fromarray(generator.integers(0, 256, (9, 7, 3), dtype=np.uint8)).convert(mode)


def are_same(folder, *made):
    digests = [images.pixel_digest(i) for images in [pictures(folder, *made)] for i in range(2)]
    assert None not in digests
    return digests[0] == digests[1]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA", "I;16"])
def test_the_file_does_not_matter(tmp_path, mode):
    picture = shades(mode="L").convert("I;16") if mode == "I;16" else shades(mode=mode)
    assert are_same(
        tmp_path, ("a.png", picture, {"compress_level": 0}), ("b.png", picture, {"optimize": True})
    )
    if mode not in ("LA", "I;16"):
        assert are_same(tmp_path, ("a.png", picture, {}), ("b.webp", picture, {"lossless": True}))


def test_a_picture_is_compared_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = shades().transpose(Image.Transpose.ROTATE_90)
    assert are_same(tmp_path, ("a.png", shades(), {}), ("b.png", turned, {"exif": exif}))
    assert not are_same(tmp_path, ("a.png", shades(), {}), ("b.png", turned, {}))


def test_what_would_be_lost_counts(tmp_path):
    """Alpha, and depth beyond 8 bits: pictures that look alike on white are not the same."""
    white = Image.new("RGBA", (4, 4), (255, 255, 255, 255))
    icon = white.copy()
    icon.putalpha(Image.fromarray(np.eye(4, dtype=np.uint8) * 255))
    assert not are_same(tmp_path, ("a.png", white, {}), ("b.png", icon, {}))
    deep = np.full((4, 4), 1000, np.uint16)
    other = deep + np.eye(4, dtype=np.uint16)
    assert not are_same(
        tmp_path, ("a.png", Image.fromarray(deep), {}), ("b.png", Image.fromarray(other), {})
    )


def test_what_is_not_known(tmp_path, monkeypatch):
    frames = [shades(0), shades(1)]
    moving = pictures(
        tmp_path, ("a.gif", frames[0], {"save_all": True, "append_images": frames[1:]})
    )
    assert moving.pixel_digest(0) is None
    (tmp_path / "b.png").write_bytes(b"no picture")
    broken = FileImages((str(tmp_path / "b.png"), str(tmp_path / "none.png")), ("b", "none"))
    assert [broken.pixel_digest(i) for i in range(2)] == [None, None]
    monkeypatch.setattr("alfs_cli.data.images.kinds.LARGE_PIXELS", 62)
    assert pictures(tmp_path, ("c.png", shades(), {})).pixel_digest(0) is None


def test_only_what_looks_alike_is_decoded(tmp_path, monkeypatch):
    """200 pictures, of which one is there twice under two labels; features that name it do."""
    count = 200
    made = [(f"{i}.png", shades(i), {}) for i in range(count)]
    images = pictures(tmp_path, *made, ("twin.bmp", shades(17), {}))
    generator = np.random.default_rng(0)
    features = generator.normal(size=(count, 5)).astype(np.float32)
    features = np.concatenate([features, features[17:18] + np.float32(1e-4)])
    labels = np.append(np.arange(count) % 2, 0)
    digests = [images.digest(i) for i in range(count + 1)]
    looked = []
    real = FileImages.pixel_digest
    monkeypatch.setattr(
        FileImages, "pixel_digest", lambda self, i: (looked.append(i), real(self, i))[1]
    )
    places = np.arange(count + 1)
    merged = digests_of_pictures(images, labels, digests, features, places)
    assert conflicting_duplicates(labels, merged) == ((17, count),)
    assert len(looked) < 10
    assert merged[17] == min(digests[17], digests[count])
    assert [merged[i] for i in places if i not in (17, count)] == [
        digests[i] for i in places if i not in (17, count)
    ]
    same_label = np.where(places == count, labels[17], labels)
    assert digests_of_pictures(images, same_label, digests, features, places) == digests


@pytest.mark.parametrize(
    ("features", "is_found"),
    [
        (np.zeros((6, 0)), False),
        (np.zeros((6, 3)), True),
        (np.full((6, 2), np.nan), False),
        (np.full((6, 2), 1e38), True),
    ],
    ids=["none", "all the same", "not a number", "huge"],
)
def test_any_features(tmp_path, features, is_found):
    images = pictures(tmp_path, *[(f"{i}.png", shades(i % 5), {}) for i in range(6)])
    labels = np.array([0, 0, 0, 1, 1, 1])
    digests = [bytes([i]) for i in range(6)]
    found = digests_of_pictures(images, labels, digests, features.astype(np.float32), np.arange(6))
    assert found == [*digests[:5], digests[0 if is_found else 5]]
