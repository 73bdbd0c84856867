"""Kinds of label noise by name, each as a transition matrix."""

import math
from collections.abc import Mapping

import numpy as np

from alfs_cli.errors import UsageError, unknown
from alfs_cli.noise.matrix import TransitionMatrix

NOISE_KINDS = ("symmetric", "asymmetric", "pair", "block")
"""The kinds of noise that have a T; `instance` noise depends on the examples (see injection)."""

# The superclass of each class of CIFAR-100, from its authors.
SUPERCLASS = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7,
    6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10,
    16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16,
    12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
)  # fmt: skip

BLOCK_SIZE = 5  # classes in a block by default
MAX_CLASSES = 5000  # limit on input: a T of this many classes has 200 MB


def next_in_group(groups: Mapping[int, int] | tuple[int, ...]) -> dict[int, int]:
    """Return for each class the next one of its group, the first after the last.

    >>> next_in_group((0, 1, 0, 0))
    {0: 2, 2: 3, 3: 0}
    """
    members: dict[int, list[int]] = {}
    for cls in range(len(groups)):
        members.setdefault(groups[cls], []).append(cls)
    flips = {
        cls: group[(place + 1) % len(group)]
        for group in members.values()
        for place, cls in enumerate(group)
        if len(group) > 1
    }
    return dict(sorted(flips.items()))


# Digits that look alike, and classes that people confuse: Patrini et al., CVPR 2017.
LOOK_ALIKE_DIGITS = {7: 1, 2: 7, 5: 6, 6: 5, 3: 8}
ASYMMETRIC_MAPS: Mapping[str, Mapping[int, int]] = {
    "mnist": LOOK_ALIKE_DIGITS,
    "digits": LOOK_ALIKE_DIGITS,
    "cifar10": {9: 1, 2: 0, 4: 7, 3: 5, 5: 3},
    "cifar100": next_in_group(SUPERCLASS),
}


def symmetric(rate: float, num_classes: int) -> TransitionMatrix:
    """Return T that flips with probability `rate`, to every other class equally often.

    >>> symmetric(0.2, 3).array
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    """
    _check_rate(rate)
    K = _checked_num_classes(num_classes)
    T = np.full((K, K), rate / (K - 1))
    np.fill_diagonal(T, 1 - rate)
    return TransitionMatrix(T)


def asymmetric(
    rate: float,
    num_classes: int,
    *,
    dataset: str | None = None,
    sequential: bool = False,
    blocks_of_five: bool = False,
) -> TransitionMatrix:
    """Return T that flips a class to a similar one with probability `rate`.

    MNIST and digits: 7 > 1, 2 > 7, 5 <> 6, 3 > 8; CIFAR-10: truck > automobile, bird > airplane,
    deer > horse, cat <> dog (Patrini et al., CVPR 2017); CIFAR-100: the next class of the same
    superclass. For other data sets each class flips to the next one.

    Public code differs in two ways. `sequential` flips one class after the other in place: of two
    classes that swap labels, the first gets some labels back (cat > dog is rate (1 - rate)).
    `blocks_of_five` replaces CIFAR-100's superclasses by runs of five consecutive classes.
    """
    _check_rate(rate)
    K = _checked_num_classes(num_classes)
    flips = ASYMMETRIC_MAPS.get(dataset or "", {})
    if dataset == "cifar100" and blocks_of_five:
        flips = next_in_group(tuple(cls // 5 for cls in range(K)))
    if not flips or max(flips) >= K or (dataset != "cifar100" and K != 10):
        flips = {cls: (cls + 1) % K for cls in range(K)}
    T = np.eye(K)
    for source, target in flips.items():
        step = np.eye(K)
        step[source, source], step[source, target] = 1 - rate, rate
        if sequential:
            T = T @ step
        else:
            T[source] = step[source]
    return TransitionMatrix(T)


def pair(rate: float, num_classes: int) -> TransitionMatrix:
    """Return T that flips each class to the next with probability `rate` (pair flip)."""
    return asymmetric(rate, num_classes)


def block(rate: float, num_classes: int, *, size: int | None = None) -> TransitionMatrix:
    """Return T that flips with probability `rate`, to every other class of its block equally often.

    Blocks are runs of `size` consecutive classes: by default five, or half of the classes if there
    are fewer than ten. A single class left over at the end joins the last block.
    """
    _check_rate(rate)
    K = _checked_num_classes(num_classes)
    length = size if size is not None else max(2, min(BLOCK_SIZE, K // 2))
    if length < 2:
        raise UsageError(
            f"blocks of {length} classes leave nothing to flip to",
            help="noise of kind symmetric or pair needs no blocks",
        )
    starts = list(range(0, K, length))
    if K - starts[-1] == 1 and len(starts) > 1:
        starts.pop()
    T = np.zeros((K, K))
    for start, stop in zip(starts, [*starts[1:], K], strict=True):
        T[start:stop, start:stop] = symmetric(rate, stop - start).array
    return TransitionMatrix(T)


def transition_of(
    kind: str,
    rate: float,
    num_classes: int,
    *,
    dataset: str | None = None,
    sequential: bool = False,
    blocks_of_five: bool = False,
) -> TransitionMatrix:
    """Return the T of the named kind of noise, one of NOISE_KINDS.

    Raises UsageError for an unknown kind or a rate outside [0, 1].

    >>> transition_of("pair", 0.25, 2).array
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    match kind:
        case "symmetric":
            return symmetric(rate, num_classes)
        case "asymmetric":
            return asymmetric(
                rate,
                num_classes,
                dataset=dataset,
                sequential=sequential,
                blocks_of_five=blocks_of_five,
            )
        case "pair":
            return pair(rate, num_classes)
        case "block":
            return block(rate, num_classes)
        case _:
            raise unknown("kind of noise", kind, NOISE_KINDS)


def _check_rate(rate: float) -> None:
    if not (math.isfinite(rate) and 0 <= rate <= 1):
        raise UsageError(
            f"noise rate is {rate}, not between 0 and 1", help="for example --rate 0.2"
        )


def _checked_num_classes(num_classes: int) -> int:
    if num_classes < 2:
        raise UsageError(
            f"noise needs two classes or more, got {num_classes}", help="give more classes"
        )
    if num_classes > MAX_CLASSES:
        raise UsageError(
            f"{num_classes:,} classes: T would have {num_classes**2:,} cells",
            help=f"{MAX_CLASSES:,} classes are the most",
        )
    return num_classes
