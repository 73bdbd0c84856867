"""Saved JSON: round trips, infinities, broken and newer files, writes that leave nothing behind."""

import json
import math
import os
from dataclasses import dataclass

import pytest

from alfs_cli.errors import InputError, WorkError
from alfs_cli.storage.documents import (
    Number,
    from_document,
    read_document,
    render_document,
    to_document,
    write_document,
)
from alfs_cli.storage.writing import replacing
from alfs_cli.text.cells import safe_cell, unguarded


@dataclass(frozen=True)
class Sample:
    name: str
    level: Number
    rows: tuple[tuple[Number, ...], ...]


def test_round_trip_with_infinity(tmp_path):
    sample = Sample("a", math.inf, ((1.0, math.inf), (0.25, -3.0)))
    path = tmp_path / "sample.json"
    write_document(path, to_document("alfs.sample/1", sample))
    text = path.read_text()
    assert '"level": "inf"' in text
    assert from_document(read_document(path, "alfs.sample/1"), Sample, where="x") == sample


def test_nan_is_null():
    assert to_document("alfs.sample/1", Sample("a", math.nan, ()))["level"] is None


def test_whole_numbers_are_numbers_too(recwarn):
    assert to_document("alfs.sample/1", Sample("a", 3, ()))["level"] == 3
    assert not recwarn.list


def test_unknown_keys_are_passed_over():
    document = {"schema": "alfs.sample/1", "name": "a", "level": 1, "rows": [], "new": {"x": 1}}
    assert from_document(document, Sample, where="x").name == "a"


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"a": []},
        {"a": [1.5, -2, 3e-7]},
        {"a": [[1, 2], [3, 4]], "b": ["x", "y"]},
        {"a": [1, "inf", 2], "b": [{"c": [1]}, 2]},
        {"a": [True, None, 1], "b": "[\n1\n]"},
    ],
)
def test_rendering_is_the_same_json(value):
    assert json.loads(render_document(value)) == value


def test_a_matrix_takes_a_line_a_row():
    assert "[0.5, 0.5],\n" in render_document({"T": [[0.5, 0.5], [0.0, 1.0]]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "sample.json:1: not valid JSON"),
        ("[1]", "schema is None"),
        ('{"schema": "alfs.run/1"}', "schema is 'alfs.run/1', not 'alfs.sample/1'"),
        ('{"schema": "alfs.sample/2"}', "this alfs reads up to 'alfs.sample/1'"),
        ('{"schema": "alfs.sample/x"}', "this alfs reads up to"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_broken_and_newer_files(tmp_path, text, says):
    path = tmp_path / "sample.json"
    path.write_text(text)
    with pytest.raises(InputError, match=says.replace("[", r"\[")):
        read_document(path, "alfs.sample/1")


def test_a_wrong_key_is_named():
    with pytest.raises(InputError, match=r"f\.json: level: .*number.*1 more"):
        from_document({"name": "a", "level": "high", "rows": 3}, Sample, where="f.json")


def write_half_and_raise(path, error):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise error


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        write_half_and_raise(path, RuntimeError())
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_a_full_disk_is_exit_3(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(WorkError, match="No space left") as caught:
        write_half_and_raise(path, OSError(28, "No space left on device"))
    assert caught.value.exit_code == 3
    assert path.read_text() == "old"


@pytest.mark.parametrize("text", ["=1+1", "+a", "-a", "@x", "\tx"])
def test_formulas_are_inert_and_come_back(text):
    assert safe_cell(text) == "'" + text
    assert unguarded(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["cat", "'tis", "NA", ""])
def test_other_text_is_itself(text):
    assert safe_cell(text) == text
    assert unguarded(text) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("\u2066=1\u2069", "\\u2066=1\\u2069"),
        ("\r=1+1", "\\x0d=1+1"),
        ("=\x9b2J", "'=\\x9b2J"),
    ],
)
def test_what_steers_is_written_out_and_comes_back(text, cell):
    assert safe_cell(text) == cell
    assert unguarded(cell) == text


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022, 0o002])
def test_files_are_for_the_eyes_that_the_umask_lets(tmp_path, mask):
    path = tmp_path / "sub" / "a.json"
    before = os.umask(mask)
    try:
        with replacing(path) as temporary:
            assert temporary.stat().st_mode & 0o777 == 0o666 & ~mask
            temporary.write_text("x")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    assert path.parent.stat().st_mode & 0o777 == 0o777 & ~mask


@pytest.mark.parametrize(("mode", "then"), [(0o600, 0o600), (0o640, 0o640), (0o666, 0o644)])
def test_what_was_private_stays_so(tmp_path, mode, then):
    path = tmp_path / "a.json"
    path.touch()
    path.chmod(mode)
    before = os.umask(0o022)
    try:
        write_document(path, {})
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == then


def test_no_pipe_or_device_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("pipe", "null"):
        with pytest.raises(InputError, match=r"is a (pipe|device), not a file"):
            write_document(tmp_path / name, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["null", "pipe"]
    assert (tmp_path / "pipe").is_fifo()
