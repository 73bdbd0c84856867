"""Several annotators: the consensus beside crowd-kit's, T and r."""

from typing import Any

import numpy as np
import pandas as pd

from pages.writing import frame, level, number, percent, table

OURS = (
    "crowd", "seed", "alfs", "alfs_expected", "row_tv", "r", "r_hat", "r_low", "rates_within",
    "labels", "effective", "seconds",
)  # fmt: skip


def annotators() -> dict[str, Any]:
    """Return the values of the page on several annotators."""
    found = frame("annotators")
    methods = [name for name in found.columns if name not in OURS]
    simulated = found[found["MajorityVote"].notna()]
    compared = [
        _compared(str(name), part, methods) for name, part in simulated.groupby("crowd", sort=False)
    ]
    below = sum(gap <= 0 for _, gap in compared)
    return {
        "seeds": simulated["seed"].nunique(),
        "methods": len(methods),
        "consensus": table(
            ("crowd", "alfs", "expected", "majority vote", "best of crowd-kit", "which", "above"),
            [row for row, _ in compared],
        ),
        "not_above": f"alfs is not above the best method in {below} of {len(compared)} crowds.",
        "levels": table(
            ("crowd", "draws", "error of T's rows", "r", "estimated r", "low", "labels",
             "effective", "rates within"),
            [_levels(str(name), part) for name, part in found.groupby("crowd", sort=False)],
        ),
        "above": int((found["r_low"] > found["r"]).sum()),
        "judged": len(found),
    }  # fmt: skip


def _compared(
    name: str, part: pd.DataFrame, methods: list[str]
) -> tuple[tuple[object, ...], float]:
    """Return the row of a crowd, and by how much alfs is above the best other method."""
    means = part[methods].mean().dropna()
    best = str(means.idxmin())
    gaps = part["alfs"] - part[best]
    error = gaps.std() / np.sqrt(len(gaps))
    row = (
        name, percent(part["alfs"].mean(), 2), percent(part["alfs_expected"].mean(), 2),
        percent(means["MajorityVote"], 2), percent(means[best], 2), best,
        f"{100 * gaps.mean():+.2f} +- {100 * error:.2f}",
    )  # fmt: skip
    return row, float(gaps.mean())


def _levels(name: str, part: pd.DataFrame) -> tuple[object, ...]:
    mean = part.drop(columns="crowd").mean()
    return (
        name, len(part), number(mean["row_tv"]), level(mean["r"]), level(mean["r_hat"]),
        level(mean["r_low"]), f"{mean['labels']:.0f}", f"{mean['effective']:.1f}",
        percent(mean["rates_within"], 0),
    )  # fmt: skip
