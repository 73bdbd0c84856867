"""Findings about examples: where they are, and a fingerprint of the content wherever it lies."""

from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load
from alfs_cli.data.duplicates import content_digest
from alfs_cli.inspecting.examples import example_finding


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Write data/cat and data/dog with three pictures each, and labels.csv that lists them."""
    monkeypatch.chdir(tmp_path)
    lines = ["path,label"]
    for i in range(6):
        name = "cat" if i < 3 else "dog"
        path = tmp_path / "data" / name / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 20 * i).save(path)
        lines.append(f"data/{name}/{i}.png,{name}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def finding(source, place, **options):
    """Return a finding about one example of DATA."""
    dataset = load(DataSpec(source, **options))
    digest = content_digest(dataset, place)
    return example_finding(dataset, place, "ALFS101", "looks odd", digest)


def expected(content, label):
    return f"{sha256(content).hexdigest()[:16]}:{label}"


def test_of_a_folder(pictures):
    found = finding("data", 4)
    assert (found.path, found.line, found.row, found.given) == ("data/dog/4.png", None, 4, "dog")
    assert found.level == "warning"
    assert found.fingerprint == expected((pictures / "data/dog/4.png").read_bytes(), "dog")


def test_of_a_manifest(pictures):
    found = finding("labels.csv", 4)
    assert (found.path, found.line, found.manifest) == ("data/dog/4.png", 6, "labels.csv")
    assert found.fingerprint == finding("data", 4).fingerprint


def test_of_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(12, 3))
    np.savez("a.npz", features=rows, labels=np.arange(12) % 2, class_names=["cat", "dog"])
    found = finding("a.npz", 5)
    assert (found.path, found.line, found.row, found.manifest) == ("a.npz", None, 5, None)
    assert found.message == "row 5: given 'dog', looks odd"
    assert found.fingerprint == expected(rows[5].astype("<f4").tobytes(), "dog")

    lines = ["a,b,c,label"] + [",".join(f"{v:.17g}" for v in row) + ",dog" for row in rows]
    lines[1:3] = [line.replace("dog", "cat") for line in lines[1:3]]
    for end in ("\n", "\r\n"):
        (tmp_path / "a.csv").write_bytes(end.join(lines).encode())
        listed = finding("a.csv", 5)
        assert (listed.path, listed.line, listed.manifest) == ("a.csv", 7, "a.csv")
        assert listed.fingerprint == found.fingerprint


def test_of_pictures_in_memory_and_of_probabilities(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (12, 4, 4), dtype=np.uint8)
    np.savez("a.npz", images=images, labels=np.arange(12) % 2)
    assert finding("a.npz", 5).fingerprint == expected(images[5].tobytes(), "1")
    np.save("p.npy", np.tile([0.25, 0.75], (12, 1)))
    np.save("y.npy", np.arange(12) % 2)
    found = finding(None, 5, pred_probs="p.npy", labels="y.npy")
    assert found.fingerprint == expected(np.array([0.25, 0.75]).tobytes(), "1")
