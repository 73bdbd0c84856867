"""Copies of what lies at addresses, with fsspec's file system in memory."""

from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from alfs_cli.errors import InputError, UsageError
from alfs_cli.storage import remote
from alfs_cli.storage.remote import copied, fetch_listed, is_there, kept_at
from alfs_cli.text.addresses import parsed
from tests.forks import forked


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store at memory://."""
    monkeypatch.setenv("ALFS_CACHE_DIR", str(tmp_path / "cache"))
    fs = fsspec.filesystem("memory")
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


@pytest.fixture
def fetches(monkeypatch):
    """The names of the files that were fetched."""
    names = []
    get = MemoryFileSystem.get_file
    monkeypatch.setattr(
        MemoryFileSystem,
        "get_file",
        lambda fs, name, *rest: (names.append(name), get(fs, name, *rest)),
    )
    return names


def copy(text):
    return Path(copied(text, wanted=lambda name: not name.endswith(".mp4")))


def tree(top):
    return {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*") if p.is_file()}


def test_a_path_stays_as_it_is():
    assert copied("data/labels.csv", wanted=bool) == kept_at("data/labels.csv") == "data/labels.csv"


def test_what_has_not_changed_is_fetched_once_and_what_has_again(store, fetches):
    store.pipe_file("/d/a.csv", b"1")
    for _ in range(2):
        assert copy("memory://d/a.csv").read_bytes() == b"1"
    assert fetches == ["/d/a.csv"]
    store.pipe_file("/d/a.csv", b"2")  # of the same size
    assert copy("memory://d/a.csv").read_bytes() == b"2"
    store.rm("/d/a.csv")
    with pytest.raises(InputError, match=r"no such file or folder: 'memory://d/a\.csv'"):
        copy("memory://d/a.csv")


def test_a_copy_that_somebody_wrote_to_is_fetched_anew(store):
    store.pipe_file("/a.csv", b"1")
    copy("memory://a.csv").write_bytes(b"x")
    assert copy("memory://a.csv").read_bytes() == b"1"


def test_what_tells_no_version_is_fetched_each_time(store, fetches, monkeypatch):
    monkeypatch.setattr(remote, "TIMES", ())
    store.pipe_file("/a.csv", b"1")
    for _ in range(2):
        copy("memory://a.csv")
    assert len(fetches) == 2


def test_a_folder_is_as_it_is_there(store, fetches):
    files = {"a cat/1 %20.png": b"1", "b/2.png": b"2", "b/c/3.png": b"3", "x.mp4": b"4" * 99}
    for name, content in files.items():
        store.pipe_file(f"/p/{name}", content)
    store.mkdir("/p/empty")
    store.pipe_file("/p/.hidden/x.png", b"5")
    top = copy("memory://p")
    assert tree(top) == files | {"x.mp4": b""}  # a name in its place, for readers to count
    assert (top / "empty").is_dir()
    store.rm("/p/b", recursive=True)
    store.rm("/p/empty", recursive=True)
    store.pipe_file("/p/b", b"a file where a folder was")
    fetches.clear()
    assert set(tree(copy("memory://p/"))) == {"a cat/1 %20.png", "b", "x.mp4"}
    assert not (top / "empty").exists()
    assert fetches == ["/p/b"]


def test_names_that_lead_out_are_refused(store, tmp_path):
    store.pipe_file("/q", b"1")
    store.store["/p/../../evil.png"] = store.store["/q"]  # as some stores allow it
    with pytest.raises(InputError, match="is no name that a file here can have"):
        copy("memory://p")
    assert not list(tmp_path.rglob("evil.png"))


def test_a_pattern_names_the_files_that_are_there_now(store):
    for name in ("a-1.npy", "a-2.npy", "b.npy"):
        store.pipe_file(f"/s/{name}", name.encode())
    pattern = copy("memory://s/a-*.npy")
    assert sorted(p.name for p in pattern.parent.glob(pattern.name)) == ["a-1.npy", "a-2.npy"]
    store.rm("/s/a-1.npy")
    copy("memory://s/a-*.npy")
    assert [p.name for p in pattern.parent.glob(pattern.name)] == ["a-2.npy"]


@pytest.mark.parametrize("count", [2, remote.LISTED])
def test_listed_files_are_fetched_and_missing_ones_ignored(store, tmp_path, count):
    for number in range(count):
        store.pipe_file(f"/p/{number}.png", b"%d" % number)
    paths = [kept_at(f"memory://p/{number}.png") for number in range(count + 1)]
    Path(paths[-1]).parent.mkdir(parents=True)
    Path(paths[-1]).write_bytes(b"deleted since")
    fetch_listed([*paths, str(tmp_path / "local.png")])
    assert [Path(path).exists() for path in paths] == [True] * count + [False]
    assert is_there(Path(paths[0]))
    assert not is_there(Path(paths[-1]))


def test_a_forked_process_reads_for_itself(store):
    store.pipe_file("/a.csv", b"1")
    copy("memory://a.csv")

    def child():
        store.pipe_file("/a.csv", b"2")
        assert copy("memory://a.csv").read_bytes() == b"2"

    assert forked(child).wait() == 0


def test_what_a_killed_process_left_is_removed(store):
    store.pipe_file("/a.csv", b"1")
    top = copy("memory://a.csv").parents[2]
    (top / ".memory--.partial-0").touch()
    copy("memory://a.csv")
    assert not list(top.glob(".*.partial-*"))


def test_a_full_disk_is_seen_before(store, monkeypatch):
    store.pipe_file("/a.csv", b"12345")
    monkeypatch.setattr(remote.shutil, "disk_usage", lambda _: SimpleNamespace(free=3))
    with pytest.raises(InputError, match="GB to fetch") as refused:
        copy("memory://a.csv")
    assert "ALFS_CACHE_DIR" in refused.value.help


@pytest.mark.parametrize(
    ("text", "said", "help"),
    [
        ("memory://nothing/x.csv", "no such file or folder", "spelled"),
        ("foo://x/y.csv", "unknown kind of address 'foo://'", "s3://"),
        ("htps://x/y.csv", "did you mean 'https'", "s3://"),
        ("file:///etc/passwd", "is on this machine", "/etc/passwd"),
        ("memory://a/../b", "no file here can be called", "rename"),
        ("memory://*/b.csv", "has a \\* in a folder", None),
    ],
)
def test_errors_say_what_to_do(store, text, said, help):
    with pytest.raises((InputError, UsageError), match=said) as refused:
        copy(text)
    assert help is None or help in refused.value.help


class Unanswered(Exception):
    """An error as libraries of stores raise it."""

    def __init__(self, text="", **fields):
        super().__init__(text)
        vars(self).update(fields)


class NoCredentialsError(Exception):
    """As botocore calls it."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError("Unable to locate credentials"), "no credentials were found"),
        (PermissionError("Access Denied"), "it may not be read"),
        (Unanswered(status=403), "it may not be read"),
        (Unanswered(code=404), "no such file"),
        (Unanswered(response={"Error": {"Code": "NoSuchBucket"}}), "no such file"),
        (Unanswered("https://me:pw@host/x.csv?sig=abc timed out"), "cannot reach"),
        (ImportError("Install s3fs to access S3"), "which is not installed"),
        (ModuleNotFoundError("No module named 'fsspec'"), "which is not installed"),
    ],
)
def test_errors_of_stores_are_told_in_words(error, said):
    address = parsed("https://me:pw@host/x.csv?sig=abc")
    with pytest.raises((InputError, UsageError), match=said) as told, remote.reached(address):
        raise error
    whole = f"{told.value} {told.value.help}"
    assert told.value.help
    assert "pw" not in whole
    assert "abc" not in whole


def test_a_store_that_cannot_be_reached_is_not_taken_for_an_empty_one():
    with pytest.raises(InputError, match="cannot reach"), remote.reached(parsed("s3://b/x.csv")):
        raise FileNotFoundError("https://host/x") from ConnectionRefusedError("refused")
