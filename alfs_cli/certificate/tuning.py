"""The constants of certificates that were chosen: searches, and when an escape is slow."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

LOST_CLASSES = "benchmarks/lost_classes.py"


@dataclass(frozen=True)
class Tuning:
    """How a lower point than the vertex is searched, and which escape quotients are slow."""

    slow_escape: float = tuned(
        1.25,
        "escape quotient",
        "with smaller ones a class that the network lost early in training stayed lost",
        benchmark=LOST_CLASSES,
    )
    search_bound: float = tuned(
        20.0, "logit", "the search box then comes within float64's rounding of every vertex"
    )
    own_loss_bound: float = tuned(
        30.0, "logit", "the box of a user's own loss reaches as far as the points near its vertices"
    )
    random_starts: int = tuned(
        6, "descents", "starts of the search on a user's own loss, beside up to ten other ones"
    )


TUNING = Tuning()
