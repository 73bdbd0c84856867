"""Grids of losses as text, beside loops over their values."""

import pytest

from alfs_cli.errors import UsageError
from alfs_cli.losses import parse_loss
from alfs_cli.losses.grid import MOST, parse_grid


def texts(grid):
    return [str(loss) for loss in parse_grid(grid)]


def test_every_combination_in_order():
    wanted = [
        str(parse_loss(f"nce+aul:a={a},p={p},alpha={alpha}"))
        for a in (2, 3)
        for p in (0.5, 1, 2)
        for alpha in (1, 10)
    ]
    assert texts("nce+aul:a=2|3, p = 0.5|1|2 ,alpha=1|10") == wanted


def test_without_several_values_it_is_a_loss():
    assert texts("agce:a=1,q=2") == ["agce:a=1,q=2"]
    assert texts("mae") == ["mae:scale=1"]


def test_equal_losses_are_one():
    assert texts("gce:q=0.5|.5|0.50|1") == ["gce:q=0.5", "gce:q=1"]


def test_a_grid_too_large_is_refused_with_its_size():
    values = "|".join(str(1 + number) for number in range(32))
    with pytest.raises(UsageError, match="makes 1,024 losses, more than 1,000"):
        parse_grid(f"agce:a={values},q={values}")
    assert MOST == 1000


@pytest.mark.parametrize("grid", ["gce:q=1|", "gce:q=|1", "gce:q= | ", "gce:q="])
def test_an_empty_value_is_refused(grid):
    with pytest.raises(UsageError, match="empty value") as caught:
        parse_grid(grid)
    assert "in quotes for the shell" in caught.value.help
