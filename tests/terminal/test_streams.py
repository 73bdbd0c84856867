"""Whoever listens, and for how long, an exit code is that of the verdict."""

import os
import subprocess
import sys

import pytest

from tests.conftest import make_estimate

STRICT = "--max-noise-rate 0 --gate-on strict"


@pytest.fixture
def alfs(tmp_path):
    """Return a function that runs words of a shell in a folder with estimate.json."""
    make_estimate().save(tmp_path / "estimate.json")
    prefix = f"{sys.executable} -P -m alfs_cli"

    def call(words, environment=None):
        script = f"set -o pipefail\n{prefix} {words}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, **(environment or {})}, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("check estimate.json | true", 0),
        ("check estimate.json -f html | head -c 1", 0),
        ("check estimate.json -f json 2>&1 | true", 0),
        (f"check estimate.json {STRICT} -f csv | true", 1),
        ("check nowhere.json 2>&1 | true", 2),
        ("--help | true", 0),
    ],
)
def test_a_reader_that_has_gone(alfs, words, code):
    assert alfs(words, {"PYTHONUNBUFFERED": "1"}).returncode == code


@pytest.mark.parametrize(
    ("words", "closed", "code"),
    [
        ("check estimate.json", ">&-", 0),
        (f"check estimate.json {STRICT}", "<&- >&- 2>&-", 1),
        ("check nowhere.csv", "2>&-", 2),
    ],
)
def test_streams_that_were_closed_from_the_first(alfs, tmp_path, words, closed, code):
    done = alfs(f"{words} {closed} -o json=made.json")
    assert done.returncode == code
    if code < 2:  # no stream's number went to a file of ours
        assert (tmp_path / "made.json").read_text().endswith("}\n")


def test_a_stream_that_cannot_be_written(alfs):
    assert alfs("check estimate.json 1</dev/null").returncode == 0
    assert alfs("check estimate.json 2>/dev/full").returncode == 0


@pytest.mark.parametrize("words", ["check estimate.json", "--version"])
def test_a_result_that_is_lost_on_a_full_disk_is_said(alfs, words):
    done = alfs(f"{words} >/dev/full")
    assert done.returncode == 3
    assert "No space left" in done.stderr
