"""The data that the pages of docs/ speak of, made small: what a reader would have already."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits

CLASSES = ("cat", "dog", "owl")
COUNT = 240


def make(folder: Path) -> None:
    """Write data/ (pictures), features, tables, probabilities and votes into a folder.

    The pictures are digits under the names of animals; a tenth of the labels is wrong.
    """
    X, true = load_digits(n_class=3, return_X_y=True)
    X, true = X[:COUNT], true[:COUNT]
    rng = np.random.default_rng(0)
    given = np.where(rng.random(COUNT) < 0.1, (true + 1) % 3, true)
    names = np.array(CLASSES)
    paths = _pictures(folder / "data", X, names[given])
    noise = rng.normal(scale=0.3, size=(COUNT, 3))
    probs = np.exp(2.5 * np.eye(3)[true] + noise)
    probs /= probs.sum(axis=1, keepdims=True)

    rows = pd.DataFrame({"path": paths, "label": names[given]})
    rows.to_csv(folder / "data" / "labels.csv", index=False)
    rows = rows.rename(columns={"label": "species"})
    rows.to_csv(folder / "data" / "images.csv", index=False)
    np.savez(folder / "features.npz", features=X, labels=names[given])
    np.save(folder / "out_of_fold.npy", probs)
    np.save(folder / "given.npy", given)
    (folder / "probabilities").mkdir()
    for part, block in enumerate(np.array_split(probs, 2)):
        np.save(folder / "probabilities" / f"part-{part}.npy", block)
    known = rng.choice(COUNT, 40, replace=False)  # places in data/: sorted by path
    order = np.argsort(paths)
    sample = pd.DataFrame({"index": known, "true_label": names[true[order[known]]]})
    sample.to_csv(folder / "sample.csv", index=False)
    unsure = np.random.default_rng(4).dirichlet(np.full(len(names), 0.5), COUNT)
    np.save(folder / "zero_shot.npy", 0.5 * np.eye(len(names))[true[order]] + 0.5 * unsure)
    _votes(folder / "votes.csv", X, true, names, rng)
    _reviews(folder / "reviews.csv", rng)
    (folder / "my_module.py").write_text(LOSS, encoding="utf-8")


LOSS = '''import torch


def my_loss(logits, labels):
    """Return 1 - p_y of each example, (N,)."""
    return 1 - torch.softmax(logits, 1).gather(1, labels[:, None])[:, 0]
'''


def _pictures(folder: Path, X: np.ndarray, names: np.ndarray) -> list[str]:
    paths = []
    for number, (pixels, name) in enumerate(zip(X, names, strict=True)):
        path = folder / name / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels.reshape(8, 8) * 15.9).astype(np.uint8)).save(path)
        paths.append(str(path.relative_to(folder)))
    return paths


def _reviews(path: Path, rng: np.random.Generator) -> None:
    """Write texts of words that are mostly of their class, with a tenth of the labels wrong."""
    subjects = np.arange(COUNT) % 2
    words = np.array([f"word{number}" for number in range(40)])
    review = [" ".join(rng.choice(words[20 * k : 20 * k + 25], 9)) for k in subjects]
    label = np.array(["good", "bad"])[np.where(rng.random(COUNT) < 0.1, 1 - subjects, subjects)]
    pd.DataFrame({"review": review, "label": label}).to_csv(path, index=False)


def _votes(path: Path, X: np.ndarray, true: np.ndarray, names: np.ndarray, rng) -> None:
    votes = {
        who: names[np.where(rng.random(COUNT) < 0.15, rng.integers(0, 3, COUNT), true)]
        for who in ("ann", "ben", "cem")
    }
    pd.DataFrame(votes | {f"x{i}": X[:, i] for i in range(1, 60)}).to_csv(path, index=False)
