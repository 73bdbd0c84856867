"""Constants that were chosen, not derived: each with its unit, what sets it, and the measurement.

A subject keeps its constants in one table, a frozen dataclass whose fields are made by `tuned`, and
reads them from the one instance of it (`TUNING.near`), so that `benchmarks/constants.py` can halve
and double each of them. Facts, formats and limits of size are no such constants.
"""

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

Value = TypeVar("Value")

ARBITRARY = "arbitrary"  # no benchmark tells the value from its half and its double


@dataclass(frozen=True)
class Constant:
    """One row of a table.

    Args:
        name: the field of the table.
        value: what is used.
        unit: of the value.
        reason: what sets it, in one sentence.
        benchmark: the command that tells the value from others, or ARBITRARY.
    """

    name: str
    value: object
    unit: str
    reason: str
    benchmark: str


def tuned(value: Value, unit: str, reason: str, *, benchmark: str = ARBITRARY) -> Value:
    """Return a field of a table of constants: its value, its unit and where it comes from.

    >>> @dataclass(frozen=True)
    ... class Voting:
    ...     neighbours: int = tuned(25, "examples", "fewer are outvoted by chance")
    >>> Voting().neighbours
    25
    >>> constants(Voting())[0].benchmark
    'arbitrary'
    """
    facts = {"unit": unit, "reason": reason, "benchmark": benchmark}
    return cast(Value, field(default=cast(Any, value), metadata=facts))


def constants(table: Any) -> list[Constant]:
    """Return the rows of a table of constants, in the order of its fields."""
    return [Constant(row.name, getattr(table, row.name), **row.metadata) for row in fields(table)]
