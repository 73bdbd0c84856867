"""The benchmark of GPUs works without one, so that it will where there is one."""

import csv
import json
import runpy
import sys
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
import torch

from tests.forks import forked

TOP = Path(__file__).resolve().parents[1]
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.mark.slow
def test_gpu_benchmark_on_a_cpu(tmp_path):
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        images = rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
        labels = np.arange(20) % 10
        np.savez(tmp_path / f"cifar10_{part}.npz", images=images, labels=labels,
                 class_names=np.array(CLASSES))  # fmt: skip
    to = tmp_path / "results"
    to.mkdir()
    done_before = "a few of them,symmetric:0.4,nce-aul,0,1,cpu,{},0.5"
    (to / "cifar10.csv").write_text(
        "pixels,noise,recipe,seed,epochs,device,torch,last\n"
        + done_before.format(torch.__version__)
        + "\n"
    )
    script = TOP / "benchmarks/gpu.py"

    def measure():
        sys.path.insert(0, str(script.parent))
        sys.argv = [str(script), "--device", "cpu", "--smoke", "--cifar10", str(tmp_path),
                    "--to", str(to)]  # fmt: skip
        runpy.run_path(str(script), run_name="__main__")

    process = forked(measure, stdout=PIPE, stderr=PIPE, text=True)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    case = json.loads((to / "gpu.json").read_text())["cnn4_smoke"]
    assert case["ratio"] == case["usual_seconds"] / case["seconds"]
    assert case["notes"] == []
    assert case["whole_run"]["epochs"] == 2
    rows = list(csv.DictReader((to / "cifar10.csv").read_text().splitlines()))
    assert [row["noise"] for row in rows] == ["symmetric:0.4", "asymmetric:0.4"]
    assert rows[0]["last"] == "0.5"  # what is there is taken as it is
    assert rows[1]["loss"] == "nce+aul:a=6.3,p=1.5,alpha=1,beta=4"
