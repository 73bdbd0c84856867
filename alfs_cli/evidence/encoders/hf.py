"""Networks of Hugging Face transformers: from a local folder or the user's cache.

Pictures are resized, cropped and normalised as the model's own configuration says. What it says of
them is its projected features (CLIP, SigLIP), what its pooler says, its class token, or the mean
of its tokens: the first of these that it has. Texts are the mean of their tokens.
"""

from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.data.images.framing import Frame, Resampling
from alfs_cli.errors import InputError
from alfs_cli.evidence.encoders.folders import (
    OFFLINE,
    folder_digest,
    loading,
    model_folder,
    quietly,
    read_json,
    require,
)
from alfs_cli.evidence.encoders.interface import Asked, Encoder, PictureNetwork, digest_of, named
from alfs_cli.evidence.tuning import ENCODING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

PREPARED = ("preprocessor_config.json", "processor_config.json")  # how pictures are prepared
SPELLED = ("tokenizer.json", "vocab.txt", "tokenizer.model", "spiece.model", "vocab.json")
RESAMPLINGS: tuple[Resampling, ...] = (
    "nearest",
    "lanczos",
    "bilinear",
    "bicubic",
    "box",
    "hamming",
)  # Pillow's numbers


def find(asked: Asked) -> Encoder:
    """Return a network of transformers: ORG/NAME in the user's cache, or a folder.

    It takes pictures if its folder says how they are prepared, and texts if it has a tokenizer.
    Raises UsageError where transformers is not installed, InputError where the folder has neither,
    and as `model_folder`.
    """
    require("transformers", "hf")
    folder = model_folder(asked.name, download=asked.download)
    takes_pictures = any(_prepares(read_json(folder / name)) for name in PREPARED)
    takes_texts = any((folder / name).is_file() for name in SPELLED)
    if not takes_pictures and not takes_texts:
        raise InputError(
            f"'{folder}' says neither how pictures are prepared (preprocessor_config.json) nor how "
            "texts are (tokenizer.json)",
            help="processor.save_pretrained(DIR) writes it",
        )

    def pictures(device: str) -> PictureNetwork:
        with loading("a network of transformers", folder), quietly():
            return _of_pictures(folder, asked.size, device)

    def texts(device: str) -> "Callable[[list[str]], Tensor]":
        with loading("a network of transformers", folder), quietly():
            return _of_texts(folder, device)

    return Encoder(
        named(f"hf:{asked.name}", asked),
        digest_of("hf", folder_digest(folder), asked.size),
        pictures if takes_pictures else None,
        texts if takes_texts else None,
    )


def _prepares(document: dict[str, Any]) -> bool:
    """Whether a processor's configuration is of pictures."""
    inner = document.get("image_processor")
    found = inner if isinstance(inner, dict) else document
    return any(key in found for key in ("image_mean", "image_processor_type", "do_resize"))


def _model(folder: Path, device: str) -> tuple[Any, bool]:
    """Return the network without a head, and whether its pooler has weights.

    Raises InputError where other weights are missing, which would be random.
    """
    import torch
    from transformers import AutoModel

    network, info = AutoModel.from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **OFFLINE
    )
    missing = [*info["missing_keys"], *info["mismatched_keys"]]
    others = [key for key in missing if "pooler" not in str(key)]
    if others:
        raise InputError(
            f"'{folder}' lacks {len(others):,} weights of a {type(network).__name__}, such as "
            f"'{others[0]}'",
            help="its config.json and its weights have to be of one architecture",
        )
    return network.eval().to(device), not missing


def _of_pictures(folder: Path, size: int | None, device: str) -> PictureNetwork:
    import torch
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folder, **OFFLINE)
    network, is_pooled = _model(folder, device)
    network.to(memory_format=torch.channels_last)
    has_class = any(key.endswith(("cls_token", "class_embedding")) for key in network.state_dict())
    options: dict[str, Any] = {}
    if size is not None and "interpolate_pos_encoding" in signature(network.forward).parameters:
        options["interpolate_pos_encoding"] = True

    def features(x: "Tensor") -> "Tensor":
        if hasattr(network, "get_image_features"):
            return _tensor(network.get_image_features(pixel_values=x, **options))
        found = network(pixel_values=x, **options)
        if is_pooled and getattr(found, "pooler_output", None) is not None:
            return found.pooler_output.flatten(1)  # type: ignore[no-any-return]
        hidden = found.last_hidden_state
        if hidden.ndim == 4:  # (n, D, height, width)
            return hidden.mean(dim=(2, 3))  # type: ignore[no-any-return]
        return hidden[:, 0] if has_class else hidden.mean(dim=1)  # type: ignore[no-any-return]

    mean, spread = scaling_of(processor)
    return PictureNetwork(features, frame_of(processor, size), mean, spread)


def _tensor(found: Any) -> "Tensor":
    """Return features as a tensor: some versions wrap them in an output."""
    pooled = getattr(found, "pooler_output", found)
    return pooled  # type: ignore[no-any-return]


def frame_of(processor: Any, size: int | None) -> Frame:
    """Return how an image processor cuts pictures, at `size` pixels or its own.

    A processor that neither resizes by the shorter side nor crops stretches pictures. Raises
    InputError where it asks for no one size.
    """
    resized, cropped = (_sides(getattr(processor, name, None)) for name in ("size", "crop_size"))
    square, shorter = resized
    side = square or shorter
    if getattr(processor, "do_center_crop", False) and cropped[0] is not None:
        side, shorter = cropped[0], shorter or square
    own, side = side, size or side
    if side is None:
        raise InputError(
            f"the image processor gives pictures no one size: {getattr(processor, 'size', None)}",
            help="--encoder-size N",
        )
    if shorter is not None and own is not None:
        shorter = round(shorter * side / own)
    number = getattr(processor, "resample", None)
    return Frame(side, shorter, RESAMPLINGS[2 if number is None else int(number)])


def _sides(size: Any) -> tuple[int | None, int | None]:
    """Return the side of the square and the shorter side that a processor's size asks for.

    >>> _sides({"height": 224, "width": 224}), _sides({"shortest_edge": 256})
    ((224, None), (None, 256))
    """
    if isinstance(size, int):
        return size, None
    values = {} if size is None else dict(size)
    height, width = values.get("height"), values.get("width")
    return height if height == width else None, values.get("shortest_edge")


def scaling_of(processor: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of each channel, in values from 0 to 255."""
    factor = 1.0
    if getattr(processor, "do_rescale", True):
        factor = float(getattr(processor, "rescale_factor", None) or 1 / 255)
    if not getattr(processor, "do_normalize", True):
        return (0.0,), (1 / factor,)
    mean, spread = (
        tuple(float(value) / factor for value in values)
        for values in (processor.image_mean, processor.image_std)
    )
    return mean, spread


def _of_texts(folder: Path, device: str) -> "Callable[[list[str]], Tensor]":
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, **OFFLINE)
    network, _ = _model(folder, device)
    is_projected = hasattr(network, "get_text_features")
    longest = min(tokenizer.model_max_length, ENCODING.tokens)
    if is_projected:  # such networks read the end of a text, and were trained on one length
        longest = min(longest, network.config.text_config.max_position_embeddings)

    def features(texts: list[str]) -> "Tensor":
        tokens = tokenizer(
            texts,
            padding="max_length" if is_projected else True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        ).to(device)
        if is_projected:
            taken = {key: tokens[key] for key in ("input_ids", "attention_mask") if key in tokens}
            return _tensor(network.get_text_features(**taken))
        hidden = network(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)  # type: ignore[no-any-return]

    return features
