"""A cluster of Ray that outlives what joins it, as a user's does."""

import os
import subprocess
import sys
from subprocess import PIPE

import pytest

CLUSTER = """
import sys, ray
ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level="error")
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
print(int(ray.available_resources().get("CPU", 0)), flush=True)
"""
OPEN_TO_ALL = {"RAY_AUTH_MODE": "disabled"}  # two clients share no token


@pytest.fixture(scope="module")  # an idle cluster is not free
def users_cluster():
    """The settings that lead to a cluster of two CPUs, all of them free again at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        env={**os.environ, **OPEN_TO_ALL},
        stdin=PIPE,
        stdout=PIPE,
        text=True,
    ) as cluster:
        address = cluster.stdout.readline().strip()
        try:
            yield {"RAY_ADDRESS": address, **OPEN_TO_ALL}
        finally:
            left, _ = cluster.communicate("")
    assert left.strip() == "2"
