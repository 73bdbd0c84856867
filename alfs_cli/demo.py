"""The demo, on scikit-learn's digits or on docstrings, with injected and so known noise."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from alfs_cli.comparing import courses
from alfs_cli.console import Console
from alfs_cli.copies.noisy import noisy_copy, write_copy
from alfs_cli.data import DataSpec, load
from alfs_cli.data.docstrings import docstrings
from alfs_cli.errors import InputError
from alfs_cli.estimating import Estimated, EstimateOptions, estimate_data
from alfs_cli.recommending import Recommendation, Recommendations, recommend
from alfs_cli.results.estimate import Truth
from alfs_cli.results.run import Run
from alfs_cli.storage.documents import to_document
from alfs_cli.training import train
from alfs_cli.training.devices import choose_device
from alfs_cli.training.experiment import plan

SCHEMA = "alfs.demo/1"
FEWEST_TEXTS = 500
# The settings of the tour; it takes under a minute with them.
NOISE = "asymmetric"
RATE = 0.3
MODEL = "cnn4"
EPOCHS = 30
LR = 0.01
TEXT_NOISE, TEXT_RATE = "symmetric", 0.1

Role = Literal["cross entropy", "recommended", "certified without T"]


@dataclass(frozen=True)
class Suspects:
    """The number of labels listed as wrong, and how many of them are wrong."""

    listed: int
    really_wrong: int
    precision: float
    recall: float


@dataclass(frozen=True)
class Trained:
    """A loss and its last-epoch accuracy on true test labels."""

    loss: str
    role: Role
    test_accuracy: float
    n_test: int
    run: str


@dataclass(frozen=True)
class DemoSummary:
    """The results of the demo: the content of `alfs demo -f json`."""

    noise: str
    rate: float
    seed: int
    n: int
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
    """All results of the demo, for its HTML page."""

    summary: DemoSummary
    found: Estimated
    advice: Recommendations
    truth: Truth
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]


def run_demo(folder: Path, console: Console, *, seed: int = 0, device: str = "auto") -> Demo:
    """Inject noise, estimate, recommend, train and compare; write everything under `folder`."""
    say = console.note
    started = time.perf_counter()
    say(f"1/4  inject     {NOISE} noise, {RATE:.0%}, into the digits' training labels")
    data = inject_digits(folder / "digits.npz", NOISE, RATE, seed)
    say("2/4  estimate   from the noisy labels alone")
    found = estimate_data(DataSpec(str(data)), EstimateOptions(seed=seed, device=device), console)
    found.save(folder)
    say("3/4  recommend  a loss that withstands that noise")
    advice = recommend(found.estimate, estimate_path=str(folder / "estimate.json"), lr=LR)
    advice.save(folder / "recommendation.json")
    best = advice.recommendations[0] if advice.recommendations else None
    proved = next((r for r in advice.recommendations if r.certificate == "proved"), None)
    losses: list[tuple[str, dict[str, Any], Role]] = [("ce", {}, "cross entropy")]
    if best is not None:
        losses.append((best.loss, correction_of(best, folder), "recommended"))
    if proved is not None and proved is not best:
        losses.append((proved.loss, {}, "certified without T"))
    runs = []
    for loss, correction, _ in losses:
        corrected = ", forward correction" if correction else ""
        say(f"4/4  train      {loss}{corrected}, {EPOCHS} epochs")
        where = folder / "runs"
        runs.append(train_digits(data, loss, where, seed, correction=correction, device=device))
    summary = replace(
        _summary(found, NOISE, RATE, folder),
        recommended=best.loss if best else None,
        margin=best.margin if best else None,
        trained=tuple(
            Trained(loss, role, accuracy.last, test.n, run.folder.as_posix())
            for (loss, _, role), run in zip(losses, runs, strict=True)
            if (accuracy := run.result.test_accuracy) and (test := run.result.test)
        ),
        seconds=time.perf_counter() - started,
    )
    lines = tuple((course.name, course.points) for course in courses(runs))
    return Demo(summary, found, advice, known_truth(found), lines)


@dataclass(frozen=True, eq=False)
class TextDemo:
    """The results of the demo on texts, for its report and its HTML page."""

    summary: DemoSummary
    found: Estimated
    truth: Truth


def run_text_demo(folder: Path, console: Console, *, seed: int = 0) -> TextDemo:
    """Inject noise into the labels of docstrings and find it; write everything under `folder`."""
    say = console.note
    started = time.perf_counter()
    say("1/3  gather     docstrings of Python's library; the class is the package they document")
    folder.mkdir(parents=True, exist_ok=True)
    texts, labels = docstrings()
    if len(texts) < FEWEST_TEXTS:
        raise InputError(
            "Python's library lies here without its sources, so there are no docstrings",
            help="alfs demo takes the digits",
        )
    plain = folder / "docstrings.csv"
    table = pd.DataFrame({"text": texts, "label": labels})
    table.to_csv(plain, index=False, lineterminator="\n")
    say(f"2/3  inject     {TEXT_NOISE} noise, {TEXT_RATE:.0%}, into their labels")
    data = folder / "noisy.csv"
    generator = np.random.default_rng(seed)
    clean = load(DataSpec(str(plain)), is_screened=False)
    write_copy(noisy_copy(clean, TEXT_NOISE, TEXT_RATE, draw="exact", generator=generator), data)
    say("3/3  estimate   from the texts and the noisy labels alone")
    found = estimate_data(DataSpec(str(data)), EstimateOptions(seed=seed), console)
    found.save(folder)
    summary = _summary(found, TEXT_NOISE, TEXT_RATE, folder)
    summary = replace(summary, seconds=time.perf_counter() - started)
    return TextDemo(summary, found, known_truth(found))


def _summary(found: Estimated, noise: str, rate: float, folder: Path) -> DemoSummary:
    """Return what the estimate found beside the truth; of no loss and of no time yet."""
    truth, estimate = known_truth(found), found.estimate
    return DemoSummary(
        noise=noise,
        rate=rate,
        seed=estimate.seed,
        n=estimate.data.n,
        noise_rate={"estimated": estimate.noise_rate.value, "true": truth.noise_rate},
        clean_level={"estimated": estimate.clean_level.value, "true": truth.clean_level},
        row_tv=truth.row_tv,
        suspects=count_suspects(found),
        recommended=None,
        margin=None,
        trained=(),
        page=(folder / "report.html").as_posix(),
        seconds=0.0,
    )


def known_truth(found: Estimated) -> Truth:
    """Return the truth of an estimate; raises InputError where the data have no true labels."""
    if found.estimate.truth is None:
        raise InputError(
            "these data have no true labels",
            help="the demo needs the truth beside the labels: alfs demo takes the digits",
        )
    return found.estimate.truth


def count_suspects(found: Estimated) -> Suspects:
    """Return how many labels are listed as proven or likely wrong, and how many of them are."""
    dataset, places = found.examples.dataset, found.examples.listed.of("proven", "likely")
    true = dataset.labels if dataset.true_labels is None else dataset.true_labels
    wrong = dataset.labels != true
    hits, listed = int(wrong[places].sum()), len(places)
    return Suspects(listed, hits, hits / max(listed, 1), hits / max(int(wrong.sum()), 1))


def correction_of(item: Recommendation, folder: Path) -> dict[str, Any]:
    """Return the settings for the forward correction of a recommended loss, empty without it.

    T is that of estimate.json in `folder`.
    """
    if item.correction == "none":
        return {}
    transition = {"file": str(folder / "estimate.json"), "least_level": item.least_level}
    return {"correction": item.correction, "transition": transition}


def train_digits(
    data: Path,
    loss: str,
    runs: Path,
    seed: int,
    *,
    correction: dict[str, Any] | None = None,
    device: str = "cpu",
) -> Run:
    """Train the demo's network on noisy digits, tested on the true labels of the test part."""
    experiment = plan(
        {
            **(correction or {}),
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
    """Write the training part of the digits with injected noise as an .npz; return its path."""
    dataset = load(DataSpec("digits"))
    generator = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_copy(noisy_copy(dataset, kind, rate, draw="exact", generator=generator), path)
    return path
