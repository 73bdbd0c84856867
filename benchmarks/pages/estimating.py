"""How far estimates are from the truth, and how often their bounds hold."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from pages.writing import frame, level, number, percent, table

SHOWN = {
    "mnist/clean": "mnist, none",
    "mnist/symmetric:.4": "mnist, symmetric .4",
    "mnist/symmetric:.8": "mnist, symmetric .8",
    "mnist/asymmetric:.4": "mnist, asymmetric .4",
    "digits/symmetric:.4": "digits, symmetric .4",
    "digits/asymmetric:.4": "digits, asymmetric .4",
    "encoder/clean": "cifar10 features, none",
    "encoder/symmetric:.4": "cifar10 features, symmetric .4",
    "encoder/asymmetric:.4": "cifar10 features, asymmetric .4",
    "encoder/random1": "cifar10 features, random1",
    "encoder/worse": "cifar10 features, worse",
    "encoder/tempered:.3": "cifar10 features, tempered posterior",
    "pixels/clean": "cifar10 pixels, none",
}
TRUSTED = {
    ("encoder12k/tempered:.3", 200): "cifar10 features, N 12,000, tempered posterior",
    ("encoder12k/tempered:.3", 1000): "the same",
    ("encoder12k/redrawn", 200): "cifar10 features, N 12,000, drawn from the evidence",
    ("encoder2k/tempered:.3", 200): "cifar10 features, N 2,000, tempered posterior",
    ("encoder2k/symmetric:.4", 200): "cifar10 features, N 2,000, symmetric .4",
    ("encoder2k/instance:.3", 200): "cifar10 features, N 2,000, instance .3",
    ("encoder2k/instance:.3", 1000): "the same",
    ("digits/tempered:.3", 200): "digits, tempered posterior",
}

FEW_WRONG = 10  # expected in the sample: a normal approximation does not hold with fewer
HELD_ENOUGH = 0.93  # of samples, for a bound that promises 0.95
MILD = ("none", "symmetric", "pair .3")  # at most .3 of the labels are wrong


def estimates() -> dict[str, Any]:
    """Return the values of the page on estimates."""
    found = frame("estimators")
    by_case = found.set_index("case")
    auto, counted = (by_case[by_case.method == name] for name in ("auto", "confident"))
    clean, redrawn = auto.loc["encoder/clean"], auto.loc["encoder/redrawn"]
    return {
        "cases": len(auto),
        "low_held": int(auto.covered.sum()),
        "rate_held": int(auto.noise_rate_covers.sum()),
        "counted_low": percent(counted.covered.mean(), 0),
        "counted_rate": percent(counted.noise_rate_covers.mean(), 0),
        "table": table(
            ("data, noise", "row error: cleanlab", "alfs", "true r", "alfs r (bound)",
             "true noise %", "cleanlab", "alfs (bounds)", "trust"),
            (_estimate_row(name, counted.loc[key], auto.loc[key]) for key, name in SHOWN.items()),
        ),
        "methods": _methods(found),
        "clean_errors": (number(clean.row_tv), number(redrawn.row_tv)),
        "counted_errors": tuple(
            number(counted.loc[case].row_tv) for case in ("encoder/clean", "encoder/redrawn")
        ),
        **_trusted(),
        **_trusted_bounds(),
    }  # fmt: skip


def _estimate_row(name: str, counted: pd.Series, auto: pd.Series) -> tuple[object, ...]:
    rate, low, high = (
        100 * auto[key] for key in ("noise_rate", "noise_rate_low", "noise_rate_high")
    )
    estimated = rate + 100 * auto.noise_rate_error
    return (
        name, number(counted.row_tv), number(auto.row_tv), level(auto.r),
        f"{level(auto.r_hat)} ({level(auto.r_low)})", f"{rate:.1f}",
        f"{100 * (counted.noise_rate + counted.noise_rate_error):.1f}",
        f"{estimated:.1f} ({max(low, 0):.1f} to {high:.1f})", auto.trust,
    )  # fmt: skip


def _methods(found: pd.DataFrame) -> str:
    by = found.groupby("method", sort=False)
    rows = (
        (f"`{name}`", len(part), number(part.row_tv.median()), number(part.row_tv.max()),
         percent(part.covered.mean(), 0), percent(part.noise_rate_covers.mean(), 0))
        for name, part in by
    )  # fmt: skip
    header = ("method", "cases", "row error: median", "worst", "bound of r held", "of the rate")
    return table(header, rows)


def _trusted() -> dict[str, Any]:
    found = frame("trusted")
    rows = []
    for (case, size), name in TRUSTED.items():
        part = found[(found.case == case) & (found.trusted == size)]
        error, r = (part.groupby("method")[key].median() for key in ("row_tv", "r_hat"))
        rows.append(
            (name, f"{size:,}", number(error["auto"]), number(error["gold"]),
             number(error["auto, trusted"]), level(part.r.iloc[0]), level(r["auto"]),
             level(r["auto, trusted"]))
        )  # fmt: skip
    held = found[found.method == "auto, trusted"]
    samples = int(found["sample"].nunique())
    return {
        "trusted": table(
            ("data, noise", "trusted", "row error: without", "counted", "with", "true r",
             "r without", "r with"),
            rows,
        ),
        "trusted_samples": samples,
        "trusted_draws": len(held),
        "trusted_low": int(held.covered.astype(bool).sum()),
        "trusted_rate": percent(held.noise_rate_covers.astype(bool).mean(), 0),
    }  # fmt: skip


def _trusted_bounds() -> dict[str, Any]:
    found = frame("trusted_bounds")
    found["held"] = found[["low_held", "high_held"]].min(axis=1)
    keys = ["set", "case", "scores", "trusted", "rate"]
    width, held = (found.pivot(index=keys, columns="method", values=of) for of in ("width", "held"))
    share = width["alfs"] / width["PPI++"]
    which, size, rate = (share.index.get_level_values(of) for of in ("set", "trusted", "rate"))
    is_fresh, is_few = which == "fresh", size * rate < FEW_WRONG
    groups = [
        *((f"fresh, {n:,} labels", is_fresh & ~is_few & (size == n)) for n in sorted(set(size))),
        ("fresh, fewer than 10 wrong", is_fresh & is_few),
        ("seen before", ~is_fresh & ~is_few),
        ("seen before, fewer than 10 wrong", ~is_fresh & is_few),
    ]
    rows = []
    for name, part in groups:
        low = [held[part][method] for method in ("alfs", "PPI++")]
        rows.append(
            (name, int(part.sum()), number(share[part].median()),
             *(f"{percent(one.min(), 1)}; {int((one < HELD_ENOUGH).sum())}" for one in low))
        )  # fmt: skip
    draws = int(found.draws.max())
    whole = width[["reported", "replicates"]].dropna()
    cells = found[found.method == "reported"]
    holds = held["PPI++"] >= HELD_ENOUGH
    return {
        "trusted_bounds": table(
            ("cases", "rows", "width / PPI++'s, median", "alfs: worst bound held; rows below 93 %",
             "PPI++: the same"),
            rows,
        ),
        "trusted_bounds_draws": draws,
        "trusted_bounds_least": percent(binom.ppf(0.001, draws, 0.95) / draws, 1),
        "trusted_bounds_held": (int(holds.sum()), number(share[holds].median())),
        "cells_held": percent(cells.cells_held.mean(), 1),
        "cells_held_least": percent(cells.cells_held.min(), 1),
        "cells_estimates": int(cells.draws.sum()),
        "replicates_share": number((whole["reported"] / whole["replicates"]).median()),
    }  # fmt: skip


def bounds() -> dict[str, Any]:
    """Return the values of the page on bounds."""
    found = frame("coverage")
    found = found.assign(
        low_held=found.r_low <= found.r + 1e-9,
        high_held=found.r_high >= found.r - 1e-9,
        rate_held=(found.rate_low <= found.rate + 1e-9) & (found.rate <= found.rate_high + 1e-9),
        over=found.r_low / found.r,
        width=found.rate_high - found.rate_low,
    )
    by = found.groupby(["source", "noise"], sort=False)
    rows = [
        (f"{source}, {noise}", len(part), level(part.r.median()), percent(part.low_held.mean()),
         percent(part.high_held.mean()), percent(part.rate_held.mean()),
         number(part.over.median(), 2) if np.isfinite(part.r).all() else "-",
         f"{100 * part.width.median():.0f}", percent((part.trust != "low").mean(), 0))
        for (source, noise), part in by
    ]  # fmt: skip
    moved = frame("permuted")
    as_given = moved[moved.move == "as given"]
    mild = as_given[as_given.noise.isin(MILD)]
    return {
        "draws": f"{len(found):,}",
        "cases": by.ngroups,
        "low_held": f"{int(found.low_held.sum()):,}",
        "high_held": f"{int(found.high_held.sum()):,}",
        "rate_held": f"{int(found.rate_held.sum()):,}",
        "table": table(
            ("data, noise", "draws", "true r", "lower bound of r held", "upper", "rate held",
             "bound / r", "width of the rate, points", "trust not low"),
            rows,
        ),
        "permuted": _permuted(moved),
        "alarms": int(as_given.fired.sum()),
        "as_given_runs": f"{int(as_given.runs.sum()):,}",
        "mild_alarms": int(mild.fired.sum()),
        "mild_runs": f"{int(mild.runs.sum()):,}",
    }  # fmt: skip


def _permuted(found: pd.DataFrame) -> str:
    mild = found[found.noise.isin(MILD) & (found.move != "as given")]
    by = mild.groupby(["classes", "examples", "move"])[["fired", "runs"]].sum()
    shares = (by.fired / by.runs).unstack("move")
    rows = (
        (K, f"{N:,}", *("-" if np.isnan(share) else percent(share, 0) for share in row))
        for (K, N), row in zip(shares.index, shares.to_numpy(), strict=True)
    )
    return table(("classes", "examples", *shares.columns), rows)
