"""What following `alfs recommend` costs: test accuracy beside what else one could have tried.

    python benchmarks/regret.py [--data ../shared/data] [--unpacked DIR] [--only digits,mnist]
                                [--noise pair:.2,...] [--seeds 1,2,3] [--minutes 60] [--summary]

For each data set, noise and seed: labels are made wrong, T is estimated from the noisy labels alone
(`auto`), a loss is recommended from the estimate, and a network trains with it and with each
choice of a fixed grid, plain and forward-corrected by the *estimated* T. `digits` are 1,000 of
scikit-learn's, `mnist` 10,000 pictures at 14 x 14 px, `cifar10` 10,000 encoder features with
`random1` and `worse` of CIFAR-10N among the noises. What `recommend` does was learnt on these
three, and in part on `pixels`, `gauss20`, `clusters` and `animals`; `--only mixed,vehicles` are two
that it was not. The network has one hidden layer of 128
units with batch norm; SGD at .05, cosine, batches of 128, else as `alfs train` does; 20 epochs, 60
for digits. Appends to results/regret.csv and goes on where it stopped; what is recommended is
judged anew each time. Prints the regret: accuracy of the best choice of the grid, in the mean of
the seeds, minus that of the recommendation; and the same for always taking one choice.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import batch_norm
from torch.nn.init import xavier_uniform_

from alfs_cli.estimators.fitting import estimate_transition
from alfs_cli.evidence.out_of_fold import principal_components
from alfs_cli.losses import parse_loss
from alfs_cli.noise import (
    TransitionMatrix,
    inject,
    inject_by_instance,
    row_total_variation,
    transition_of,
)
from alfs_cli.recommending import recommend
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.results.run import OptimizerConfig
from alfs_cli.training.correction import ForwardCorrected

RESULTS = Path(__file__).parent / "results" / "regret.csv"
RECOMMENDED = "recommended"
BATCH, LR, HIDDEN = 128, 0.05, 128
NOISES = (
    "clean", "symmetric:.2", "symmetric:.4", "symmetric:.6", "symmetric:.8", "asymmetric:.1",
    "asymmetric:.2", "asymmetric:.3", "asymmetric:.4", "pair:.2", "pair:.3", "instance:.2",
    "instance:.4",
)  # fmt: skip
GRID = (
    "ce", "gce:q=0.3", "gce:q=0.7", "gce:q=0.7,alpha=0.3", "mae", "mae:alpha=4", "nce+rce",
    "nce+mae", "nce+agce", "nce+aul", "nce+ael", "agce:a=0.6,q=0.6", "agce:a=0.6,q=0.6,alpha=3",
    "aul:a=5.5,p=3", "aul:a=5.5,p=3,alpha=0.1", "ael:a=2.5", "ael:a=2.5,alpha=4",
    "agce:a=4,q=0.2", "aul:a=3,p=0.1", "anl-ce", "jal-ce",
    "forward ce", "forward ce:alpha=0.3", "forward gce:q=0.3", "forward gce:q=0.3,alpha=0.3",
    "forward gce:q=0.7", "forward agce:a=0.6,q=0.6,alpha=3",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Source:
    """Features (N, D) and true labels (N,) to train on and to test on; human labels by name."""

    name: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    epochs: int
    human: dict[str, np.ndarray]

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.y.max()) + 1

    def noises(self) -> tuple[str, ...]:
        """The noises of this source."""
        return (*NOISES, *self.human)


def digits(_: argparse.Namespace) -> Source:
    """Return scikit-learn's digits, 8 x 8."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(3).permutation(len(X))
    return _split("digits", X[order].astype(np.float32), y[order], 1_000, 60, {})


def mnist(arguments: argparse.Namespace) -> Source:
    """Return 20,000 of MNIST's digits, shrunk to 14 x 14."""
    parts = []
    for split, count in (("train", 10_000), ("test", 10_000)):
        with np.load(arguments.unpacked / f"mnist_{split}.npz") as stored:
            rows = np.random.default_rng(3).permutation(len(stored["labels"]))[:count]
            images = stored["images"][rows].reshape(count, 14, 2, 14, 2).mean(axis=(2, 4))
            parts.append((images.reshape(count, -1).astype(np.float32), stored["labels"][rows]))
    (X, y), (X_test, y_test) = parts
    every = np.concatenate([X, X_test]), np.concatenate([y, y_test])
    return _split("mnist", *every, 10_000, 20, {})


def cifar10(arguments: argparse.Namespace) -> Source:
    """Return 20,000 features of CIFAR-10, with two kinds of people's labels."""
    with np.load(arguments.data / "cifar10_features.npz") as stored:
        X = stored["features"].astype(np.float32)
    with np.load(arguments.data / "cifar10n.npz") as stored:
        y = stored["clean_label"]
        human = {"random1": stored["random_label1"], "worse": stored["worse_label"]}
    order = np.random.default_rng(arguments.sample).permutation(len(X))[:20_000]
    return _split(
        "cifar10", X[order], y[order], 10_000, 20, {k: v[order] for k, v in human.items()}
    )


def pixels(arguments: argparse.Namespace) -> Source:
    """Return 20,000 of CIFAR-10 as 64 principal components of their pixels."""
    with np.load(arguments.unpacked / "cifar10_train.npz") as stored:
        rows = np.random.default_rng(3).permutation(len(stored["labels"]))[:20_000]
        X, y = stored["images"][rows].reshape(len(rows), -1), stored["labels"][rows]
    return _split("pixels", principal_components(X, 64), y, 10_000, 20, {})


def gauss20(_: argparse.Namespace) -> Source:
    """Return 20 Gaussian classes in 30 dimensions."""
    generator = np.random.default_rng(7)
    means = generator.standard_normal((20, 30))
    means *= 5.0 / np.sqrt(2) / np.linalg.norm(means, axis=1, keepdims=True)
    y = generator.integers(20, size=20_000)
    X = (means[y] + generator.standard_normal((len(y), 30))).astype(np.float32)
    return _split("gauss20", X, y, 10_000, 20, {})


def clusters(_: argparse.Namespace) -> Source:
    """Return 6 classes of 3 clusters each."""
    shape = {"n_features": 30, "n_informative": 12, "n_redundant": 6, "n_classes": 6}
    several = {"n_clusters_per_class": 3, "class_sep": 1.5, "random_state": 1}
    return _made("clusters", 20_000, 10_000, 20, shape | several)


def mixed(_: argparse.Namespace) -> Source:
    """Return 8 classes of 2 clusters each."""
    shape = {"n_features": 20, "n_informative": 10, "n_redundant": 4, "n_classes": 8}
    several = {"n_clusters_per_class": 2, "class_sep": 2.0, "random_state": 2}
    return _made("mixed", 13_000, 5_000, 30, shape | several)


def _made(name: str, size: int, count: int, epochs: int, options: dict[str, float]) -> Source:
    """Return scikit-learn's classes of several clusters each, `count` of `size` to train on."""
    from sklearn.datasets import make_classification

    X, y = make_classification(size, flip_y=0, **options)
    return _split(name, X.astype(np.float32), y, count, epochs, {})


def animals(arguments: argparse.Namespace) -> Source:
    """Encoder features of CIFAR-10's bird, cat, deer, dog, frog and horse, 4,000 to train on."""
    return _some_classes(arguments, "animals", (2, 3, 4, 5, 6, 7), 4_000)


def vehicles(arguments: argparse.Namespace) -> Source:
    """Encoder features of CIFAR-10's airplane, automobile, ship and truck, 6,000 to train on."""
    return _some_classes(arguments, "vehicles", (0, 1, 8, 9), 6_000)


def _some_classes(
    arguments: argparse.Namespace, name: str, classes: tuple[int, ...], count: int
) -> Source:
    with np.load(arguments.data / "cifar10_features.npz") as stored:
        X = stored["features"].astype(np.float32)
    with np.load(arguments.data / "cifar10n.npz") as stored:
        y = stored["clean_label"]
    order = np.random.default_rng(6).permutation(len(X))
    order = order[np.isin(y[order], classes)][: count + 8_000]
    return _split(name, X[order], np.searchsorted(classes, y[order]), count, 20, {})


SOURCES = {"digits": digits, "mnist": mnist, "cifar10": cifar10}
SEEN = {  # rules for curved borders and for few classes were chosen by these
    "pixels": pixels, "gauss20": gauss20, "clusters": clusters, "animals": animals,
}  # fmt: skip
FRESH = {"mixed": mixed, "vehicles": vehicles}  # nothing was chosen by these


def _split(
    name: str, X: np.ndarray, y: np.ndarray, count: int, epochs: int, human: dict[str, np.ndarray]
) -> Source:
    """Standardise by the part to train on, the first `count`."""
    X = (X - X[:count].mean(axis=0)) / np.maximum(X[:count].std(axis=0), 1e-2 * X[:count].std())
    y = y.astype(np.int64)
    given = {kind: labels[:count].astype(np.int64) for kind, labels in human.items()}
    return Source(name, X[:count], y[:count], X[count:], y[count:], epochs, given)


def noisy(source: Source, noise: str, seed: int) -> np.ndarray:
    """Return the given labels (N,)."""
    if noise == "clean":
        return source.y.copy()
    if noise in source.human:
        return source.human[noise]
    kind, rate = noise.split(":")
    generator = np.random.default_rng([seed, 41])
    if kind == "instance":
        K = source.num_classes
        given, _ = inject_by_instance(source.y, source.X, float(rate), K, generator)
        return given
    name = "cifar10" if source.name == "pixels" else source.name
    T = transition_of(kind, float(rate), source.num_classes, dataset=name)
    return inject(source.y, T, generator, draw="sampled")


class Networks:
    """C networks D-128-K side by side: batch norm and ReLU after the hidden layer.

    They start from the same weights and see the same batches, so that they differ by the loss.
    """

    def __init__(self, count: int, size: int, num_classes: int, seed: int) -> None:
        self.shape = (count, HIDDEN, num_classes)
        torch.manual_seed(seed)
        first = xavier_uniform_(torch.empty(size, HIDDEN))
        last = xavier_uniform_(torch.empty(HIDDEN, num_classes))
        self.parameters = {
            "first": first[:, None].repeat(1, count, 1),
            "scale": torch.ones(1, count, HIDDEN),
            "shift": torch.zeros(1, count, HIDDEN),
            "last": last[None].repeat(count, 1, 1),
            "bias": torch.zeros(count, 1, num_classes),
        }
        self.velocities = {key: torch.zeros_like(p) for key, p in self.parameters.items()}
        for parameter in self.parameters.values():
            parameter.requires_grad_()
        self.running = torch.zeros(count * HIDDEN), torch.ones(count * HIDDEN)

    def __call__(self, X: Tensor, *, is_training: bool) -> Tensor:
        """Return logits (C, N, K) for X (N, D)."""
        p = self.parameters
        hidden = batch_norm(
            X @ p["first"].flatten(1), *self.running, p["scale"].flatten(), p["shift"].flatten(),
            training=is_training,
        )  # fmt: skip
        hidden = hidden.relu().view(len(X), *self.shape[:2]).transpose(0, 1)
        return torch.baddbmm(p["bias"], hidden, p["last"])

    @torch.no_grad()
    def step(self, lr: float, config: OptimizerConfig) -> None:
        """Take the step of `alfs train`, the gradient of each network clipped for itself."""
        axes = {"first": 1, "scale": 1, "shift": 1, "last": 0, "bias": 0}
        total = torch.zeros(self.shape[0])
        for key, parameter in self.parameters.items():
            total += parameter.grad.movedim(axes[key], 0).flatten(1).square().sum(1)
        factor = (config.grad_clip / (total.sqrt() + 1e-6)).clamp(max=1.0)
        for key, parameter in self.parameters.items():
            shape = [1, 1, 1]
            shape[axes[key]] = -1
            gradient = parameter.grad * factor.view(shape) + config.weight_decay * parameter
            self.velocities[key].mul_(config.momentum).add_(gradient)
            parameter.sub_(self.velocities[key], alpha=lr)
            parameter.grad = None


def trained(
    source: Source, given: np.ndarray, tasks: list[tuple[str, str]], T: np.ndarray, seed: int
) -> list[float]:
    """Train a network for each loss and return their accuracies on the true test labels.

    A task is the text of a loss and its correction by T: none, forward, or forward and the level by
    which classes that swap labels are held apart.
    """
    losses = [parse_loss(text) for text, _ in tasks]
    objectives = [
        loss if correction == "none" else ForwardCorrected(loss, held_apart(T, correction))
        for loss, (_, correction) in zip(losses, tasks, strict=True)
    ]
    networks = Networks(len(tasks), source.X.shape[1], source.num_classes, seed)
    config = OptimizerConfig(lr=LR)
    X, y = torch.from_numpy(source.X), torch.from_numpy(given)
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(source.epochs):
        lr = LR * (1 + np.cos(np.pi * epoch / source.epochs)) / 2
        for rows in torch.randperm(len(X), generator=generator).split(BATCH):
            if len(rows) < 2:
                continue
            logits = networks(X[rows], is_training=True)
            values = [
                objective(logits[i], y[rows], check=False) for i, objective in enumerate(objectives)
            ]
            torch.stack(values).sum().backward()
            networks.step(lr, config)
    with torch.no_grad():
        found = networks(torch.from_numpy(source.X_test), is_training=False).argmax(2)
    return (found == torch.from_numpy(source.y_test)).double().mean(1).tolist()


def held_apart(T: np.ndarray, correction: str) -> np.ndarray:
    """Return what a loss is corrected by: T for `forward`, T held apart for `forward LEVEL`."""
    level = correction.partition(" ")[2]
    return TransitionMatrix(T).held_apart(float(level or 0)).array


def choices(estimate: NoiseEstimate, extra: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield role, loss and correction: the recommendation, then the grid."""
    best = recommend(estimate, estimate_path="", lr=LR).recommendations[0]
    level = f" {best.least_level:g}" if best.least_level else ""
    yield RECOMMENDED, best.loss, best.correction + level
    for name in (*GRID, *extra):
        word, _, text = name.rpartition(" ")
        yield name, text, word or "none"


def measure(arguments: argparse.Namespace) -> None:
    """Append what is not yet in the file, until the time is over."""
    done = _read(arguments.output)
    known = {(r.data, r.noise, r.seed, r.loss, r.correction): r.accuracy for r in done.itertuples()}
    begun = time.perf_counter()
    for name in arguments.only.split(","):
        source = (SOURCES | SEEN | FRESH)[name](arguments)
        for noise in arguments.noise.split(",") if arguments.noise else source.noises():
            if noise not in source.noises():
                continue
            for seed in map(int, arguments.seeds.split(",")):
                if time.perf_counter() - begun > 60 * arguments.minutes:
                    return
                given = noisy(source, noise, seed)
                estimate = estimate_transition(source.X, given, features=True, seed=seed)
                T = np.array(estimate.transition)
                counted = np.zeros(T.shape)
                np.add.at(counted, (source.y, given), 1)
                about = {
                    "row_tv": row_total_variation(T, counted / counted.sum(axis=1, keepdims=True)),
                    "noise_rate": (given != source.y).mean(),
                    "estimated_rate": estimate.noise_rate.value,
                    "r_low": estimate.clean_level.low,
                    "r_hat": estimate.clean_level.value,
                    "trust": estimate.trust.level,
                }
                keyed = {}
                for role, text, correction in choices(estimate, arguments.extra):
                    keyed[role] = (name, noise, seed, str(parse_loss(text)), correction)
                missing = sorted({key for key in keyed.values() if key not in known})
                tasks = [(loss, correction) for *_, loss, correction in missing]
                if tasks:
                    known |= zip(missing, trained(source, given, tasks, T, seed), strict=True)
                rows = [
                    dict(zip(COLUMNS, (*key[:3], role, *key[3:], known[key]), strict=True)) | about
                    for role, key in keyed.items()
                ]
                done = _append(done, rows, arguments.output)
                print(name, noise, seed, rows[0]["loss"], rows[0]["accuracy"], flush=True)


COLUMNS = ("data", "noise", "seed", "choice", "loss", "correction", "accuracy")


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(path)


def _append(done: pd.DataFrame, rows: list[dict], path: Path) -> pd.DataFrame:
    """Write the rows; those of earlier recommendations for the same labels make way."""
    new = pd.DataFrame(rows)
    keys = ["data", "noise", "seed", "choice"]
    kept = done.merge(new[keys].drop_duplicates(), on=keys, how="left", indicator=True)
    kept = kept[kept["_merge"] == "left_only"].drop(columns="_merge")
    whole = pd.concat([kept, new]) if len(kept) else new
    whole = whole.sort_values(keys, kind="stable")
    path.parent.mkdir(exist_ok=True)
    whole.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")
    return whole


def summary(frame: pd.DataFrame, grid: tuple[str, ...] = GRID) -> pd.DataFrame:
    """Return regret by choice in points: mean and worst over settings, means of the seeds."""
    table = frame.pivot_table(index=["data", "noise"], columns="choice", values="accuracy")
    best = table[[name for name in grid if name in table]].max(axis=1)
    regret = 100 * (best.to_numpy()[:, None] - table)
    print((100 * table[[RECOMMENDED]]).join(regret[RECOMMENDED].rename("regret")).round(2))
    shown = pd.DataFrame({"mean": regret.mean(), "worst": regret.max(), "n": regret.count()})
    return shown.sort_values("mean").round(2)


def main() -> None:
    """Train what is missing, and print the regret of each choice."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--unpacked", type=Path)
    parser.add_argument("--only", default=",".join(SOURCES))
    parser.add_argument("--noise", default="")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--sample", type=int, default=3, help="which of CIFAR-10's examples")
    parser.add_argument("--extra", action="append", default=[], help="one more choice")
    parser.add_argument("--summary", action="store_true", help="train nothing")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not arguments.summary:
        measure(arguments)
    found = _read(arguments.output)
    print(summary(found[found["data"].isin(arguments.only.split(","))]).to_string())


if __name__ == "__main__":
    main()
