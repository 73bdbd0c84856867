"""One reader per form of DATA: READERS by suffix, BUILTINS by name. Each is loaded when used."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alfs_cli.data.content import Content
    from alfs_cli.data.dataset import DataSpec


@dataclass(frozen=True)
class Reader:
    """Where the function lies that reads a file, `module:function`: (path, spec) -> Content.

    `splits` is the one that names the splits of a file, where a file of its kind can have any.
    """

    place: str
    splits: str | None = None

    def read(self, path: Path, spec: "DataSpec") -> "Content":
        """Read a file as a data set was named."""
        content: Content = function(self.place)(path, spec)
        return content

    def splits_of(self, path: Path) -> tuple[str, ...]:
        """Return the splits of a file."""
        found: tuple[str, ...] = () if self.splits is None else function(self.splits)(path)
        return found


_MANIFEST = Reader("manifest:read_manifest", "manifest:manifest_splits")

READERS = {
    ".csv": _MANIFEST,
    ".tsv": _MANIFEST,
    ".parquet": _MANIFEST,
    ".jsonl": _MANIFEST,
    ".npz": Reader("arrays:read_npz"),
}

BUILTINS = {
    "digits": "builtin:digits",
    "mnist": "builtin:mnist",
    "fashion-mnist": "builtin:fashion_mnist",
    "cifar10": "builtin:cifar10",
    "cifar100": "builtin:cifar100",
    "webvision-mini": "webvision:webvision_mini",
}
"""Data sets that are known by name, and what reads them: (split, root) -> Content."""


def forms() -> str:
    """Return what DATA can be, for help."""
    return (
        f"a folder of images, a file ({' '.join(READERS)}), or a built-in data set: "
        f"{', '.join(BUILTINS)}"
    )


def function(place: str) -> Any:
    """Return the function at `module:function` among the readers."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"alfs_cli.data.readers.{module}"), name)
