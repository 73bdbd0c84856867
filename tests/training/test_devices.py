"""Which device is taken, in which precision, and what is refused."""

import platform
import subprocess
import sys

import pytest
import torch

from alfs_cli.errors import UsageError
from alfs_cli.training.devices import choose_device


@pytest.fixture
def _no_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("_no_accelerator")
def test_without_an_accelerator():
    assert choose_device("auto") == choose_device("cpu")
    for name, message in (("cuda", "there is no CUDA device"), ("mps", "there is no MPS device")):
        with pytest.raises(UsageError, match=message) as caught:
            choose_device(name)
        assert "--device auto" in (caught.value.help or "")


@pytest.mark.parametrize(("has_amx", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_on_cpus_with_amx(monkeypatch, has_amx, precision):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    device = choose_device("cpu")
    assert (device.name, device.precision, device.channels_last) == ("cpu", precision, True)


@pytest.mark.parametrize(("major", "precision"), [(9, "bfloat16"), (7, "float32")])
def test_cuda_comes_first(monkeypatch, major, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (major, 0))
    device = choose_device("auto")
    assert (device.name, device.kind, device.precision) == ("cuda:0", "cuda", precision)
    assert choose_device("cuda:1").name == "cuda:1"
    with pytest.raises(UsageError, match="there are 2 CUDA devices"):
        choose_device("cuda:2")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_kept():
    """In a process of its own: one that has long run may have no room where its heap would grow."""
    script = """
import resource
import torch
from alfs_cli.training.devices import keep_freed_memory

def pages_fetched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 24)  # 64 MB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
pages_fetched()
print(min(pages_fetched() for _ in range(6)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert int(done.stdout) < 1000, done.stderr
