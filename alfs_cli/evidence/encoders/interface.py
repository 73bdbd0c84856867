"""The interface of every encoder: a pretrained network that turns pictures or texts into features.

A source finds an encoder without loading it, so that kept features cost no network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from alfs_cli.data.images.framing import Frame

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Asked:
    """What a source is asked for.

    Args:
        name: the name after the source, or a folder.
        size: pixels a side of the pictures, None for those of the model.
        download: whether weights may be fetched.
    """

    name: str
    size: int | None = None
    download: bool = False


@dataclass(frozen=True, eq=False)
class PictureNetwork:
    """A network on a device, and the pictures that it takes.

    Args:
        features: maps normalised pictures (n, 3, side, side) to features (n, D).
        frame: how pictures are cut to size.
        mean: of each channel, or of all, in values from 0 to 255.
        spread: the standard deviation of each channel, or of all, in the same values.
    """

    features: "Callable[[Tensor], Tensor]"
    frame: Frame
    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Encoder:
    """A pretrained network that was found; it takes pictures, texts or either.

    Args:
        name: as reports have it.
        digest: of the weights and of all that says how examples are prepared.
        pictures: loads the network for pictures on a device, by its name.
        texts: loads the network for texts: from n texts to features (n, D).
        again: finds it once more, in another process; it can be pickled.
    """

    name: str
    digest: str
    pictures: Callable[[str], PictureNetwork] | None = None
    texts: "Callable[[str], Callable[[list[str]], Tensor]] | None" = None
    again: "Callable[[], Encoder] | None" = None


def digest_of(*words: object) -> str:
    """Return a hexadecimal digest of values by their text.

    >>> digest_of("weights", 96) == digest_of("weights", 96) != digest_of("weights", 224)
    True
    """
    return sha256("\n".join(map(str, words)).encode()).hexdigest()


def named(source: str, asked: Asked) -> str:
    """Return the name of an encoder in reports: as it was typed, with the size if one was.

    >>> named("timm:resnet18", Asked("resnet18", size=160))
    'timm:resnet18 at 160 px'
    """
    return source if asked.size is None else f"{source} at {asked.size} px"
