"""The usual research loop, which the others are measured against: nothing in it is held back.

A DataLoader over PIL images with torchvision's transforms, float32, contiguous memory,
torch.optim.SGD with clipped gradients, cosine by epoch, and a read of the loss in every step.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alfs_cli.results.run import TrainConfig
from alfs_cli.training.batches import Examples, mixed_seed
from alfs_cli.training.models import InputShape, build
from alfs_cli.training.preparation import normaliser_of


class Shuffled:
    """The order (N,) of each epoch: the loader's own, or the one of alfs."""

    def __init__(self, count: int, seed: int, *, as_alfs: bool) -> None:
        self.count, self.seed, self.as_alfs = count, seed, as_alfs
        self.own = torch.Generator().manual_seed(seed)
        self.epoch = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        same = torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch))
        chosen = same if self.as_alfs else self.own
        yield from torch.randperm(self.count, generator=chosen).tolist()


class PlainLoop:
    """Trains a network of alfs on images (N, H, W, C) uint8 and labels (N,) the usual way.

    With `as_alfs` it takes the examples in the order that alfs does.
    """

    def __init__(
        self,
        config: TrainConfig,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        num_classes: int,
        device: str = "cpu",
        workers: int = 0,
        as_alfs: bool = False,
    ) -> None:
        from PIL import Image
        from torch.utils.data import DataLoader, Dataset
        from torchvision import transforms

        _, height, width, channels = images.shape
        examples = Examples(torch.from_numpy(images), torch.from_numpy(labels))
        statistics = normaliser_of(config, examples)
        mean, std = statistics.mean.tolist(), statistics.std.tolist()
        random: list[Any] = []
        if config.augmentation.crop:
            random.append(transforms.RandomCrop((height, width), config.augmentation.crop))
        if config.augmentation.flip:
            random.append(transforms.RandomHorizontalFlip())
        if config.augmentation.rotation:
            random.append(transforms.RandomRotation(config.augmentation.rotation))
        plain = [transforms.ToTensor(), transforms.Normalize(mean, std)]
        self.prepare = {
            True: transforms.Compose([*random, *plain]),
            False: transforms.Compose(plain),
        }
        prepare = self.prepare[True]

        class Pictures(Dataset[tuple[Tensor, int]]):
            def __len__(self) -> int:
                return len(images)

            def __getitem__(self, index: int) -> tuple[Tensor, int]:
                return prepare(Image.fromarray(images[index].squeeze())), int(labels[index])

        self.device = device
        self.config = config
        self.order = Shuffled(len(images), config.seed, as_alfs=as_alfs)
        self.loader = DataLoader(
            Pictures(),
            batch_size=config.batch_size,
            sampler=self.order,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.startswith("cuda"),
        )
        shape = InputShape(channels=channels, height=height, width=width)
        self.model = build(config.model, shape, num_classes, seed=config.seed).to(device)
        chosen = config.optimizer
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            chosen.lr,
            chosen.momentum,
            weight_decay=chosen.weight_decay,
        )

    def epoch(self, number: int, *, most_steps: int | None = None) -> float:
        """Train one epoch, counted from 0, or a part of it; return the mean loss."""
        from alfs_cli.losses import parse_loss

        objective = parse_loss(self.config.loss)
        rate = self.config.optimizer.lr * (1 + math.cos(math.pi * number / self.config.epochs)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        self.order.epoch = number
        losses = []
        for step, (inputs, targets) in enumerate(self.loader):
            if step == most_steps:
                break
            self.optimizer.zero_grad()
            loss = objective(self.model(inputs.to(self.device)), targets.to(self.device))
            loss.backward()
            if self.config.optimizer.grad_clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimizer.grad_clip)
            self.optimizer.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return the share of labels predicted."""
        from PIL import Image

        prepare = self.prepare[False]
        self.model.eval()
        hits = 0
        with torch.no_grad():
            for start in range(0, len(images), 512):
                part = [prepare(Image.fromarray(i.squeeze())) for i in images[start : start + 512]]
                logits = self.model(torch.stack(part).to(self.device))
                given = torch.from_numpy(labels[start : start + 512]).to(self.device)
                hits += int((logits.argmax(1) == given).sum())
        return hits / len(images)
