"""The constants of reading pictures: what a sample shows of all, and how many bits become eight."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned


@dataclass(frozen=True)
class Tuning:
    """Sizes of samples, and limits on the values of pictures of more than 8 bits."""

    sampled_pictures: int = tuned(
        1024, "pictures", "a sample of this size shows whether some are in colour or above 8 bits"
    )
    measured_pictures: int = tuned(
        256, "pictures", "a sample of this size shows the commonest size and the range of values"
    )
    least_levels: int = tuned(
        32, "of 256 levels", "with fewer, the upper 8 of 16 bits are nearly one colour"
    )
    used_range: float = tuned(
        0.5, "share of a type's range", "values that fill as much are taken to use the full range"
    )
    value_tails: tuple[float, float] = tuned(
        (0.001, 0.999), "quantiles", "values far outside of them are those of broken pixels"
    )
    far_values: float = tuned(
        4.0, "times", "a range so much wider than that between the quantiles has broken pixels"
    )
    instance_side: int = tuned(
        32, "pixels", "pictures above twice this side are shrunk to it for instance noise"
    )


TUNING = Tuning()
