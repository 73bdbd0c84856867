"""Whether class names sort in one way or in two: as text, class10 comes before class2."""

import re
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from alfs_cli.errors import InputError

DIGITS = re.compile(r"(\d+)")
MINUS = "\u2212"  # the typographic minus sign
LISTED = 30  # classes named in a help


def value_of(name: str) -> Decimal | None:
    """Return the number that a whole name stands for, such as -1, 2.0 or 1e3; None for others."""
    try:
        value = Decimal(name.replace(MINUS, "-"))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def natural_order(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names with numbers sorted by value, and digits within names as numbers.

    >>> natural_order(["class10", "class2"])
    ('class2', 'class10')
    """
    return tuple(sorted(names, key=_natural))


def sorts_two_ways(names: Sequence[str]) -> bool:
    """Say whether names that contain numbers sort otherwise as text than by those numbers.

    >>> sorts_two_ways(["class10", "class2"]), sorts_two_ways(["cat", "dog"])
    (True, False)
    """
    numbers = {name: value for name in names if (value := value_of(name)) is not None}
    if sorted(numbers) != sorted(numbers, key=lambda name: (numbers[name], name)):
        return True
    after: dict[str, set[str]] = defaultdict(set)  # ends of names, by their beginning
    for name in names:
        for run in DIGITS.finditer(name):
            if name not in numbers or (run.start() == 0 and name.isdecimal()):
                after[name[: run.start()]].add(name[run.start() :])
    return any(sorted(ends) != sorted(ends, key=_by_first) for ends in after.values())


def refuse_two_orders(names: Sequence[str], *, why: str = "nothing names the classes") -> None:
    """Raise InputError for names that sort in two ways, where their order matters."""
    if not sorts_two_ways(names):
        return
    natural = natural_order(names)
    text = tuple(sorted(names))
    shown = text if text != natural else tuple(names)
    raise unknown_order(shown, natural, why=f"class names hold numbers and sort in two ways; {why}")


def unknown_order(
    one: Sequence[str], other: Sequence[str], *, why: str, option: str = "--classes"
) -> InputError:
    """Return the error for columns of probabilities that may be in one order or another."""
    listed = ",".join(other)
    return InputError(
        f"{why}: the columns may be {few(one)} or {few(other)}",
        help=f"{option} {listed}, if that is the order of the columns; or name them: columns "
        "p_<class>, or class_names in an .npz"
        if len(other) <= LISTED and not any("," in name for name in other)
        else f"give the order of the columns: {option} FILE with one name a line; or name them: "
        "columns p_<class>, or class_names in an .npz",
    )


def few(names: Sequence[str]) -> str:
    """Return the first few names."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


Key = tuple[bool, Decimal, tuple[str | Decimal, ...], str]


def _natural(name: str) -> Key:
    value = value_of(name)
    if value is not None:
        return False, value, (), name
    parts = DIGITS.split(name)  # text, digits, text, ...: so text is compared with text
    return True, Decimal(0), tuple(Decimal(p) if i % 2 else p for i, p in enumerate(parts)), name


def _by_first(end: str) -> tuple[Decimal, str]:
    run = DIGITS.match(end)
    return (Decimal(run[0]) if run else Decimal(0)), end
