"""Classifiers of torchvision up to their last linear layer.

Their weights are read from torch's cache, or fetched into it where that is allowed. The digest of
the weights is checked, and loading them runs no code.
"""

from hashlib import sha256
from pathlib import Path

from alfs_cli.errors import InputError, UsageError, WorkError, unknown
from alfs_cli.evidence.encoders import spellings
from alfs_cli.evidence.encoders.interface import Encoder


def load(name: str, *, download: bool, device: str) -> Encoder:
    """Return a torchvision classifier up to its last linear layer, with its published weights.

    Raises:
        UsageError: there is no such classifier, or its weights may not be fetched.
        InputError: its weights are damaged.
        WorkError: the weights cannot be fetched.
    """
    import torch
    from torch import nn

    from alfs_cli.training.models import torchvision_models

    models = torchvision_models()
    known = models.list_models(module=models)
    if name not in known:
        raise unknown("encoder", name, [*spellings(), *known])
    weights = models.get_model_weights(name).DEFAULT
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    if not path.is_file() and not download:
        size = weights.meta.get("_file_size", 0)
        raise UsageError(
            f"the weights of '{name}' are not in '{path.parent}'",
            help=f"--download fetches them ({size:.0f} MB), or put {path.name} there",
        )
    if not path.is_file():
        _fetch(weights.url, path)
    network = models.get_model(name, weights=None)
    try:
        digest = path.stem.rpartition("-")[2]
        if not sha256(path.read_bytes()).hexdigest().startswith(digest):
            raise ValueError("its digest is wrong")
        network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:
        raise InputError(
            f"'{path}' does not hold the weights of '{name}': {str(error).splitlines()[0][:200]}",
            help="delete it, and fetch it again with --download",
        ) from None
    last = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    if not last:
        raise UsageError(f"encoder '{name}' ends in no linear layer", help="--encoder resnet50")
    network.eval().to(device)
    seen: list[torch.Tensor] = []
    last[-1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    def features(x: torch.Tensor) -> torch.Tensor:
        seen.clear()
        network(x)
        return seen[-1].flatten(1)

    preset = weights.transforms()
    shape = (3, 1, 1)
    return Encoder(
        features,
        int(preset.crop_size[0]),
        255 * torch.tensor(preset.mean, device=device).reshape(shape),
        255 * torch.tensor(preset.std, device=device).reshape(shape),
    )


def _fetch(url: str, path: Path) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), progress=False)
    except OSError as error:
        raise WorkError(
            f"cannot fetch {url}: {error}",
            help=f"fetch it elsewhere, and put it in '{path.parent}'",
        ) from None
