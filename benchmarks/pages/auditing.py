"""What the audit was to reach, and what was measured of it."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pages.writing import document, frame, number, percent, table

RISK = 0.05
GOOD = 0.7  # average precision from which scores are to save answers
Goal = tuple[str, str, str, bool]  # what, what must be reached, what was measured, whether it is


def audit() -> dict[str, Any]:
    """Return the values of the page on the audit."""
    held, page, scale = frame("audit_validity"), document("audit_page"), frame("audit_scale")
    worst = held[["says_more", "says_less"]].max(axis=1)
    key, disk = page["key_to_next_picture_ms"], page["answer_on_disk_ms"]
    return {
        "cases": len(held),
        "populations": held.case.nunique(),
        "audits": f"{int(held.audits.max()):,}",
        "fewest": f"{int(held.audits.min()):,}",
        "kept": int(held.holds.astype(bool).sum()),
        "worst_side": percent(worst.max()),
        "worst_either": percent(held.either.max()),
        "goals": table(
            ("what", "must reach", "measured", ""),
            ((what, must, found, "met" if is_met else "not met")
             for what, must, found, is_met in goals()),
        ),
        "mean_side": percent(held[["says_more", "says_less"]].to_numpy().mean()),
        "validity": held_table(held),
        "habits": held_table(frame("audit_habits")),
        "answers": table(
            ("labels", "average precision", "true rate", "claim", "uniform draws", "with scores",
             "ratio", "a fixed plan", "least possible"),
            (
                (one.case, number(one.average_precision, 2), percent(one.rate),
                 f"`{one.claim}` the truth", f"{one.uniform:,}", f"{one.scores:,}",
                 f"{number(one.ratio, 2)} +- {number(one.error, 2)}", f"{one.fixed_plan:,}",
                 f"{one.least:,}")
                for one in frame("audit_answers").itertuples()
            ),
        ),
        "levels": table(
            ("labels", "true r", "claim", "uniform draws", "with scores", "answers a class",
             "ratio"),
            (
                (one.case, one.r, f"`clean-level {one.claim}`", one.uniform, one.scores,
                 one.a_class, f"{number(one.ratio, 2)} +- {number(one.error, 2)}")
                for one in frame("audit_level").itertuples()
            ),
        ),
        "designs": designs("noise-rate"),
        "level_designs": designs("clean-level >= 1"),
        "page": page,
        "kills": document("audit_kills"),
        "key": key,
        "disk": disk,
        "scale": scale.to_dict("records"),
    }  # fmt: skip


def held_table(held: pd.DataFrame) -> str:
    """Return how often bounds are wrong, a row for each case."""
    return table(
        ("case", "quantity", "truth", "audits", "answers, at most", "ever too high",
         "ever too low", "either"),
        (
            (one.case, one.quantity, f"{one.truth:g}", f"{one.audits:,}", one.answers_up_to,
             percent(one.says_more), percent(one.says_less), percent(one.either))
            for one in held.itertuples()
        ),
    )  # fmt: skip


def goals() -> Iterator[Goal]:
    """Yield each goal with what was measured."""
    yield from validity_goals(pd.concat([frame("audit_validity"), frame("audit_habits")]))
    yield from answer_goals(frame("audit_answers"))
    yield from level_goals(frame("audit_level"))
    yield from scale_goals(frame("audit_scale"))
    yield from survival_goals(document("audit_page"), document("audit_kills"))


def validity_goals(held: pd.DataFrame) -> Iterator[Goal]:
    """Yield how often bounds are wrong, one side and both."""
    sides = held[["says_more", "says_less"]]
    tolerance = RISK + 3 * (RISK * (1 - RISK) / held.audits) ** 0.5
    both = 2 * RISK + 3 * (2 * RISK * (1 - 2 * RISK) / held.audits) ** 0.5
    cases = f"{held.case.nunique()} populations, {len(held)} cases"
    yield (
        "a claim is ever decided wrongly",
        "5 % of audits, by chance more, in every case",
        f"at most {percent(sides.max(axis=1).max())} in {cases}; "
        f"{percent(sides.to_numpy().mean())} in the mean",
        bool((sides.max(axis=1) <= tolerance).all()),
    )
    yield (
        "either bound is ever wrong", "10 %, likewise",
        f"at most {percent(held.either.max())}; {percent(held.either.mean())} in the mean",
        bool((held.either <= both).all()),
    )  # fmt: skip
    yield (
        "audits a case", "2,000", _in_words(held), bool((held.audits >= 2000).all()),
    )  # fmt: skip


def _in_words(held: pd.DataFrame) -> str:
    """Return how many audits there were of each kind of case."""
    few = held[held.audits < held.audits.max()]
    names = few.quantity.str.partition(":")[0]
    parts = [
        f"{name} {of.audits.min():,} to {of.audits.max():,} ({len(of)} cases)"
        for name, of in few.groupby(names)
    ]
    rest = f"{held.audits.max():,} in {len(held) - len(few)} of {len(held)} cases"
    return "; ".join([rest, *parts])


def answer_goals(answers: pd.DataFrame) -> Iterator[Goal]:
    """Yield what scores save, and what useless ones cost."""
    is_useless = answers.case.str.startswith(("useless", "lying"))
    good = answers[(answers.average_precision >= GOOD) & ~is_useless]
    means = good.groupby("case", sort=False).ratio.mean()
    yield (
        f"answers, scores of average precision {number(GOOD, 1)} or more",
        "at most .6 of uniform draws, mean of four claims",
        "; ".join(f"{case} {number(ratio, 2)}" for case, ratio in means.items()),
        bool((means <= 0.6).all()),
    )
    useless = answers[is_useless & ~answers.case.str.startswith("lying")]
    means = useless.groupby("case", sort=False).ratio.mean()
    worst = useless.loc[useless.ratio.idxmax()]
    yield (
        "answers, scores that are useless", "at most 1.05 of uniform draws",
        f"{number(means.min(), 2)} to {number(means.max(), 2)} in the mean of four claims; "
        f"the worst claim {number(worst.ratio, 2)} +- {number(worst.error, 2)}",
        bool((useless.ratio <= 1.05).all()),
    )  # fmt: skip
    over = answers.scores / answers.fixed_plan
    yield (
        "answers, against a fixed plan that knew the truth", "at most 1.3",
        f"at most {number(over.max(), 2)}", bool((over <= 1.3).all()),
    )  # fmt: skip


def level_goals(levels: pd.DataFrame) -> Iterator[Goal]:
    """Yield what the clean level takes, K = 10."""
    is_useless = levels.case.str.contains("useless")
    good = levels[(levels.average_precision >= GOOD) & ~is_useless & (levels.claim == ">= 1.0")]
    for name, part, most in (("6 or more", good[good.r >= 6], 15), ("2", good[good.r < 3], 75)):
        yield (
            f"clean level >= 1, r {name}", f"at most {most} answers a class",
            "; ".join(f"{one.case}: {one.a_class}" for one in part.itertuples()),
            bool((part.a_class <= most).all()),
        )  # fmt: skip
    yield (
        "likewise, against uniform draws", "at most .7",
        "; ".join(f"{one.case}: {number(one.ratio, 2)}" for one in good.itertuples()),
        bool((good.ratio <= 0.7).all()),
    )  # fmt: skip
    useless = levels[is_useless]
    yield (
        "likewise, useless scores", "at most 1.05",
        "; ".join(f"{one.case}: {number(one.ratio, 2)} +- {number(one.error, 2)}"
                  for one in useless.itertuples()),
        bool((useless.ratio <= 1.05).all()),
    )  # fmt: skip


def scale_goals(scale: pd.DataFrame) -> Iterator[Goal]:
    """Yield what a long record and a large population take."""
    ten = scale[scale.case.str.contains("K 10$")]
    large = scale[scale.case.str.contains("1,000,000")].iloc[0]
    yield (
        "replay of 10,000 draws, N 50,000 and 1,000,000", "10 s of processor time",
        " and ".join(f"{one} s" for one in ten.replay_10000_cpu_seconds),
        bool((ten.replay_10000_cpu_seconds < 10).all()),
    )  # fmt: skip
    yield (
        "next draw, N 1,000,000, after 10,000", "100 ms",
        f"{large.next_draw_ms} ms (95 %)", bool(large.next_draw_ms < 100),
    )  # fmt: skip
    yield "memory, N 1,000,000", "1 GB", f"{large.peak_mb} MB", bool(large.peak_mb < 1000)


def survival_goals(page: dict[str, Any], kills: dict[str, Any]) -> Iterator[Goal]:
    """Yield what waiting there is at the page, and what kills lose."""
    yield (
        f"key to next picture, {page['pictures']:,} pictures", "100 ms",
        f"{page['key_to_next_picture_ms']['p50']} ms, {page['key_to_next_picture_ms']['p95']} ms "
        "for 95 %",
        page["key_to_next_picture_ms"]["p95"] < 100,
    )  # fmt: skip
    yield (
        "answers by keyboard in Chromium, killed five times", "1,000, none lost",
        f"{page['answers']:,}, {page['kills']} kills, {page['lost']} lost",
        page["answers"] >= 1000 and page["kills"] >= 5 and page["lost"] == 0,
    )  # fmt: skip
    for kind, found in kills.items():
        yield (
            f"300 answers by {kind}, 50 kills at random moments",
            "none lost, the same next draw",
            f"{found['answers']} answers, {found['kills']} kills, {found['lost']} lost, "
            f"{len(found['wrong'])} wrong next draws or records",
            found["kills"] >= 50 and found["lost"] == 0 and not found["wrong"],
        )


def designs(claim: str) -> str:
    """Return answers over those without scores, a design a row: the mean, and the worst claim."""
    found = frame("audit_design")
    found = found[found.claim == claim]
    names = list(dict.fromkeys(found.case))
    rows = []
    for design, part in found.groupby("design", sort=False):
        at = part.set_index("case")
        worst = [f" ({number(at.worst[one], 2)})" * (claim == "noise-rate") for one in names]
        cells = [number(at.ratio[one], 2) + more for one, more in zip(names, worst, strict=True)]
        rows.append((design, *cells))
    precision = found.drop_duplicates("case").set_index("case").average_precision
    heads = (f"{one} [{number(precision[one], 2)}]" for one in names)
    return table(("design", *heads), rows)
