"""Batched rotation, resized crop and colours against torchvision's, one picture at a time."""

import numpy as np
import pytest
import torch

from alfs_cli.results.run import AugmentationConfig
from alfs_cli.training.augmentation import (
    Draws,
    cropped_and_resized,
    recoloured,
    rehued,
    rotated,
)
from alfs_cli.training.batches import EpochBatches, Windows


@pytest.fixture(scope="module")
def functional():
    """Return torchvision's operations; their import takes seconds."""
    return pytest.importorskip("torchvision.transforms.v2.functional")


def photographs(count=6, height=17, width=24, channels=3):
    """Return smooth pictures (N, H, W, C) uint8, as photographs are."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, channels, 5, 5, generator=generator) * 255
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return fine.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def planes(image):
    return image.permute(2, 0, 1)


def test_rotation(functional):
    images, degrees = photographs(), torch.tensor([0.0, 77.0, 180.0, 13.0, -20.0, 7.5])
    found = rotated(images, degrees)
    torch.testing.assert_close(found[0], images[0])
    torch.testing.assert_close(found[2], images[2].flip(0, 1))
    for image, angle, ours in zip(images, degrees.tolist(), found, strict=True):
        theirs = functional.rotate(planes(image), angle).permute(1, 2, 0)
        same = (ours == theirs).all(-1).float().mean()
        assert same > 0.99  # pixels whose source is a tie may go either way


def test_square_quarter_turns_lose_nothing():
    images = photographs(4, 9, 9)
    found = rotated(images, torch.tensor([90.0, -90.0, 180.0, 360.0]))
    for ours, image, turns in zip(found, images, (1, -1, 2, 0), strict=True):
        torch.testing.assert_close(ours, torch.rot90(image, turns))


def test_resized_crop(functional):
    images = photographs(3, 20, 40)
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    torch.testing.assert_close(cropped_and_resized(images, whole.repeat(3, 1)), images)
    boxes = torch.tensor([[0.1, 0.25, 0.5, 0.5], [0.0, 0.0, 0.25, 0.75], [0.5, 0.5, 0.5, 0.5]])
    found = cropped_and_resized(images, boxes)
    for image, box, ours in zip(images, boxes.tolist(), found, strict=True):
        top, left, tall, wide = (round(v * s) for v, s in zip(box, (20, 40, 20, 40), strict=True))
        theirs = functional.resized_crop(
            planes(image), top, left, tall, wide, [20, 40], antialias=False
        ).permute(1, 2, 0)
        # inside, where a pixel beyond the box's edge has no part
        apart = (ours.int() - theirs.int()).abs()[2:-2, 2:-2]
        assert apart.max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_colours(functional, channels):
    images = photographs(channels=channels)
    factors = torch.rand(6, 3, generator=torch.Generator().manual_seed(1)) + 0.5
    for image, drawn, ours in zip(images, factors.tolist(), recoloured(images, factors),
                                  strict=True):  # fmt: skip
        brightness, contrast, saturation = drawn
        theirs = functional.adjust_brightness(planes(image), brightness)
        theirs = functional.adjust_contrast(theirs, contrast)
        if channels == 3:
            theirs = functional.adjust_saturation(theirs, saturation)
        apart = (ours.int() - theirs.permute(1, 2, 0).int()).abs()
        assert apart.max() <= 3  # torchvision cuts off decimals after each of the three


@pytest.mark.parametrize("channels", [1, 3])
def test_hues(functional, channels):
    images, turns = photographs(channels=channels), torch.tensor([0.0, 0.2, -0.2, 0.5, -0.5, 0.07])
    images[0, 0, :4] = torch.tensor([[[0], [255], [7], [7]]], dtype=torch.uint8)  # grey pixels
    found = rehued(images, turns)
    torch.testing.assert_close(found[0], images[0])
    for image, turn, ours in zip(images, turns.tolist(), found, strict=True):
        theirs = functional.adjust_hue(planes(image), turn).permute(1, 2, 0)
        assert (ours.int() - theirs.int()).abs().max() <= 1  # torchvision cuts off decimals


def test_draws_cover_their_range_and_repeat():
    config = AugmentationConfig(rotation=20, resized_crop=0.2, colour_jitter=0.4, hue=0.2)
    first, again = (
        Draws.of(config, 4000, torch.Generator().manual_seed(3), "cpu") for _ in range(2)
    )
    torch.testing.assert_close(first.boxes, again.boxes)
    assert -20 <= first.angles.min() < -19 < 19 < first.angles.max() <= 20
    assert 0.6 <= first.factors.min() < 0.61 < 1.39 < first.factors.max() <= 1.4
    assert -0.2 <= first.turns.min() < -0.19 < 0.19 < first.turns.max() <= 0.2
    top, left, height, width = first.boxes.unbind(1)
    assert first.boxes.min() >= 0
    assert (top + height).max() <= 1 + 1e-6
    assert (left + width).max() <= 1 + 1e-6
    area = height * width
    assert 0.19 < area.min() < 0.22
    assert area.max() > 0.95


def test_epochs_with_them_can_be_taken_up_at_any_step():
    pixels = photographs(20, 8, 8)
    config = AugmentationConfig(2, True, rotation=20, resized_crop=0.5, colour_jitter=0.4)

    def batches():
        return EpochBatches(Windows(pixels, config), torch.arange(20), 8, seed=0, epoch=2)

    whole = [inputs for _, inputs, _ in batches().start_at(0)]
    (_, last, _) = next(batches().start_at(2))
    assert torch.equal(last, whole[2])
    plain = EpochBatches(
        Windows(pixels, AugmentationConfig(2, True)), torch.arange(20), 8, seed=0, epoch=2
    )
    assert torch.equal(plain.order, batches().order)  # further draws change none before them
    assert torch.equal(plain.flipped, batches().flipped)
    assert not torch.equal(plain[0][0], whole[0])
    assert np.array_equal(plain[0][0].shape, whole[0].shape)
