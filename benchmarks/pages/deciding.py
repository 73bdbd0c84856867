"""How often the gate is wrong."""

from typing import Any

import pandas as pd

from pages.writing import frame, percent, table

ROUNDS = (0.8, 1.0, 1.5, 2.0, 3.0)


def gate() -> dict[str, Any]:
    """Return the values of the page on the gate."""
    found = frame("gate")
    rate = found[found.rule == "ALFS301"]
    at_limit = found[found.relative_to_limit <= 1]
    new = frame("new_issues")
    weak = rate[(rate.noise == "asymmetric") & (rate.n == rate.n.min())]
    return {
        "runs": int(found.runs.max()),
        "table": table(
            ("true noise / limit", *(f"{one:g}" for one in ROUNDS)),
            (
                (f"{noise}, n = {n:,}", *(_failed(part, relative) for relative in ROUNDS))
                for (noise, n), part in sorted(
                    rate.groupby(["noise", "n"]), key=lambda one: (one[0][0] != "symmetric", one[0])
                )
            ),
        ),
        "alarms": int((at_limit.failed * at_limit.runs).round().sum()),
        "points": len(at_limit),
        "rules": ", ".join(sorted(found.rule.unique())),
        "most": percent(1 - 0.05 ** (1 / found.runs.max())),
        "warned": percent(weak[weak.relative_to_limit == 2.0].warned.iloc[0], 0),
        "weak_n": int(weak.n.iloc[0]),
        "new_runs": len(new),
        "false_alarms": int((new.false_alarms > 0).sum()),
        "without_borderline": int((new.false_alarms_without_borderline > 0).sum()),
        "made_wrong": int(new.made_wrong.iloc[0]),
        "told": f"{new.told.mean():.1f}",
    }


def _failed(part: pd.DataFrame, relative: float) -> str:
    found = part[part.relative_to_limit == relative]
    return percent(found.failed.iloc[0], 0) if len(found) else "-"
