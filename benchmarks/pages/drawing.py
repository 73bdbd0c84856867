"""The numbers of the captions on the page of figures."""

from collections.abc import Iterable
from typing import Any

from pages.writing import document, number, percent, table


def figures() -> dict[str, Any]:
    """Return the values of the page, from what benchmarks/figure_pictures.py wrote."""
    found = document("figures")
    settings = found["fig3"]
    return {
        "made": found["made"],
        "commands": found["commands"],
        "fig1": _listed(f"{low:.3f} and {high:.3f} for {_code(loss)}"
                        for loss, (low, high) in found["fig1"].items()),
        "fig2": _listed(f"a = {one['threshold']:.4g} for {family}"
                        for family, one in found["fig2"].items()),
        "farthest": f"{max(1e-6, *(one['farthest'] for one in found['fig2'].values())):.1g}",
        "fig3": table(
            ("setting", "ratio", "robust", "highest mean", "last epoch"), map(_row, settings)
        ),
        "falls": {robust: _fall(one for one in settings if one["is_robust"] is robust)
                  for robust in (True, False)},
        "fig3_seeds": settings[0]["n"],
        "fig4": _listed(f"{value:.3g} for {_code(loss)}" for loss, value in found["fig4"].items()),
        "fig6": _listed(f"{level:.4g} where {panel}" for panel, level in found["fig6"].items()),
        "tsne": _listed(
            f"silhouette {one['silhouette']:.2f} and 10-NN purity {one['purity']:.2f} for "
            f"{_code(one['loss'])}"
            for one in found["tsne"]
        ),
        "tsne_n": found["tsne"][0]["n"],
    }  # fmt: skip


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    accuracy = f"{100 * one['accuracy']:.1f} +- {percent(one['std'])}"
    robust = "yes" if one["is_robust"] else "no"
    return _code(one["loss"]), number(one["ratio"]), robust, percent(one["peak"]), accuracy


def _fall(settings: Iterable[dict[str, Any]]) -> str:
    """Return by how many points the settings fall from their highest mean to the last epoch."""
    falls = [100 * (one["peak"] - one["accuracy"]) for one in settings]
    return f"{min(falls):.1f} to {max(falls):.1f}"


def _code(text: str) -> str:
    return f"`{text}`"


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
