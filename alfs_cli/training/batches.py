"""Training examples and their mini-batches on the device: crop, flip, normalise.

Images are stored as (N, H, W, C) uint8. A batch is gathered, cropped and flipped as bytes, and
converted to float last. The images are on the device where they fit. Otherwise they are in main
memory or in a memory-mapped file, and batches are fetched ahead of the steps.

All random numbers of an epoch (its order, crops and flips) are drawn at its start from a generator
seeded by (seed, epoch). A run can therefore resume at any step, and no generator has to be saved.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alfs_cli.data.images.pixel_cache import mapped_pixels
from alfs_cli.errors import InputError
from alfs_cli.results.run import AugmentationConfig
from alfs_cli.storage.memory import available_bytes
from alfs_cli.training.augmentation import IN_CACHE, Draws, mirrored
from alfs_cli.training.models import InputShape

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset

LEAST_STD = 1e-6  # a feature with a smaller standard deviation is constant, and not scaled
MOST_UNREADABLE = 0.01  # share of the pictures; more unreadable ones are an error
MOST_MIRRORED = 2**30  # bytes of images and their mirrored copy; larger sets are not copied
MOST_OF_MEMORY = 0.5  # share of the free memory that pictures may take
AHEAD = 3  # batches prefetched
COUNTED = 1 << 24  # numbers counted at once for the mean and standard deviation of images


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs, (N, H, W, C) uint8 or (N, D) float32, and labels (N,), on one device.

    `is_mapped` says that the inputs are memory-mapped from a file because memory cannot hold them.
    """

    inputs: Tensor
    labels: Tensor
    is_mapped: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> InputShape:
        """The shape of one input."""
        if self.inputs.ndim == 2:
            return InputShape(num_features=self.inputs.shape[1])
        _, height, width, channels = self.inputs.shape
        return InputShape(channels=channels, height=height, width=width)

    def to(self, device: str) -> "Examples":
        """Return the same examples on a device."""
        return Examples(self.inputs.to(device), self.labels.to(device))


def _nothing(text: str) -> None:
    pass


def gather(
    dataset: "LabelledDataset",
    *,
    shape: InputShape | None = None,
    cache: Path | None = None,
    on_note: Callable[[str], None] = _nothing,
) -> Examples:
    """Return the examples of a data set, without the pictures that cannot be read.

    `shape` is the input shape of the network, if it is known already. Pictures are decoded into
    memory, or into a file under `cache` if memory cannot hold them. `on_note` is called with each
    note and warning.

    Raises InputError where the data do not fit the shape, hold neither images nor features, or have
    too many unreadable pictures.
    """
    if dataset.features is not None and has_features(dataset):
        found = Examples(
            torch.from_numpy(np.ascontiguousarray(dataset.features, dtype=np.float32)),
            torch.from_numpy(np.ascontiguousarray(dataset.labels)),
        )
    elif dataset.images is not None:
        size = None if shape is None or shape.height != shape.width else shape.height
        for text in dataset.images.notes:
            on_note(f"note: {text}")
        own = dataset.images.shape[2]
        channels = 1 if shape is not None and shape.channels == 1 else own
        if channels < own:
            on_note(
                f"note: pictures of '{dataset.name}' are in colour and read as grey, as trained"
            )
        is_mapped = cache is not None and fills_memory(dataset, size)
        if is_mapped and cache is not None:
            pixels, readable = mapped_pixels(
                dataset, cache, size=size, channels=channels, on_note=on_note
            )
        else:
            every = np.arange(len(dataset))
            pixels, readable = dataset.images.decode(every, size=size, channels=channels)
            pixels = np.ascontiguousarray(pixels if readable.all() else pixels[readable])
        _tell_unreadable(dataset, readable, on_note)
        inputs = torch.from_numpy(pixels)
        if shape is not None and shape.channels == 3 and inputs.shape[-1] == 1:
            inputs = inputs.expand(-1, -1, -1, 3)
            inputs = inputs if is_mapped else inputs.contiguous()
        found = Examples(inputs, torch.from_numpy(dataset.labels[readable]), is_mapped)
    else:
        raise InputError(
            f"'{dataset.name}' holds neither images nor features to train on",
            help="give an image folder, a manifest, or an .npz with images or features",
        )
    if shape is not None and found.shape != shape:
        raise InputError(
            f"'{dataset.name}' holds {found.shape}, and the network takes {shape}",
            help="give data of the shape that the run was trained on",
        )
    return found


def fills_memory(dataset: "LabelledDataset", size: int | None = None) -> bool:
    """Return whether the decoded images of a data set would take over half of the free memory."""
    if dataset.images is None:
        return False
    height, width, channels = dataset.images.shape
    area = height * width if size is None else size * size
    free = available_bytes()
    return free is not None and len(dataset) * area * channels > MOST_OF_MEMORY * free


def has_features(dataset: "LabelledDataset") -> bool:
    """Return whether to train on features: they were asked for, or there are no images."""
    if dataset.features is None:
        return False
    return dataset.images is None or dataset.spec.features is not None


def _tell_unreadable(
    dataset: "LabelledDataset", readable: NDArray[np.bool_], on_note: Callable[[str], None]
) -> None:
    """Warn of pictures that are left out; raise InputError where they are too many."""
    bad = np.flatnonzero(~readable)
    if not len(bad):
        return
    first = f", first '{dataset.paths[bad[0]]}'" if dataset.paths is not None else ""
    told = f"{len(bad)} of {len(readable)} pictures of '{dataset.name}' cannot be read{first}"
    if len(bad) <= MOST_UNREADABLE * len(readable):
        on_note(f"warning: {told}; left out")
        return
    raise InputError(
        told,
        help="mend them or leave them out",
    )


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Converts raw inputs to network inputs.

    Images become (x / 255 - mean) / std per channel, features (x - mean) / std. `rows` caches the
    factors of a row of pixels by its width.
    """

    mean: Tensor
    std: Tensor
    rows: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, examples: Examples) -> "Normaliser":
        """Return the normaliser with the examples' mean and standard deviation.

        Those of images are rounded to 4 decimals.
        """
        inputs = examples.inputs
        if inputs.ndim == 2:
            values = inputs.double()
            mean, std = values.mean(0), values.std(0, unbiased=False)
            std = torch.where(std > LEAST_STD, std, torch.ones_like(std))
            return cls(mean.float(), std.float())
        at_once = max(1, COUNTED // inputs[0].numel()) if len(inputs) else 1
        counts = torch.zeros(inputs.shape[-1], 256, dtype=torch.float64)
        for part in torch.split(inputs, at_once):
            for channel, pixels in enumerate(part.unbind(-1)):
                counts[channel] += torch.bincount(pixels.flatten(), minlength=256)
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
        """Return the same normaliser on a device."""
        return Normaliser(self.mean.to(device), self.std.to(device))

    def __call__(self, raw: Tensor) -> Tensor:
        """Map (B, H, W, C) uint8 to (B, C, H, W) float32 in channels_last, (B, D) to (B, D)."""
        if raw.ndim == 2:
            return (raw - self.mean) / self.std
        batch, height, width, channels = raw.shape
        scale, shift = self._of_rows(width)
        rows = raw.view(batch, height, width * channels)
        made = torch.empty(rows.shape, device=raw.device)
        at_once = max(1, IN_CACHE // rows[0].numel()) if raw.device.type == "cpu" else batch
        parts = torch.split(rows, at_once), torch.split(made, at_once)
        for part, values in zip(*parts, strict=True):
            values.copy_(part).mul_(scale).add_(shift)
        return made.view(batch, height, width, channels).permute(0, 3, 1, 2)

    def _of_rows(self, width: int) -> tuple[Tensor, Tensor]:
        """Return the factors and offsets (W * C,) of a row of W pixels."""
        if width not in self.rows:
            scale, shift = 1 / (255 * self.std), -self.mean / self.std
            self.rows[width] = (scale.repeat(width), shift.repeat(width))
        return self.rows[width]


class EpochBatches:
    """The mini-batches of one epoch: `batches[k]` is the k-th (inputs, labels), not normalised.

    If the last batch would have one example, it joins the batch before: batch norm needs two.
    """

    def __init__(
        self,
        windows: "Windows | Stream",
        labels: Tensor,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
    ) -> None:
        generator = torch.Generator().manual_seed(mixed_seed(seed, epoch))
        count, device = len(labels), labels.device
        self.windows = windows
        self.labels = labels
        self.batch_size = batch_size
        self.order = torch.randperm(count, generator=generator).to(device)
        reach = 2 * windows.augmentation.crop + 1
        offsets = torch.randint(reach, (2, count), generator=generator).to(device)
        self.down, self.right = offsets.unbind(0)
        self.flipped = (torch.rand(count, generator=generator) < 0.5).to(device)
        self.draws = Draws.of(windows.augmentation, count, generator, windows.device)

    def __len__(self) -> int:
        return num_batches(len(self.labels), self.batch_size)

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        here = self._of_step(step)
        chosen = self.order[here]
        inputs = self.windows.cut(chosen, self.down[here], self.right[here], self.flipped[here])
        labels = self.labels[chosen].to(self.windows.device, non_blocking=True)
        return self.draws.applied(inputs, here) if inputs.ndim == 4 else inputs, labels

    def places(self, step: int) -> Tensor:
        """Return the indices (B,) of the examples in a step's batch, on the training device."""
        return self.order[self._of_step(step)].to(self.windows.device, non_blocking=True)

    def _of_step(self, step: int) -> slice:
        stop = (step + 1) * self.batch_size if step < len(self) - 1 else len(self.labels)
        return slice(step * self.batch_size, stop)

    def start_at(self, first: int) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield (step, inputs, labels) from step `first` on; a stream is prefetched by a thread."""
        steps = range(first, len(self))
        if isinstance(self.windows, Windows):
            for step in steps:
                yield step, *self[step]
            return
        with ThreadPoolExecutor(1) as pool:
            waiting = deque(pool.submit(self.__getitem__, step) for step in steps[:AHEAD])
            for step in steps:
                batch = waiting.popleft().result()
                if step + AHEAD < len(self):
                    waiting.append(pool.submit(self.__getitem__, step + AHEAD))
                yield step, *batch


def num_batches(count: int, batch_size: int) -> int:
    """Return the number of steps in an epoch of `count` examples; no batch has one example.

    >>> num_batches(128, 128), num_batches(129, 128), num_batches(130, 128)
    (1, 1, 2)
    """
    return (count + batch_size - 2) // batch_size


def mixed_seed(seed: int, epoch: int) -> int:
    """Return a 63-bit seed derived from (seed, epoch)."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0]) >> 1


class Windows:
    """Random crops of zero-padded images, copied as whole rows of bytes from one strided view.

    If the images are small, their mirrored copy is stored as well, and a flip is one more index.
    Otherwise a batch is flipped after it is cropped.
    """

    def __init__(
        self,
        inputs: Tensor,
        augmentation: AugmentationConfig,
        *,
        most_mirrored: int = MOST_MIRRORED,
    ) -> None:
        self.augmentation = augmentation
        self.device = inputs.device
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
        """Return the chosen examples (B, H, W, C), flipped and then cropped.

        `chosen` (B,) are indices; `down` and `right` (B,) are offsets in the padded image, and
        `flipped` (B,) is boolean.
        """
        if self.is_plain:
            return self.inputs[chosen]
        if self.is_mirrored or not self.augmentation.flip:
            side = flipped.long() if self.is_mirrored else torch.zeros_like(chosen)
            return _take(self.view, side, chosen, down, right).view(len(chosen), *self.size)
        side = torch.zeros_like(chosen)
        from_left = torch.where(flipped, 2 * self.augmentation.crop - right, right)
        images = _take(self.view, side, chosen, down, from_left).view(len(chosen), *self.size)
        return torch.where(flipped[:, None, None, None], mirrored(images), images)


class Stream:
    """Random crops of images in main memory or in a file; each batch is cropped, then moved."""

    def __init__(
        self, inputs: Tensor, augmentation: AugmentationConfig, device: torch.device
    ) -> None:
        self.inputs = inputs
        self.augmentation = augmentation
        self.device = device

    def cut(self, chosen: Tensor, down: Tensor, right: Tensor, flipped: Tensor) -> Tensor:
        """Return the chosen examples (B, H, W, C) on the device; arguments as in `Windows.cut`."""
        batch = torch.from_numpy(
            _cut_each(self.inputs.numpy(), self.augmentation, chosen, down, right, flipped)
        )
        if self.device.type == "cuda":
            batch = batch.pin_memory()
        return batch.to(self.device, non_blocking=True)


def _cut_each(
    pixels: NDArray[np.uint8], augmentation: AugmentationConfig, *drawn: Tensor
) -> NDArray[np.uint8]:
    """Return pictures flipped and cropped, one by one: each then stays in the CPU's cache."""
    _, height, width, channels = pixels.shape
    chosen, down, right, flipped = (tensor.tolist() for tensor in drawn)
    result = np.zeros((len(chosen), height, width, channels), dtype=np.uint8)
    images = torch.from_numpy(result)
    crop = augmentation.crop
    for place, index in enumerate(chosen):
        is_flipped = augmentation.flip and flipped[place]
        source = pixels[index]
        y, x = (down[place] - crop, right[place] - crop) if crop else (0, 0)
        x = -x if is_flipped else x
        inside = source[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]
        top, left = max(0, -y), max(0, -x)
        result[place, top : top + len(inside), left : left + inside.shape[1]] = inside
        if is_flipped:
            images[place] = mirrored(images[place : place + 1])[0]
    return result


def windows_of(
    examples: Examples,
    augmentation: AugmentationConfig,
    device: str,
    *,
    on_note: Callable[[str], None] = _nothing,
) -> tuple[Windows | Stream, Tensor]:
    """Return the source of random crops, on the device if it fits there, and the labels (N,)."""
    place = torch.device(device)
    if examples.is_mapped:
        return Stream(examples.inputs, augmentation, place), examples.labels
    if place.type == "cuda":
        free, _ = torch.cuda.mem_get_info(place)
        size = examples.inputs.numel() * examples.inputs.element_size()
        if 2 * size > MOST_OF_MEMORY * free:  # twice: padding, and perhaps a mirrored copy
            on_note(
                f"{size / 1e9:,.1f} GB of examples stay in main memory: "
                f"{free / 1e9:,.1f} GB are free on {device}"
            )
            return Stream(examples.inputs, augmentation, place), examples.labels
    here = examples.to(device)
    return Windows(here.inputs, augmentation), here.labels


def _take(view: Tensor, *places: Tensor) -> Tensor:
    """Return view[places]; on a CPU by numpy, which copies whole rows, ten times faster."""
    if view.device.type != "cpu":
        return view[places]
    return torch.from_numpy(view.numpy()[tuple(place.numpy() for place in places)])
