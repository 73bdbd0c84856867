"""Classifiers of torchvision up to their last linear layer.

Their weights are read from torch's cache, or fetched into it where that is allowed. The digest of
the weights is checked, and loading them runs no code.
"""

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.data.images.framing import Frame
from alfs_cli.errors import InputError, UsageError, WorkError, unknown
from alfs_cli.evidence.encoders import spellings
from alfs_cli.evidence.encoders.interface import Asked, Encoder, PictureNetwork, digest_of, named

if TYPE_CHECKING:
    from torch import Tensor


def find(asked: Asked) -> Encoder:
    """Return a torchvision classifier up to its last linear layer, with its published weights.

    Raises:
        UsageError: there is no such classifier, or its weights may not be fetched.
        InputError: its weights are damaged.
        WorkError: the weights cannot be fetched.
    """
    from alfs_cli.training.models import torchvision_models

    models, name = torchvision_models(), asked.name
    known = models.list_models(module=models)
    if name not in known:
        raise unknown("encoder", name, [*spellings(), *known])
    weights = models.get_model_weights(name).DEFAULT
    path = _weights_file(name, weights, download=asked.download)
    content = path.read_bytes()
    digest = sha256(content).hexdigest()
    if not digest.startswith(path.stem.rpartition("-")[2]):
        raise _damaged(path, name, "its digest is wrong")
    frame, mean, spread = _preparation(weights.transforms(), asked.size)

    def pictures(device: str) -> PictureNetwork:
        return PictureNetwork(_loaded(name, path, device), frame, mean, spread)

    key = digest_of(name, digest, frame, mean, spread)
    return Encoder(named(f"torchvision:{name}", asked), key, pictures=pictures)


def _weights_file(name: str, weights: Any, *, download: bool) -> Path:
    """Return the file of weights in torch's cache, fetched into it where that is allowed."""
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    if path.is_file():
        return path
    if not download:
        size = weights.meta.get("_file_size", 0)
        raise UsageError(
            f"the weights of '{name}' are not in '{path.parent}'",
            help=f"--download fetches them ({size:.0f} MB), or put {path.name} there",
        )
    _fetch(weights.url, path)
    return path


def _preparation(
    preset: Any, size: int | None
) -> tuple[Frame, tuple[float, ...], tuple[float, ...]]:
    """Return how pictures are cut and normalised, as the preset of the weights says."""
    side, shorter = int(preset.crop_size[0]), int(preset.resize_size[0])
    if size is not None:
        side, shorter = size, round(shorter * size / side)
    mean, spread = (tuple(255 * value for value in of) for of in (preset.mean, preset.std))
    return Frame(side, shorter, preset.interpolation.value), mean, spread


def _loaded(name: str, path: Path, device: str) -> Any:
    """Return the network from pictures (n, 3, side, side) to features (n, D)."""
    import torch
    from torch import nn

    from alfs_cli.training.models import torchvision_models

    network = torchvision_models().get_model(name, weights=None)
    try:
        network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:
        raise _damaged(path, name, str(error)) from None
    last = [key for key, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    if not last:
        raise UsageError(f"encoder '{name}' ends in no linear layer", help="--encoder resnet50")
    holder, _, own = last[-1].rpartition(".")
    setattr(network.get_submodule(holder), own, nn.Identity())
    network.eval().to(device, memory_format=torch.channels_last)

    def features(x: "Tensor") -> "Tensor":
        return network(x).flatten(1)  # type: ignore[no-any-return]

    return features


def _damaged(path: Path, name: str, why: str) -> InputError:
    return InputError(
        f"'{path}' does not hold the weights of '{name}': {why.splitlines()[0][:200]}",
        help="delete it, and fetch it again with --download",
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
