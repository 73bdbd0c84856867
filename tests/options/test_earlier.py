"""No green file outlives a red one: what `could not look` removes, and what it never touches."""

import os
from pathlib import Path

import pytest

from alfs_cli import cli
from alfs_cli.errors import Stopped, WorkError
from alfs_cli.formats import formats_of
from tests.conftest import make_estimate

FORMATS = formats_of("check")


@pytest.fixture
def alfs(tmp_path, monkeypatch):
    """Return `run` in a folder that holds estimate.json."""
    monkeypatch.chdir(tmp_path)
    make_estimate().save(Path("estimate.json"))
    return lambda *words: cli.run(list(words))


def outputs(*formats):
    return [word for name in formats for word in ("-o", f"{name}=made/{name}")]


@pytest.mark.parametrize(
    "words",
    [
        ("check", "nowhere.json"),
        ("check", "estimate.json", "--no-such-option"),
        ("check", "estimate.json", "--max-noise-rate", "much"),
        ("check", "estimate.json", "--min-trust", "ultra"),
        ("check",),
    ],
)
def test_what_the_last_run_wrote_goes(alfs, words):
    assert alfs("check", "estimate.json", *outputs(*FORMATS)) == 0
    assert len(list(Path("made").iterdir())) == len(FORMATS)
    assert alfs(*words, *outputs(*FORMATS)) == 2
    assert list(Path("made").iterdir()) == []
    assert not Path("alfs-out/check.json").exists()
    assert Path("estimate.json").exists()


@pytest.mark.parametrize(
    "error",
    [WorkError("disk full"), MemoryError(), ValueError("a bug"), KeyboardInterrupt(),
     Stopped("terminated", exit_code=143)],
)  # fmt: skip
def test_however_it_ended(alfs, monkeypatch, error):
    assert alfs("check", "estimate.json", "-o", "sarif=a.sarif") == 0

    def fail(**_):
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert alfs("check", "estimate.json", "-o", "sarif=a.sarif") in (3, 101, 130, 143)
    assert not Path("a.sarif").exists()
    assert not Path("alfs-out/check.json").exists()


@pytest.mark.parametrize(
    "spelling",
    [("-osarif=a",), ("--output", "sarif=a"), ("--output=sarif=a",), ("-qo", "sarif=a"),
     ("-o", "junit=./b/../a"), ("-o", "sarif=link")],
)  # fmt: skip
def test_in_every_spelling(alfs, spelling):
    Path("b").mkdir()
    assert alfs("check", "estimate.json", "-o", "sarif=a") == 0
    Path("link").symlink_to("a")
    assert alfs("check", "nowhere.json", *spelling) == 2
    assert not Path("a").exists()


def test_a_folder_of_results_by_another_name(alfs):
    assert alfs("check", "estimate.json", "--out", "here") == 0
    assert alfs("check", "nowhere.json") == 2
    assert Path("here/check.json").exists()
    assert alfs("check", "nowhere.json", "--out=here") == 2
    assert not Path("here/check.json").exists()


def test_a_judgement_takes_nothing_away(alfs):
    assert alfs("check", "estimate.json", "-o", "csv=a.csv") == 0
    limits = ("--max-noise-rate", "0", "--gate-on", "strict")
    assert alfs("check", "estimate.json", *limits, "-o", "csv=a.csv") == 1
    assert "fail" in Path("a.csv").read_text()
    assert Path("alfs-out/check.json").exists()


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_of_the_users_stays(alfs, format):
    Path("mine").write_text("path,label\n")
    assert alfs("check", "nowhere.json", "-o", f"{format}=mine") == 2
    assert Path("mine").read_text() == "path,label\n"


def test_inputs_and_saved_results_stay(alfs):
    Path("alfs-out").mkdir()
    for path in ("alfs-out/estimate.json", "second.json"):
        make_estimate().save(Path(path))
    os.link("second.json", "third.json")
    Path("link.json").symlink_to("second.json")
    for name in ("second.json", "./third.json", "link.json"):
        assert alfs("check", "second.json", "-o", f"json={name}") == 2
        assert alfs("check", "--baseline=second.json", "x.csv", "-o", f"json={name}") == 2
    assert alfs("recommend", "-o", "json=alfs-out/estimate.json") == 2
    assert Path("second.json").exists()
    assert Path("third.json").exists()
    assert Path("alfs-out/estimate.json").exists()
    Path("run").mkdir()
    Path("run/config.yaml").write_text("")
    Path("run/result.json").write_text('{"schema": "alfs.run/1"}')
    assert alfs("evaluate", "run", "-o", "json=run/result.json") == 2
    assert Path("run/result.json").exists()


def test_what_this_run_wrote_stays(alfs, monkeypatch):
    """A sweep of which one run failed has compared the others: exit code 3, with a result."""
    assert alfs("check", "estimate.json", "-o", "json=a.json") == 0

    def fail(**_):
        Path("a.json").unlink()
        Path("a.json").write_text('{"schema": "alfs.check/1", "new": true}')
        raise WorkError("one failed")

    monkeypatch.setattr(cli, "app", fail)
    assert alfs("sweep", "-o", "json=a.json") == 3
    assert "new" in Path("a.json").read_text()


@pytest.mark.parametrize("name", ["", "\0", "x" * 5000, "a/b", "."])
def test_names_that_are_none(alfs, name):
    assert alfs("check", "nowhere.json", "-o", f"json={name}") == 2
    assert alfs("check", "nowhere.json", "-o") == 2
