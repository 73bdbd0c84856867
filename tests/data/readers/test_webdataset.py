"""WebDataset's tar: samples of several files, names that leave the archive, damage."""

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load
from alfs_cli.data.readers import webdataset
from alfs_cli.errors import InputError

N = 12
NAMES = ("cat", "dog", "emu")


def encoded(seed, suffix="PNG"):
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, suffix)
    return stream.getvalue()


def files(label, *, picture="png"):
    """Return the files of N samples; `label` gives the label's suffix and content by number."""
    found = []
    for i in range(N):
        found.append((f"{i:06d}.{picture}", encoded(i)))
        suffix, content = label(i)
        found.append((f"{i:06d}.{suffix}", content.encode()))
    return found


def write(folder, members, mode="w", name="m.tar"):
    with tarfile.open(folder / name, mode) as archive:
        for member, content in members:
            if isinstance(member, str):
                member = tarfile.TarInfo(member)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return DataSpec(str(folder / name))


def in_json(i):
    return "json", json.dumps({"label": NAMES[i % 3], "x": i})


CLS, TXT = (lambda i: ("cls", str(i % 3))), (lambda i: ("txt", f"{NAMES[i % 3]}\n"))


@pytest.mark.parametrize(
    ("label", "names"), [(CLS, ("0", "1", "2")), (TXT, NAMES), (in_json, NAMES)]
)
@pytest.mark.parametrize("picture", ["png", "jpg", "image.png"])
def test_labels_and_pictures(tmp_path, label, names, picture):
    dataset = load(write(tmp_path, files(label, picture=picture)))
    assert dataset.kind == "webdataset"
    assert dataset.class_names == names
    assert dataset.labels.tolist() == [i % 3 for i in range(N)]
    pixels, readable = dataset.images.decode(np.arange(N)[::-1])
    assert readable.all()
    expected = [np.asarray(Image.open(io.BytesIO(encoded(i)))) for i in range(N)]
    assert (pixels[::-1] == expected).all()
    assert dataset.images.png(3, 64)


def test_folders_in_names_and_files_that_are_no_samples(tmp_path):
    folder = tarfile.TarInfo("train")
    folder.type = tarfile.DIRTYPE
    members = [(f"train/{name}", content) for name, content in files(CLS)]
    extra = [(folder, b""), ("README", b"x"), ("._train/000000.png", b"x"), (".DS_Store.a", b"x")]
    assert len(load(write(tmp_path, [*extra, *members]))) == N


def test_several_pictures_of_a_sample_are_chosen_by_suffix(tmp_path):
    members = []
    for i in range(N):
        members += [(f"{i}.left.png", encoded(i)), (f"{i}.right.png", encoded(i + 50)),
                    (f"{i}.cls", b"%d" % (i % 2))]  # fmt: skip
    spec = write(tmp_path, members)
    with pytest.raises(InputError, match=r"several columns of pictures: left\.png, right\.png"):
        load(spec)
    right = load(DataSpec(spec.source, path_column="right.png"))
    assert (right.images.decode(np.arange(1))[0][0] ==
            np.asarray(Image.open(io.BytesIO(encoded(50))))).all()  # fmt: skip


def test_only_what_is_needed_is_read(tmp_path, monkeypatch):
    """Listing reads no picture: a tar may be larger than memory."""
    spec = write(tmp_path, files(CLS))
    read = []
    old = tarfile.TarFile.extractfile
    monkeypatch.setattr(
        tarfile.TarFile, "extractfile",
        lambda self, member: read.append(member.name) or old(self, member),
    )  # fmt: skip
    webdataset.read_samples(tmp_path / "m.tar")
    assert {name[-4:] for name in read} == {".cls"}
    load(spec)
    assert len(read) == N  # the list is kept


def test_another_archive_of_the_same_name_is_listed_anew(tmp_path):
    first = load(write(tmp_path, files(CLS)))
    second = load(write(tmp_path, files(TXT)))
    assert (first.class_names, second.class_names) == (("0", "1", "2"), NAMES)


def link(name, to, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member, b""


@pytest.mark.parametrize(
    "member",
    [
        ("../a.png", b"x"), ("/etc/a.png", b"x"), ("a/../../b.png", b"x"), ("..\\a.png", b"x"),
        ("C:\\a.png", b"x"), link("a.png", "/etc/passwd"), link("a.png", "../../b"),
        link("a.png", "/etc/passwd", tarfile.LNKTYPE),
    ],
)  # fmt: skip
def test_names_that_leave_the_archive_are_refused(tmp_path, member):
    spec = write(tmp_path, [*files(CLS), member])
    with pytest.raises(InputError, match="whose name leads out of the archive"):
        load(spec)


def test_an_archive_cut_short_is_refused(tmp_path):
    whole = write(tmp_path, files(CLS))
    content = (tmp_path / "m.tar").read_bytes()
    for length in (700, 3000, 5120, 5121):
        (tmp_path / "m.tar").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cannot read .* as tar|holds no picture"):
            load(whole)


def test_archives_joined_into_one_are_refused(tmp_path):
    spec = write(tmp_path, files(CLS))
    (tmp_path / "m.tar").write_bytes(2 * (tmp_path / "m.tar").read_bytes())
    with pytest.raises(InputError, match=r"were several archives joined"):
        load(spec)


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100, b"\0" * 10240])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "m.tar").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .* as tar|holds no picture"):
        load(DataSpec(str(tmp_path / "m.tar")))


def test_a_compressed_archive_says_how_to_unpack_it(tmp_path):
    spec = write(tmp_path, files(CLS), "w:gz")
    with pytest.raises(InputError, match=r"is compressed") as caught:
        load(spec)
    assert "gunzip" in caught.value.help


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([*files(CLS), ("000011.cls", b"1")], "two files .cls"),
        ([*files(CLS), ("x.png", encoded(1))], "1 row has an empty label"),
        ([("a.cls", b"1"), ("b.cls", b"2")], "holds no picture"),
        ([(f"{i}.png", encoded(i)) for i in range(3)], "has no column 'label'"),
        ([*files(CLS), ("x.json", b"[" * 10**5)], "is no JSON"),
        ([*files(CLS), ("x.txt", b"\xff\xfe\xff")], "is no UTF-8 text"),
        ([*files(CLS), ("x.json", b" " * (2 << 20))], "has 2.1 MB"),
        (files(lambda i: ("json", json.dumps({"label": ["a", "b"]}))), "is not one value but"),
    ],
)
def test_samples_that_do_not_fit_are_refused(tmp_path, members, says):
    with pytest.raises(InputError, match=says) as caught:
        load(write(tmp_path, members))
    assert caught.value.help


def test_a_broken_picture_is_a_problem_of_its_row(tmp_path):
    members = files(CLS)
    members[6] = (members[6][0], b"no picture")
    dataset = load(DataSpec(write(tmp_path, members).source, lenient=True))
    assert [problem.row for problem in dataset.problems if problem.rule == "ALFS401"] == [3]
