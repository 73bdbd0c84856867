"""How good the lists of suspects are, beside cleanlab's, and whether what they promise is kept."""

from typing import Any

import pandas as pd

from pages.writing import frame, number, percent, table

SHOWN = {
    "encoder/random1": "cifar10 features, random1",
    "encoder/worse": "cifar10 features, worse",
    "encoder/symmetric:.4": "cifar10 features, symmetric .4",
    "encoder/asymmetric:.2": "cifar10 features, asymmetric .2",
    "encoder/tempered:.3": "cifar10 features, tempered posterior",
    "mnist/symmetric:.4": "mnist, symmetric .4",
    "mnist/asymmetric:.4": "mnist, asymmetric .4",
    "mnist/instance:.3": "mnist, instance .3",
    "digits/asymmetric:.4": "digits, asymmetric .4",
}
RARE = {
    "clean": "none",
    "symmetric:.005": ".5 %, symmetric",
    "symmetric:.01": "1 %, symmetric",
    "symmetric:.02": "2 %, symmetric",
    "symmetric:.05": "5 %, symmetric",
    "asymmetric:.01": "asymmetric .01",
    "asymmetric:.02": "asymmetric .02",
    "asymmetric:.05": "asymmetric .05",
}
PARTS = {
    "learning": "learning",
    "judging": "judging",
    "trained": "trained",
    "fresh": "fresh, after what it led to",
    "trained_fresh": "trained on other sources, after what they led to",
}
RARE_SOURCES = {"digits": "digits", "gauss2far": "two Gaussians"}


def suspects() -> dict[str, Any]:
    """Return the values of the page on suspects."""
    found = frame("issues")
    compared = pd.DataFrame([_compared(part) for _, part in found.groupby(["case", "seed"])])
    behind = compared[compared.gap <= 0]
    filters = found[found.alfs_precision_on_as_many.notna()]
    rows = []
    for case, name in SHOWN.items():
        part = found[(found.case == case) & (found.seed == found[found.case == case].seed.min())]
        rows.append(_row(name, part))
    return {
        "draws": len(compared),
        "ahead": int((compared.gap > 0).sum()),
        "behind": "; ".join(
            f"{one.case} (seed {one.seed}, by {-one.gap:.4f})" for one in behind.itertuples()
        ),
        "filters": len(filters),
        "filters_met": int((filters.alfs_precision_on_as_many >= filters.precision).sum()),
        "table": table(
            ("data, noise", "average precision: cleanlab", "alfs", "precision: cleanlab", "alfs",
             "listed", "precision (expected)", "recall"),
            rows,
        ),
        "rare": table(("wrong labels", *RARE_SOURCES.values()), _rare_rows()),
        "rare_runs": len(frame("low_noise")),
        "rare_held": int((frame("low_noise").r_covered & frame("low_noise").rate_covered).sum()),
        **_promises(),
    }  # fmt: skip


def _compared(part: pd.DataFrame) -> dict[str, object]:
    ours = part[part.method == "alfs"].iloc[0]
    best = part[part.method != "alfs"].average_precision.max()
    return {"case": ours.case, "seed": ours.seed, "gap": ours.average_precision - best}


def _row(name: str, part: pd.DataFrame) -> tuple[object, ...]:
    ours, others = part[part.method == "alfs"].iloc[0], part[part.method != "alfs"]
    return (
        name, number(others.average_precision.max()), number(ours.average_precision),
        number(others.precision_at_wrong.max()), number(ours.precision_at_wrong),
        f"{ours.listed:,.0f}", f"{number(ours.precision)} ({number(ours.expected_precision)})",
        number(ours.recall),
    )  # fmt: skip


def _rare_rows() -> list[tuple[object, ...]]:
    found = frame("low_noise")
    found = found.assign(source=found.case.str.split("/").str[0],
                         noise=found.case.str.split("/").str[1])  # fmt: skip
    return [
        (name, *(_rare(found[(found.noise == noise) & (found.source == s)]) for s in RARE_SOURCES))
        for noise, name in RARE.items()
    ]


def _rare(part: pd.DataFrame) -> str:
    wrong, listed, hits = (int(part[key].sum()) for key in ("wrong", "listed", "hits"))
    if not wrong:
        return f"{listed or 'none'} listed"
    if not listed:
        return f"none of {wrong} listed"
    right, recall = percent(hits / listed, 0), percent(hits / wrong, 0)
    return f"{right} of {listed} listed are wrong, {recall} found"


def _promises() -> dict[str, Any]:
    found = frame("precision")
    parts = {name: part for name, part in found.groupby("part")}
    opened = frame("precision_opened")
    some = {said: parts[name] for name, said in PARTS.items()}
    rows = [
        _kept(said, kind, part) for kind in ("likely", "possible") for said, part in some.items()
    ]
    fresh, first, trained = (
        opened[opened.part == name] for name in ("fresh", "trained", "trained_fresh")
    )
    return {
        "promise_draws": len(found),
        "promise_sources": found.draw.str.split("/").str[0].nunique(),
        "fresh_draws": len(fresh),
        "fresh_sources": fresh.draw.str.split("/").str[0].nunique(),
        "fresh_held": _kept("", "likely", fresh)[5],
        "fresh_false": _false(fresh),
        "first_draws": len(first),
        "first_held": _kept("", "likely", first)[5],
        "first_possible_held": _kept("", "possible", first)[5],
        "trained_draws": len(trained),
        "trained_sources": trained.draw.str.split("/").str[0].nunique(),
        "trained_lists": int((trained.likely > 0).sum()),
        "trained_held": _kept("", "likely", trained)[5],
        "trained_possible_held": _kept("", "possible", trained)[5],
        "trained_false": _false(trained),
        "all_false": _false(found),
        "own_near": _kept("", "likely", found[~found.given])[4],
        "given_near": _kept("", "likely", found[found.given])[4],
        "promises": table(
            ("draws", "labels", "n", "with a list", "within 10 points", "precision in the interval",
             "width of the interval"),
            rows,
        ),
        "orders": table(
            ("draws with wrong labels", "n", "alfs", "one shape of noise, the likeliest",
             "the label's own probability"),
            tuple(_orders(said, parts[name])
                  for name, said in PARTS.items()),
        ),
        "rates": table(
            ("draws at trust low", "n", "by likelihood", "as reported"),
            tuple(_rate_errors(said, parts[name])
                  for name, said in PARTS.items()),
        ),
    }  # fmt: skip


def _false(part: pd.DataFrame) -> int:
    """Return in how many draws more than half are promised where under a fifth are wrong."""
    return int(((part.likely_expected > 0.5) & (part.likely_precision < 0.2)).sum())


def _orders(said: str, part: pd.DataFrame) -> tuple[object, ...]:
    some = part[part.ranking.notna()]
    means = some[["ranking", "by_likelihood", "by_own"]].mean()
    return (said, len(some), *(number(mean) for mean in means))


def _kept(said: str, kind: str, part: pd.DataFrame) -> tuple[object, ...]:
    some = part[part[kind] > 0]
    expected, real = some[f"{kind}_expected"], some[f"{kind}_precision"]
    low, high = some[f"{kind}_low"], some[f"{kind}_high"]
    return (
        said, kind, len(part), len(some), percent(((expected - real).abs() <= 0.1).mean(), 0),
        percent(real.between(low, high).mean(), 0), number((high - low).mean(), 2),
    )  # fmt: skip


def _rate_errors(said: str, part: pd.DataFrame) -> tuple[object, ...]:
    low = part[part.trust == "low"]
    errors = [
        number((low[name] - low.wrong).abs().mean(), 3) for name in ("noise_rate", "leaning_rate")
    ]
    return (said, len(low), *errors)
