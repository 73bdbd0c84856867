"""Predictions of a trained network: logits, probabilities, features, accuracy."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from alfs_cli.errors import InputError, UsageError
from alfs_cli.training.batches import Examples, Normaliser
from alfs_cli.training.checkpoint import Trained
from alfs_cli.training.devices import Device

BATCH = 512  # examples in a forward pass


def logits_of(model: nn.Module, normaliser: Normaliser, inputs: Tensor, device: Device) -> Tensor:
    """Return logits (N, K) float32 on the device, computed in evaluation mode."""
    model.eval()
    with torch.inference_mode(), device.autocast():
        parts = (part.to(device.name).contiguous() for part in torch.split(inputs, BATCH))
        return torch.cat([model(normaliser(part)).float() for part in parts])


def accuracy_of(
    model: nn.Module, normaliser: Normaliser, examples: Examples, device: Device
) -> float:
    """Return the share of examples whose label the network predicts."""
    logits = logits_of(model, normaliser, examples.inputs, device)
    hits = logits.argmax(dim=1) == examples.labels.to(logits.device)
    return int(hits.sum()) / len(examples)


def predict(trained: Trained, inputs: Tensor, device: Device) -> Tensor:
    """Return class probabilities (N, K) of raw inputs, float32 on the CPU.

    Raises InputError where the network predicts NaN.
    """
    model = device.place(trained.model)
    normaliser = trained.normaliser.to(device.name)
    probs = logits_of(model, normaliser, inputs, device).softmax(dim=1).cpu()
    if not probs.isfinite().all():
        raise InputError("the network predicts NaN", help="its weights are broken: train it anew")
    return probs


def features_of(trained: Trained, inputs: Tensor, device: Device) -> Tensor:
    """Return penultimate features (N, F) of raw inputs, float32 on the CPU.

    Raises UsageError where the network is not one of the MODELS table.
    """
    features: Callable[[Tensor], Tensor] | None = getattr(trained.model, "features", None)
    if not trained.has_features or features is None:
        raise UsageError(
            f"model '{trained.name}' has no penultimate features to give",
            help="networks of alfs have them: --model cnn8, resnet18, ...",
        )
    device.place(trained.model).eval()
    normaliser = trained.normaliser.to(device.name)
    with torch.inference_mode(), device.autocast():
        parts = (part.to(device.name).contiguous() for part in torch.split(inputs, BATCH))
        return torch.cat([features(normaliser(part)).float().cpu() for part in parts])
