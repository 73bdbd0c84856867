"""The constants of recommendations, chosen by the accuracy of networks trained with the losses.

They were chosen on CIFAR-10's encoder features, digits and MNIST under a dozen kinds of noise, and
for curved classes also on CIFAR-10's pixels and mixtures of Gaussians. Data that they were not
chosen on are in benchmarks/regret.py.
"""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

REGRET = "benchmarks/regret.py"


@dataclass(frozen=True)
class Tuning:
    """The ratio and the speed that a recommended loss aims at, and when T is used.

    Speed is learning rate times fit score. The lead of a class is `aims.leads`.
    """

    safety: float = tuned(
        1.25, "ratio / bound", "ratios just above the bound train poorly in the paper's tables"
    )
    easy_ratio: float = tuned(
        0.85, "ratio", "easy data are still fitted well; the ratio of the paper's losses on MNIST"
    )
    easy_accuracy: float = tuned(
        0.81,
        "accuracy",
        "from this out-of-sample accuracy on, data are easy if labels have a large lead",
        benchmark=REGRET,
    )
    easy_fall: float = tuned(
        0.45,
        "accuracy x lead",
        "divided by the mean lead, it lowers the accuracy from which data are easy",
        benchmark=REGRET,
    )
    least_lead: float = tuned(
        1.0, "standard deviations", "with a smaller mean lead, data are never taken to be easy"
    )
    target_speed: float = tuned(
        0.017,
        "speed",
        "half of it underfits, twice of it memorises wrong labels where classes overlap",
        benchmark=REGRET,
    )
    easy_target_speeds: tuple[float, float] = tuned(
        (0.009, 0.12),
        "speed",
        "smallest and largest on easy data: it increases with the smallest lead",
        benchmark=REGRET,
    )
    corrected_target_speed: float = tuned(
        0.01, "speed", "a forward-corrected loss needs less than a plain one", benchmark=REGRET
    )
    easy_corrected_target_speeds: tuple[float, float] = tuned(
        (0.015, 0.05),
        "speed",
        "smallest and largest of a forward-corrected loss on easy data",
        benchmark=REGRET,
    )
    little_lead: float = tuned(
        5.0,
        "standard deviations",
        "labels with a smaller lead need a slow fit, and do not show whether borders are curved",
        benchmark=REGRET,
    )
    curved_factor: float = tuned(
        4.0,
        "times the target speed",
        "curved borders between classes take longer to learn",
        benchmark=REGRET,
    )
    least_level: float = tuned(
        3.0,
        "clean level",
        "networks confuse two classes that swap labels unless T is moved apart to this level",
        benchmark=REGRET,
    )
    most_wrong_classes: float = tuned(
        1.125,
        "classes",
        "forward correction gains more than errors of T cost if wrong labels go to fewer",
        benchmark=REGRET,
    )
    many_classes: int = tuned(
        50, "classes", "from here on NCE's partner has a tenth of its weight, as for CIFAR-100"
    )
    preference_factors: tuple[float, float, float] = tuned(
        (0.5, 1.0, 2.0), "times the target speed", "for robustness, balanced and fit, in this order"
    )
    easy_active_share: float = tuned(
        0.2, "share of the fit score", "what NCE contributes to a sum with it on easy data"
    )
    hard_active_share: float = tuned(
        0.5, "share of the fit score", "what NCE contributes to a sum with it where classes overlap"
    )
    corrected_power: float = tuned(
        0.1, "q of GCE", "q = 0.3 at times lost one of the ten digits under forward correction"
    )
    nearly_clean: float = tuned(
        0.02, "noise rate", "below it cross entropy loses little accuracy, and T is not used"
    )
    rate_half_width: float = tuned(
        0.05, "noise rate", "a noise rate known this well is enough to decide what to do"
    )
    least_decidable_level: float = tuned(
        1.02, "clean level", "nearer to 1 no realistic number of examples shows a level above 1"
    )
    examples_margin: float = tuned(
        1.1, "times the examples", "a forecast of how many are needed may be too low by a tenth"
    )


TUNING = Tuning()
