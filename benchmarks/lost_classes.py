"""Classes that an asymmetric loss loses under asymmetric noise, and whether they come back.

    python benchmarks/lost_classes.py --root ~/data [--losses aul,agce,ael] [--noise-rate 0.4]
                                      [--seeds 3] [--steps 300] [--epochs 2]

The paper's MNIST recipe, trained by torch.optim and a DataLoader (nothing of alfs' own loop), from
a new seed each time: measured after the first steps and then after each of some whole epochs. A
class whose test examples are nearly all given to the class that its labels flip to is lost. It
leaves that wrong vertex at the pace of the escape quotient (`alfs losses show`), which is why it is
written beside. Goes on where it stopped; writes benchmarks/results/lost_classes.csv.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from plain_loop import PlainLoop

from alfs_cli.losses import parse_loss
from alfs_cli.settings.recipes import load_recipe
from alfs_cli.training import plan

RESULTS = Path(__file__).parent / "results" / "lost_classes.csv"
LOST = 0.1  # recall
TESTED = 2_000


def recalls(loop: PlainLoop, images: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return the share of each class's examples that are found, (K,)."""
    classes = range(int(labels.max()) + 1)
    return [loop.accuracy(images[labels == c], labels[labels == c]) for c in classes]


def measured(
    recipe: str, rate: float, seed: int, *, steps: int, epochs: int, root: Path
) -> Iterator[dict[str, object]]:
    """Train one seed, and yield a row after the first steps and after each epoch."""
    settings = load_recipe(f"mnist/{recipe}").nested() | {"seed": seed}
    settings["dataset"] = {"source": "mnist", "root": str(root)}
    settings["noise"] = {"kind": "asymmetric", "rate": rate}
    experiment = plan(settings)
    train, test = experiment.train_examples(), experiment.test_examples()
    torch.manual_seed(seed)
    loop = PlainLoop(experiment.config, train.inputs.numpy(), train.labels.numpy(), num_classes=10)
    loop.model.to(memory_format=torch.channels_last)  # the same numbers, in two thirds of the time
    done = 0
    for number in range(1 + epochs):
        loop.epoch(number, most_steps=None if number else steps)
        done += len(loop.loader) if number else steps
        found = recalls(loop, test.inputs.numpy()[:TESTED], test.labels.numpy()[:TESTED])
        yield {
            "recipe": recipe,
            "loss": experiment.config.loss,
            "escape": escape(experiment.config.loss, rate),
            "noise": f"asymmetric:{rate:g}",
            "seed": seed,
            "steps": done,
            "epochs": round(done / len(loop.loader), 2),
            "lost": " ".join(str(c) for c, recall in enumerate(found) if recall < LOST),
            "least_recall": round(min(found), 4),
            "accuracy": round(float(np.mean(found)), 4),
        }


def escape(text: str, rate: float) -> float | None:
    """Return w_m g(0) / (w_n g(1)) of a row that keeps 1 - rate and flips `rate` to one class."""
    loss = parse_loss(text)
    if not loss.is_separable():
        return None
    at_zero, at_one = loss.separable(10).end_slopes()
    return round((1 - rate) * at_zero / (rate * at_one), 3)


def main() -> None:
    """Train what the table lacks, and print how often classes were lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--losses", default="aul,agce,ael")
    parser.add_argument("--noise-rate", type=float, default=0.4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [] if not arguments.output.exists() else pd.read_csv(arguments.output).to_dict("records")
    for seed in range(1, arguments.seeds + 1):
        for recipe in arguments.losses.split(","):
            here = [row for row in rows if (row["recipe"], row["seed"]) == (recipe, seed)]
            if any(row["epochs"] >= arguments.epochs for row in here):
                continue
            rows = [row for row in rows if row not in here]
            for row in measured(
                recipe,
                arguments.noise_rate,
                seed,
                steps=arguments.steps,
                epochs=arguments.epochs,
                root=arguments.root,
            ):
                print(row, flush=True)
                rows.append(row)
            pd.DataFrame(rows).to_csv(arguments.output, index=False, lineterminator="\n")
    table = pd.DataFrame(rows)
    table["has_lost"] = table["lost"].fillna("").astype(str).str.len() > 0
    print(table.groupby(["recipe", "steps"])["has_lost"].agg(["sum", "count"]))


if __name__ == "__main__":
    main()
