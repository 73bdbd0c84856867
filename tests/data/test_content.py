"""Fingerprints are a promise: saved results name them, so they never change by accident."""

import numpy as np

from alfs_cli.data import DataSpec, load

LABELS = np.arange(6) % 2


def test_the_fingerprint_of_arrays(tmp_path):
    pixels = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
    np.savez(tmp_path / "x.npz", images=pixels, labels=LABELS, class_names=["cat", "dog"])
    assert load(DataSpec(str(tmp_path / "x.npz"))).fingerprint == "b11b742451e53a62"


def test_the_fingerprint_of_a_folder(tmp_path):
    for number, name in enumerate(("cat/1.png", "cat/2.png", "dog/1.png", "dog/deep/2.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes([number]) * 70_000)
    assert load(DataSpec(str(tmp_path))).fingerprint == "0eea35094cbed71a"


def test_the_fingerprint_of_features_in_a_manifest(tmp_path):
    (tmp_path / "m.csv").write_text("x,y,label\n0.5,1,cat\n1.5,2,dog\n2.5,3,cat\n")
    assert load(DataSpec(str(tmp_path / "m.csv"))).fingerprint == "08e791413ac274cd"
