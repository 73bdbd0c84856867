"""A grid of losses as text: every combination of the values of its parameters.

Grammar: that of a loss, with several values of a parameter apart by `|`, such as
`agce:a=0.5|2,q=0.5|2`. The last parameter varies fastest.
"""

from itertools import product
from math import prod

from alfs_cli.errors import UsageError, brief
from alfs_cli.losses.combine import Loss
from alfs_cli.losses.text import parse_loss

MOST = 1000  # losses of a grid: a mistyped one is refused before its runs are planned


def parse_grid(text: str) -> tuple[Loss, ...]:
    """Return the losses of a grid, each once.

    Raises UsageError where a value is missing, a loss of the grid is none, or there are over MOST.

    >>> [str(loss) for loss in parse_grid("agce:a=1,q=0.5|2")]
    ['agce:a=1,q=0.5', 'agce:a=1,q=2']
    """
    head, colon, tail = text.partition(":")
    if not colon:
        return (parse_loss(text),)
    axes = [_values(piece, text) for piece in tail.split(",")]
    count = prod(len(axis) for axis in axes)
    if count > MOST:
        raise UsageError(
            f"grid '{brief(text)}' makes {count:,} losses, more than {MOST:,}",
            help="give fewer values, or several sweeps a part each",
        )
    losses = (parse_loss(f"{head}:{','.join(cell)}") for cell in product(*axes))
    return tuple({str(loss): loss for loss in losses}.values())


def _values(piece: str, text: str) -> list[str]:
    """Return the assignments `key=value` that a piece `key=value|value` stands for."""
    key, equals, values = piece.partition("=")
    if not equals:
        return [piece]  # parse_loss says what is wrong with it
    found = [value.strip() for value in values.split("|")]
    if not all(found):
        raise UsageError(
            f"grid '{brief(text)}': '{brief(piece.strip())}' has an empty value",
            help="values stand apart by |, in quotes for the shell: 'agce:a=0.5|2,q=0.5|2'",
        )
    return [f"{key}={value}" for value in found]
