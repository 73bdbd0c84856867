"""Examples on the device, and the batches made of them there: crop, flip, normalise.

Images stay (N, H, W, C) uint8; a batch is gathered, cropped and flipped as bytes and becomes float
last. What an epoch draws at random (its order, every crop and flip) is drawn at once from a
generator seeded by (seed, epoch), so a run can be taken up at any step with no generator to save.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alfs_cli.errors import InputError
from alfs_cli.models import InputShape
from alfs_cli.runs import AugmentationConfig

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset

LEAST_STD = 1e-6
MOST_UNREADABLE = 0.01
MOST_MIRRORED = 2**30  # bytes: larger image sets are not kept twice


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs, (N, H, W, C) uint8 or (N, D) float32, and labels (N,), on one device."""

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> InputShape:
        """What a network for them takes."""
        if self.inputs.ndim == 2:
            return InputShape(num_features=self.inputs.shape[1])
        _, height, width, channels = self.inputs.shape
        return InputShape(channels=channels, height=height, width=width)

    def to(self, device: str) -> "Examples":
        """Return the same examples on a device."""
        return Examples(self.inputs.to(device), self.labels.to(device))


def gather(dataset: "LabelledDataset", *, shape: InputShape | None = None) -> Examples:
    """Return a data set's examples in memory; pictures that cannot be read are left out.

    `shape` is what the network takes, where that is settled. Raises InputError where the data do
    not fit it, or hold neither images nor features.
    """
    if dataset.features is not None and has_features(dataset):
        found = Examples(
            torch.from_numpy(np.ascontiguousarray(dataset.features, dtype=np.float32)),
            torch.from_numpy(np.ascontiguousarray(dataset.labels)),
        )
    elif dataset.images is not None:
        size = None if shape is None or shape.height != shape.width else shape.height
        pixels, readable = dataset.images.decode(np.arange(len(dataset)), size=size)
        labels = dataset.labels
        if not readable.all():
            _refuse_unreadable(dataset, readable)
            pixels, labels = pixels[readable], labels[readable]
        found = Examples(
            torch.from_numpy(np.ascontiguousarray(pixels)),
            torch.from_numpy(np.ascontiguousarray(labels)),
        )
        if shape is not None and shape.channels == 3 and found.inputs.shape[-1] == 1:
            found = Examples(found.inputs.expand(-1, -1, -1, 3).contiguous(), found.labels)
    else:
        raise InputError(
            f"'{dataset.name}' holds neither images nor features to train on",
            help="give an image folder, a manifest, or an .npz with images or features",
        )
    if shape is not None and found.shape != shape:
        raise InputError(f"'{dataset.name}' holds {found.shape}, and the network takes {shape}")
    return found


def has_features(dataset: "LabelledDataset") -> bool:
    """Say whether features are what to train on: they were named, or there are no images."""
    if dataset.features is None:
        return False
    return dataset.images is None or dataset.spec.features is not None


def _refuse_unreadable(dataset: "LabelledDataset", readable: NDArray[np.bool_]) -> None:
    """Raise InputError where more than one picture in a hundred cannot be read."""
    bad = np.flatnonzero(~readable)
    if len(bad) <= MOST_UNREADABLE * len(readable):
        return
    first = f", first '{dataset.paths[bad[0]]}'" if dataset.paths is not None else ""
    raise InputError(
        f"{len(bad)} of {len(readable)} pictures of '{dataset.name}' cannot be read{first}",
        help="mend them or leave them out",
    )


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Makes network inputs of raw ones: (x / 255 - mean) / std by channel, or by feature."""

    mean: Tensor
    std: Tensor
    rows: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, examples: Examples) -> "Normaliser":
        """Take mean and standard deviation of the examples, rounded to 4 decimals for images."""
        inputs = examples.inputs
        if inputs.ndim == 2:
            values = inputs.double()
            mean, std = values.mean(0), values.std(0, unbiased=False)
            std = torch.where(std > LEAST_STD, std, torch.ones_like(std))
            return cls(mean.float(), std.float())
        counts = torch.stack(
            [torch.bincount(channel.flatten(), minlength=256) for channel in inputs.unbind(-1)]
        ).double()
        levels = torch.arange(256, dtype=torch.float64) / 255
        shares = counts / counts.sum(1, keepdim=True)
        mean = shares @ levels
        std = (shares @ levels.square() - mean.square()).clamp_min(0).sqrt()
        std = torch.where(std >= 1e-4, std, torch.ones_like(std))
        return cls(
            torch.tensor([round(v, 4) for v in mean.tolist()]),
            torch.tensor([round(v, 4) for v in std.tolist()]),
        )

    def to(self, device: str) -> "Normaliser":
        """Return the same on a device."""
        return Normaliser(self.mean.to(device), self.std.to(device))

    def __call__(self, raw: Tensor) -> Tensor:
        """Map (B, H, W, C) uint8 to (B, C, H, W) float32 in channels_last, (B, D) to (B, D)."""
        if raw.ndim == 2:
            return (raw - self.mean) / self.std
        batch, height, width, channels = raw.shape
        scale, shift = self._of_rows(width)
        rows = raw.view(batch, height, width * channels).float().mul_(scale).add_(shift)
        return rows.view(batch, height, width, channels).permute(0, 3, 1, 2)

    def _of_rows(self, width: int) -> tuple[Tensor, Tensor]:
        """Return factor and summand of a whole row of pixels, made once."""
        if width not in self.rows:
            scale, shift = 1 / (255 * self.std), -self.mean / self.std
            self.rows[width] = (scale.repeat(width), shift.repeat(width))
        return self.rows[width]


class EpochBatches:
    """The batches of one epoch: `batches[k]` is the k-th (inputs, labels), raw.

    A last batch of one example is left out: batch norm needs two.
    """

    def __init__(
        self,
        windows: "Windows",
        labels: Tensor,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
    ) -> None:
        generator = torch.Generator().manual_seed(_mixed(seed, epoch))
        count, device = len(labels), labels.device
        self.windows = windows
        self.labels = labels
        self.batch_size = batch_size
        self.order = torch.randperm(count, generator=generator).to(device)
        reach = 2 * windows.augmentation.crop + 1
        offsets = torch.randint(reach, (2, count), generator=generator).to(device)
        self.down, self.right = offsets.unbind(0)
        self.flipped = (torch.rand(count, generator=generator) < 0.5).to(device)

    def __len__(self) -> int:
        return num_batches(len(self.labels), self.batch_size)

    @property
    def num_seen(self) -> int:
        """How many examples the epoch trains on."""
        return min(len(self.labels), len(self) * self.batch_size)

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        here = slice(step * self.batch_size, (step + 1) * self.batch_size)
        chosen = self.order[here]
        inputs = self.windows.cut(chosen, self.down[here], self.right[here], self.flipped[here])
        return inputs, self.labels[chosen]


def num_batches(count: int, batch_size: int) -> int:
    """Return the steps of an epoch of `count` examples."""
    return (count + batch_size - 2) // batch_size


def _mixed(seed: int, epoch: int) -> int:
    """Return a seed of 63 bits for (seed, epoch)."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0] >> 1)


class Windows:
    """Crops of padded images, cut as whole rows of bytes out of one strided view.

    Where they are small a mirrored copy of the images lies beside them, and a flip is one more
    index; else a batch is flipped after it is cut.
    """

    def __init__(
        self,
        inputs: Tensor,
        augmentation: AugmentationConfig,
        *,
        most_mirrored: int = MOST_MIRRORED,
    ) -> None:
        self.augmentation = augmentation
        self.inputs = inputs
        self.is_plain = inputs.ndim == 2 or not (augmentation.crop or augmentation.flip)
        if self.is_plain:
            return
        crop = augmentation.crop
        count, height, width, channels = inputs.shape
        self.size = (height, width, channels)
        tall, wide = height + 2 * crop, width + 2 * crop
        self.is_mirrored = augmentation.flip and 2 * inputs[0].numel() * count <= most_mirrored
        sides = 2 if self.is_mirrored else 1
        padded = inputs.new_zeros((sides, count, tall, wide, channels))
        padded[0, :, crop : crop + height, crop : crop + width] = inputs
        if self.is_mirrored:
            padded[1] = padded[0].flip(2)
        row = wide * channels
        self.view = padded.as_strided(
            (sides, count, 2 * crop + 1, 2 * crop + 1, height, width * channels),
            (count * tall * row, tall * row, row, channels, row, 1),
        )

    def cut(self, chosen: Tensor, down: Tensor, right: Tensor, flipped: Tensor) -> Tensor:
        """Return the chosen examples (B, H, W, C), each mirrored and then moved as drawn."""
        if self.is_plain:
            return self.inputs[chosen]
        if self.is_mirrored or not self.augmentation.flip:
            side = flipped.long() if self.is_mirrored else torch.zeros_like(chosen)
            return _take(self.view, side, chosen, down, right).view(len(chosen), *self.size)
        side = torch.zeros_like(chosen)
        from_left = torch.where(flipped, 2 * self.augmentation.crop - right, right)
        images = _take(self.view, side, chosen, down, from_left).view(len(chosen), *self.size)
        return torch.where(flipped[:, None, None, None], images.flip(2), images)


def _take(view: Tensor, *places: Tensor) -> Tensor:
    """Return view[places]; on a CPU by numpy, which copies whole rows and is ten times faster."""
    if view.device.type != "cpu":
        return view[places]
    return torch.from_numpy(view.numpy()[tuple(place.numpy() for place in places)])
