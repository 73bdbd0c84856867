"""Comparison of runs: mean and standard deviation over seeds, and which losses are best."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from alfs_cli.comparing.paper import Reported, reported_for
from alfs_cli.errors import InputError
from alfs_cli.results.evaluation import Difference, TrueAccuracy
from alfs_cli.results.run import CONFIG, RESULT, Run, find_run, load_config, load_metrics, load_run
from alfs_cli.results.sweep import PLAN, SWEEPS, find_sweep
from alfs_cli.storage.documents import to_document

SCHEMA = "alfs.compare/1"
SIGNIFICANCE = 0.05  # level of Welch's test, two-sided
VARIANTS = {"elr": "elr", "nlnl": "three stages"}  # names of settings that change a loss
PUBLIC_GRADIENT = "public code's gradient"
Setting = tuple[str, str | None, float | None, str | None]
"""The setting in which losses are compared: data set, kind and rate of noise, test labels."""


@dataclass(frozen=True)
class Accuracy:
    """Mean and sample standard deviation over runs, as fractions; std is None for a single run."""

    mean: float
    std: float | None


@dataclass(frozen=True)
class PaperFigure:
    """The paper's accuracy for the same data, noise and loss.

    `delta` is ours minus the paper's, None where length, noise or settings are others.
    """

    mean: float
    std: float | None
    delta: float | None


def loss_name(loss: str, variant: str | None) -> str:
    """Return the name of a loss in tables.

    >>> loss_name("gce:q=0.3", "forward")
    'gce:q=0.3 (forward)'
    """
    return loss if variant is None else f"{loss} ({variant})"


def variant_of(settings: dict[str, Any]) -> str | None:
    """Return the correction, ELR term and NLNL stages of a run in words, None without any."""
    found = [settings["correction"]] if settings.get("correction", "none") != "none" else []
    found += [word for key, word in VARIANTS.items() if settings.get(key) is not None]
    if settings.get("loss_gradient", "formula") != "formula":
        found.append(PUBLIC_GRADIENT)
    return ", ".join(found) or None


def noise_drawn(runs: Sequence[dict[str, Any]]) -> str | None:
    """Return how the noise of runs that differ in seeds was drawn; None without injected noise.

    >>> noise_drawn([{"noise": {"kind": "asymmetric", "sequential": True, "seed": 123}, "seed": 1}])
    'exact, in sequence, seed 123'
    """
    noise = runs[0].get("noise")
    if noise is None:
        return None
    seeds = {settings["noise"].get("seed") for settings in runs}
    words = [str(noise.get("draw", "exact"))]
    words += ["in sequence"] if noise.get("sequential") else []
    words += ["blocks of five"] if noise.get("blocks_of_five") else []
    words.append(f"seed {seeds.pop()}" if len(seeds) == 1 and None not in seeds else "per seed")
    return ", ".join(words)


@dataclass(frozen=True)
class ComparedLoss:
    """The accuracies of runs that differ only in their seeds.

    `is_best` marks the highest mean last-epoch accuracy in a setting. `not_worse` says that Welch's
    test does not reject equal means with the best loss; None with a single run. `paper` is None if
    it was not asked for or if there is none; `paper_missing` is the reason for that, or for the
    difference that is not given. `noise_drawn` says
    how the injected labels were drawn, and with which seed.
    """

    loss: str
    dataset: str
    noise: str | None
    rate: float | None
    n: int
    last: Accuracy
    best: Accuracy
    is_best: bool
    not_worse: bool | None
    paper: PaperFigure | None
    model: str
    epochs: int
    labels: str | None
    seeds: tuple[int, ...]
    paper_missing: str | None = None
    variant: str | None = None
    noise_drawn: str | None = None

    @property
    def name(self) -> str:
        """The loss with its variant in brackets."""
        return loss_name(self.loss, self.variant)


@dataclass(frozen=True)
class OnTrueLabels:
    """Each run's accuracy on true labels by an audit, and which of two runs is better."""

    runs: tuple[TrueAccuracy, ...]
    pairs: tuple[Difference, ...]


@dataclass(frozen=True)
class Comparison:
    """The content of `alfs compare -f json`; `audited` is there where an audit was named."""

    rows: tuple[ComparedLoss, ...]
    audited: OnTrueLabels | None = None

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        document = to_document(SCHEMA, self)
        if self.audited is None:
            del document["audited"]
        return document


def find_runs(names: Sequence[str], out: Path) -> tuple[Run, ...]:
    """Return the finished runs among those named, or all under `<out>/runs` without names.

    A name is a run, a folder of runs, or a sweep. Raises InputError where no run is finished.
    """
    folders: list[Path] = []
    for name in names or [str(out / "runs")]:
        path = find_sweep(name, out) or Path(name)
        if path.is_dir() and not any((path / part).exists() for part in (CONFIG, RESULT)):
            inside = path / "runs" if (path / "runs").is_dir() else path
            folders += sorted(p.parent for p in inside.glob(f"*/{CONFIG}"))
        elif names:
            folders.append(find_run(name, out))
    unique = list(dict.fromkeys(folder.resolve() for folder in folders))
    finished = [load_run(folder) for folder in unique if (folder / RESULT).exists()]
    runs = tuple(run for run in finished if run.is_finished)
    if not runs:
        where = ", ".join(f"'{name}'" for name in names) or f"'{(out / 'runs').as_posix()}'"
        sweeps = sorted(path.parent.name for path in out.glob(f"{SWEEPS}/*/{PLAN}"))
        hint = f"`alfs compare {sweeps[-1]}` reads a sweep" if sweeps else "`alfs train` makes one"
        raise InputError(f"no finished runs in {where}", help=hint)
    return runs


def compare(runs: Sequence[Run], *, with_paper: bool = False) -> Comparison:
    """Return the comparison of runs, grouped by all settings except the seed.

    `with_paper` adds the paper's accuracies. Raises InputError where no run was tested.
    """
    groups = _groups(run for run in runs if run.result.test_accuracy is not None)
    if not groups:
        raise InputError("none of these runs was tested", help="train with --test or --holdout")
    rows = [_row(group, with_paper=with_paper) for group in groups]
    settings = {_setting(row) for row, _ in rows}
    marked = [
        found
        for setting in sorted(settings, key=str)
        for found in _marked([r for r in rows if _setting(r[0]) == setting])
    ]
    return Comparison(tuple(marked))


@dataclass(frozen=True)
class Course:
    """The test accuracy over epochs of runs that differ only in their seeds.

    `points` are (epoch, mean); `band` are (epoch, mean - std, mean + std), empty for a single run.
    """

    setting: Setting
    name: str
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float, float], ...]


def courses(runs: Sequence[Run]) -> tuple[Course, ...]:
    """Return the course of each group of runs that differ only in their seeds."""
    return tuple(_course(group) for group in _groups(runs))


def _course(group: Sequence[Run]) -> Course:
    points: list[tuple[float, float]] = []
    band: list[tuple[float, float, float]] = []
    for epochs in zip(*(load_metrics(run.folder) for run in group), strict=False):
        tested = [e.test_accuracy for e in epochs if e.test_accuracy is not None]
        if not tested:
            continue
        epoch, found = float(epochs[0].epoch), _accuracy(tested)
        points.append((epoch, found.mean))
        if found.std is not None:
            band.append((epoch, found.mean - found.std, found.mean + found.std))
    result = group[0].result
    labels = result.test.labels if result.test else None
    noise = (result.noise.kind, result.noise.rate) if result.noise else (None, None)
    name = loss_name(result.loss, variant_of(_settings(group[0])))
    return Course((result.dataset, *noise, labels), name, tuple(points), tuple(band))


def _groups(runs: Iterable[Run]) -> list[list[Run]]:
    """Return groups of runs that differ only in their seeds."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        settings = _settings(run)
        settings.pop("seed", None)
        if "noise" in settings:
            settings["noise"].pop("seed", None)
        if "transition" in settings:
            settings["transition"].pop("file")
        groups.setdefault(json.dumps(settings, sort_keys=True), []).append(run)
    return list(groups.values())


def _settings(run: Run) -> dict[str, Any]:
    return load_config(run.folder).settings()


def _setting(row: ComparedLoss) -> Setting:
    return row.dataset, row.noise, row.rate, row.labels


def _row(group: Sequence[Run], *, with_paper: bool) -> tuple[ComparedLoss, list[float]]:
    tested = [run.result.test_accuracy for run in group]
    last = [accuracy.last for accuracy in tested if accuracy is not None]
    best = [accuracy.best for accuracy in tested if accuracy is not None]
    first = group[0].result
    about = group[0], _settings(group[0])
    reported, missing = reported_for(*about) if with_paper else (None, None)
    row = ComparedLoss(
        loss=first.loss,
        dataset=first.dataset,
        noise=first.noise.kind if first.noise else None,
        rate=first.noise.rate if first.noise else None,
        n=len(last),
        last=_accuracy(last),
        best=_accuracy(best),
        is_best=False,
        not_worse=None,
        paper=None if reported is None else _beside(reported, mean(last), missing),
        model=first.model,
        epochs=first.epochs,
        labels=first.test.labels if first.test else None,
        seeds=tuple(sorted(run.result.seed for run in group)),
        paper_missing=missing,
        variant=variant_of(_settings(group[0])),
        noise_drawn=noise_drawn([_settings(run) for run in group]),
    )
    return row, last


def _beside(reported: Reported, ours: float, missing: str | None) -> PaperFigure:
    delta = ours - reported.mean if missing is None else None
    return PaperFigure(reported.mean, reported.std, delta)


def _accuracy(values: Sequence[float]) -> Accuracy:
    return Accuracy(mean(values), stdev(values) if len(values) > 1 else None)


def _marked(rows: list[tuple[ComparedLoss, list[float]]]) -> list[ComparedLoss]:
    from dataclasses import replace

    ranked = sorted(rows, key=lambda item: -item[0].last.mean)
    top = ranked[0][1]
    return [
        replace(row, is_best=place == 0, not_worse=True if place == 0 else not_worse(values, top))
        for place, (row, values) in enumerate(ranked)
    ]


def not_worse(values: Sequence[float], best: Sequence[float]) -> bool | None:
    """Return whether Welch's t-test at level 0.05 does not reject equal means of accuracies.

    None if either side has a single run.

    >>> not_worse([0.90, 0.91, 0.92], [0.91, 0.92, 0.93])
    True
    """
    p = welch((_accuracy(values), len(values)), (_accuracy(best), len(best)))
    return None if p is None else p >= SIGNIFICANCE


def welch(one: tuple[Accuracy, int], other: tuple[Accuracy, int]) -> float | None:
    """Return the two-sided p-value of Welch's t-test on two pairs (accuracy, number of runs).

    None if either side has a single run. If both standard deviations are 0, the p-value is 1 for
    equal means and 0 otherwise.
    """
    from scipy.stats import ttest_ind_from_stats

    (a, n), (b, m) = one, other
    if a.std is None or b.std is None:
        return None
    if a.std == b.std == 0:
        return float(a.mean == b.mean)
    return float(ttest_ind_from_stats(a.mean, a.std, n, b.mean, b.std, m, equal_var=False).pvalue)
