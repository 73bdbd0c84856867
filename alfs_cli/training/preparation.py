"""From an experiment to what the loop needs: examples on the device, normaliser, objective."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from alfs_cli.losses import parse_loss
from alfs_cli.losses.public_code import with_gradient_of_public_code
from alfs_cli.results.run import TrainConfig
from alfs_cli.training.batches import Examples, Normaliser, Stream, Windows, windows_of
from alfs_cli.training.correction import ForwardCorrected
from alfs_cli.training.devices import Device
from alfs_cli.training.experiment import Experiment
from alfs_cli.training.objectives import (
    EarlyLearning,
    LossOfBatch,
    NegativeLearning,
    Objective,
    Stateless,
)


def _nothing(text: str) -> None:
    pass


@dataclass(frozen=True, eq=False)
class Material:
    """The training images or features, their labels (N,), the normaliser, and the test examples."""

    windows: Windows | Stream
    labels: Tensor
    normaliser: Normaliser
    test: Examples | None


def prepare(
    experiment: Experiment, device: Device, cache: Path, on_note: Callable[[str], None] = _nothing
) -> Material:
    """Return the material of an experiment, on the device if it fits there.

    Pictures that memory cannot hold are decoded into a file under `cache`; `on_note` is called with
    notes and warnings.
    """
    config = experiment.config
    examples = experiment.train_examples(cache=cache, on_note=on_note)
    test = experiment.test_examples(cache=cache, on_note=on_note)
    normaliser = normaliser_of(config, examples).to(device.name)
    windows, labels = windows_of(examples, config.augmentation, device.name, on_note=on_note)
    if test is not None and not test.is_mapped and not isinstance(windows, Stream):
        test = test.to(device.name)
    return Material(windows, labels, normaliser, test)


def normaliser_of(config: TrainConfig, examples: Examples) -> Normaliser:
    """Return the configured normaliser, or that of the training examples."""
    chosen = config.normalisation
    if chosen is None:
        return Normaliser.of(examples)
    return Normaliser(torch.tensor(chosen.mean), torch.tensor(chosen.std))


def objective_of(experiment: Experiment, labels: Tensor, device: Device) -> Objective:
    """Return the objective: NLNL, or the loss with forward correction and ELR if configured.

    `labels` (N,) are the training labels.
    """
    config, num_classes = experiment.config, len(experiment.class_names)
    if config.nlnl is not None:
        seed, where = config.seed, device.name
        return NegativeLearning(config.nlnl, labels, num_classes, seed=seed, device=where)
    plain, T = parse_loss(config.loss), experiment.transition
    if config.loss_gradient == "public-code":
        plain = with_gradient_of_public_code(plain)
    loss: LossOfBatch = plain
    if T is not None:
        level = config.transition.least_level if config.transition is not None else 0.0
        loss = ForwardCorrected(plain, T.held_apart(level))
    if config.elr is not None:
        return EarlyLearning(config.elr, loss, (len(labels), num_classes), device=device.name)
    return Stateless(loss)
