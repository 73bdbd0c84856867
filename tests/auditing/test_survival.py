"""Sessions whose process is killed at random moments: nothing answered is lost, nothing else asked.

The sessions are those of benchmarks/audit_kills.py, shorter: the real command, on page and sheet.
"""

import pytest

from tests.audits.test_benchmark import module

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["page", "sheet"])
def test_a_session_survives_kills_at_random_moments(kind, tmp_path):
    pytest.importorskip("httpx")
    found = module("audit_kills").session(kind, tmp_path, answers=100, kills=4, seed=0)
    assert found["wrong"] == []
    assert found["lost"] == 0
    assert (found["kills"], found["answers"]) == (4, 100)
