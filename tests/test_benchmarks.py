"""Benchmarks that others run: that of GPUs works without one, runs of the paper are kept."""

import csv
import json
import runpy
import shutil
import sys
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
import torch

from alfs_cli.data.originals import FINGERPRINTS
from alfs_cli.results.run import (
    NoiseUsed,
    RunResult,
    TestAccuracy,
    TestSummary,
    TrainConfig,
)
from alfs_cli.settings.recipes import load_recipe
from alfs_cli.storage.documents import from_document
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


@pytest.fixture
def finished(tmp_path):
    """Write a finished run of the recipe mnist/agce by hand; return its folder."""
    recipe = load_recipe("mnist/agce").nested()

    def make(seed, last, **changes):
        data = {"source": "mnist", "root": "/home/somebody/data"}
        named = {**recipe, "dataset": data, "fingerprint": FINGERPRINTS["mnist"], "seed": seed}
        noise = {"kind": "symmetric", "rate": 0.8}
        config = from_document({**named, "noise": noise, **changes}, TrainConfig, where="")
        folder = tmp_path / "out" / "runs" / config.run_id
        folder.mkdir(parents=True)
        config.save(folder / "config.yaml")
        RunResult(
            "0", "finished", config.loss, "mnist", NoiseUsed("symmetric", 0.8, seed), "cnn4", seed,
            config.epochs, TestSummary("mnist", "test", 10000, "true"),
            TestAccuracy(last, last, 1), 1.0, "cpu", {},
        ).save(folder / "result.json")  # fmt: skip
        for name in ("metrics.jsonl", "environment.json"):
            (folder / name).write_text("")
        return folder

    return make


def test_runs_of_the_paper_are_kept_and_on_its_page(finished, tmp_path, monkeypatch, capsys):
    runs = [finished(0, 0.96), finished(1, 0.97), finished(2, 0.5, epochs=1)]
    runs.append(finished(3, 0.5, loss="agce:a=9,q=0.2"))
    monkeypatch.syspath_prepend(str(TOP / "benchmarks"))
    kept = tmp_path / "kept"
    monkeypatch.setattr(sys, "argv", ["paper.py", *map(str, runs), "--to", str(kept)])
    runpy.run_path(str(TOP / "benchmarks/paper.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert said.count("kept ") == 3
    assert ": other length" in said
    assert f"left {runs[3]}: other parameters" in said
    configs = [path.read_text() for path in kept.glob("mnist/*/config.yaml")]
    assert len(configs) == 3
    assert not any("somebody" in text for text in configs)

    from pages.reproducing import RUNS, reproduction

    shutil.copyfile(RUNS / "earlier.csv", kept / "earlier.csv")
    page = reproduction(kept)
    assert (page["runs"], page["cells"], page["cells_run"]) == (3, 405, 1)
    row, short = page["beside"].splitlines()[2:]
    assert "| 2 | 0, 1 | 50 | exact, per seed | 96.50 +- 0.71" in row
    assert row.endswith("| 96.59 +- 0.12\N{NO-BREAK SPACE}% | -0.09 | no |")
    assert short.endswith("| 96.59 +- 0.12\N{NO-BREAK SPACE}% | other length | - |")
    assert sum(int(line.split("|")[-2]) for line in page["missing"].splitlines()[2:]) == 404
