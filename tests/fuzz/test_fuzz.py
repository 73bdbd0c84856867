"""Cases of the fuzzer through the real commands; more of them with `python benchmarks/fuzz.py`."""

import pytest

from tests.fuzz.cases import CASES
from tests.fuzz.runner import tally


def assert_all_well(numbers):
    total = tally(numbers)
    assert total.cases == len(numbers)
    assert not total.wrong, [(outcome.number, outcome.problems) for outcome in total.wrong]


def test_one_of_each_kind():
    assert_all_well(range(len(CASES)))


@pytest.mark.slow
def test_some_more():
    assert_all_well(range(1000, 1000 + 8 * len(CASES)))
