"""What following a recommendation costs and buys, and what training comes to."""

from typing import Any

import pandas as pd

from pages.writing import frame, number, percent, spread, table

RECOMMENDED = "recommended"
OUTSIDE = {RECOMMENDED, "forward gce:q=0.1,alpha=0.5"}  # of the grid of choices
SHOWN = {
    RECOMMENDED: "**what `recommend` puts first**",
    "anl-ce": "anl-ce",
    "nce+ael": "nce+ael (the paper's)",
    "forward gce:q=0.3": "forward-corrected gce, q = .3",
    "nce+rce": "nce+rce (the paper's)",
    "gce:q=0.7": "gce, q = .7",
    "nce+agce": "nce+agce (the paper's)",
    "ce": "ce",
}
UNSEEN = ("mixed", "vehicles")


def regret(found: pd.DataFrame) -> pd.DataFrame:
    """Return points below the best of the grid, a setting a row and a choice a column."""
    accuracy = found.pivot_table(index=["data", "noise"], columns="choice", values="accuracy")
    grid = [name for name in accuracy if name not in OUTSIDE]
    return 100 * (accuracy[grid].max(axis=1).to_numpy()[:, None] - accuracy)


def recommendations() -> dict[str, Any]:
    """Return the values of the page on recommendations."""
    learnt = regret(frame("regret"))
    fresh = frame("regret_fresh")
    unseen = fresh.data.isin(UNSEEN)
    ours = learnt[RECOMMENDED]
    worst = ours.idxmax()
    return {
        "settings": len(learnt),
        "choices": len(learnt.columns.difference(list(OUTSIDE))),
        "seeds": frame("regret").seed.nunique(),
        "table": table(("always taking", "mean regret", "worst"), _rows(learnt)),
        "small": int((ours <= 1.5).sum()),
        "worst": f"{worst[0]}, {worst[1]}",
        "fresh": table(
            (
                "data",
                "settings",
                "`recommend`: mean",
                "worst",
                "best fixed choice",
                "mean",
                "worst",
            ),
            (
                _beside("pixels, gauss20, clusters, animals: rules learnt on them", fresh[~unseen]),
                _beside("mixed, vehicles: never seen before", fresh[unseen]),
            ),
        ),
        **_demo(),
    }


def _rows(found: pd.DataFrame) -> list[tuple[object, ...]]:
    return [
        (name, number(found[choice].mean(), 2), number(found[choice].max(), 1))
        for choice, name in SHOWN.items()
    ]


def _beside(name: str, found: pd.DataFrame) -> tuple[object, ...]:
    points = regret(found)
    ours = points[RECOMMENDED]
    grid = points.drop(columns=list(OUTSIDE & set(points)))
    fixed = grid.mean().idxmin()
    return (
        name, len(points), number(ours.mean(), 1), number(ours.max(), 1), f"`{fixed}`",
        number(grid[fixed].mean(), 1), number(grid[fixed].max(), 1),
    )  # fmt: skip


def _demo() -> dict[str, Any]:
    found = frame("demo")
    return {
        "demo_seeds": len(found),
        "demo_ce": spread(found.ce),
        "demo_recommended": spread(found.recommended_accuracy),
        "demo_rate": spread(found.estimated_rate),
        "demo_true_rate": percent(found.true_rate.mean()),
        "demo_level": f"{found.r.mean():.2f} +- {found.r.std():.2f}",
        "demo_true_level": f"{found.true_r.mean():.2f}",
    }


def training() -> dict[str, Any]:
    """Return the values of the page on training."""
    lost = frame("lost_classes").assign(has_lost=lambda x: x.lost.notna())
    first = lost[lost.steps == lost.steps.min()]
    return {
        "epoch": _epochs(frame("epoch")),
        "first_steps": int(first.steps.iloc[0]),
        "lost": table(
            (
                "loss",
                "escape quotient",
                "seeds",
                "lost a class after the first steps",
                "seeds that went on",
                "still lost one at the end",
            ),
            (_lost(part) for _, part in lost.groupby("recipe", sort=False)),
        ),
    }


def _epochs(found: pd.DataFrame) -> str:
    rows = []
    for (order, loss), part in found.groupby(["order", "loss"]):
        usual, ours = (_with_error(100 * part[f"{side}_accuracy"]) for side in ("usual", "alfs"))
        named = {"same": "the same", "own": "each its own"}[str(order)]
        rows.append((loss, named, len(part), usual, ours))
    return table(("loss", "order of the examples", "seeds", "the usual loop", "alfs"), rows)


def _with_error(accuracies: pd.Series) -> str:
    return f"{accuracies.mean():.2f} +- {accuracies.sem():.2f} %"


def _lost(part: pd.DataFrame) -> tuple[object, ...]:
    first = part[part.steps == part.steps.min()]
    longer = part[part.steps > part.steps.min()]
    last = longer[longer.steps == longer.steps.max()]
    escape = first.escape.iloc[0]
    return (
        f"`{first.loss.iloc[0]}`", "-" if pd.isna(escape) else f"{escape:.2f}", len(first),
        int(first.has_lost.sum()), len(last) or "-", int(last.has_lost.sum()) if len(last) else "-",
    )  # fmt: skip
