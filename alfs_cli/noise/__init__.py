"""Label noise as a transition matrix: kinds of noise, clean levels and bounds, injection.

Convention everywhere: T[i, j] = P(given = j | true = i), shape (K, K), rows sum to 1. The clean
level of a class is r_i = T[i, i] / max_{j != i} T[i, j], infinite if no other label occurs. The
clean level of the matrix is r = min_i r_i; the paper's bound on the asymmetry ratio is 1 / r.
"""

from alfs_cli.noise.bounds import clean_level_bounds, clean_level_lower_bound
from alfs_cli.noise.injection import (
    DRAWS,
    INSTANCE,
    MULTINOMIAL,
    inject,
    inject_as_public_code,
    inject_by_instance,
)
from alfs_cli.noise.kinds import (
    ASYMMETRIC_MAPS,
    NOISE_KINDS,
    SUPERCLASS,
    asymmetric,
    block,
    next_in_group,
    pair,
    symmetric,
    transition_of,
)
from alfs_cli.noise.matrix import (
    TransitionMatrix,
    as_array,
    class_clean_levels,
    clean_level,
    read_named_transition,
    read_transition,
    realised,
    row_total_variation,
    rows_of_counts,
    runners_up,
    write_transition,
)

__all__ = [
    "ASYMMETRIC_MAPS",
    "DRAWS",
    "INSTANCE",
    "MULTINOMIAL",
    "NOISE_KINDS",
    "SUPERCLASS",
    "TransitionMatrix",
    "as_array",
    "asymmetric",
    "block",
    "class_clean_levels",
    "clean_level",
    "clean_level_bounds",
    "clean_level_lower_bound",
    "inject",
    "inject_as_public_code",
    "inject_by_instance",
    "next_in_group",
    "pair",
    "read_named_transition",
    "read_transition",
    "realised",
    "row_total_variation",
    "rows_of_counts",
    "runners_up",
    "symmetric",
    "transition_of",
    "write_transition",
]
