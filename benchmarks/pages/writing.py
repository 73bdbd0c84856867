"""Tables and numbers in Markdown, results as frames, and the templates of the measured pages."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

RESULTS = Path(__file__).parents[1] / "results"
TEMPLATES = Path(__file__).parent / "templates"
MADE = "<!-- Made by `make docs-pages`: change benchmarks/pages, not this file. -->\n\n"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; bars within cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines)


def _cell(value: object) -> str:
    text = " ".join(str(value).split()).replace("|", "\\|")
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)


def percent(share: float, digits: int = 1) -> str:
    """Write a share as per cent: .0942 -> '9.4 %'."""
    return f"{100 * share:.{digits}f} %"


def number(value: float, digits: int = 3) -> str:
    """Write a number, `inf` and what is not known as a dash: .004 -> '.004'."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf"
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0.") else text


def level(value: float) -> str:
    """Write a clean level with three digits: 13.49 -> '13.5', 1098.3 -> '1098'."""
    if math.isinf(value):
        return "inf"
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def spread(values: pd.Series, digits: int = 1) -> str:
    """Write mean +- standard deviation of shares, in per cent."""
    return f"{100 * values.mean():.{digits}f} +- {100 * values.std():.{digits}f} %"


@cache
def frame(name: str) -> pd.DataFrame:
    """Return the table of benchmarks/results/NAME.csv."""
    return pd.read_csv(RESULTS / f"{name}.csv")


@cache
def document(name: str) -> Any:
    """Return what benchmarks/results/NAME.json holds."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def from_template(name: str, values: dict[str, Any]) -> str:
    """Return templates/NAME.md with the values in it; a name that has none is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"percent": percent, "number": number}
    return MADE + environment.get_template(f"{name}.md").render(values)
