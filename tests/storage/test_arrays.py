"""Arrays in an .npz: under their names and no others, and never with code."""

import numpy as np
import pytest

from alfs_cli.storage.arrays import save_npz


@pytest.mark.parametrize("is_compressed", [False, True])
def test_only_what_was_given_is_there(tmp_path, is_compressed):
    save_npz(tmp_path / "a.npz", {"x": np.arange(3), "names": np.array(["a", "b"])},
             is_compressed=is_compressed)  # fmt: skip
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert set(file.files) == {"x", "names"}
        assert file["x"].tolist() == [0, 1, 2]


def test_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="'x' holds Python objects"):
        save_npz(tmp_path / "a.npz", {"x": np.array([{}])})
    assert not list(tmp_path.iterdir())
