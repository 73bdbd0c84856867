"""One reader per form of DATA: READERS by suffix, BUILTINS by name, each imported when used."""

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.errors import InputError, did_you_mean
from alfs_cli.storage.targets import OUT
from alfs_cli.text.addresses import is_address

if TYPE_CHECKING:
    from alfs_cli.data.content import Content
    from alfs_cli.data.dataset import DataSpec


@dataclass(frozen=True)
class Reader:
    """The functions that read a kind of file, each written `module:function`.

    `place` is that of (path, spec) -> Content. `splits` is that of path -> names of splits, None
    where such a file has none.
    """

    place: str
    splits: str | None = None

    def read(self, path: Path, spec: "DataSpec") -> "Content":
        """Return the content of a file, read as `spec` says."""
        content: Content = function(self.place)(path, spec)
        return content

    def splits_of(self, path: Path) -> tuple[str, ...]:
        """Return the names of the splits in a file, () where it has none."""
        found: tuple[str, ...] = () if self.splits is None else function(self.splits)(path)
        return found


_MANIFEST = Reader("manifest:read_manifest", "manifest:manifest_splits")

READERS = {
    ".csv": _MANIFEST,
    ".tsv": _MANIFEST,
    ".parquet": _MANIFEST,
    ".jsonl": _MANIFEST,
    ".npz": Reader("arrays:read_npz"),
    ".json": Reader("json_forms:read_json_data", "json_forms:json_splits"),
    ".xml": Reader("cvat:read_cvat_data"),
    ".tar": Reader("webdataset:read_samples_data"),
}

BUILTINS = {
    "digits": "builtin:digits",
    "mnist": "builtin:mnist",
    "fashion-mnist": "builtin:fashion_mnist",
    "cifar10": "builtin:cifar10",
    "cifar100": "builtin:cifar100",
    "webvision-mini": "webvision:webvision_mini",
}
"""The built-in data sets by name, with the functions that read them: (split, root) -> Content."""


def forms() -> str:
    """Return the list of what DATA can be, for help lines."""
    return (
        f"a folder of images, of Hugging Face's save_to_disk or of `alfs features`, a file "
        f"({' '.join(READERS)}), or "
        f"a built-in data set: "
        f"{', '.join(BUILTINS)}"
    )


def refuse_results(folder: Path) -> None:
    """Raise InputError where DATA is the usual folder of saved results."""
    if folder.resolve().name == OUT:
        raise InputError(
            f"'{folder}' holds saved results, not data",
            help=f"name the data, or a result, such as '{folder / 'estimate.json'}'",
        )


def refuse_missing(source: str) -> None:
    """Raise InputError where DATA is neither built in, nor at an address, nor here.

    It is asked before anything is loaded that reads, so that a slip of the pen is told at once.
    """
    if source in BUILTINS or is_address(source) or os.path.lexists(source):
        return
    parent = Path(source).parent
    try:
        siblings = [str(parent / name) for name in os.listdir(parent) if not name.startswith(".")]
    except OSError:
        siblings = []
    raise InputError(
        f"no such file or directory: '{source}'{did_you_mean(source, [*siblings, *BUILTINS])}",
        help=f"DATA is {forms()}",
    )


def function(place: str) -> Any:
    """Return the function at `module:function` in this package."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"alfs_cli.data.readers.{module}"), name)
