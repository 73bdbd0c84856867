"""The constant of writing a cleaned copy: how much a doubtful list may change."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned


@dataclass(frozen=True)
class Tuning:
    """What `alfs fix` does without --force."""

    unsure_share: float = tuned(
        0.1,
        "share of labels",
        "a person can still look through so many changes from a list of low trust",
    )


TUNING = Tuning()
