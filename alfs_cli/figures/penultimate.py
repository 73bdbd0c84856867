"""Penultimate features of trained runs, with the true classes of the examples.

Features are the input of the network's last layer, caught by a hook on it, so that every network
gives them: those of alfs and any classifier of torchvision.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from alfs_cli.arrays import BoolArray, Features, IntArray
from alfs_cli.data import DataSpec, LabelledDataset, load
from alfs_cli.errors import InputError
from alfs_cli.results.run import TrainConfig, load_config, saved_settings
from alfs_cli.training.batches import gather
from alfs_cli.training.checkpoint import Trained, load_trained
from alfs_cli.training.devices import Device
from alfs_cli.training.experiment import plan
from alfs_cli.training.prediction import BATCH

MOST_EXAMPLES = 2000  # drawn; more make the plot a blot and t-SNE slow
Part = Literal["test", "train"]


@dataclass(frozen=True, eq=False)
class Represented:
    """Examples as a network represents them: features (N, F), classes (N,), wrong labels (N,).

    `classes` are the true ones if `is_true`, otherwise the given ones, and then no label is known
    to be wrong.
    """

    run: str
    config: TrainConfig
    class_names: tuple[str, ...]
    features: Features
    classes: IntArray
    is_wrong: BoolArray
    is_true: bool


def represent(
    folder: Path,
    spec: DataSpec | None,
    part: Part,
    device: Device,
    *,
    seed: int,
    cache: Path,
    on_note: Callable[[str], None],
) -> Represented:
    """Return at most MOST_EXAMPLES examples, drawn by `seed`, as the network of a run has them.

    They are of the data of `spec`, or with None of the run's own `part`. Labels of the training
    part are those that the run was trained on. Raises InputError where the run is damaged or not
    finished, or the data do not fit it.
    """
    trained, config = load_trained(folder), load_config(folder)
    dataset, is_true = _examples(folder, spec, part, config)
    drawn = np.random.default_rng(seed).permutation(len(dataset))[:MOST_EXAMPLES]
    chosen = dataset.subset(np.sort(drawn))
    numbered = chosen.with_labels(np.arange(len(chosen))).scaled(trained.scale)
    examples = gather(numbered, shape=trained.shape, cache=cache, on_note=on_note)
    read = examples.labels.numpy()
    true = chosen.labels if chosen.true_labels is None else chosen.true_labels
    return Represented(
        run=folder.name,
        config=config,
        class_names=dataset.class_names,
        features=features_of(trained, examples.inputs, device).numpy(),
        classes=true[read],
        is_wrong=(chosen.labels != true)[read],
        is_true=is_true,
    )


def _examples(
    folder: Path, spec: DataSpec | None, part: Part, config: TrainConfig
) -> tuple[LabelledDataset, bool]:
    """Return the examples, and whether their true classes are known."""
    if spec is not None:
        loaded = load(spec, columns=config.feature_columns, is_screened=False)
        if loaded.fingerprint != config.fingerprint:
            return loaded, loaded.true_labels is not None
        part = "train"
    experiment = plan(saved_settings(folder))
    test = experiment.parts.test
    if part == "train":
        return _with_truth(experiment.parts.train, config)
    if test is None or experiment.test is None:
        raise InputError(
            f"run '{folder.name}' has no test data",
            help="--data DATA names others, --part train takes those that it was trained on",
        )
    return test, experiment.test.labels == "true"


def _with_truth(train: LabelledDataset, config: TrainConfig) -> tuple[LabelledDataset, bool]:
    """Return the training part with its true labels: with injected noise, those before it."""
    if train.true_labels is not None or config.noise is None:
        return train, train.true_labels is not None
    plain = replace(config, noise=None, correction="none", transition=None)
    before = plan(plain.settings()).parts.train
    return replace(train, true_labels=before.labels), True


def features_of(trained: Trained, inputs: Tensor, device: Device) -> Tensor:
    """Return the input (N, F) of the network's last layer for raw inputs, float32 on the CPU.

    The last layer is the linear or convolutional one that is computed last; of maps the mean over
    places is taken. Raises InputError where a feature is not finite.
    """
    model = device.place(trained.model).eval()
    normaliser = trained.normaliser.to(device.name)
    latest: list[Tensor] = []

    def catch(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        latest[:] = arguments[:1]

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    hooks = [layer.register_forward_pre_hook(catch) for layer in layers]
    parts = []
    try:
        with torch.inference_mode(), device.autocast():
            for part in torch.split(inputs, BATCH):
                model(normaliser(part.to(device.name).contiguous()))
                maps = latest[0].float().cpu()
                parts.append(maps.flatten(2).mean(dim=2) if maps.ndim == 4 else maps)
    finally:
        for hook in hooks:
            hook.remove()
    features = torch.cat(parts)
    if not features.isfinite().all():
        raise InputError(
            f"the network of model '{trained.name}' gives features that are not finite",
            help="its weights are broken: train it anew with --overwrite",
        )
    return features
