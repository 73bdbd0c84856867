"""The constants of losses that were chosen; defaults of parameters are those of their papers."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned


@dataclass(frozen=True)
class Tuning:
    """When a minimiser of the risk counts as the vertex of the true class."""

    vertex_distance: float = tuned(
        1e-3, "L1 distance", "a network that is nearer to the vertex predicts the true class surely"
    )


TUNING = Tuning()
