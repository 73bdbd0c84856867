"""What evidence is made of, how fast things run, and what broken files do."""

from typing import Any

import pandas as pd

from pages.writing import document, frame, number, percent, table


def evidence() -> dict[str, Any]:
    """Return the values of the page on evidence."""
    found = frame("evidence")
    by = found.groupby(["data", "noise", "rate", "method"]).agg(
        accuracy=("true_accuracy", "mean"), seconds=("seconds", "mean"), draws=("seed", "count")
    )
    rows = []
    for (data, noise, rate), part in by.groupby(level=[0, 1, 2]):
        part = part.droplevel([0, 1, 2])
        ours, other = part.loc["ridge on Fourier features"], part.loc["logistic regression"]
        named = f"{data}, {noise} {rate:g}" if rate else f"{data}, none"
        rows.append(
            (named, int(ours.draws), f"{percent(ours.accuracy)} in {ours.seconds:.1f} s",
             f"{percent(other.accuracy)} in {other.seconds:.1f} s")
        )  # fmt: skip
    header = ("data, noise", "draws", "ridge on Fourier features", "logistic regression")
    return {"table": table(header, rows), **_encoders(), **_weak_evidence()}


def _weak_evidence() -> dict[str, Any]:
    """Return the values on weak evidence, and on a second one beside the own."""
    found = frame("weak_evidence")
    found["too_high"] = found.low > found.wrong
    found["error"] = (found.value - found.wrong).abs()
    found["width"] = found.high - found.low
    header = (
        "evidence", "agreement", "low above the truth", "error of the rate",
        "width of its interval", "error of T's rows", "suspects' average precision",
    )  # fmt: skip
    rows = (
        (name, percent(part.agreement.mean()), f"{int(part.too_high.sum())} of {len(part)}",
         *(number(part[of].mean()) for of in ("error", "width", "row_tv", "average_precision")))
        for name, part in found.groupby("evidence", sort=False)
    )  # fmt: skip
    counts = " and ".join(f"{count:,}" for count in sorted(set(found["count"])))
    return {"second": table(header, rows), "second_n": counts}


def _encoders() -> dict[str, Any]:
    """Return the values on what each representation of pictures is worth."""
    found = frame("encoders")
    header = (
        "labels (true noise rate)", "features", "agreement", "noise rate", "error of T's rows",
        "suspects' average precision", "seconds of features",
    )  # fmt: skip
    rows = (
        (f"{one.labels} ({percent(one.true_rate)})", one.representation, percent(one.agreement),
         f"{percent(one.rate)} ({percent(one.low)} to {percent(one.high)})", number(one.row_tv),
         number(one.average_precision), f"{one.seconds_per_1000:.1f}")
        for one in found.itertuples()
    )  # fmt: skip
    return {
        "encoders": table(header, rows),
        "encoders_n": f"{found.n.iloc[0]:,}",
        "encoders_held": f"{int(found.holds.sum())} of {len(found)}",
    }


def speed() -> dict[str, Any]:
    """Return the values of the page on speed."""
    start, step, loader = document("startup"), document("train_step"), document("loader")
    return {
        "scale": table(
            ("what", "size", "seconds", "beside", "its seconds", "times"),
            (_scale(one) for _, one in frame("scale").iterrows()),
        ),
        "scale_date": frame("scale").date.iloc[0],
        "start": table(
            ("", "seconds"),
            ((f"`{name}`" if name.startswith("alfs") else name, f"{seconds:.2f}")
             for name, seconds in start["median_seconds"].items()),
        ),
        "start_repeats": start["repeats"],
        "times_bare": f"{start['times_the_bare_app']:.2f}",
        "cpu": step["cpu"],
        "step_repeats": step["repeats"],
        "step": table(
            ("network", "times the usual loop", "in processor time", "arithmetic taken"),
            ((name, f"{step[name]['ratio']:.2f}x", f"{step[name]['cpu_ratio']:.2f}x",
              step[name]["default"]) for name in ("cnn4", "cnn8")),
        ),
        "loader": table(
            ("batches of pictures", "usual, a second", "alfs, a second", "times",
             "in processor time"),
            ((name.replace("_", " "), f"{one['usual_images_per_second']:,.0f}",
              f"{one['alfs_images_per_second']:,.0f}", f"{one['ratio']:.1f}x",
              f"{one['cpu_ratio']:.1f}x")
             for name, one in loader.items() if isinstance(one, dict)),
        ),
        **_whole(),
        **_losses(),
    }  # fmt: skip


def _whole() -> dict[str, Any]:
    found, grown = frame("speed"), frame("speed_growth")
    return {
        "whole_repeats": int(found.repeats.min()),
        "whole": table(
            ("from", "size", "alfs", "cleanlab", "times", "alfs, memory", "cleanlab, memory"),
            (
                (
                    one.case,
                    one["size"],
                    f"{one.alfs_seconds:.2f} s",
                    *_beside(one),
                    f"{one.alfs_megabytes / 1e3:.2f} GB",
                    "-" if pd.isna(one.times) else f"{one.cleanlab_megabytes / 1e3:.2f} GB",
                )
                for _, one in found.iterrows()
            ),
        ),
        "growth": table(
            ("from", "N", "K", "seconds"),
            ((one.case.split(" by ")[0], f"{one.N:,}", one.K, f"{one.cpu_seconds:.1f}")
             for _, one in grown.iterrows()),
        ),
    }  # fmt: skip


def _beside(one: pd.Series) -> tuple[str, str]:
    if pd.isna(one.times):
        return "-", "-"
    return f"{one.cleanlab_seconds:.2f} s", f"{one.times:.2f}"


def _scale(one: pd.Series) -> tuple[object, ...]:
    def written(value: float, write: str = ".3g") -> str:
        return "-" if pd.isna(value) else f"{value:{write}}"

    beside = "-" if pd.isna(one.beside) else one.beside
    peak = "" if pd.isna(one.peak_bytes) else f", {one.peak_bytes / 1e9:.2f} GB at most"
    return (
        one.what, f"{one['size']}{peak}", written(one.seconds), beside,
        written(one.beside_seconds), written(one.ratio, ".2f"),
    )  # fmt: skip


def _losses() -> dict[str, Any]:
    found = frame("losses")
    rows = []
    for (N, K), part in found.groupby(["N", "K"]):
        others = part[part.loss != "ce"]
        rows.append(
            (f"({N}, {K:,})", len(others), f"{others.times_cross_entropy.min():.1f} to "
             f"{others.times_cross_entropy.max():.1f}x", f"{others.speedup_over_one_hot.min():.1f} "
             f"to {others.speedup_over_one_hot.max():.1f}x")
        )  # fmt: skip
    header = ("logits", "losses", "times cross entropy", "as fast as the one-hot form")
    return {"losses": table(header, rows), "losses_machine": found.machine.iloc[0]}


def robustness() -> dict[str, Any]:
    """Return the values of the page on broken files."""
    found = document("fuzz")
    codes = ("0", "1", "2")
    return {
        "cases": f"{found['cases']:,}",
        "wrong": len(found["wrong"]),
        "slowest": f"{found['slowest_seconds']:g}",
        "gigabytes": number(found["most_gigabytes"], 2),
        "table": table(
            ("what was damaged", "exit 0", "exit 1", "exit 2"),
            (
                (kind, *(f"{counts.get(code, 0):,}" for code in codes))
                for kind, counts in found["exit_codes"].items()
            ),
        ),
    }
