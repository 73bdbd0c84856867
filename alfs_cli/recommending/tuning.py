"""The constants of what a loss should reach, chosen by the accuracy of networks trained with it.

They were learnt on CIFAR-10's encoder features, digits and MNIST under a dozen noises, those of
curved classes on CIFAR-10's pixels and mixtures of Gaussians as well.
"""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

REGRET = "benchmarks/regret.py"


@dataclass(frozen=True)
class Tuning:
    """What a recommendation aims at; "speed" is learning rate times fit score."""

    safety: float = tuned(
        1.25, "ratio / bound", "margins just above 1 train poorly in the paper's own tables"
    )
    easy_ratio: float = tuned(
        0.85, "ratio", "what easy data can afford; the ratio of the paper's losses on MNIST"
    )
    easy_accuracy: float = tuned(
        0.81,
        "accuracy",
        "out-of-sample accuracy from which data are easy, where the labels lead by much",
        benchmark=REGRET,
    )
    easy_fall: float = tuned(
        0.45,
        "accuracy x lead",
        "the accuracy asked of easy data falls by it over the mean lead of the labels",
        benchmark=REGRET,
    )
    least_lead: float = tuned(
        1.0, "standard deviations", "where labels lead by less nothing is known of the classes"
    )
    target: float = tuned(
        0.017,
        "speed",
        "half of it underfits, twice of it memorises where classes overlap",
        benchmark=REGRET,
    )
    easy_targets: tuple[float, float] = tuned(
        (0.009, 0.12),
        "speed",
        "of easy data: the least, where right labels lead by little, and the most",
        benchmark=REGRET,
    )
    corrected_target: float = tuned(
        0.01, "speed", "a loss corrected by T needs less than the plain one", benchmark=REGRET
    )
    easy_corrected_targets: tuple[float, float] = tuned(
        (0.015, 0.05), "speed", "of a corrected loss on easy data, likewise", benchmark=REGRET
    )
    little_lead: float = tuned(
        5.0,
        "standard deviations",
        "labels that lead by less are fitted with care, and tell no curved border from chance",
        benchmark=REGRET,
    )
    curved: float = tuned(
        4.0,
        "times the target",
        "where borders are curved there is more to learn",
        benchmark=REGRET,
    )
    least_level: float = tuned(
        3.0,
        "clean level",
        "a T in which two classes swap labels is held apart to it before a loss is corrected by it",
        benchmark=REGRET,
    )
    few: float = tuned(
        1.125,
        "classes",
        "where the wrong labels of a class go to fewer, correction by T is worth its errors",
        benchmark=REGRET,
    )
    many_classes: int = tuned(
        50, "classes", "from here NCE's partner weighs a tenth, as in the paper's CIFAR-100 rows"
    )


TUNING = Tuning()
