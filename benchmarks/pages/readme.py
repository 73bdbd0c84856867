"""The one table of results in the README: a line a subject, each with its command."""

import re

from pages.auditing import audit
from pages.deciding import gate
from pages.estimating import bounds
from pages.suspects import suspects
from pages.training import OUTSIDE, RECOMMENDED, recommendations, regret
from pages.writing import document, frame, number, percent, table

BETWEEN = re.compile(r"(<!-- results -->\n)(.*?)(<!-- end of results -->)", re.DOTALL)


def with_results(readme: str) -> str:
    """Return the README with the table between its two marks made anew."""
    return BETWEEN.sub(lambda found: f"{found[1]}{results()}\n{found[3]}", readme)


def results() -> str:
    """Return the table."""
    held, listed, gates, asked, demo = bounds(), suspects(), gate(), audit(), recommendations()
    errors = frame("estimators").groupby("method").row_tv.median()
    points = regret(frame("regret"))
    means = points.drop(columns=list(OUTSIDE)).mean().sort_values()
    rate = frame("gate")
    caught = rate[
        (rate.rule == "ALFS301") & (rate.noise == "symmetric") & (rate.n == 2000)
        & (rate.relative_to_limit == 2)
    ].failed.iloc[0]  # fmt: skip
    rows = (
        ("accuracy on true labels, cross entropy / recommended loss",
         f"{demo['demo_ce']} / {demo['demo_recommended']} (n = {demo['demo_seeds']})", "demo.py"),
        ("error of T, median of 104 cases: cleanlab / alfs",
         f"{number(errors['confident'])} / {number(errors['auto'])}", "estimators.py"),
        ("draws whose true r was above its lower bound",
         f"{held['low_held']} of {held['draws']}", "coverage.py"),
        ("lists of suspects ranked better than by cleanlab",
         f"{listed['ahead']} of {listed['draws']}", "issues.py"),
        ("accuracy lost by following `recommend` / by the best fixed loss, points",
         f"{points[RECOMMENDED].mean():.2f} / {means.iloc[0]:.2f}", "regret.py"),
        ("gates that failed at their limit or below; at twice the limit (n = 2,000)",
         f"{gates['alarms']}; {percent(caught, 0)}", "gate.py"),
        ("audits ever wrong on one side, worst case; mean (promised: 5 %)",
         f"{asked['worst_side']}; {asked['mean_side']}", "audit.py"),
        ("damaged files that crashed it",
         f"{len(document('fuzz')['wrong'])} of {document('fuzz')['cases']:,}", "fuzz.py"),
    )  # fmt: skip
    return table(
        ("measured", "result", "by `benchmarks/`"),
        ((what, found, f"`{script}`") for what, found, script in rows),
    )
