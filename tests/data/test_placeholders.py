"""Pointers and dangling links in the place of files, named as what they are."""

import numpy as np
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.placeholders import how_to_fetch, what_lies_there
from alfs_cli.errors import InputError

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
ANNEX = "/annex/objects/SHA256E-s123--0123.png\n"
NAMES = ("pointer", "unlocked", "annex", "dvc", "nowhere")
SAID = {
    "pointer": ("a pointer of Git LFS", "git lfs pull"),
    "unlocked": ("a pointer of git-annex", "git annex get"),
    "annex": ("a dangling link (of git-annex)", "git annex get"),
    "dvc": ("a dangling link (of DVC)", "dvc pull"),
    "nowhere": ("a dangling link", "mend the links"),
}


def put(path, name):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    match name:
        case "pointer":
            path.write_text(LFS)
        case "unlocked":
            path.write_text(ANNEX)
        case "annex":
            path.symlink_to("../../.git/annex/objects/Xx/SHA256E-s1--00.png")
        case "dvc":
            path.symlink_to("/home/somebody/.cache/dvc/files/md5/ab/cdef")
        case _:
            path.symlink_to("not-here")


@pytest.mark.parametrize("name", NAMES)
def test_what_it_is_and_how_to_fetch(tmp_path, name):
    put(tmp_path / "a.png", name)
    what, how = SAID[name]
    assert what in what_lies_there(tmp_path / "a.png")
    assert how in how_to_fetch([tmp_path, tmp_path / "a.png"])


def test_whole_files_and_absent_ones_are_none(tmp_path, picture):
    assert what_lies_there(picture(tmp_path / "a.png")) is None
    assert what_lies_there(tmp_path) is None
    assert what_lies_there(tmp_path / "none.png") is None
    (tmp_path / "link.png").symlink_to("a.png")
    assert what_lies_there(tmp_path / "link.png") is None


@pytest.mark.parametrize("name", NAMES)
def test_in_a_folder(folder, name):
    put(folder / "cat" / "1.png", name)
    dataset = load(DataSpec(str(folder), lenient=True))
    (problem,) = [problem for problem in dataset.problems if problem.rule == "ALFS401"]
    assert SAID[name][0] in problem.message
    with pytest.raises(InputError, match="cannot be read, over 1 %") as caught:
        load(DataSpec(str(folder)))
    assert SAID[name][1] in caught.value.help


@pytest.mark.parametrize("name", NAMES)
def test_in_a_manifest(tmp_path, picture, name):
    picture(tmp_path / "b.png")
    put(tmp_path / "a.png", name)
    (tmp_path / "m.csv").write_text("path,label\na.png,cat\nb.png,dog\n")
    with pytest.raises(InputError) as caught:
        load(DataSpec(str(tmp_path / "m.csv")))
    assert SAID[name][1] in caught.value.help


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file", ["m.csv", "m.npz", "m.parquet", "m.jsonl"])
def test_data_and_files_laid_over_them(tmp_path, name, file):
    put(tmp_path / file, name)
    np.savez(tmp_path / "d.npz", features=np.zeros((4, 2)), labels=[0, 1, 0, 1])
    specs = [
        DataSpec(str(tmp_path / file)),
        DataSpec(str(tmp_path / "d.npz"), labels=str(tmp_path / file)),
        DataSpec(str(tmp_path / "d.npz"), pred_probs=str(tmp_path / file)),
    ]
    for spec in specs:
        with pytest.raises(InputError) as caught:
            load(spec)
        assert SAID[name][0] in str(caught.value)
        assert SAID[name][1] in caught.value.help
