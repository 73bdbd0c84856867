"""The device to train on, and the precision and memory settings it computes with."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from alfs_cli.errors import UsageError
from alfs_cli.training.tuning import TUNING

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameter numbers of mallopt in glibc's malloc.h


@dataclass(frozen=True)
class Device:
    """A device, the precision of its matrix products, and its memory order of images.

    The precision is bfloat16 where the hardware multiplies it faster than float32: on CUDA from
    compute capability 8.0, and on CPUs with AMX. A CPU that has only avx512_bf16 is slower in
    bfloat16 (benchmarks/results/train_step.json) and computes in float32.
    """

    name: str
    precision: str
    channels_last: bool

    @property
    def kind(self) -> str:
        """The type of device: cpu, cuda or mps."""
        return self.name.partition(":")[0]

    @property
    def described(self) -> str:
        """The name, with the model of a GPU, as result.json has it."""
        if self.kind == "cuda":
            return f"{self.name} ({torch.cuda.get_device_name(self.name)})"
        return self.name

    def place(self, model: nn.Module) -> nn.Module:
        """Return the network on the device, its weights in the device's memory order."""
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        placed: nn.Module = model.to(self.name).to(memory_format=order)
        return placed

    def autocast(self) -> torch.autocast:
        """Return the context in which a network computes."""
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.kind, torch.bfloat16, enabled=enabled)

    def __str__(self) -> str:
        return f"{self.name}, {self.precision}"


def choose_device(text: str = "auto") -> Device:
    """Return the named device, or for `auto` the first available of cuda, mps and cpu.

    Raises UsageError where the device is not available.

    >>> choose_device("cpu").name
    'cpu'
    """
    kind, _, index = text.partition(":")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu"
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(index or 0) >= count:
            what = f"there are {count} CUDA devices" if count else "there is no CUDA device"
            raise UsageError(f"device '{text}': {what}", help="--device auto takes what there is")
        major, _ = torch.cuda.get_device_capability(int(index or 0))
        return Device(
            f"cuda:{index or 0}", _precision(has_fast_bfloat16=major >= 8), channels_last=True
        )
    if kind == "mps":
        if not _has_mps():
            raise UsageError(
                f"device '{text}': there is no MPS device", help="--device auto takes what there is"
            )
        return Device("mps", "float32", channels_last=False)
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return Device("cpu", _precision(has_fast_bfloat16=has_amx()), channels_last=True)


@contextmanager
def threads_for(input_size: int) -> Iterator[None]:
    """Compute on one thread if examples are small: `input_size` numbers each.

    A step on 8 x 8 digits takes a few hundred microseconds. On several threads it takes up to six
    times as long where the cores are busy, because the threads wait for one another.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1 if input_size < TUNING.least_threaded_input else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_freed_memory() -> None:
    """Let glibc keep freed memory for the rest of this process, so that the next step reuses it.

    By default glibc returns large blocks to the system at once, and a step spends a sixth of its
    time on getting the same pages again (benchmarks/train_step.py). Has no effect without glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


@contextmanager
def tuned_for(device: Device) -> Iterator[None]:
    """Set cuDNN and malloc for steps of equal size: benchmark kernels, keep freed memory."""
    if device.kind == "cpu":
        keep_freed_memory()
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or device.kind == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _precision(*, has_fast_bfloat16: bool) -> str:
    return "bfloat16" if has_fast_bfloat16 else "float32"


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
