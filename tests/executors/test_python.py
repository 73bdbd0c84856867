"""How another Python is started: this alfs first, the current folder nowhere."""

import os
import subprocess
import sys

import pytest

from alfs_cli.executors.python import HOME, module_command, search_path


@pytest.mark.parametrize("written", ["", ":", "/a:", ":/a", "/a::/b", "lib"])
def test_no_entry_means_the_folder_that_is_current_then(monkeypatch, written):
    monkeypatch.setenv("PYTHONPATH", written.replace(":", os.pathsep))
    places = search_path()["PYTHONPATH"].split(os.pathsep)
    assert places[0] == str(HOME)
    assert all(os.path.isabs(place) for place in places)
    named = [os.path.abspath(place) for place in written.split(":") if place]
    assert places[1:] == [place for place in named if place != str(HOME)]


def test_the_current_folder_is_not_searched(tmp_path, monkeypatch):
    (tmp_path / "platform.py").write_text("raise SystemExit('owned')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep)
    program, *words = module_command("platform")
    assert program == sys.executable
    done = subprocess.run(
        [program, *words], cwd=tmp_path, env={**os.environ, **search_path()}, capture_output=True
    )
    assert done.returncode == 0, done.stderr
