"""What this installation can do: each dependency of alfs, examined by importing it."""

import platform
import sys
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any, Literal

from alfs_cli import __version__
from alfs_cli.evidence.encoders import has_encoder, installed
from alfs_cli.storage.documents import to_document
from alfs_cli.storage.remote import EXTRA, kinds

SCHEMA = "alfs.doctor/1"
WHOLE, LIGHT = "alfs-cli", "alfs-audit"
LEFT_OUT = ("torch", "torchvision", "matplotlib", "safetensors")
"""What alfs-audit, the same code with light dependencies, does not bring."""
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
    parts = [_alfs(), _python(), _left_out() if is_light() else _torch()]
    parts += [_module(name) for name in ("numpy", "scipy", "pandas", "pyarrow", "sklearn", "PIL")]
    parts += [_cleanlab()]
    if not is_light():
        parts += [_torchvision(), _encoder()]
    parts.append(_remote())
    return Diagnosis(tuple(parts))


def is_light() -> bool:
    """Whether what is installed is alfs-audit, which leaves out what trains networks."""
    return _is_installed(LIGHT) and not _is_installed(WHOLE)


def what_brings(module: str) -> str | None:
    """Return what to do where a module cannot be imported, None where that is no known lack."""
    name = module.partition(".")[0]
    if name not in LEFT_OUT:
        return None
    if is_light():
        return f"{LIGHT} leaves it out: pip uninstall {LIGHT}, then pip install {WHOLE}"
    return f"pip install {name}"


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _alfs() -> Part:
    if _is_installed(LIGHT) and _is_installed(WHOLE):
        return Part(
            "broken",
            "alfs",
            f"{__version__}, from {WHOLE} and from {LIGHT}, which hold the same files",
            f"pip uninstall {LIGHT} {WHOLE}, then install one of them",
        )
    return Part("ok", "alfs", f"{__version__}, from {LIGHT}" if is_light() else __version__)


def _left_out() -> Part:
    help = f"for pictures, training and figures: pip uninstall {LIGHT}, then pip install {WHOLE}"
    return Part("ok", "torch", f"left out by {LIGHT}", help)


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


def _remote() -> Part:
    found = kinds()
    if found:
        return Part("ok", "remote", f"reads {', '.join(f'{scheme}://' for scheme in found)}")
    return Part("warn", "remote", "not installed", f"optional, for s3:// and the like: {EXTRA}")


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
