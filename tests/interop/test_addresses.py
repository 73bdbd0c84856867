"""Data behind servers on this machine: S3 by s3fs, pages of links by HTTP, archives in either."""

import functools
import http.server
import io
import threading
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError
from tests.forks import forked

pytestmark = pytest.mark.interop

NAMES = ("a cat", "50% dog")


def files():
    """Return pictures and a manifest that lists them, by path."""
    found = {}
    for number in range(12):
        stream = io.BytesIO()
        shade = 20 * number
        Image.fromarray(np.full((4, 4), shade, np.uint8)).save(stream, "PNG")
        found[f"photos/{NAMES[number % 2]}/{number} #x.png"] = stream.getvalue()
    lines = [f"{path},{path.split('/')[1]}" for path in found]
    return found | {"labels.csv": "\n".join(["path,label", *lines]).encode()}


def archive():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        for path, content in files().items():
            zipped.writestr(path, content)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("ALFS_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def bucket(monkeypatch):
    """An S3 bucket of these files, as boto3 sees it."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.get_host_and_port()[1]}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    for path, content in files().items():
        client.put_object(Bucket="bucket", Key=path, Body=content)
    yield client
    server.stop()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, but not what is called private, and notes what it sent."""

    sent: list

    def log_message(self, *_):
        """Print nothing."""

    def end_headers(self):
        """Say what version of a file this is."""
        file = Path(self.translate_path(self.path))
        if file.is_file():
            self.send_header("ETag", f'"{sha256(file.read_bytes()).hexdigest()}"')
        super().end_headers()

    def do_GET(self):
        """Send a file or a page of links."""
        if "private" in self.path:
            self.send_error(403)
            return
        self.sent.append(self.path)
        super().do_GET()


@pytest.fixture
def site(tmp_path):
    """The folder of a web server, its address, and what it sent."""
    top = tmp_path / "www"
    for path, content in files().items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(content)
    sent = []
    handler = functools.partial(type("Handler", (Handler,), {"sent": sent}), directory=str(top))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield top, f"http://127.0.0.1:{server.server_port}", sent
        server.shutdown()
        thread.join()


def test_a_bucket(bucket, tmp_path):
    (tmp_path / "local").mkdir()
    for path, content in files().items():
        (tmp_path / "local" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "local" / path).write_bytes(content)
    folder, manifest = (
        load(DataSpec("s3://bucket/photos/")),
        load(DataSpec("s3://bucket/labels.csv")),
    )
    assert folder.fingerprint == load(DataSpec(str(tmp_path / "local/photos"))).fingerprint
    assert manifest.fingerprint == load(DataSpec(str(tmp_path / "local/labels.csv"))).fingerprint
    assert sorted(folder.paths) == sorted(manifest.paths)
    assert "s3://bucket/photos/a cat/0 #x.png" in folder.paths
    changed = files()["photos/a cat/0 #x.png"]
    bucket.put_object(Bucket="bucket", Key="photos/a cat/2 #x.png", Body=changed)
    bucket.delete_object(Bucket="bucket", Key="photos/a cat/4 #x.png")
    again = load(DataSpec("s3://bucket/photos/"))
    assert len(again) == len(folder) - 1
    assert again.fingerprint != folder.fingerprint

    def child():
        assert len(load(DataSpec("s3://bucket/photos/"))) == len(again)

    assert forked(child).wait() == 0
    bucket.put_object(Bucket="bucket", Key="x.zip", Body=archive())
    zipped = load(DataSpec("zip://labels.csv::s3://bucket/x.zip"))
    assert zipped.fingerprint == manifest.fingerprint
    for address in ("s3://bucket/none.csv", "s3://other/labels.csv", "s3://bucket/none/"):
        with pytest.raises(InputError, match="no such file or folder"):
            load(DataSpec(address))


def test_credentials_that_are_missing_or_wrong(bucket, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    def child():
        with pytest.raises(InputError, match="no credentials were found") as refused:
            load(DataSpec("s3://bucket/labels.csv"))
        assert "AWS_PROFILE" in refused.value.help

    assert forked(child).wait() == 0  # fsspec keeps a file system for each process


def test_a_web_server(site):
    top, address, sent = site
    secret = f"{address}/labels.csv?token=secret"
    manifest, folder = load(DataSpec(secret)), load(DataSpec(f"{address}/photos/"))
    assert manifest.spec.given()["source"] == f"{address}/labels.csv"
    assert sorted(folder.paths) == sorted(manifest.paths)
    assert f"{address}/photos/50% dog/1 #x.png" in folder.paths
    sent.clear()
    assert load(DataSpec(f"{address}/photos/")).fingerprint == folder.fingerprint
    assert not [path for path in sent if path.endswith(".png")]
    (top / "labels.csv").write_text("path,label\nphotos/a cat/0 #x.png,cat\nphotos/x.png,cat\n")
    with pytest.raises(InputError, match="1 of 2 paths of"):
        load(DataSpec(secret))
    with pytest.raises(InputError, match="may not be read"):
        load(DataSpec(f"{address}/private.csv?token=secret"))
    with pytest.raises(InputError, match="cannot reach") as refused:
        load(DataSpec("http://127.0.0.1:9/labels.csv?token=secret"))
    assert "secret" not in str(refused.value)
