"""The constants of what an estimate keeps of single labels."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned


@dataclass(frozen=True)
class Tuning:
    """What a baseline keeps besides suspects, so that small changes of scores are not new."""

    borderline_score: float = tuned(
        0.05,
        "score",
        "labels from here to a suspect's score cross it when a few examples of the data change",
    )


@dataclass(frozen=True)
class Sampling:
    """How large a sample T is fitted to where examples are too many for memory."""

    first: int = tuned(20_000, "examples", "enough to tell how wide the bounds are")
    width: float = tuned(
        0.005, "noise rate", "how much wider the bounds may be than those of all examples"
    )
    numbers: int = tuned(
        2 * 10**6, "probabilities", "the joint model is fitted to no more of them (`joint_ml.py`)"
    )


TUNING = Tuning()
SAMPLING = Sampling()
