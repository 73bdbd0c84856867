"""Folders of models as Hugging Face lays them out: a local one, or one of the user's cache.

Weights are read from safetensors alone, and no code that comes with a model is run. Nothing is
fetched unless that is allowed.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alfs_cli.errors import InputError, UsageError, WorkError, brief

READ = ("*.json", "*.safetensors", "*.txt", "*.model")  # all that loading a model needs
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
OFFLINE: Any = {"local_files_only": True, "trust_remote_code": False}
DEPTH = 2  # folders in which a model lies: its own, and those of its modules


def require(package: str, extra: str) -> None:
    """Raise UsageError where a package of an extra is not installed."""
    if find_spec(package) is None:
        name = package.replace("_", "-")
        raise UsageError(f"'{name}' is not installed", help=f"pip install 'alfs-cli[{extra}]'")


def model_folder(name: str, *, download: bool) -> Path:
    """Return the folder of a model: `name` itself, or the snapshot in the cache of ORG/NAME.

    Raises:
        UsageError: there is no such folder, and no such model in the cache.
        InputError: the folder has no configuration or no weights in safetensors.
        WorkError: the model cannot be fetched.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _snapshot(name, download=download)
    if not any((folder / known).is_file() for known in ("config.json", "modules.json")):
        raise InputError(
            f"'{folder}' holds no model: no config.json",
            help="name the folder that save_pretrained wrote",
        )
    _check_weights(folder)
    return folder


def _snapshot(name: str, *, download: bool) -> Path:
    """Return the folder of ORG/NAME in the user's cache, fetched into it where that is allowed."""
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UsageError(f"no such folder: '{brief(name)}'", help="name a folder, or ORG/NAME")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(name, allow_patterns=list(READ), local_files_only=not download)
    except HFValidationError as error:
        raise UsageError(
            f"'{brief(name)}' is no name of a model: {_first(error)}",
            help="name a folder, or ORG/NAME",
        ) from None
    except LocalEntryNotFoundError as error:
        if download:
            raise WorkError(
                f"cannot fetch '{name}': {_first(error)}",
                help="fetch it elsewhere, and name its folder",
            ) from None
        raise UsageError(
            f"'{name}' is neither a folder nor a model in the cache",
            help="--download fetches it, or name the folder it lies in",
        ) from None
    except Exception as error:  # a network's and a server's errors are of many types
        raise WorkError(
            f"cannot fetch '{name}': {_first(error)}",
            help="fetch it elsewhere, and name its folder",
        ) from None
    return Path(found)


def _check_weights(folder: Path) -> None:
    """Raise InputError where weights are missing, or are pickles."""
    held = {path.parent for path in _files(folder, ("*.safetensors",))}
    loose = [path for path in _files(folder, PICKLES) if path.parent not in held]
    if loose:
        raise InputError(
            f"'{loose[0]}' is a pickle, which can run any code: only safetensors are read",
            help="model.save_pretrained(DIR) writes safetensors, where you trust the file",
        )
    if not held:
        raise InputError(
            f"'{folder}' holds no weights: no *.safetensors",
            help="fetch the whole model, or name another folder",
        )


def folder_digest(folder: Path) -> str:
    """Return a hexadecimal digest of a model: its weights and all that configures it."""
    total = sha256()
    for path in sorted(_files(folder, READ)):
        with path.open("rb") as file:
            content = file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}: {content}\n".encode())
    return total.hexdigest()


def read_json(path: Path, kind: type[dict[str, Any]] | type[list[Any]] = dict) -> Any:
    """Return what a JSON file of a model holds, an empty one of its kind where there is none.

    Raises InputError where it is broken or of another kind.
    """
    if not path.is_file():
        return kind()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, kind):
            raise TypeError(f"it is no {'object' if kind is dict else 'list'}")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"'{path}' cannot be read: {_first(error)}", help="fetch the model again"
        ) from None
    return found


@contextmanager
def loading(name: str, folder: Path) -> Iterator[None]:
    """Raise InputError where the library that loads a model cannot.

    Such libraries raise errors of many types.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"'{folder}' cannot be loaded as {name}: {_first(error)}",
            help="its config.json and its weights have to be of one known architecture",
        ) from None


def _files(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    levels = ["*/" * depth for depth in range(DEPTH)]
    return [path for level in levels for p in patterns for path in folder.glob(f"{level}{p}")]


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return brief(lines[0]) if lines else type(error).__name__


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from writing to the terminal: what is wrong raises an error."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    has_bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bars:
            logging.enable_progress_bar()
