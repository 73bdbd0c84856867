"""Suppressions: by rule, by path, by a line with a date; what they did is counted."""

import fnmatch
import os
import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.errors import InputError
from alfs_cli.findings.finding import Finding
from alfs_cli.findings.rules import Selection
from alfs_cli.gate.suppressions import Suppressions, lies_in, read_lines, sort_out

TODAY = date(2026, 11, 22)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finding(path, rule="ALFS101", key=None, **more):
    return Finding(rule, "warning", "", path, fingerprint=key, **more)


def lines(text, name="alfs-ignore.csv"):
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("id_or_path,rule,reason,expires\n" + text)
    return read_lines(Path(name), today=TODAY)


FOUND = (
    finding("data/legacy/a.png"),
    finding("data/legacy/deep/b.png"),
    finding("data/c.png", "ALFS401"),
    finding("data/d.png", key="00ff:cat"),
)


def left(**options):
    """Return the names of the findings that are left, how many were ignored, stale lines."""
    found = sort_out(FOUND, Suppressions(**options))
    return [Path(f.path).stem for f in found.kept], found.ignored, found.stale


def test_by_rule():
    assert left() == (["a", "b", "c", "d"], 0, ())
    assert left(rules=Selection(ignore=("ALFS4",))) == (["a", "b", "d"], 1, ())
    assert left(rules=Selection(select=("ALFS4",))) == (["c"], 0, ())


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("data/legacy/**", ["c", "d"]),
        ("data/legacy/", ["c", "d"]),
        ("data/legacy/*", ["b", "c", "d"]),
        ("**/?.png", []),
        ("data/*.png", ["a", "b"]),
        ("./data/c.png", ["a", "b", "d"]),
        ("legacy/**", ["a", "b", "c", "d"]),
        ("data/[c].png", ["a", "b", "c", "d"]),
        ("**", []),
        ("**/legacy/**/*.png", ["c", "d"]),
        ("data/**/b.png", ["a", "c", "d"]),
        ("**/data/**/**/c.png", ["a", "b", "d"]),
        ("data/c.png/**", ["a", "b", "c", "d"]),
        ("data/**.png", ["a", "b"]),  # `**` within a name is `*`
        ("data/leg*y/?.png", ["b", "c", "d"]),
    ],
)
def test_by_path(here, pattern, kept):
    assert left(by_path=((pattern, ("ALFS",)),))[0] == kept


def test_paths_start_from_the_file_that_names_them(here):
    assert left(by_path=(("legacy/**", ("ALFS101",)),), base="data")[0] == ["c", "d"]
    assert left(lines=lines("c.png,ALFS4,,\n", "data/ignore.csv"))[0] == ["a", "b", "d"]
    listed = finding("img/a.png", line=3, manifest="meta/labels.csv")
    rules = (("meta/labels.csv", ("ALFS",)),)
    assert sort_out([listed], Suppressions(by_path=rules)).ignored == 1
    absolute = finding(os.path.abspath("data/legacy/a.png"))
    by_path = (("data/legacy/*", ("ALFS",)),)
    assert sort_out([absolute], Suppressions(by_path=by_path)).ignored == 1


def test_by_line(here):
    found = left(lines=lines("data/c.png,ALFS401,known,\n00ff:cat,suspect-label,,2026-11-22\n"))
    assert found == (["a", "b"], 2, ())


def test_a_line_that_has_expired_does_nothing_and_one_unused_is_stale(here):
    kept, ignored, stale = left(
        lines=lines("data/c.png,ALFS401,,2026-11-21\ndata/x.png,ALFS1,,\n'=a.png,ALFS1,,\n")
    )
    assert (kept, ignored) == (["a", "b", "c", "d"], 0)
    assert stale == (
        "alfs-ignore.csv:2: data/c.png ALFS401 (expired)",
        "alfs-ignore.csv:3: data/x.png ALFS1 (unused)",
        "alfs-ignore.csv:4: =a.png ALFS1 (unused)",
    )
    # a line whose rule nobody looks at is not unused
    assert left(lines=lines("x.png,ALFS1,,\n"), rules=Selection(select=("ALFS4",)))[2] == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n", "unknown column 'a'"),
        ("id_or_path,rul,reason\n", "unknown column 'rul' (did you mean 'rule'?)"),
        ("id_or_path,reason\n", "a column is missing"),
        ("", "a column is missing"),
        ("id_or_path,rule\na.png,ALFS999\n", "alfs-ignore.csv:2: unknown rule 'ALFS999'"),
        ("id_or_path,rule\n,ALFS1\n", "id_or_path is empty"),
        ("id_or_path,rule\na.png,\n", "unknown rule ''"),
        ("id_or_path,rule,expires\na.png,ALFS1,tomorrow\n", "expires is 'tomorrow', not a date"),
    ],
)
def test_wrong_files(here, text, says):
    Path("alfs-ignore.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        read_lines(Path("alfs-ignore.csv"))
    assert says in str(caught.value)


def test_everything_wrong_is_told_at_once(here):
    with pytest.raises(InputError) as caught:
        lines("a,ALFS5,,\nb,ALFS1,,x\n,ALFS1,,\n")
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(InputError, match="no such file"):
        read_lines(Path("none.csv"))


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 40 + "b",
        "**/" * 60 + "x.png",
        "**/*a" * 30 + "b",
        "**/a/" * 40 + "b",
        "*?*?*?*?" * 20 + "b",
        "a**" * 60 + "b",
        "*" * 5000 + "b",
    ],
    ids=range(7),
)
def test_no_pattern_takes_long(here, pattern):
    paths = ["a" * 250 + ".png", "/".join("a" * 200) + ".png", "/".join(["a" * 60] * 30)]
    begun = time.process_time()
    found = sort_out(
        [finding(path) for path in paths * 20], Suppressions(by_path=((pattern, ("ALFS",)),))
    )
    assert found.ignored == 0
    assert time.process_time() - begun < 2


PATHS = st.lists(st.text("ab.", min_size=1, max_size=4), min_size=1, max_size=5).map("/".join)
PATTERNS = st.lists(
    st.sampled_from(["**", "*", "a", "b", "?", "a*", "*b", "a?b", "*a*"]), min_size=1, max_size=5
).map("/".join)


@given(path=PATHS.filter(lambda text: "." not in text), pattern=PATTERNS)
def test_patterns_mean_what_they_say(path, pattern):
    """Against every way to divide the path, tried one by one."""

    def fits(names, parts):
        if not parts:
            return not names
        if parts == ["**"]:
            return bool(names)
        if parts[0] == "**":
            return any(fits(names[i:], parts[1:]) for i in range(len(names) + 1))
        return (
            bool(names) and fnmatch.fnmatchcase(names[0], parts[0]) and fits(names[1:], parts[1:])
        )

    assert lies_in(finding(path), pattern, ".") == fits(path.split("/"), pattern.split("/"))
