"""Pictures become squares without being squashed."""

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import ArrayImages
from alfs_cli.data.images.framing import Frame, stretched
from alfs_cli.data.images.kinds import FileImages


def disc(width, height):
    """Return a white disc in the middle of a black picture."""
    y, x = np.ogrid[:height, :width]
    inside = (x - (width - 1) / 2) ** 2 + (y - (height - 1) / 2) ** 2 < (
        min(width, height) / 3
    ) ** 2
    return np.repeat(255 * inside[..., None].astype(np.uint8), 3, axis=2)


def extents(pixels):
    """Return the width and the height of what is white."""
    white = pixels[..., 0] > 127
    return int(white.any(axis=0).sum()), int(white.any(axis=1).sum())


@pytest.mark.parametrize(("width", "height"), [(200, 100), (100, 200), (100, 100), (301, 97)])
def test_a_disc_stays_round(width, height):
    cut = np.asarray(Frame(64, 64).cut(Image.fromarray(disc(width, height))))
    assert cut.shape == (64, 64, 3)
    across, down = extents(cut)
    assert abs(across - down) <= 1
    assert across == pytest.approx(64 * 2 / 3, abs=2)


def test_a_stretched_disc_does_not():
    across, down = extents(np.asarray(stretched(64).cut(Image.fromarray(disc(200, 100)))))
    assert down > 1.8 * across


@pytest.mark.parametrize("resampling", ["bilinear", "bicubic"])
def test_it_is_the_middle_of_the_resized_picture(resampling):
    """As resizing the shorter side and then cropping, which rounds twice."""
    noise = np.random.default_rng(0).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    picture = Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)
    two_steps = picture.resize((128, 96), Image.Resampling[resampling.upper()])
    two_steps = two_steps.crop((24, 8, 104, 88))
    one = np.asarray(Frame(80, 96, resampling).cut(picture)).astype(int)
    assert np.abs(one - np.asarray(two_steps)).max() <= 2


def test_a_picture_of_the_size_is_left_alone():
    picture = Image.fromarray(disc(64, 64))
    assert Frame(64, 64).cut(picture) is picture
    assert stretched(64).cut(picture) is picture
    assert Frame(64, 72).cut(picture) is not picture


@pytest.mark.parametrize("frame", [Frame(48, 48), Frame(48, 56, "bicubic"), stretched(48)])
@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_files_and_arrays_are_cut_alike(tmp_path, frame, format):
    pixels = disc(300, 200)
    path = str(tmp_path / f"a.{format}")
    Image.fromarray(pixels).save(path)
    in_file, _ = FileImages((path,), (path,)).decode(np.arange(1), size=frame, channels=3)
    in_memory, _ = ArrayImages(pixels[None]).decode(np.arange(1), size=frame, channels=3)
    assert in_file.shape == in_memory.shape == (1, 48, 48, 3)
    assert np.abs(in_file.astype(int) - in_memory).mean() < 3  # a JPEG is shrunk as it is read


def test_a_number_still_stretches():
    both = [ArrayImages(disc(90, 60)[None]).decode(np.arange(1), size=size)[0]
            for size in (32, stretched(32))]  # fmt: skip
    np.testing.assert_array_equal(*both)
