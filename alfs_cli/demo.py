"""The whole tour on real data that ships inside scikit-learn, with noise whose truth is known."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from alfs_cli.auditing import Audit, audit
from alfs_cli.compare import curves
from alfs_cli.data import DataSpec, load
from alfs_cli.documents import replacing, to_document
from alfs_cli.invocation import Invocation
from alfs_cli.noise import inject, transition_of
from alfs_cli.recommend import Recommendations, recommend
from alfs_cli.runs import Run
from alfs_cli.training import train
from alfs_cli.training.devices import choose_device
from alfs_cli.training.experiment import plan

SCHEMA = "alfs.demo/1"
NOISE = "asymmetric"
RATE = 0.3
MODEL = "cnn4"
EPOCHS = 30
LR = 0.01

Say = Callable[[str], None]


@dataclass(frozen=True)
class Suspects:
    """How many labels were listed as wrong, and how many of them are."""

    listed: int
    really_wrong: int
    precision: float
    recall: float


@dataclass(frozen=True)
class Trained:
    """A loss and its last-epoch accuracy on true test labels."""

    loss: str
    role: Literal["cross entropy", "recommended"]
    test_accuracy: float
    run: str


@dataclass(frozen=True)
class DemoSummary:
    """What the demo saw: the content of `alfs demo -f json`."""

    noise: str
    rate: float
    seed: int
    n: int
    n_test: int
    noise_rate: dict[str, float]
    clean_level: dict[str, float]
    row_tv: float
    suspects: Suspects
    recommended: str | None
    margin: float | None
    trained: tuple[Trained, ...]
    page: str
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)


@dataclass(frozen=True, eq=False)
class Demo:
    """Everything the demo made, for its page."""

    found: Audit
    advice: Recommendations
    trained: tuple[Trained, ...]
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    n_test: int

    def suspects(self) -> Suspects:
        """Count how many of the labels listed are really wrong."""
        dataset = self.found.dataset
        assert dataset.true_labels is not None
        wrong = dataset.labels != dataset.true_labels
        listed = self.found.listed
        hits = int(wrong[listed].sum())
        return Suspects(
            len(listed), hits, hits / max(len(listed), 1), hits / max(int(wrong.sum()), 1)
        )


def run_demo(invocation: Invocation, folder: Path, say: Say) -> Demo:
    """Make labels wrong, estimate, recommend, train, compare; everything lies under `folder`."""
    say(f"1/4  inject    {NOISE} noise {RATE:.0%} into the digits' training labels")
    data = inject_digits(folder / "digits.npz", NOISE, RATE, invocation.seed)
    say("2/4  estimate  from the noisy labels alone")
    found = audit(invocation, DataSpec(str(data)), use_cache=False)
    found.save(folder)
    say("3/4  recommend a loss that provably withstands that noise")
    advice = recommend(found.estimate, estimate_path=str(folder / "estimate.json"), lr=LR)
    advice.save(folder / "recommendation.json")
    losses: list[tuple[str, Literal["cross entropy", "recommended"]]] = [("ce", "cross entropy")]
    if advice.recommendations:
        losses.append((advice.recommendations[0].loss, "recommended"))
    trained, runs = [], []
    for loss, role in losses:
        say(f"4/4  train     {loss}, {EPOCHS} epochs")
        run = train_digits(data, loss, folder / "runs", invocation.seed, invocation.device)
        runs.append(run)
        accuracy = run.result.test_accuracy
        assert accuracy is not None and run.result.test is not None
        trained.append(Trained(loss, role, accuracy.last, run.folder.as_posix()))
        n_test = run.result.test.n
    return Demo(found, advice, tuple(trained), curves(runs), n_test)


def train_digits(data: Path, loss: str, runs: Path, seed: int, device: str = "cpu") -> Run:
    """Train the demo's network on the noisy digits, tested on the digits' own test part."""
    experiment = plan(
        {
            "dataset": {"source": str(data)},
            "test": {"source": "digits"},
            "loss": loss,
            "model": MODEL,
            "epochs": EPOCHS,
            "seed": seed,
            "optimizer": {"lr": LR},
        }
    )
    folder = runs / experiment.config.run_id
    return Run(folder, train(experiment, folder, choose_device(device)))


def inject_digits(path: Path, kind: str, rate: float, seed: int) -> Path:
    """Write the training part of the digits under wrong labels as an .npz; return its path."""
    dataset = load(DataSpec("digits"))
    T = transition_of(kind, rate, dataset.num_classes, dataset="digits")
    given = inject(dataset.labels, T, np.random.default_rng(seed))
    assert dataset.images is not None
    images, _ = dataset.images.decode(np.arange(len(dataset)))
    with replacing(path) as temporary:
        np.savez(
            temporary,
            images=images,
            labels=given,
            true_labels=dataset.labels,
            class_names=np.array(dataset.class_names),
            transition=T.array,
        )
    return path
