"""Cases of the fuzzer through the real commands; more of them with `python benchmarks/fuzz.py`."""

from pathlib import Path
from subprocess import PIPE

import pytest

from tests.forks import forked
from tests.fuzz.cases import CASES
from tests.fuzz.runner import peak_bytes, tally, worker


def copied(top):
    """Start a worker as a copy of this process."""
    held = peak_bytes()
    return forked(
        lambda: worker(Path(top), held=held), stdin=PIPE, stdout=PIPE, text=True, encoding="utf-8"
    )


@pytest.mark.slow
def test_a_few_of_each_kind():
    numbers = range(2 * len(CASES))
    total = tally(numbers, start=copied)
    assert total.cases == len(numbers)
    assert not total.wrong, [(outcome.number, outcome.problems) for outcome in total.wrong]
    assert {code for _, code in total.codes} == {0, 1, 2}
