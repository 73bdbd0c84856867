"""Which classifier makes the evidence: held-out accuracy on the true labels, and time.

    python benchmarks/evidence.py [--data FOLDER] [--only digits]

Trains on noisy labels in five folds, as `alfs estimate` does, and scores against the true ones:
ridge on Fourier features (what alfs uses) beside scikit-learn's multinomial logistic regression on
the same principal components. FOLDER holds mnist_train.npz (images, labels); without it, digits
alone. Writes benchmarks/results/evidence.csv.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from alfs_cli.data import DataSpec, load
from alfs_cli.data.folds import stratified_folds
from alfs_cli.evidence.out_of_fold import out_of_fold
from alfs_cli.evidence.representations import pixel_features
from alfs_cli.noise import inject, transition_of

RESULTS = Path(__file__).parent / "results" / "evidence.csv"
NOISES = (("symmetric", 0.0), ("symmetric", 0.3), ("symmetric", 0.6), ("asymmetric", 0.3))


def logistic(X, labels, fold_of):
    """Return out-of-fold probabilities of scikit-learn's logistic regression, C = 0.05."""
    Z = (X - X.mean(axis=0)) / np.sqrt(((X - X.mean(axis=0)) ** 2).mean())
    probs = np.zeros((len(X), labels.max() + 1))
    for fold in range(fold_of.max() + 1):
        held = fold_of == fold
        model = LogisticRegression(C=0.05, max_iter=300).fit(Z[~held], labels[~held])
        probs[held] = model.predict_proba(Z[held])
    return probs


def main() -> None:
    """Judge each classifier on each data set, and write accuracy and time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    sources = {"digits": "digits"}
    if arguments.data is not None:
        sources["mnist"] = str(arguments.data / "mnist_train.npz")
    rows = []
    for name, source in sources.items():
        dataset = load(DataSpec(source))
        X, _ = pixel_features(dataset.images)
        for kind, rate in NOISES:
            T = transition_of(kind, rate, 10, dataset=name)
            for seed in range(arguments.seeds if name == "digits" else 1):
                given = inject(dataset.labels, T, np.random.default_rng(seed))
                fold_of = stratified_folds(given, 5, np.random.default_rng(seed))
                for method in ("ridge on Fourier features", "logistic regression"):
                    started = time.perf_counter()
                    if method.startswith("ridge"):
                        probs = out_of_fold(X, given, 10, fold_of, seed=seed).probs
                    else:
                        probs = logistic(X, given, fold_of)
                    seconds = time.perf_counter() - started
                    accuracy = (probs.argmax(axis=1) == dataset.labels).mean()
                    rows.append(
                        (name, kind, rate, seed, method, float(accuracy), round(seconds, 2))
                    )
                    print(*rows[-1], flush=True)
    columns = ["data", "noise", "rate", "seed", "method", "true_accuracy", "seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    RESULTS.parent.mkdir(exist_ok=True)
    frame.to_csv(RESULTS, index=False, float_format="%.4f")
    print(frame.groupby(["data", "noise", "rate", "method"])[["true_accuracy", "seconds"]].mean())


if __name__ == "__main__":
    main()
