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


TUNING = Tuning()
