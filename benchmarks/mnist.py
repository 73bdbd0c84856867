"""The paper's MNIST table, beside what alfs trains: last epoch of the paper's recipe, on the CPU.

    python benchmarks/mnist.py --root DIR [--losses ce,aul] [--noises symmetric:0.8,asymmetric:0.4]
                               [--seeds 1,2] [--epochs 50] [--runs FOLDER]

`--root` holds MNIST as torchvision lays it out. Each run is `alfs train --recipe mnist/LOSS`;
finished ones in `--runs` are taken as they are, so it goes on where it stopped. Writes
benchmarks/results/mnist.csv: accuracy on the true test labels after the last epoch, and what Zhou
et al., ICML 2021, table 3, print for three seeds.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results" / "mnist.csv"
PAPER = {
    ("ce", "symmetric:0.8"): 22.66,
    ("aul", "symmetric:0.8"): 96.73,
    ("ce", "asymmetric:0.4"): 82.27,
    ("aul", "asymmetric:0.4"): 98.62,
}


def main() -> None:
    """Train on MNIST as the paper does, and write the accuracies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--losses", default="ce,aul")
    parser.add_argument("--noises", default="symmetric:0.8,asymmetric:0.4")
    parser.add_argument("--seeds", default="1", help="by commas")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--runs", type=Path, default=Path("alfs-out"))
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    rows = []
    for noise in arguments.noises.split(","):
        for loss in arguments.losses.split(","):
            for seed in arguments.seeds.split(","):
                rows.append(one(arguments, noise, loss, int(seed)))
                print(rows[-1], flush=True)
                pd.DataFrame(rows).to_csv(arguments.output, index=False, lineterminator="\n")


def one(arguments: argparse.Namespace, noise: str, loss: str, seed: int) -> dict[str, object]:
    """Train one loss through the command, and return its row."""
    kind, rate = noise.split(":")
    done = subprocess.run(
        (sys.executable, "-P", "-m", "alfs_cli", "train", "--recipe", f"mnist/{loss}",
         "--noise", kind, "--noise-rate", rate, "--seed", str(seed),
         "--epochs", str(arguments.epochs), "--root", str(arguments.root),
         "--out", str(arguments.runs), "-f", "json"),
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)
    paper = PAPER.get((loss, noise)) if arguments.epochs == 50 else None
    last = 100 * result["test_accuracy"]["last"]
    return {
        "noise": noise,
        "loss": result["loss"],
        "seed": seed,
        "epochs": arguments.epochs,
        "last": round(last, 2),
        "best": round(100 * result["test_accuracy"]["best"], 2),
        "paper_last": paper,
        "off_by": None if paper is None else round(last - paper, 2),
        "seconds": round(result["train_seconds"]),
        "device": result["device"],
        "torch": result["versions"]["torch"],
    }


if __name__ == "__main__":
    main()
