"""How far two people, or one asked twice, agree: counts, Cohen's kappa, Gwet's AC1, intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray

NORMAL = 1.959964  # 95 % two-sided


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of agreement and a 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Agreement:
    """Examples both answered, how many alike, and two coefficients beyond chance."""

    both: int
    alike: int
    kappa: Coefficient
    ac1: Coefficient


def agreement(first: Sequence[int | None], second: Sequence[int | None]) -> Agreement:
    """Return how far answers to the same examples agree; None, "can't tell", is a category too.

    Kappa: Cohen, Educational and Psychological Measurement 1960. AC1: Gwet, British Journal of
    Mathematical and Statistical Psychology 2008. Intervals by the jackknife over examples.

    >>> agreement([0, 0, 1, 1], [0, 0, 1, 0]).kappa.value
    0.5
    """
    kinds = sorted({-1 if a is None else a for a in (*first, *second)})
    place = {kind: at for at, kind in enumerate(kinds)}
    table = np.zeros((len(kinds), len(kinds)))
    for a, b in zip(first, second, strict=True):
        table[place[-1 if a is None else a], place[-1 if b is None else b]] += 1
    return Agreement(
        both=len(first),
        alike=int(np.trace(table)),
        kappa=jackknifed(table, kappa_of),
        ac1=jackknifed(table, ac1_of),
    )


def kappa_of(table: FloatArray) -> float | None:
    """Return Cohen's kappa of a table of counts; None where chance alone agrees."""
    total = table.sum()
    expected = float(table.sum(0) @ table.sum(1)) / total**2
    return None if expected >= 1 else float((np.trace(table) / total - expected) / (1 - expected))


def ac1_of(table: FloatArray) -> float | None:
    """Return AC1: chance agrees in sum of pi (1 - pi) / (K - 1), pi a class's mean share."""
    total, kinds = table.sum(), len(table)
    if kinds < 2:
        return None
    shares = (table.sum(0) + table.sum(1)) / (2 * total)
    expected = float((shares * (1 - shares)).sum()) / (kinds - 1)
    return float((np.trace(table) / total - expected) / (1 - expected))


def jackknifed(table: FloatArray, coefficient: Callable[[FloatArray], float | None]) -> Coefficient:
    """Return a coefficient of the table with its interval: one example left out at a time."""
    total = table.sum()
    value = coefficient(table) if total else None
    if value is None or total < 3:
        return Coefficient(value, None, None)
    without: list[tuple[float, float]] = []
    for at in np.argwhere(table > 0):
        rest = table.copy()
        rest[tuple(at)] -= 1
        found = coefficient(rest)
        if found is None:
            return Coefficient(value, None, None)
        without.append((found, float(table[tuple(at)])))
    values, times = np.array(without).T
    center = values @ times / total
    error = NORMAL * np.sqrt((total - 1) / total * ((values - center) ** 2 @ times))
    return Coefficient(value, max(-1.0, value - float(error)), min(1.0, value + float(error)))
