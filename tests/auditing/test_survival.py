"""Sessions whose process is killed at random moments: nothing answered is lost, nothing else asked.

The sessions are those of benchmarks/audit_kills.py, shorter, by copies of this process that run the
command on page and sheet.
"""

import subprocess

import pytest

from alfs_cli.cli import run
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
    monkeypatch.chdir(tmp_path)  # what is imported here, no copy of this process has to import
    kills.write_table(tmp_path / kills.TABLE, 60)
    assert run(["audit", kills.TABLE, *kills.CLAIM, "--sheet", "s.csv", "-q"]) == 0
    found = kills.session(kind, tmp_path, answers=100, kills=4, seed=0)
    assert found["wrong"] == []
    assert found["lost"] == 0
    assert (found["kills"], found["answers"]) == (4, 100)
