"""Shared helpers: an estimate and a recommendation with known numbers, modules of a stranger."""

import gc
import os
import shutil
import signal
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import settings

# Two test workers share two cores: with one thread each they do not wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from alfs_cli.errors import STOPS
from alfs_cli.results.estimate import (
    Bounded,
    ClassCleanLevel,
    CleanLevel,
    DataSummary,
    EvidenceSummary,
    IssuesFile,
    NoiseEstimate,
    Trust,
)
from alfs_cli.results.recommendation import (
    DataReference,
    LevelReference,
    Recommendation,
    Recommendations,
)
from tests.forks import forked_worker
from tests.remembered import Known, remember

# Hypothesis repeats the same examples, so that a test only fails for a change of the code;
# ALFS_HYPOTHESIS=random looks for new ones.
settings.register_profile("repeated", derandomize=True)
if os.environ.get("ALFS_HYPOTHESIS") != "random":
    settings.load_profile("repeated")


gc.disable()  # until all is imported, which leaves next to no garbage


def pytest_collection_finish():
    """Exclude imported modules from later garbage collections: they are most of the heap."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 100)  # what is imported later is no garbage either
    gc.enable()


@pytest.fixture(autouse=True)
def _signals_as_before():
    """Fail a test that leaves signals to be answered in its own way by all that come after it."""
    before = {number: signal.getsignal(number) for number in STOPS}
    yield
    changed = [number for number in STOPS if signal.getsignal(number) is not before[number]]
    for number in changed:
        signal.signal(number, before[number])
    assert not changed


NAMES = ("cat", "dog", "[red]")
T = ((0.8, 0.15, 0.05), (0.1, 0.9, 0.0), (0.0, 0.02, 0.98))


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; tests that ask for it are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


TRAP = "import pathlib\npathlib.Path({here!r}, 'owned').touch()\nraise SystemExit('owned')\n"
STRANGERS = (
    "yaml", "shlex", "numpy", "torch", "rich", "typer", "json", "csv", "random", "tempfile",
    "multiprocessing", "pydantic", "ray", "pip", "sitecustomize", "usercustomize", "matplotlib",
    "alfs_cli/__init__", "alfs_cli/__main__", "alfs_cli/executors/worker",
    "alfs_cli/executors/__init__", "alfs_cli/member", "alfs_cli/commands/__init__",
)  # fmt: skip


def planted(folder):
    """Write a stranger's modules into a folder; each creates a file `owned` there when it runs."""
    for name in STRANGERS:
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRAP.format(here=str(folder)))
    return folder


@pytest.fixture(scope="session")
def fits() -> Known:
    """What estimates were made of so far; clear it where one is to be made anew."""
    return {}


@pytest.fixture
def estimates_made_once(monkeypatch, fits):
    """Estimates of what was estimated before cost next to nothing."""
    remember(monkeypatch, fits)


@pytest.fixture
def forked_workers(monkeypatch):
    """The workers of sweeps are copies of the process that sweeps, and have nothing to import."""
    from alfs_cli.executors import local

    copies = SimpleNamespace(**vars(subprocess) | {"Popen": forked_worker})
    monkeypatch.setattr(local, "subprocess", copies)


@pytest.fixture
def forked_workers_but_one(monkeypatch):
    """The first worker of a sweep is a process of Python's own, the others are copies."""
    from alfs_cli.executors import local

    started = []

    def worker(command, **options):
        started.append(command)
        return (subprocess.Popen if len(started) == 1 else forked_worker)(command, **options)

    monkeypatch.setattr(
        local, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": worker})
    )


def make_estimate(**changes):
    """Return an estimate of three classes; `changes` replace its fields."""
    levels = (0.8 / 0.15, 9.0, 49.0)
    lows, highs = (3.5, 6.0, 20.0), (8.0, 15.0, 120.0)
    runners = ("dog", "cat", "dog")
    counts = (450, 540, 510)
    estimate = NoiseEstimate(
        alfs_version="0.1.0",
        seed=0,
        seconds=1.25,
        confidence=0.95,
        method="confident",
        data=DataSummary("data/", "folder", 1500, NAMES, counts, "train", "abc", {}),
        evidence=EvidenceSummary("pixels", "linear ridge", 5, 0.9, 0.02, False),
        noise_rate=Bounded(0.11, 0.09, 0.13),
        transition=T,
        transition_low=tuple(tuple(max(0.0, v - 0.03) for v in row) for row in T),
        transition_high=tuple(tuple(min(1.0, v + 0.03) for v in row) for row in T),
        class_prior=(0.34, 0.33, 0.33),
        class_clean_level=tuple(
            ClassCleanLevel(
                class_name=NAMES[i], value=levels[i], low=lows[i], high=highs[i],
                runner_up=runners[i], n=counts[i], judged=True,
            )
            for i in range(3)
        ),
        clean_level=CleanLevel(levels[0], 3.5, 8.0, "cat", "dog"),
        gap=Bounded(0.65, 0.6, 0.7),
        dominant=True,
        trust=Trust("high", ("the evidence tells the classes apart in 97 % of the examples",)),
        issues=IssuesFile("issues.csv", 160),
    )  # fmt: skip
    return replace(estimate, **changes)


@pytest.fixture
def estimate():
    """Return a function that makes an estimate."""
    return make_estimate


def make_recommendation(fingerprint, *losses, value=5.0, low=3.5, **changes):
    """Return a recommendation of these losses for data; only the first has a certificate."""
    items = [
        Recommendation(
            loss=loss, correction="none", asymmetry_ratio=2.0, term_ratio=2.0, margin=1.4,
            certificate="not-refuted" if place else "proved", mass_at_bound=None, fit=0.5,
            why="because",
        )
        for place, loss in enumerate(losses)
    ]  # fmt: skip
    found = Recommendations(
        estimate="",
        data=DataReference("data/", "folder", fingerprint),
        status="certified",
        clean_level=LevelReference(value, low),
        bound=1 / low,
        required_ratio=1.2 / low,
        safety=1.2,
        lr=0.01,
        recommendations=tuple(items),
    )
    return replace(found, **changes)
