"""The benchmark of GPUs works without one, so that it will where there is one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_gpu_benchmark_on_a_cpu(tmp_path):
    done = subprocess.run(
        [sys.executable, str(TOP / "benchmarks/gpu.py"), "--device", "cpu", "--smoke"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout[done.stdout.index("\n{") :])
    case = result["cnn4_smoke"]
    assert case["ratio"] == case["usual_seconds"] / case["seconds"]
    assert case["notes"] == []
    assert result["whole_run"]["epochs"] == 2
    assert not list(tmp_path.iterdir())
