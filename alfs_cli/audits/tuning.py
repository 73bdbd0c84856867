"""The constants of the draws, the bets and the forecast, chosen by the answers that audits take.

Validity hangs on none of them: bets are fixed before the first answer, whatever they are. The
choices were made on cases of their own (`design` of the benchmark), which no other part of it uses.
"""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

DESIGN = "benchmarks/audit.py --only design"


@dataclass(frozen=True)
class Tuning:
    """What is drawn sooner, and which alternatives the wealth is bet on."""

    aimed: float = tuned(
        0.1,
        "share of the draws",
        "goes where the scores say that a claim is soonest decided; lost where they are wrong",
        benchmark=DESIGN,
    )
    least_weight: int = tuned(
        16, "1/256 of an even draw", "what is hardly ever drawn weighs too much once it is"
    )
    repeat_every: int = tuned(
        20, "draws", "after so many one of them is shown again: a twentieth measures the person"
    )
    repeat_distance: int = tuned(
        10, "draws", "between an example and its repeat, so that the answer is not remembered"
    )
    most_staked: float = tuned(
        0.98, "share of the wealth", "at stake in one draw: an alternative may be wrong"
    )
    never: float = tuned(0.002, "chance", "an alternative is never surer that an event is absent")
    odds: tuple[float, ...] = tuned(
        (1.3, 2.0, 4.0), "times the odds", "how far from the number the alternatives lie"
    )
    scored_odds: tuple[float, ...] = tuned(
        (1.4, 2.5),
        "times the odds",
        "likewise, of the alternatives that go by the scores; a mean that they expect on the same "
        "side takes the place of the second",
        benchmark=DESIGN,
    )
    beyond: float = tuned(
        1.2, "times the odds", "a mean that scores expect lies beyond the number from here on"
    )
    believed: float = tuned(
        0.1,
        "share of the wealth that does not bet on the scores",
        "bets on the mean that they expect: they may be right in the mean alone",
        benchmark=DESIGN,
    )
    believed_scored: float = tuned(
        0.6, "share of the wealth that does", "likewise", benchmark=DESIGN
    )
    shape: float = tuned(
        0.8,
        "share of the log odds",
        "how much of the differences between scores is taken to be so: scores are overconfident",
        benchmark=DESIGN,
    )
    scored: float = tuned(
        0.25,
        "share of the wealth",
        "bets on the scores; the rest bets as if there were none, for they may lie",
        benchmark=DESIGN,
    )
    scored_level: float = tuned(
        0.35,
        "share of the wealth",
        "likewise, of a pair of classes: most pairs are decided by the first answers",
        benchmark=DESIGN,
    )
    ratio_plain: tuple[tuple[float, float], ...] = tuned(
        ((1.4, 0.6), (1.4, 0.9), (3.0, 0.6), (3.0, 0.9)),
        "times the odds; share",
        "the alternatives of a ratio: its odds, and the share of those given the class that is it",
    )
    level_plain: tuple[tuple[float, float], ...] = tuned(
        ((1.5, 0.6), (3.0, 0.6), (3.0, 0.9), (10.0, 0.9)),
        "times the level; share",
        "the alternatives of a pair: how far beyond the level, and the share given i that is i",
        benchmark=DESIGN,
    )
    level_scored: tuple[float, ...] = tuned(
        (1.5, 4.0),
        "times the level",
        "of the alternatives that go by the scores, besides the scores as they are",
    )
    forecast_prior: tuple[float, float] = tuned(
        (1.8, 0.2),
        "answers",
        "stand for what is thought before any: of the given class, and of all others together",
    )


TUNING = Tuning()
