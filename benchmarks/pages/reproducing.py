"""The paper's tables beside the runs in benchmarks/results/paper, and what has not been run."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from alfs_cli.comparing import ComparedLoss, compare
from alfs_cli.comparing.paper import (
    REPETITIONS,
    TABLES,
    Cell,
    cells,
    column_of,
    data_of,
    parse_name,
    reported_figures,
)
from alfs_cli.errors import InputError
from alfs_cli.reports.comparison import plus_minus
from alfs_cli.results.run import CONFIG, load_run
from alfs_cli.settings.recipes import recipe_names
from pages.writing import RESULTS, frame, table

RUNS = RESULTS / "paper"
WHOLE = ("table6", "table7")  # Tables 1 and 2 are parts of these


def reproduction(folder: Path = RUNS) -> dict[str, Any]:
    """Return the values of the page on the paper's tables."""
    rows = compared(folder)
    earlier = pd.read_csv(folder / "earlier.csv")
    own = [cell for name in WHOLE for data in data_of(name) for cell in cells(name, data)]
    done = {(row.dataset, row.loss, _column(row)) for row in rows if _is_comparable(row)}
    return {
        "figures": sum(len(row) for row in reported_figures().values()),
        "cells": len(own),
        "tables": len(TABLES),
        "cells_run": sum(_key(cell) in done for cell in own),
        "runs": sum(row.n for row in rows),
        "beside": _beside(rows) if rows else "No run is kept yet.",
        "earlier": _earlier(earlier),
        "num_earlier": len(earlier),
        "missing": _missing(own, done),
        **_recipes(frame("recipes")),
    }


def compared(folder: Path) -> tuple[ComparedLoss, ...]:
    """Return the kept runs, grouped by all but the seed, beside the paper's figures."""
    runs = [load_run(path.parent) for path in sorted(folder.glob(f"*/*/{CONFIG}"))]
    try:
        return compare([run for run in runs if run.is_finished], with_paper=True).rows
    except InputError:  # none is there
        return ()


def _is_comparable(row: ComparedLoss) -> bool:
    return row.paper is not None and row.paper.delta is not None


def _column(row: ComparedLoss) -> str:
    return column_of(None if row.noise is None or row.rate is None else (row.noise, row.rate))


def _key(cell: Cell) -> tuple[str, str, str]:
    return cell.data, cell.loss, column_of(cell.noise)


def _beside(rows: Iterable[ComparedLoss]) -> str:
    return table(
        ("data", "noise", "loss", "n", "seeds", "epochs", "noise drawn", "alfs, last epoch",
         "Zhou et al.", "difference, points", "beyond two standard errors"),
        (
            (row.dataset, _column(row), f"`{row.name}`", row.n, ", ".join(map(str, row.seeds)),
             row.epochs, row.noise_drawn or "-", f"{plus_minus(row.last)} %", *_theirs(row))
            for row in rows
        ),
    )  # fmt: skip


def _theirs(row: ComparedLoss) -> Sequence[str]:
    """Return the paper's figure, the difference, and whether it exceeds two standard errors.

    The standard error is of the difference of two means; of a single run of ours, its standard
    deviation is taken to be theirs.
    """
    if row.paper is None:
        return "-", row.paper_missing or "-", "-"
    theirs = f"{100 * row.paper.mean:.2f} +- {100 * (row.paper.std or 0):.2f} %"
    if row.paper.delta is None:
        return theirs, row.paper_missing or "-", "-"
    spread = row.paper.std or 0.0
    own = spread if row.last.std is None else row.last.std
    error = math.sqrt(own**2 / row.n + spread**2 / REPETITIONS)
    verdict = "yes" if abs(row.paper.delta) > 2 * error else "no"
    return theirs, f"{100 * row.paper.delta:+.2f}", verdict


def _earlier(found: pd.DataFrame) -> str:
    return table(
        ("data", "noise", "loss", "n", "seed", "epochs", "noise drawn", "alfs, last epoch",
         "Zhou et al."),
        (
            (one.dataset, f"{one.noise} {one.rate:g}", f"`{one.loss}`", 1, one.seed, one.epochs,
             one.drawn, f"{one.last:.2f} %", _figure(one))
            for one in found.itertuples()
        ),
    )  # fmt: skip


def _figure(one: Any) -> str:
    reported = reported_figures()[one.dataset, one.loss][f"{one.noise} {one.rate:g}"]
    return f"{100 * reported.mean:.2f} +- {100 * (reported.std or 0):.2f} %"


def _recipes(found: pd.DataFrame) -> dict[str, Any]:
    """Return how many of CIFAR's recipes were trained for two epochs, and those that were not."""
    known = [name for name in recipe_names() if name.startswith("cifar")]
    left = [name for name in known if name not in set(found.recipe)]
    finished = found[(found.status == "finished") & found.recipe.isin(known)]
    return {
        "recipes_known": len(known),
        "recipes_finished": len(finished),
        "recipes_images": f"{found.images.iloc[0]:,}",
        "recipes_epochs": int(found.epochs.iloc[0]),
        "recipes_left": ", ".join(f"`{name}`" for name in left) or "none",
    }


def _missing(own: Sequence[Cell], done: set[tuple[str, str, str]]) -> str:
    """Return a table of the cells of which no run is kept: losses that lack the same noises."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for data, loss in dict.fromkeys((cell.data, cell.loss) for cell in own):
        row = [cell for cell in own if (cell.data, cell.loss) == (data, loss)]
        left = tuple(column_of(cell.noise) for cell in row if _key(cell) not in done)
        if left:
            alike.setdefault((data, left), []).append(parse_name(loss))
    return table(
        ("data", "losses", "noises not run", "cells"),
        (
            (data, ", ".join(losses), ", ".join(left), len(losses) * len(left))
            for (data, left), losses in alike.items()
        ),
    )
