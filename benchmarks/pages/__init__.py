"""The pages of docs/ that are made, not written: what was measured, and the reference.

A page of docs/measured is a text in templates/ whose numbers are all put in from
benchmarks/results; the reference comes from the commands, the types of the results and the tables
of constants.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pages.auditing import audit
from pages.crowds import annotators
from pages.deciding import gate
from pages.drawing import figures
from pages.estimating import bounds, estimates
from pages.readme import with_results
from pages.reference import commands_page, constants_page, json_schemas, schemas_page
from pages.reproducing import reproduction
from pages.running import evidence, robustness, speed
from pages.scaling import scale
from pages.suspects import suspects
from pages.training import recommendations, training
from pages.writing import from_template

TOP = Path(__file__).parents[2]

MEASURED: Mapping[str, Callable[[], dict[str, Any]]] = {
    "estimates": estimates,
    "bounds": bounds,
    "suspects": suspects,
    "recommendations": recommendations,
    "training": training,
    "reproduction": reproduction,
    "gate": gate,
    "audit": audit,
    "annotators": annotators,
    "evidence": evidence,
    "speed": speed,
    "scale": scale,
    "robustness": robustness,
}


def pages() -> dict[str, Callable[[], str]]:
    """Return what makes each page, by its path in the repository."""
    found: dict[str, Callable[[], str]] = {
        f"docs/measured/{name}.md": lambda name=name, values=values: from_template(name, values())
        for name, values in MEASURED.items()
    }
    found["docs/figures.md"] = lambda: from_template("figures", figures())
    found["docs/commands.md"] = commands_page
    found["docs/schemas.md"] = schemas_page
    found["docs/develop/constants.md"] = constants_page
    for name, schema in json_schemas().items():
        found[f"docs/schemas/{name}"] = lambda schema=schema: schema
    found["README.md"] = lambda: with_results((TOP / "README.md").read_text(encoding="utf-8"))
    return found
