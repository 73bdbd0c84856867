"""Cases of the fuzzer through the real commands; more of them with `python benchmarks/fuzz.py`."""

import pytest

from tests.fuzz.cases import CASES
from tests.fuzz.runner import tally


@pytest.mark.slow
def test_a_few_of_each_kind():
    numbers = range(2 * len(CASES))
    total = tally(numbers)
    assert total.cases == len(numbers)
    assert not total.wrong, [(outcome.number, outcome.problems) for outcome in total.wrong]
    assert {code for _, code in total.codes} == {0, 1, 2}
