"""Addresses, the places of copies, and what of an address anybody may read."""

import pytest

from alfs_cli.text.addresses import (
    address_of,
    address_taken,
    is_address,
    parsed,
    place_of,
    shown,
    with_addresses,
)


@pytest.fixture(autouse=True)
def copies(tmp_path, monkeypatch):
    monkeypatch.setenv("ALFS_CACHE_DIR", str(tmp_path))
    return tmp_path / "remote"


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/photos/50% dog/a b.png", "s3://bucket", "memory://a/b.csv", "memory://b.csv",
        "http://host:8000/a%20b/50%25.csv", "hf://datasets/org/name@main/data/x.parquet",
        "abfs://container@account.dfs.core.windows.net/x.csv", "gs://bucket/Ä/x#1.csv",
        "https://me:secret@host/x.csv?signature=secret", "ftp://me:secret@host/x.csv",
        "zip://photos/1.png::https://host/x.zip?signature=secret",
    ],
)  # fmt: skip
def test_a_place_leads_back_to_its_address_and_tells_no_secret(copies, text):
    address = parsed(text)
    place = place_of(address)
    assert place.is_relative_to(copies)
    assert address_of(place).url.rstrip("/") == address.url.rstrip("/")
    assert "secret" not in f"{place} {address.shown} {shown(str(place))} {shown(text)}"
    assert address.is_secret == ("secret" in text)


def test_other_secrets_have_other_copies():
    places = {place_of(parsed(f"https://host/x.csv{end}")) for end in ("", "?a=1", "?a=2")}
    assert len(places) == 3


@pytest.mark.parametrize("path", ["../../etc/passwd", "a/../b", "a//b", "a/./b", "x" * 300, "a\0b"])
def test_no_place_lies_outside_of_the_copies(path):
    assert place_of(parsed(f"s3://bucket/{path}")) is None


def test_a_host_leads_nowhere_else(copies):
    place = place_of(parsed("http://../x.csv"))
    assert place is None or place.resolve().is_relative_to(copies / "http")


def test_messages_name_addresses(copies):
    message = f"'{place_of(parsed('s3://bucket/a b.csv?x'))}' and '{copies.parent}/b'"
    assert with_addresses(message) == f"'s3://bucket/a b.csv?x' and '{copies.parent}/b'"


@pytest.mark.parametrize("text", ["a/b.csv", "C:/a.csv", "C:\\a.csv", "a:b", "", None, "://x"])
def test_paths_are_no_addresses(text):
    assert not is_address(text)
    assert address_of("a/b.csv") is None
    assert address_taken("C:/a.csv") is None


def test_fsspecs_own_caches_are_left_out():
    assert parsed("simplecache::s3://bucket/a.csv") == parsed("s3://bucket/a.csv")
