"""The constants of reading pictures: what a sample shows of all, and how many bits become eight."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned


@dataclass(frozen=True)
class Tuning:
    """Sizes of samples, and limits on the values of pictures of more than 8 bits."""

    sampled_pictures: int = tuned(
        1024, "pictures", "so many show whether some are in colour or have more than 8 bits"
    )
    measured_pictures: int = tuned(
        256, "pictures", "so many show the commonest size and the range of values, and read fast"
    )
    least_levels: int = tuned(
        32, "of 256 levels", "with fewer, the upper 8 bits of 16 show hardly any difference"
    )
    used_range: float = tuned(
        0.5, "share of a type's range", "values that fill more of it are taken to use all of it"
    )
    value_tails: tuple[float, float] = tuned(
        (0.001, 0.999), "quantiles", "values far outside them come of broken pixels"
    )
    far_values: float = tuned(
        4.0, "times", "the full range is so much wider than that between the tails: broken pixels"
    )
    instance_side: int = tuned(
        32, "pixels", "larger pictures are shrunk to it before noise depends on their pixels"
    )


TUNING = Tuning()
