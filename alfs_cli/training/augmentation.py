"""Random augmentation of a batch of pictures, on its device: rotation, resized crop, colours, hue.

Pictures are (B, H, W, C) uint8 before and after. `Draws.of` draws all random numbers of an epoch at
its start, so that an interrupted epoch can resume at any step.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from alfs_cli.results.run import AugmentationConfig

IN_CACHE = 1 << 18  # numbers that a CPU processes at once, so that they stay in its cache

GREY = (0.2989, 0.587, 0.114)  # ITU-R 601-2, as Pillow and torchvision weigh red, green and blue
ASPECTS = (3 / 4, 4 / 3)  # width over height, the range of torchvision's RandomResizedCrop


@dataclass(frozen=True, eq=False)
class Draws:
    """The random changes of an epoch for each of N examples; None where one is not configured.

    `angles` (N,) in degrees, counter-clockwise; `boxes` (N, 4): top, left, height and width as
    shares of the picture; `factors` (N, 3) of brightness, contrast and saturation; `turns` (N,) of
    the hue, as shares of the colour circle.
    """

    angles: Tensor | None
    boxes: Tensor | None
    factors: Tensor | None
    turns: Tensor | None

    @classmethod
    def of(
        cls,
        config: AugmentationConfig,
        count: int,
        generator: torch.Generator,
        device: torch.device,
    ) -> "Draws":
        """Draw the changes of `count` examples on the CPU, and move them to the device."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator)

        angles = boxes = factors = turns = None
        if config.rotation:
            angles = ((2 * uniform(count) - 1) * config.rotation).to(device)
        if config.resized_crop:
            boxes = _boxes(config.resized_crop, uniform(4, count)).to(device)
        if config.colour_jitter:
            factors = (1 + (2 * uniform(count, 3) - 1) * config.colour_jitter).to(device)
        if config.hue:
            turns = ((2 * uniform(count) - 1) * config.hue).to(device)
        return cls(angles, boxes, factors, turns)

    def applied(self, images: Tensor, here: slice) -> Tensor:
        """Return a batch (B, H, W, C) changed as drawn; `here` is its slice of the epoch."""
        if self.angles is not None:
            images = rotated(images, self.angles[here])
        if self.boxes is not None:
            images = in_parts(cropped_and_resized, images, self.boxes[here])
        if self.factors is not None:
            images = in_parts(recoloured, images, self.factors[here])
        if self.turns is not None:
            images = in_parts(rehued, images, self.turns[here])
        return images


def in_parts(change: Callable[[Tensor, Tensor], Tensor], images: Tensor, drawn: Tensor) -> Tensor:
    """Return `change(images, drawn)`, computed on a CPU in parts that fit its cache."""
    if images.device.type != "cpu":
        return change(images, drawn)
    count = max(1, IN_CACHE // images[0].numel())
    parts = zip(torch.split(images, count), torch.split(drawn, count), strict=True)
    return torch.cat([change(*part) for part in parts])


def _boxes(least: float, uniform: Tensor) -> Tensor:
    """Return boxes (N, 4) from uniform numbers (4, N); `least` is the smallest share of the area.

    The aspect ratio is log-uniform between 3:4 and 4:3.
    """
    area = least + (1 - least) * uniform[0]
    low, high = (math.log(aspect) for aspect in ASPECTS)
    aspect = (low + (high - low) * uniform[1]).exp()
    height, width = (area / aspect).sqrt().clamp(max=1), (area * aspect).sqrt().clamp(max=1)
    return torch.stack([uniform[2] * (1 - height), uniform[3] * (1 - width), height, width], 1)


def mirrored(images: Tensor) -> Tensor:
    """Return the pictures with left and right exchanged."""
    # torch has a fast flip for tensors in channels-last memory order
    return images.permute(0, 3, 1, 2).flip(3).permute(0, 2, 3, 1)


def rotated(images: Tensor, degrees: Tensor) -> Tensor:
    """Return each picture rotated counter-clockwise about its centre: nearest pixel, black outside.

    `degrees` is (B,).
    """
    batch, height, width, channels = images.shape
    angle = torch.deg2rad(degrees)[:, None, None]
    down = torch.arange(height, device=images.device)[:, None] - (height - 1) / 2
    right = torch.arange(width, device=images.device)[None] - (width - 1) / 2
    from_x = (angle.cos() * right - angle.sin() * down + (width - 1) / 2).round().long()
    from_y = (angle.sin() * right + angle.cos() * down + (height - 1) / 2).round().long()
    inside = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
    places = from_y.clamp(0, height - 1) * width + from_x.clamp(0, width - 1)
    index = places.view(batch, -1, 1).expand(-1, -1, channels)
    taken = images.reshape(batch, -1, channels).gather(1, index).view_as(images)
    return taken * inside[..., None]


def cropped_and_resized(images: Tensor, boxes: Tensor) -> Tensor:
    """Return each picture's box (B, 4), resized bilinearly to the size of the picture."""
    batch, height, width, _ = images.shape
    top, left, tall, wide = boxes[:, :, None].unbind(1)
    down = (torch.arange(height, device=images.device) + 0.5) / height
    right = (torch.arange(width, device=images.device) + 0.5) / width
    grid = torch.empty(batch, height, width, 2, device=images.device)
    grid[..., 0] = (2 * (left + wide * right) - 1)[:, None, :]
    grid[..., 1] = (2 * (top + tall * down) - 1)[:, :, None]
    source = images.permute(0, 3, 1, 2).float()
    found = grid_sample(source, grid, "bilinear", "border", align_corners=False)
    return found.round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def recoloured(images: Tensor, factors: Tensor) -> Tensor:
    """Return each picture with brightness, contrast and saturation scaled by its factors (B, 3).

    Brightness multiplies the picture, contrast mixes it with its mean grey, and saturation mixes it
    with its grey version, in this order. Each result is clipped to 0 .. 255. A grey picture has no
    saturation.
    """
    brightness, contrast, saturation = factors.view(-1, 3, 1, 1, 1).unbind(1)
    values = images.float().mul_(brightness).clamp_(0, 255)
    mean = _grey(values).mean((1, 2, 3), keepdim=True)
    values.sub_(mean).mul_(contrast).add_(mean).clamp_(0, 255)
    if images.shape[-1] == 3:
        grey = _grey(values)
        values.sub_(grey).mul_(saturation).add_(grey).clamp_(0, 255)
    return values.round_().to(torch.uint8)


def rehued(images: Tensor, turns: Tensor) -> Tensor:
    """Return each picture with its hue turned by a share of the colour circle (B,).

    Value and saturation (HSV) stay. A grey picture has no hue.
    """
    if images.shape[-1] == 1:
        return images
    values = images.float()
    top, low = values.amax(-1, keepdim=True), values.amin(-1, keepdim=True)
    chroma = top - low
    red, green, blue = (values[..., k : k + 1] for k in range(3))
    apart = chroma.clamp(min=1)  # of whole numbers: below 1 it is 0, and the pixel grey
    sixth = torch.where(
        top == red,
        (green - blue) / apart,
        torch.where(top == green, (blue - red) / apart + 2, (red - green) / apart + 4),
    )
    sixth = sixth + 6 * turns.view(-1, 1, 1, 1)
    # Around the circle a channel is full for two sixths, falls, is empty for two, and rises.
    place = (sixth + sixth.new_tensor((5.0, 3.0, 1.0))).remainder(6)
    missing = torch.minimum(place, 4 - place).clamp(0, 1)
    return (top - chroma * missing).round_().to(torch.uint8)


def _grey(values: Tensor) -> Tensor:
    """Return the pictures in grey (B, H, W, 1)."""
    if values.shape[-1] == 1:
        return values
    return (values @ values.new_tensor(GREY)).unsqueeze(-1)
