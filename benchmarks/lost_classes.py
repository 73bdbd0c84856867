"""Classes that an asymmetric loss never learns: how often, in the usual research loop.

    python benchmarks/lost_classes.py --root ~/data [--losses aul,agce] [--noise-rate 0.4]
                                      [--seeds 10] [--steps 300]

The paper's MNIST recipe under asymmetric noise, trained by torch.optim and a DataLoader (nothing of
alfs' own loop), from a new seed each time. A class whose test examples are nearly all given to the
class that its labels flip to has been lost; its gradient is then next to nothing, so it stays so.
Goes on where it stopped; writes benchmarks/results/lost_classes.csv.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from plain_loop import PlainLoop

from alfs_cli.recipes import load_recipe
from alfs_cli.training import plan

RESULTS = Path(__file__).parent / "results" / "lost_classes.csv"
LOST = 0.1  # recall
TESTED = 2_000


def recalls(loop: PlainLoop, images: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return the share of each class's examples that are found, (K,)."""
    classes = range(int(labels.max()) + 1)
    return [loop.accuracy(images[labels == c], labels[labels == c]) for c in classes]


def one(loss: str, rate: float, seed: int, steps: int, root: Path) -> dict[str, object]:
    """Train one seed for some steps, and return its row."""
    settings = load_recipe(f"mnist/{loss}").nested() | {"seed": seed}
    settings["dataset"] = {"source": "mnist", "root": str(root)}
    settings["noise"] = {"kind": "asymmetric", "rate": rate}
    experiment = plan(settings)
    train, test = experiment.train_examples(), experiment.test_examples()
    torch.manual_seed(seed)
    loop = PlainLoop(experiment.config, train.inputs.numpy(), train.labels.numpy(), num_classes=10)
    loop.epoch(0, most_steps=steps)
    found = recalls(loop, test.inputs.numpy()[:TESTED], test.labels.numpy()[:TESTED])
    return {
        "loss": experiment.config.loss,
        "noise": f"asymmetric:{rate:g}",
        "seed": seed,
        "steps": steps,
        "lost": " ".join(str(c) for c, recall in enumerate(found) if recall < LOST),
        "accuracy": round(float(np.mean(found)), 4),
    }


def main() -> None:
    """Train what the table lacks, and print how often classes were lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--losses", default="aul,agce")
    parser.add_argument("--noise-rate", type=float, default=0.4)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [] if not arguments.output.exists() else pd.read_csv(arguments.output).to_dict("records")
    for loss in arguments.losses.split(","):
        for seed in range(1, arguments.seeds + 1):
            if any((row["recipe"], row["seed"]) == (loss, seed) for row in rows):
                continue
            found = one(loss, arguments.noise_rate, seed, arguments.steps, arguments.root)
            rows.append({"recipe": loss, **found})
            print(rows[-1], flush=True)
            pd.DataFrame(rows).to_csv(arguments.output, index=False, lineterminator="\n")
    table = pd.DataFrame(rows)
    lost = table["lost"].fillna("").astype(str).str.len() > 0
    print(lost.groupby(table["recipe"]).agg(["sum", "count"]))


if __name__ == "__main__":
    main()
