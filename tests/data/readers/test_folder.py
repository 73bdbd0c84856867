"""Image folders: layouts, names, what is passed over, what is refused."""

import os
import shutil
import unicodedata

import numpy as np
import pytest

from alfs_cli.data import DataSpec, load, splits_of
from alfs_cli.data.readers.folder import heads_of
from alfs_cli.errors import InputError, UsageError

TORTURE = (
    "NA", "null", "None", "no", "001", "1", "[red]", "<b>", "=1+1", "caf\u00e9", "\U0001f600",
    "a,b", "10", "2", "a\tb", "\x1b[31m", "nan", "True", "1.0", " x ", "@x", "{{ 1 }}",
)  # fmt: skip


def read(path, **options):
    return load(DataSpec(str(path), **options))


def test_labels_are_folder_names_and_order_is_that_of_paths(folder):
    dataset = read(folder)
    assert dataset.kind == "folder"
    assert dataset.class_names == ("cat", "dog")
    relative = [os.path.relpath(path, folder) for path in dataset.paths]
    assert relative == [
        "cat/1.png", "cat/10.PNG", "cat/2.jpg", "dog/a.png", "dog/deep/b.png", "dog/deep/c.bmp"
    ]  # fmt: skip
    assert dataset.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.true_labels is None
    assert dataset.split is None
    assert dataset.problems == ()


def test_what_systems_leave_behind_is_passed_over(folder, picture):
    (folder / "cat/Thumbs.db").write_bytes(b"x")
    picture(folder / "cat/._1.png")
    picture(folder / "__MACOSX/cat/1.png")
    picture(folder / ".git/x.png")
    assert len(read(folder)) == 6
    assert read(folder).notes == ()


@pytest.mark.parametrize("place", ["", "cat", "split"])
@pytest.mark.parametrize(
    ("name", "document"), [("alfs-out", None), ("results", "estimate.json"), ("x", "audit.json")]
)
def test_saved_results_are_no_class(folder, picture, tmp_path, place, name, document):
    """Whatever pictures they hold, beside the classes, inside one, and beside splits."""
    if place == "split":
        shutil.move(folder, tmp_path / "split/train")
        folder = tmp_path / "split"
    before = read(folder)
    inside = folder / ("" if place == "split" else place)
    picture(inside / name / "figures/fig1.png")
    picture(inside / name / "1.png")
    if document is not None:
        (inside / name / document).write_text('{"schema": "alfs.estimate/1"}')
    after = read(folder)
    assert (after.fingerprint, after.class_names) == (before.fingerprint, before.class_names)
    assert after.notes == ()


def test_a_folder_of_results_is_not_data(folder, monkeypatch):
    shutil.move(folder, folder.parent / "alfs-out")
    monkeypatch.chdir(folder.parent)
    for name in ("alfs-out", "./alfs-out/"):
        with pytest.raises(InputError, match="holds saved results, not data") as caught:
            read(name)
        assert "alfs-out/estimate.json" in caught.value.help
    monkeypatch.chdir("alfs-out")
    with pytest.raises(InputError, match="holds saved results"):
        read(".")


def test_other_files_are_counted(folder):
    for name in ("a.heic", "b.HEIC", "c.txt"):
        (folder / "dog" / name).write_bytes(b"x")
    assert read(folder).notes == ("3 files were passed over: 2 .heic, 1 .txt",)


@pytest.mark.parametrize(
    ("train", "val", "test"), [("train", "val", "test"), ("Training", "dev", "evaluation")]
)
def test_splits_by_any_of_their_names(folder, tmp_path, train, val, test):
    root = tmp_path / "split"
    for name in (train, val, test):
        shutil.copytree(folder, root / name)
    assert set(splits_of(DataSpec(str(root)))) == {"train", "val", "test"}
    assert read(root).split == "train"
    assert os.path.join("", train, "cat") in read(root).paths[0]
    assert os.path.join("", val, "cat") in read(root, split="validation").paths[0]
    assert read(root, split="test").split == "test"
    with pytest.raises(InputError, match="no split 'extra'"):
        read(root, split="extra")


def test_classes_may_be_called_train_and_test(picture, tmp_path):
    for name in ("train/1.png", "train/2.png", "test/1.png"):
        picture(tmp_path / name)
    assert read(tmp_path).class_names == ("test", "train")
    assert read(tmp_path).split is None


def test_split_and_class_folders_mixed_is_a_question(folder, picture, tmp_path):
    shutil.move(folder, tmp_path / "both/train")
    picture(tmp_path / "both/cat/1.png")
    with pytest.raises(InputError, match=r"mixes split folders \(train\) with class folders") as e:
        read(tmp_path / "both")
    assert "--split train" in e.value.help
    assert len(read(tmp_path / "both", split="train")) == 6


def test_a_split_that_is_asked_for_must_be_there(folder, tmp_path):
    with pytest.raises(InputError, match="no splits"):
        read(folder, split="train")
    shutil.move(folder, tmp_path / "only/test")
    with pytest.raises(InputError, match=r"no split 'train'.*has the splits test"):
        read(tmp_path / "only")
    for name in ("train", "training"):
        shutil.copytree(tmp_path / "only/test", tmp_path / "twice" / name)
    with pytest.raises(InputError, match="two folders for the split 'train'"):
        read(tmp_path / "twice")


def test_a_missing_path_suggests_the_nearest(folder):
    with pytest.raises(InputError, match=r"no such file or directory: .*did you mean '.*data'"):
        read(str(folder)[:-1])
    with pytest.raises(InputError, match="did you mean 'digits'"):
        read("digit")


def test_an_empty_folder_says_what_it_looked_for(tmp_path):
    (tmp_path / "cat").mkdir()
    for name in ("a.heic", "b.heic", "c.txt"):
        (tmp_path / "cat" / name).write_bytes(b"x")
    with pytest.raises(InputError, match=r"found 0 of 3 files; most common: .heic 2"):
        read(tmp_path)


def test_one_class_is_not_enough(tmp_path, picture):
    picture(tmp_path / "cat/1.png")
    with pytest.raises(InputError, match=r"only one class \('cat'\) found: label noise needs two"):
        read(tmp_path)


def test_an_empty_class_is_kept_only_if_declared(folder):
    (folder / "lynx").mkdir()
    with pytest.raises(InputError, match="class 'lynx' has no image"):
        read(folder)
    dataset = read(folder, classes="dog,cat,lynx")
    assert dataset.class_names == ("dog", "cat", "lynx")
    assert dataset.labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert [problem.rule for problem in dataset.problems] == ["ALFS403"]


def test_a_folder_that_is_no_declared_class_is_refused(folder):
    with pytest.raises(InputError, match=r"label 'dog' .*did you mean 'dogs'"):
        read(folder, classes="cat,dogs")


def test_class_files_beside_the_data_give_the_order(folder):
    (folder / "classes.txt").write_text("dog\ncat\n")
    assert read(folder).class_names == ("dog", "cat")
    (folder / "classes.txt").unlink()
    (folder / "class_to_idx.json").write_text('{"cat": 1, "dog": 0}')
    assert read(folder).class_names == ("dog", "cat")
    assert read(folder, classes="cat,dog").class_names == ("cat", "dog")


def test_hostile_class_names_survive(tmp_path, picture):
    for name in TORTURE:
        picture(tmp_path / name / "1.png")
    dataset = read(tmp_path)
    assert set(dataset.class_names) == set(TORTURE)
    assert [dataset.class_names[label] for label in dataset.labels] == [
        path.split(os.sep)[-2] for path in dataset.paths
    ]


def test_composed_and_decomposed_names_are_one_class(tmp_path, picture):
    for form in ("NFC", "NFD"):
        picture(tmp_path / unicodedata.normalize(form, "caf\u00e9") / f"{form}.png")
    picture(tmp_path / "tea/1.png")
    assert read(tmp_path).class_names == ("caf\u00e9", "tea")
    assert len(read(tmp_path)) == 3


def test_undecodable_names_can_be_read_and_shown(folder, picture):
    source = folder / "cat/1.png"
    target = os.fsencode(folder / "cat") + b"/\xff.png"
    try:
        shutil.copy(os.fsencode(source), target)
    except OSError:
        pytest.skip("the file system takes no such name")
    dataset = read(folder)
    place = next(i for i, path in enumerate(dataset.paths) if path.endswith("\\xff.png"))
    assert dataset.images.decode(np.asarray([place]))[1].all()
    "".join(dataset.paths).encode()


def test_numbers_as_names_sort_as_text_with_a_note(tmp_path, picture):
    for name in ("1", "2", "10"):
        picture(tmp_path / name / "1.png")
    dataset = read(tmp_path)
    assert dataset.class_names == ("1", "10", "2")
    assert "--classes" in dataset.notes[0]
    assert read(tmp_path, classes="1,2,10").class_names == ("1", "2", "10")


def test_links_are_followed_but_not_in_circles(folder, tmp_path):
    try:
        (folder / "dog/again").symlink_to(folder, target_is_directory=True)
        (folder / "cat/linked.png").symlink_to(folder / "dog/a.png")
    except OSError:
        pytest.skip("no symbolic links here")
    dataset = read(folder)
    assert len(dataset) == 7
    assert "links back" in dataset.notes[0]


def test_files_that_are_no_images_are_left_out_by_name(tmp_path, picture):
    for number in range(299):
        (tmp_path / "cat").mkdir(exist_ok=True)
        source = picture(tmp_path / "one.png") if number == 0 else tmp_path / "one.png"
        shutil.copy(source, tmp_path / f"cat/{number:03d}.png")
    shutil.move(tmp_path / "one.png", tmp_path / "dog.png")
    picture(tmp_path / "dog/1.png")
    (tmp_path / "cat/000.png").write_bytes(b"")
    (tmp_path / "cat/007.png").write_text("not a picture")
    dataset = read(tmp_path)
    assert len(dataset) == 298
    assert dataset.positions[:3].tolist() == [1, 2, 3]
    assert dataset.positions[-1] == 299
    bad = [problem for problem in dataset.problems if problem.rule == "ALFS401"]
    assert [os.path.basename(problem.path) for problem in bad] == ["000.png", "007.png"]


def test_more_than_one_per_cent_unreadable_is_an_error(folder):
    for name in ("3.png", "4.png", "5.png", "6.png", "7.png", "8.png"):
        (folder / "cat" / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"6 of 12 images .* \(50.0%\) .*3\.png.*7\.png', \.\.\."):
        read(folder)


def test_the_fingerprint_is_of_content_not_of_place(folder, tmp_path):
    before = read(folder).fingerprint
    shutil.copytree(folder, tmp_path / "elsewhere/copy")
    assert read(tmp_path / "elsewhere/copy").fingerprint == before
    assert read(str(folder) + os.sep).fingerprint == before
    assert read(folder, classes="dog,cat").fingerprint != before
    shutil.move(folder / "cat/1.png", folder / "dog/1.png")
    assert read(folder).fingerprint != before


def test_labels_beside_a_folder_replace_its_own(folder, tmp_path):
    np.save(tmp_path / "y.npy", np.asarray([1, 0, 0, 1, 1, 0]))
    (tmp_path / "t.csv").write_text("label\ncat\ncat\ncat\ndog\ndog\ndog\n")
    dataset = read(folder, labels=str(tmp_path / "y.npy"), true_labels=str(tmp_path / "t.csv"))
    assert dataset.labels.tolist() == [1, 0, 0, 1, 1, 0]
    assert dataset.true_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.fingerprint != read(folder).fingerprint


def test_loose_images_need_labels(tmp_path, picture):
    for name in ("a.png", "b.png"):
        picture(tmp_path / "flat" / name)
    with pytest.raises(InputError, match="no images in class folders"):
        read(tmp_path / "flat")
    (tmp_path / "y.txt").write_text("dog\ncat\n")
    dataset = read(tmp_path / "flat", labels=str(tmp_path / "y.txt"))
    assert [dataset.class_names[label] for label in dataset.labels] == ["dog", "cat"]
    (tmp_path / "flat/metadata.csv").write_text("file_name,label\na.png,cat\nb.png,dog\n")
    assert read(tmp_path / "flat").labels.tolist() == [0, 1]


def test_no_data_is_a_usage_error():
    with pytest.raises(UsageError, match="no DATA"):
        load(DataSpec(None))


def test_a_folder_named_like_a_built_in_is_read_by_its_path(folder, tmp_path, monkeypatch):
    folder.rename(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    assert read("./digits").kind == "folder"
    assert read("digits").kind == "digits"
    assert "./digits" in read("digits").notes[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(folder, picture):
    for number in range(100):
        picture(folder / f"cat/x{number}.png")
    os.mkfifo(folder / "cat/pipe.png")
    assert read(folder).problems[0].path.endswith("pipe.png")


def test_a_name_that_no_file_can_have_is_missing():
    """Half of a character, as JSON can spell it."""
    assert [head.size for head in heads_of(["\ud800.png", "none.png"])] == [-1, -1]
