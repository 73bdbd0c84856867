"""Runs side by side: mean and standard deviation over seeds, the best and those not worse."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from alfs_cli.documents import to_document
from alfs_cli.errors import InputError
from alfs_cli.runs import CONFIG, RESULT, Run, find_run, load_config, load_metrics, load_run
from alfs_cli.sweep import find_sweep

SCHEMA = "alfs.compare/1"
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Accuracy:
    """Mean and sample standard deviation over runs, fractions; std is None for a single run."""

    mean: float
    std: float | None


@dataclass(frozen=True)
class PaperFigure:
    """What the paper reports for the same data, noise and loss, and how far ours is from it."""

    mean: float
    std: float
    delta: float


@dataclass(frozen=True)
class ComparedLoss:
    """Runs that differ in their seeds alone.

    `is_best` has the highest mean last-epoch accuracy on the same data and noise; `not_worse` is
    whether Welch's test leaves it possible that the best is no better (None with a single run).
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


@dataclass(frozen=True)
class Comparison:
    """The content of `alfs compare -f json`."""

    rows: tuple[ComparedLoss, ...]

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)


def find_runs(names: Sequence[str], out: Path) -> tuple[Run, ...]:
    """Return the runs named, each a run or a folder of runs; all under `<out>/runs` if none is.

    Raises InputError where there are none; runs that did not finish are left out.
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
        raise InputError(f"no finished runs in {where}", help="`alfs train` makes one")
    return runs


def compare(runs: Sequence[Run]) -> Comparison:
    """Group runs by everything but their seeds and say which losses did best.

    Raises InputError where none of them was tested.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.result.test_accuracy is not None:
            groups.setdefault(_key(run), []).append(run)
    if not groups:
        raise InputError("none of these runs was tested", help="train with --test or --holdout")
    rows = [_row(group) for group in groups.values()]
    settings = {(row.dataset, row.noise, row.rate, row.labels) for row, _ in rows}
    marked = [
        found
        for setting in sorted(settings, key=str)
        for found in _marked([r for r in rows if _setting(r[0]) == setting])
    ]
    return Comparison(tuple(marked))


def curves(runs: Sequence[Run]) -> tuple[tuple[str, tuple[tuple[float, float], ...]], ...]:
    """Return mean test accuracy over epochs of each group: (name, ((epoch, accuracy), ...))."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(_key(run), []).append(run)
    found = []
    for group in groups.values():
        histories = [load_metrics(run.folder) for run in group]
        points = []
        for epochs in zip(*histories, strict=False):
            tested = [e.test_accuracy for e in epochs if e.test_accuracy is not None]
            if tested:
                points.append((float(epochs[0].epoch), mean(tested)))
        first = group[0].result
        noise = f", {first.noise.kind} {first.noise.rate:g}" if first.noise else ""
        found.append((f"{first.loss}{noise}", tuple(points)))
    return tuple(found)


def _key(run: Run) -> str:
    """Return the configuration without its seeds, as text."""
    settings = load_config(run.folder).settings()
    settings.pop("seed", None)
    if "noise" in settings:
        settings["noise"].pop("seed", None)
    return json.dumps(settings, sort_keys=True)


def _setting(row: ComparedLoss) -> tuple[str, str | None, float | None, str | None]:
    return row.dataset, row.noise, row.rate, row.labels


def _row(group: Sequence[Run]) -> tuple[ComparedLoss, list[float]]:
    tested = [run.result.test_accuracy for run in group]
    last = [accuracy.last for accuracy in tested if accuracy is not None]
    best = [accuracy.best for accuracy in tested if accuracy is not None]
    first = group[0].result
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
        paper=None,
        model=first.model,
        epochs=first.epochs,
        labels=first.test.labels if first.test else None,
        seeds=tuple(sorted(run.result.seed for run in group)),
    )
    return row, last


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
    """Say whether Welch's t-test at 0.05 leaves equal means possible; None with a single run."""
    from scipy.stats import ttest_ind_from_stats

    if len(values) < 2 or len(best) < 2:
        return None
    if stdev(values) == 0 and stdev(best) == 0:
        return mean(values) == mean(best)
    one, other = ((mean(v), stdev(v), len(v)) for v in (values, best))
    p = float(ttest_ind_from_stats(*one, *other, equal_var=False).pvalue)
    return math.isnan(p) or p >= SIGNIFICANCE
