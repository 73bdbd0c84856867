"""What `alfs check` finds in real files: every rule on integrity, through the command."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin


def picture(path, *, light, seed):
    """Write an 8 x 8 grey picture, dark or light."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 60, (8, 8)) + 150 * light
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture
def folder(alfs):
    """data/train and data/test with the classes dark and light, 40 and 5 pictures each."""
    for split, count in (("train", 40), ("test", 5)):
        for light, name in enumerate(("dark", "light")):
            for i in range(count):
                seed = i + 100 * light + 1000 * (split == "test")
                picture(f"data/{split}/{name}/{i:02}.png", light=light, seed=seed)
    return alfs


@pytest.fixture
def table(folder):
    """labels.csv that lists the training pictures, one a line."""
    rows = [f"{path},{path.parent.name}" for path in sorted(Path("data/train").rglob("*.png"))]
    write_table(rows)
    return folder, rows


def write_table(rows):
    Path("labels.csv").write_text("path,label\n" + "\n".join(rows) + "\n")


def checked(alfs, *words):
    """Return the exit code, the findings by rule, and the status of each gate on files."""
    done = alfs("check", *words, "-q", "-f", "json", "--no-cache")
    assert done.code in (0, 1), done.err
    document = json.loads(done.out)
    found = {}
    for finding in document["findings"]:
        found.setdefault(finding["rule"], []).append(finding)
    return done.code, found, {gate["rule"]: gate["status"] for gate in document["gates"]}


def test_nothing_is_wrong(folder):
    code, found, status = checked(folder, "data")
    assert (code, found) == (0, {})
    assert set(status.values()) == {"pass"}
    assert "ALFS404" in status


def test_without_another_split_leakage_is_no_question(folder):
    assert "ALFS404" not in checked(folder, "data/train")[2]


def test_unreadable_images_however_many(folder):
    for i in range(5):
        Path(f"data/train/dark/bad{i}.png").write_text("no image")
    Path("data/train/dark/empty.png").write_bytes(b"")
    code, found, status = checked(folder, "data")
    assert (code, status["ALFS401"]) == (1, "fail")
    assert len(found["ALFS401"]) == 6
    first = found["ALFS401"][0]
    assert (first["path"], first["given"]) == ("data/train/dark/bad0.png", "dark")
    assert first["fingerprint"].endswith(":dark")


def test_an_image_that_breaks_on_decoding_is_named(folder):
    Path("data/train/dark/00.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"no picture" * 9)
    code, found, _ = checked(folder, "data")
    assert code == 1
    assert [f["path"] for f in found["ALFS401"]] == ["data/train/dark/00.png"]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_image_is_a_warning(folder, suffix):
    noise = np.random.default_rng(0).integers(0, 60, (64, 64)).astype(np.uint8)
    path = Path(f"data/train/dark/cut.{suffix}")
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-700])
    code, found, status = checked(folder, "data")
    assert (code, status["ALFS402"]) == (0, "warn")
    assert [(f["path"], f["level"]) for f in found["ALFS402"]] == [(str(path), "warning")]


def test_a_decompression_bomb_is_not_decoded(folder):
    def chunk(kind, body):
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
    Path("data/train/dark/bomb.png").write_bytes(body + chunk(b"IEND", b""))
    code, found, status = checked(folder, "data")
    assert (code, status["ALFS407"]) == (0, "warn")
    assert [f["path"] for f in found["ALFS407"]] == ["data/train/dark/bomb.png"]


def test_classes_with_no_example_or_one(folder):
    Path("data/train/lynx").mkdir()
    picture("data/train/fox/0.png", light=True, seed=9)
    code, found, status = checked(folder, "data")
    assert (code, status["ALFS403"]) == (1, "fail")
    assert {(f["message"], f["given"]) for f in found["ALFS403"]} == {
        ("class 'fox' has 1 example", "fox"),
        ("class 'lynx' has no example", "lynx"),
    }


def test_classes_that_differ_in_a_space(table):
    folder, rows = table
    write_table([row + " " if place % 4 == 0 else row for place, row in enumerate(rows)])
    code, found, status = checked(folder, "labels.csv")
    assert (code, status["ALFS409"]) == (0, "warn")
    assert [f["message"] for f in found["ALFS409"]] == [
        "classes 'dark' and 'dark ' differ only in spaces or case",
        "classes 'light' and 'light ' differ only in spaces or case",
    ]
    code, found, status = checked(folder, "labels.csv", "--ignore", "ALFS409")
    assert "ALFS409" not in found.keys() | status.keys()


def test_conflicting_duplicates(folder):
    Path("data/train/light/twin.png").write_bytes(Path("data/train/dark/07.png").read_bytes())
    Path("data/train/dark/same.png").write_bytes(Path("data/train/dark/08.png").read_bytes())
    code, found, _ = checked(folder, "data")
    assert code == 1
    (pair,) = found["ALFS103"]
    assert "07.png given 'dark'" in pair["message"]
    assert "twin.png given 'light'" in pair["message"]
    assert pair["fingerprint"].endswith(":dark|light")


def test_one_picture_in_files_that_differ(folder):
    """Saved anew in another format, and with other metadata; a copy under its own label is none."""
    dark = Image.open("data/train/dark/07.png")
    dark.save("data/train/light/twin.bmp")
    dark.save("data/train/dark/same.gif")
    about = PngImagePlugin.PngInfo()
    about.add_text("camera", "x")
    Image.open("data/train/light/03.png").save("data/train/dark/twin.png", pnginfo=about)
    dark.point(lambda value: value ^ 1).save("data/train/light/nearly.png")
    code, found, status = checked(folder, "data")
    assert (code, status["ALFS103"]) == (1, "fail")
    messages = [finding["message"] for finding in found["ALFS103"]]
    assert messages == [
        "identical pictures in files that differ: data/train/dark/07.png given 'dark', "
        "data/train/dark/same.gif given 'dark', data/train/light/twin.bmp given 'light'",
        "identical pictures in files that differ: data/train/dark/twin.png given 'dark', "
        "data/train/light/03.png given 'light'",
    ]
    assert all(finding["fingerprint"].endswith(":dark|light") for finding in found["ALFS103"])
    assert folder("estimate", "data", "-q").code == 0
    listed = [row.split(",")[1] for row in Path("alfs-out/issues.csv").read_text().splitlines()]
    assert {Path(path).name for path in listed[1:6]} == {
        "07.png", "same.gif", "twin.bmp", "twin.png", "03.png",
    }  # fmt: skip


def test_leakage_between_splits(folder):
    Path("data/test/light/leak.png").write_bytes(Path("data/train/dark/07.png").read_bytes())
    code, found, status = checked(folder, "data")
    assert (code, status["ALFS404"]) == (1, "fail")
    (leak,) = found["ALFS404"]
    assert leak["path"] == "data/train/dark/07.png"
    assert "data/test/light/leak.png given 'light' in split 'test'" in leak["message"]
    assert checked(folder, "data", "--ignore", "ALFS404")[0] == 0


def test_a_split_without_labels_is_not_compared_and_no_error(folder):
    for path in list(Path("data/test").rglob("*.png")):
        path.rename(Path("data/test") / f"{path.parent.name}{path.name}")
    for name in ("dark", "light"):
        Path("data/test", name).rmdir()
    done = folder("check", "data", "--no-cache")
    assert done.code == 0
    assert "split 'test' is not compared with the one that is judged" in done.err
    assert "ALFS404" not in done.out


def test_leakage_in_a_manifest_with_a_split_column(table):
    alfs, rows = table
    copy = Path("data/copy.png")
    copy.write_bytes(Path("data/train/dark/03.png").read_bytes())
    listed = [f"{row},train" for row in rows]
    Path("labels.csv").write_text("path,label,split\n" + "\n".join([*listed, f"{copy},dark,test"]))
    code, found, _ = checked(alfs, "labels.csv")
    assert code == 1
    (leak,) = found["ALFS404"]
    assert (leak["path"], leak["manifest"], leak["line"]) == (
        "data/train/dark/03.png", "labels.csv", 5,
    )  # fmt: skip


def test_labels_that_are_missing(table):
    alfs, rows = table
    rows[2] = rows[2].replace(",dark", ",")
    write_table(rows)
    code, found, status = checked(alfs, "labels.csv")
    assert (code, status["ALFS406"]) == (1, "fail")
    (missing,) = found["ALFS406"]
    assert (missing["line"], missing["path"]) == (4, "data/train/dark/02.png")
    assert alfs("estimate", "labels.csv").code == 2  # what is no gate refuses it, as before


def test_labels_that_are_no_class(table):
    alfs, rows = table
    rows[2] = rows[2].replace(",dark", ",drak")
    write_table(rows)
    code, found, status = checked(alfs, "labels.csv", "--classes", "dark,light")
    assert (code, status["ALFS405"]) == (1, "fail")
    (unknown,) = found["ALFS405"]
    assert unknown["given"] == "drak"
    assert "did you mean 'dark'" in unknown["message"]
    assert alfs("estimate", "labels.csv", "--classes", "dark,light").code == 2


@pytest.mark.parametrize("missing", [-1, np.nan])
def test_arrays(alfs, missing):
    generator = np.random.default_rng(0)
    labels = (np.arange(120) % 2).astype(float)
    rows = generator.normal(size=(120, 3)) + 6 * labels[:, None]
    labels[5], labels[9] = missing, 7
    names = np.array(["cat", "dog"])
    np.savez("a.npz", features=rows, labels=labels, class_names=names)
    code, found, _ = checked(alfs, "a.npz")
    assert code == 1
    assert [(f["row"], f["path"]) for f in found["ALFS406"]] == [(5, "a.npz")]
    assert [(f["row"], f["given"]) for f in found["ALFS405"]] == [(9, "7")]
    assert "row 5" in found["ALFS406"][0]["message"]


def test_labels_beside_the_data(folder):
    names = ["dark"] * 39 + [""] + ["light"] * 40
    Path("labels.txt").write_text("\n".join(names) + "\n")
    code, found, _ = checked(folder, "data", "--labels", "labels.txt")
    assert code == 1
    assert [f["path"] for f in found["ALFS406"]] == ["data/train/dark/39.png"]


def test_labels_that_start_at_one_are_refused_and_not_dropped(alfs):
    rows = np.random.default_rng(0).normal(size=(90, 3))
    labels = np.arange(90) % 3 + 1
    np.savez("a.npz", features=rows, labels=labels, class_names=np.array(["a", "b", "c"]))
    done = alfs("check", "a.npz")
    assert done.code == 2
    assert "labels seem to start at 1" in done.err


def test_nothing_left_to_judge_is_an_error(alfs):
    np.savez("a.npz", features=np.zeros((4, 2)), labels=np.full(4, -1))
    done = alfs("check", "a.npz")
    assert done.code == 2
    assert "every label is missing" in done.err
