"""Whoever listens, and for how long, an exit code is that of the verdict."""

import os
import subprocess
import sys
from subprocess import DEVNULL, PIPE, STDOUT

import pytest

from tests.conftest import make_estimate
from tests.forks import forked_alfs

STRICT = ("--max-noise-rate", "0", "--gate-on", "strict")


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


@pytest.fixture
def copied(tmp_path):
    """Return a function that runs a command line there, in a copy of this process.

    It returns the exit code and what came to stderr.
    """
    make_estimate().save(tmp_path / "estimate.json")

    def call(words, **streams):
        options = {"stderr": PIPE, **streams}
        with forked_alfs(*words, cwd=tmp_path, text=True, **options) as process:
            _, err = process.communicate(timeout=60)
        assert "Traceback" not in (err or "")
        return process.returncode, err

    return call


def test_a_reader_of_the_shell_that_has_gone(alfs):
    done = alfs("check estimate.json -f html | head -c 1", {"PYTHONUNBUFFERED": "1"})
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "stderr", "code"),
    [
        (("check", "estimate.json"), PIPE, 0),
        (("check", "estimate.json", "-f", "html"), PIPE, 0),
        (("check", "estimate.json", "-f", "json"), STDOUT, 0),
        (("check", "estimate.json", *STRICT, "-f", "csv"), PIPE, 1),
        (("check", "nowhere.json"), STDOUT, 2),
        (("--help",), PIPE, 0),
    ],
)
def test_a_reader_that_has_gone(copied, words, stderr, code):
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "w") as gone:
        found = copied(words, stdout=gone, stderr=stderr)
    assert found[0] == code


@pytest.mark.parametrize(
    ("words", "closed", "code"),
    [
        ("check estimate.json", ">&-", 0),
        (f"check estimate.json {' '.join(STRICT)}", "<&- >&- 2>&-", 1),
        ("check nowhere.json", "2>&-", 2),
    ],
)
def test_streams_that_were_closed_from_the_first(alfs, tmp_path, words, closed, code):
    done = alfs(f"{words} {closed} -o json=made.json")
    assert done.returncode == code
    if code < 2:  # no stream's number went to a file of ours
        assert (tmp_path / "made.json").read_text().endswith("}\n")


def test_a_stream_that_cannot_be_written(copied):
    with open(os.devnull) as unwritable, open("/dev/full", "w") as full:
        assert copied(["check", "estimate.json"], stdout=unwritable)[0] == 0
        assert copied(["check", "estimate.json"], stdout=DEVNULL, stderr=full)[0] == 0


@pytest.mark.parametrize("words", [("check", "estimate.json"), ("--version",)])
def test_a_result_that_is_lost_on_a_full_disk_is_said(copied, words):
    with open("/dev/full", "w") as full:
        code, err = copied(words, stdout=full)
    assert code == 3
    assert "No space left" in err
