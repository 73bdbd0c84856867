"""The accuracies that the paper reports, for runs on its data, noise and loss parameters.

Source: Zhou et al., ICML 2021, Tables 3, 6 and 7, copied to `reported_accuracy.csv`.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from alfs_cli.losses import parse_loss
from alfs_cli.results.run import Run

FIGURES = "reported_accuracy.csv"
SETTINGS = {"mnist": ("cnn4", 50), "cifar10": ("cnn8", 120), "cifar100": ("resnet34", 200)}

OTHER_PIXELS = "other pixels"
OTHER_PARAMETERS = "other parameters"
OTHER_TEST = "other test data"
NOT_REPORTED = "not reported"


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


def reported_for(run: Run, settings: dict[str, Any]) -> Reported | str:
    """Return the paper's accuracy for a run, or the reason why none is comparable."""
    from alfs_cli.data.originals import is_original

    data: dict[str, str] = settings["dataset"]
    source, test = data["source"], run.result.test
    figures = {loss: found for (name, loss), found in reported_figures().items() if name == source}
    if not figures:
        return NOT_REPORTED
    if not is_original(source, data.get("root"), settings["fingerprint"]):
        return OTHER_PIXELS
    if test is None or test.labels != "true" or test.source != source or settings.get("test"):
        return OTHER_TEST
    loss = str(parse_loss(run.result.loss))
    name = loss.partition(":")[0]
    is_staged = settings.get("nlnl") is not None  # without it, loss nlnl is only the first stage
    if is_staged != (name == "nlnl") or settings.get("elr") or run.result.correction != "none":
        return NOT_REPORTED
    if loss not in figures:
        same = any(known.partition(":")[0] == name for known in figures)
        return OTHER_PARAMETERS if same else NOT_REPORTED
    noise = run.result.noise
    key = "clean" if noise is None else f"{noise.kind} {noise.rate:g}"
    return figures[loss].get(key, NOT_REPORTED)
