"""The paper's tables: which runs they are of, and the accuracy that they report for a run.

Source: Zhou et al., ICML 2021, Tables 3, 6 and 7, copied to `reported_accuracy.csv`. Tables 1 and 2
are Tables 6 and 7 without some losses. What a run of the tables is, the recipes say.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from alfs_cli.errors import unknown
from alfs_cli.losses import parse_loss
from alfs_cli.losses.public_code import with_clamp_of_public_code
from alfs_cli.results.like import expanded
from alfs_cli.results.run import Run, TrainConfig
from alfs_cli.settings.recipes import Recipe, load_recipe, recipe_names
from alfs_cli.settings.training import Values, nest
from alfs_cli.storage.documents import from_document

FIGURES = "reported_accuracy.csv"
REPETITIONS = 3  # of each cell in the paper

COMPARED = (
    *("model", "batch_size", "optimizer", "schedule", "augmentation", "normalisation", "l1"),
    "nlnl",
)
"""The fields of TrainConfig that must be the recipe's, or public code's."""

OTHER_PIXELS = "other pixels"
OTHER_PARAMETERS = "other parameters"
OTHER_TEST = "other test data"
OTHER_LENGTH = "other length"
OTHER_NOISE = "other noise"
OTHER_SETTINGS = "other settings"
NOT_REPORTED = "not reported"

Noise = tuple[str, float]
"""A kind of noise and its rate."""


@dataclass(frozen=True)
class Reported:
    """A reported test accuracy, as fractions; for WebVision the paper gives no std."""

    mean: float
    std: float | None


@cache
def reported_figures() -> dict[tuple[str, str], dict[str, Reported]]:
    """Return all reported accuracies: by (data set, loss), then by noise such as 'symmetric 0.4'.

    The text of a loss is that of `str(parse_loss(...))`.
    """
    text = (files("alfs_cli.comparing") / FIGURES).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    figures: dict[tuple[str, str], dict[str, Reported]] = {}
    for row in csv.DictReader(lines):
        key = (row.pop("dataset"), row.pop("loss"))
        figures[key] = {noise: _figure(cell) for noise, cell in row.items() if cell}
    return figures


def _figure(cell: str) -> Reported:
    mean, _, std = cell.partition(" ")
    return Reported(float(mean) / 100, float(std) / 100 if std else None)


# The tables, as runs.


@dataclass(frozen=True)
class Table:
    """A table of the paper: the noises whose names begin so, and the losses that it leaves out."""

    noises: tuple[str, ...]
    without: tuple[str, ...] = ()


LEFT_OUT = ("nfl", "ngce", "nfl+rce", "nce+mae")
TABLES = {
    "table1": Table(("clean", "symmetric"), LEFT_OUT),
    "table2": Table(("asymmetric",), LEFT_OUT),
    "table6": Table(("clean", "symmetric")),
    "table7": Table(("asymmetric",)),
}


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its data set, loss and noise, None if clean, and its recipe's name."""

    data: str
    loss: str
    noise: Noise | None
    recipe: str


def data_of(table: str) -> tuple[str, ...]:
    """Return the data sets of a table; raises UsageError for an unknown one."""
    if table not in TABLES:
        raise unknown("table of the paper", table, TABLES)
    return tuple(
        dict.fromkeys(data for data, row in reported_figures() if _columns(table, (data, row)))
    )


def cells(
    table: str,
    data: str,
    *,
    losses: Sequence[str] = (),
    noises: Sequence[Noise | None] = (),
) -> tuple[Cell, ...]:
    """Return the cells of a table for a data set, row by row.

    `losses` are names of rows, such as agce or nce+agce, and `noises` columns; all without them.

    Raises UsageError for a table, data set, loss or noise that there is not.
    """
    if data not in data_of(table):
        raise unknown(f"data set of {table}", data, data_of(table))
    rows = {
        parse_name(loss): loss
        for name, loss in reported_figures()
        if name == data
        if _columns(table, (data, loss))
    }
    columns = _columns(table, (data, next(iter(rows.values()))))
    for name in losses:
        if _as_sum(name) not in rows:
            raise unknown(f"loss of {table} on {data}", name, rows)
    for noise in noises:
        if column_of(noise) not in columns:
            shown = "none" if noise is None else f"{noise[0]}:{noise[1]:g}"
            raise unknown(f"noise of {table}", shown, [_typed(column) for column in columns])
    chosen = [rows[_as_sum(name)] for name in dict.fromkeys(losses)] or list(rows.values())
    across = [column_of(noise) for noise in dict.fromkeys(noises)] or columns
    return tuple(
        Cell(data, loss, _noise_of(column), recipe_of(data, loss))
        for loss in chosen
        for column in across
    )


def parse_name(loss: str) -> str:
    """Return the name of a loss in the tables, its text without parameters."""
    return loss.partition(":")[0]


def _as_sum(name: str) -> str:
    """Return a name as the tables have it, where it may be written as a recipe's: nce-agce."""
    return name.lower().replace("-", "+")


def _columns(table: str, row: tuple[str, str]) -> list[str]:
    """Return the names of the noises that a table has for a row, such as 'symmetric 0.4'."""
    about = TABLES[table]
    if parse_name(row[1]) in about.without:
        return []
    return [name for name in reported_figures()[row] if name.partition(" ")[0] in about.noises]


def column_of(noise: Noise | None) -> str:
    """Return the name of a noise in `reported_figures`."""
    return "clean" if noise is None else f"{noise[0]} {noise[1]:g}"


def _noise_of(column: str) -> Noise | None:
    kind, _, rate = column.partition(" ")
    return (kind, float(rate)) if rate else None


def _typed(column: str) -> str:
    return column.replace("clean", "none").replace(" ", ":")


@cache
def _recipes() -> dict[tuple[str, str], str]:
    """Return the names of recipes by data set and loss; NLNL's is that with its three stages."""
    found = {}
    for name in recipe_names():
        values = load_recipe(name).values
        loss = values["loss"]
        if "elr.strength" in values or (loss == "nlnl") != ("nlnl.nl" in values):
            continue
        found[values["dataset.source"], loss] = name
    return found


def recipe_of(data: str, loss: str) -> str:
    """Return the name of the recipe by which a row of the tables is trained."""
    return _recipes()[data, loss]


def runs_of(table: Sequence[Cell], said: Values, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the nested settings of each run, a seed of the whole table after the other.

    `said` are settings by dotted key that replace those of the recipes. With other `epochs` the
    stages of NLNL keep their shares of them.
    """
    recipes = {name: load_recipe(name) for name in {cell.recipe for cell in table}}
    for seed in seeds:
        for cell in table:
            recipe = recipes[cell.recipe]
            values = {**recipe.values, **said, "seed": seed}
            if "epochs" in said and "nlnl.nl" in values:
                values |= _shortened(recipe, said)
            if cell.noise is None:
                values = {k: v for k, v in values.items() if not k.startswith("noise.")}
            else:
                values |= {"noise.kind": cell.noise[0], "noise.rate": cell.noise[1]}
            yield nest(values)


def _shortened(recipe: Recipe, said: Values) -> Values:
    """Return NLNL's stages, shortened as the whole run is, where they are not said."""
    share = said["epochs"] / recipe.values["epochs"]
    nl = max(1, int(recipe.values["nlnl.nl"] * share))
    selnl = int(recipe.values["nlnl.selnl"] * share)
    return {"nlnl.nl": nl, "nlnl.selnl": selnl} | {k: v for k, v in said.items() if "nlnl" in k}


def length_of(data: str) -> int | None:
    """Return the number of epochs of the paper's runs on a data set, None for one it has not."""
    names = [name for (source, _), name in _recipes().items() if source == data]
    rows = {loss for source, loss in reported_figures() if source == data}
    return load_recipe(names[0]).values["epochs"] if names and rows else None


# The figure for a run.


def reported_for(run: Run, settings: dict[str, Any]) -> tuple[Reported | None, str | None]:
    """Return the paper's accuracy for the data, loss and noise of a run, None if it has none.

    With it comes the reason why there is none, or why the run is not comparable, which is None
    where length, noise and all settings are those of the table's recipe, or of public code.
    """
    from alfs_cli.data.originals import is_original

    data: dict[str, str] = settings["dataset"]
    source, test = data["source"], run.result.test
    figures = {loss: found for (name, loss), found in reported_figures().items() if name == source}
    if not figures:
        return None, NOT_REPORTED
    if not is_original(source, data.get("root"), settings["fingerprint"]):
        return None, OTHER_PIXELS
    if test is None or test.labels != "true" or test.source != source or settings.get("test"):
        return None, OTHER_TEST
    loss = _as_reported(run.result.loss, figures)
    name = parse_name(loss)
    is_staged = settings.get("nlnl") is not None  # without it, loss nlnl is only the first stage
    if is_staged != (name == "nlnl") or settings.get("elr") or run.result.correction != "none":
        return None, NOT_REPORTED
    if loss not in figures:
        same = any(parse_name(known) == name for known in figures)
        return None, OTHER_PARAMETERS if same else NOT_REPORTED
    noise = run.result.noise
    found = figures[loss].get(column_of(None if noise is None else (noise.kind, noise.rate)))
    return found, NOT_REPORTED if found is None else _other(source, loss, settings)


def _as_reported(text: str, figures: dict[str, Any]) -> str:
    """Return the loss of the table that a run's loss is, also as public code has it."""
    loss = str(parse_loss(text))
    forms = {str(with_clamp_of_public_code(parse_loss(known))): known for known in figures}
    return loss if loss in figures else forms.get(loss, loss)


def _other(source: str, loss: str, settings: dict[str, Any]) -> str | None:
    """Return what differs from the runs of the paper; None where nothing does."""
    recipe = load_recipe(recipe_of(source, loss)).nested()
    if settings["epochs"] != recipe["epochs"]:
        return OTHER_LENGTH
    noise = settings.get("noise") or {}
    if noise.get("kind") == "asymmetric" and source.startswith("cifar"):
        key = "sequential" if source == "cifar10" else "blocks_of_five"
        if not noise.get(key):  # the labels that its code flips under this name are others
            return OTHER_NOISE
    of_paper = [_compared(one) for one in (recipe, expanded(recipe, source))]
    return None if _compared(settings) in of_paper else OTHER_SETTINGS


def _compared(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what makes a run's training beside its data, noise, loss and length, completed."""
    named = {**settings, "fingerprint": "", "noise": None, "transition": None}
    config = from_document(named, TrainConfig, where="the configuration")
    return {name: getattr(config, name) for name in COMPARED}
