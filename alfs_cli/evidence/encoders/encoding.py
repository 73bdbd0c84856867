"""From pictures or texts to features, batch by batch.

On a CPU each core works on batches of its own, one thread each: layers of small pictures are too
short to be shared, and threads that wait for one another take time from other processes. Decoding
goes on beside the network, on a GPU too.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import BoolArray, Features, IntArray
from alfs_cli.data.dataset import batches
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.tuning import ENCODING
from alfs_cli.storage.memory import num_cores, threads

if TYPE_CHECKING:
    from alfs_cli.data import Images
    from alfs_cli.evidence.encoders.interface import Encoder


Done = Callable[[int], None]


def encode(
    images: "Images",
    indices: IntArray,
    encoder: "Encoder",
    *,
    device: str = "cpu",
    progress: Done | None = None,
) -> tuple[Features, IntArray]:
    """Return features (n, D) of the readable images, and their positions (n,) in `indices`.

    `device` is as in `--device`. `progress` is called with the number of images done.

    Raises:
        UsageError: the encoder takes no pictures.
        InputError: no image can be read, or the encoder's weights are damaged.
    """
    parts, readable = encode_batches(images, indices, encoder, device=device, progress=progress)
    return joined(parts, readable)


def joined(parts: Sequence[Features], readable: BoolArray) -> tuple[Features, IntArray]:
    """Return features (n, D) and their positions (n,), from those of batches and a mask (N,).

    Raises InputError where no image could be read.
    """
    if not parts:
        raise InputError(
            f"none of the {len(readable):,} images can be read",
            help="alfs inspect FILE... says what is wrong with each",
        )
    return np.concatenate(parts), np.flatnonzero(readable)


def encode_batches(
    images: "Images",
    indices: IntArray,
    encoder: "Encoder",
    *,
    device: str = "cpu",
    progress: Done | None = None,
) -> tuple[list[Features], BoolArray]:
    """Return the features of batches of the readable images, and a mask (N,) of these.

    Raises as `encode`, but not where none can be read.
    """
    import torch

    from alfs_cli.training.devices import choose_device

    chosen = choose_device(device)
    if encoder.pictures is None:
        raise UsageError(
            f"encoder '{encoder.name}' takes texts, and the data are pictures",
            help="--encoder efficientnet-lite0",
        )
    network = encoder.pictures(chosen.name)
    mean, spread = (
        torch.tensor(values, device=chosen.name).reshape(-1, 1, 1)
        for values in (network.mean, network.spread)
    )
    is_cpu = chosen.kind == "cpu"
    one_at_a_time = nullcontext() if is_cpu else Lock()

    def encoded(batch: IntArray) -> tuple[Features | None, BoolArray]:
        pixels, readable = images.decode(indices[batch], size=network.frame, channels=3)
        if not readable.any():
            return None, readable
        with torch.inference_mode(), one_at_a_time, nullcontext() if is_cpu else chosen.autocast():
            x = torch.from_numpy(pixels[readable]).to(chosen.name).permute(0, 3, 1, 2).float()
            return network.features(x.sub_(mean).div_(spread)).float().cpu().numpy(), readable

    parts, masks, done = [], [], 0
    size = ENCODING.batch if is_cpu else ENCODING.gpu_batch
    with _each_core_alone(is_cpu=is_cpu) as pool:
        for features, readable in pool.map(encoded, batches(len(indices), size)):
            if features is not None:
                parts.append(features)
            masks.append(readable)
            done += len(readable)
            if progress is not None:
                progress(done)
    return parts, np.concatenate(masks)


def encode_texts(
    texts: Sequence[str],
    encoder: "Encoder",
    *,
    device: str = "cpu",
    progress: Done | None = None,
) -> Features:
    """Return features (N, D) of texts; those of similar length are encoded together.

    Raises:
        UsageError: the encoder takes no texts.
        InputError: there are no texts, or the encoder's weights are damaged.
    """
    import torch

    from alfs_cli.training.devices import choose_device

    if encoder.texts is None:
        raise UsageError(
            f"encoder '{encoder.name}' takes pictures, and the data are texts",
            help="--encoder st:NAME, of a model that is here",
        )
    if not len(texts):
        raise InputError("there are no texts to encode", help="name a column of texts")
    chosen = choose_device(device)
    network = encoder.texts(chosen.name)
    order = longest_first(texts)
    found: Features | None = None
    with torch.inference_mode():
        for batch in batches(len(texts), ENCODING.texts):
            places = order[batch]
            part = network([texts[place] for place in places]).float().cpu().numpy()
            if found is None:
                found = np.empty((len(texts), part.shape[1]), dtype=np.float32)
            found[places] = part
            if progress is not None:
                progress(int(batch[-1]) + 1)
    return np.asarray(found, dtype=np.float32)


def longest_first(texts: Sequence[str]) -> IntArray:
    """Return the places (N,) of texts in the order in which they are encoded."""
    return np.argsort([-len(text) for text in texts], kind="stable")


@contextmanager
def _each_core_alone(*, is_cpu: bool) -> Iterator[ThreadPoolExecutor]:
    """Return threads to encode with; on a CPU torch takes one thread in each."""
    import torch

    before = torch.get_num_threads()
    if is_cpu:
        torch.set_num_threads(1)  # threads that begin later take it over
    try:
        with ThreadPoolExecutor(min(num_cores(), before) if is_cpu else threads()) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
