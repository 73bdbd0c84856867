"""Models of sentence-transformers: from a local folder or the user's cache."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders.folders import (
    OFFLINE,
    folder_digest,
    loading,
    model_folder,
    quietly,
    read_json,
    require,
)
from alfs_cli.evidence.encoders.interface import Asked, Encoder, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

ORGANISATION = "sentence-transformers"  # of names without one


def find(asked: Asked) -> Encoder:
    """Return a model of sentence-transformers: NAME or ORG/NAME in the user's cache, or a folder.

    Raises UsageError where sentence-transformers is not installed or a size is asked for,
    InputError where the model needs code of its own, and as `model_folder`.
    """
    require("sentence_transformers", "text")
    if asked.size is not None:
        raise UsageError("--encoder-size is of no use to texts", help="leave it out")
    name = asked.name
    if "/" not in name and not Path(name).is_dir():
        name = f"{ORGANISATION}/{name}"
    folder = model_folder(name, download=asked.download)
    _check_modules(folder)

    def texts(device: str) -> "Callable[[list[str]], Tensor]":
        with loading("a model of sentence-transformers", folder), quietly():
            return _loaded(folder, device)

    return Encoder(f"st:{asked.name}", digest_of("st", folder_digest(folder)), texts=texts)


def _check_modules(folder: Path) -> None:
    """Raise InputError where a module is not one of sentence-transformers."""
    modules = read_json(folder / "modules.json", list)
    types = [str(dict(module).get("type")) for module in modules]
    foreign = [name for name in types if not name.startswith("sentence_transformers.")]
    if foreign:
        raise InputError(
            f"'{folder}' needs code of its own ('{foreign[0][:100]}'), which is not run",
            help="name a model of sentence-transformers' own modules",
        )


def _loaded(folder: Path, device: str) -> "Callable[[list[str]], Tensor]":
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(
        str(folder), device=device, model_kwargs={"use_safetensors": True}, **OFFLINE
    )

    def features(texts: list[str]) -> "Tensor":
        found: Tensor = model.encode(
            texts, batch_size=len(texts), convert_to_tensor=True, show_progress_bar=False
        )
        return found

    return features
