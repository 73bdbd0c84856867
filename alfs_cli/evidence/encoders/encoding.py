"""From pictures to features, batch by batch."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import Features, IntArray
from alfs_cli.errors import InputError
from alfs_cli.evidence.encoders import load_encoder

if TYPE_CHECKING:
    from alfs_cli.data import Images


BATCH = 64  # pictures


def encode(
    images: "Images",
    indices: IntArray,
    *,
    encoder: str | None = None,
    download: bool = False,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> tuple[Features, IntArray]:
    """Return features (n, F) of the readable images, and their positions (n,) in `indices`.

    `encoder` is a name as on the command line, None for the default encoder. `progress` is called
    with the number of images done.

    Raises:
        UsageError: there is no such encoder, or it is not installed.
        InputError: no image can be read.
    """
    import torch

    network = load_encoder(encoder, download=download, device=device)
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
