"""Networks of timm: from a local folder or the user's cache, up to their pooled features.

Pictures are resized, cropped and normalised as the model's own configuration says.
"""

import math
from pathlib import Path
from typing import Any

from alfs_cli.data.images.framing import Frame
from alfs_cli.errors import unknown
from alfs_cli.evidence.encoders.folders import (
    folder_digest,
    loading,
    model_folder,
    read_json,
    require,
)
from alfs_cli.evidence.encoders.interface import Asked, Encoder, PictureNetwork, digest_of, named


def find(asked: Asked) -> Encoder:
    """Return a network of timm: NAME as timm lists it, ORG/NAME, or a folder.

    Raises UsageError where timm is not installed or has no such network, and as `model_folder`.
    """
    require("timm", "timm")
    name = asked.name
    if "/" not in name and not Path(name).is_dir():
        name = _hub_name(name)
    folder = model_folder(name, download=asked.download)

    def pictures(device: str) -> PictureNetwork:
        with loading("a network of timm", folder):
            return _loaded(folder, asked.size, device)

    digest = digest_of("timm", folder_digest(folder), asked.size)
    return Encoder(named(f"timm:{asked.name}", asked), digest, pictures=pictures)


def _hub_name(name: str) -> str:
    """Return the ORG/NAME of the weights that timm takes for a name."""
    import timm

    known = timm.list_models(pretrained=True)
    plain = {full.partition(".")[0] for full in known}
    if name not in known and name not in plain:
        raise unknown("network of timm", name, sorted(plain))
    return str(timm.get_pretrained_cfg(name).hf_hub_id)


def _loaded(folder: Path, size: int | None, device: str) -> PictureNetwork:
    import timm
    import torch
    from timm.data import resolve_model_data_config

    told = read_json(folder / "config.json").get("pretrained_cfg", {})
    options: dict[str, Any] = {}
    if size is not None and told.get("fixed_input_size"):
        options["img_size"] = size
    network = timm.create_model(
        f"local-dir:{folder.resolve()}", pretrained=True, num_classes=0, **options
    )
    network.eval().to(device, memory_format=torch.channels_last)
    data = resolve_model_data_config(network)
    mean, spread = (tuple(255 * value for value in data[key]) for key in ("mean", "std"))
    return PictureNetwork(network, frame_of(data, size), mean, spread)


def frame_of(data: dict[str, Any], size: int | None) -> Frame:
    """Return how timm's data configuration cuts pictures, at `size` pixels or its own.

    >>> frame_of({"input_size": (3, 224, 224), "crop_pct": 0.875, "interpolation": "bicubic"}, None)
    Frame(side=224, shorter=256, resampling='bicubic')
    """
    side = size or int(data["input_size"][-1])
    if data.get("crop_mode", "center") == "squash":
        return Frame(side, None, data["interpolation"])
    return Frame(side, math.floor(side / data["crop_pct"]), data["interpolation"])
