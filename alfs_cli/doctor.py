"""What this installation can do: each dependency of alfs, examined by importing it."""

import platform
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from alfs_cli import __version__
from alfs_cli.evidence.encoders import has_encoder, installed
from alfs_cli.storage.documents import to_document

SCHEMA = "alfs.doctor/1"
MIN_CLEANLAB = (2, 8)  # the first version that is not under the AGPL


@dataclass(frozen=True)
class Part:
    """One dependency: ok, warn (alfs works without it) or broken."""

    status: Literal["ok", "warn", "broken"]
    name: str
    detail: str
    help: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """The state of all dependencies."""

    parts: tuple[Part, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is broken."""
        return all(part.status != "broken" for part in self.parts)

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)


def examine() -> Diagnosis:
    """Import the dependencies of alfs, and return the state of each."""
    parts = [Part("ok", "alfs", __version__), _python(), _torch()]
    parts += [_module(name) for name in ("numpy", "scipy", "pandas", "pyarrow", "sklearn", "PIL")]
    parts += [_cleanlab(), _torchvision(), _encoder()]
    return Diagnosis(tuple(parts))


def _python() -> Part:
    text = f"{platform.python_version()} on {platform.system().lower()} {platform.machine()}"
    return Part("ok", "python", f"{text}, {sys.stdout.encoding or 'no encoding'}")


def _torch() -> Part:
    try:
        import torch
    except Exception as error:
        return Part("broken", "torch", _reason(error), "pip install torch")
    devices = [f"cpu ({torch.get_num_threads()} threads)"]
    if torch.cuda.is_available():
        devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return Part("ok", "torch", f"{torch.__version__}, devices: {', '.join(devices)}")


def _module(name: str) -> Part:
    try:
        module = import_module(name)
    except Exception as error:
        return Part("broken", name, _reason(error), "pip install --upgrade alfs-cli")
    return Part("ok", name, str(module.__version__))


def _cleanlab() -> Part:
    part = _module("cleanlab")
    if part.status == "ok":
        numbers = tuple(int(word) for word in part.detail.split(".")[:2])
        if numbers < MIN_CLEANLAB:
            return Part(
                "broken",
                "cleanlab",
                f"{part.detail} is under the AGPL and too old",
                "pip install 'cleanlab>=2.8'",
            )
    return part


def _torchvision() -> Part:
    try:
        module = import_module("torchvision")
    except Exception as error:  # RuntimeError where it was built for another torch
        return Part(
            "warn",
            "torchvision",
            f"does not import: {_reason(error)}",
            "needed only for --model torchvision:NAME; install both from the same index: "
            "pip install --upgrade torch torchvision",
        )
    return Part("ok", "torchvision", str(module.__version__))


def _encoder() -> Part:
    if has_encoder():
        return Part(
            "ok", "encoder", f"installed, for photographs; of all: {', '.join(installed())}"
        )
    help = "optional, for photographs: pip install 'alfs-cli[encoder]'"
    return Part("warn", "encoder", "not installed", help)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
