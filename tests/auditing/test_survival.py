"""Sessions whose process is killed at random moments: nothing answered is lost, nothing else asked.

The sessions are those of benchmarks/audit_kills.py, shorter, by copies of this process that run the
command on page and sheet.
"""

import subprocess

import pytest

from tests.audits.test_benchmark import module
from tests.forks import forked_alfs

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["page", "sheet"])
def test_a_session_survives_kills_at_random_moments(kind, tmp_path, monkeypatch):
    pytest.importorskip("httpx")
    kills = module("audit_kills")

    def command(session, *words):
        return forked_alfs(
            "audit", kills.TABLE, *kills.CLAIM, "--out", session.out, *words,
            cwd=session.top, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    monkeypatch.setattr(kills.Killing, "command", command)
    found = kills.session(kind, tmp_path, answers=100, kills=4, seed=0)
    assert found["wrong"] == []
    assert found["lost"] == 0
    assert (found["kills"], found["answers"]) == (4, 100)
