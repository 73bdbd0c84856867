"""Do the bounds of T hold for a class without noise, where others have some?

    python benchmarks/clean_classes.py [--data ../shared/data] [--draws 12]

Five classes; one flips to another, two swap, two have no noise: 20 % in the noisy ones. Overlap of
classes looks like noise of the clean ones, most of all where features are not as the model takes
them: heavy tails, skew, an encoder's. Writes results/clean_classes.csv: in which share of draws
(N = 2,000) the upper bound of T_ii held in each class, and the bounds of all cells.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from coverage import Encoder, asymmetric, probabilities

from alfs_cli.estimators.fitting import estimate_transition
from alfs_cli.noise import inject

RESULTS = Path(__file__).parent / "results" / "clean_classes.csv"
N, K, RATE = 2_000, 5, 0.2
CASES = {"t with 5 degrees": 3.5, "Laplace": 3.5, "log-normal": 4.5, "encoder": None}


def drawn(case: str, generator: np.random.Generator, encoder: Encoder | None) -> tuple:
    """Return features (N, D) and true labels (N,) of a case."""
    distance = CASES[case]
    if encoder is not None and distance is None:
        return encoder.draw(N, generator)
    means = np.random.default_rng(11).standard_normal((K, 8))
    means *= distance / np.sqrt(2) / np.linalg.norm(means, axis=1, keepdims=True)
    true = generator.integers(0, K, N)
    spread = {
        "t with 5 degrees": lambda: generator.standard_t(5, (N, 8)),
        "Laplace": lambda: generator.laplace(0, 0.8, (N, 8)),
        "log-normal": lambda: generator.lognormal(0, 0.7, (N, 8)),
    }[case]()
    return (means[true] + spread).astype(np.float32), true


def one(case: str, draw: int, encoder: Encoder | None) -> dict:
    """Return which bounds of T held in one draw."""
    generator = np.random.default_rng([draw, 99])
    X, true = drawn(case, generator, encoder)
    population = asymmetric(RATE)
    given = inject(true, population, generator, draw="sampled")
    estimate = estimate_transition(probabilities(X, given), given)
    low, high = np.array(estimate.transition_low), np.array(estimate.transition_high)
    T = np.asarray(population)
    own = np.diag(high) - np.diag(T) >= -1e-9
    return {
        "case": case,
        **{f"own_high_{place}": bool(held) for place, held in enumerate(own)},
        "low_held": float((low - T <= 1e-9).mean()),
        "high_held": float((T - high <= 1e-9).mean()),
        "width": float((high - low).mean()),
    }


def main() -> None:
    """Draw, estimate, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--draws", type=int, default=12)
    arguments = parser.parse_args()
    encoder = Encoder(arguments.data)
    rows = [one(case, draw, encoder) for case in CASES for draw in range(arguments.draws)]
    found = pd.DataFrame(rows).groupby("case", sort=False).mean()
    found.insert(0, "draws", arguments.draws)
    found.round(3).to_csv(RESULTS)
    print(found.round(3).to_string())


if __name__ == "__main__":
    main()
