"""Forms of data that other tools write, from the command line: judged, shown, or refused."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.data.readers.test_folders import FEATURES, STRUCT, save

N = 60


def picture(i):
    """Return a picture whose brightness tells its class."""
    pixels = np.random.default_rng(i).integers(0, 60, (8, 8, 3)) + 150 * (i % 2)
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def given(i):
    return 1 - i % 2 if i in (7, 20) else i % 2


def tar(path, more=()):
    with tarfile.open(path, "w") as archive:
        members = [(f"{i:03d}.png", picture(i)) for i in range(N)]
        members += [(f"{i:03d}.cls", b"%d" % given(i)) for i in range(N)]
        for name, content in (*sorted(members), *more):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def arrow():
    pictures = [{"bytes": picture(i), "path": None} for i in range(N)]
    labels = pa.array([given(i) for i in range(N)], pa.int64())
    return pa.table({"image": pa.array(pictures, STRUCT), "label": labels})


def written(form):
    match form:
        case "tar":
            return str(tar(Path("m.tar")))
        case "saved":
            features = FEATURES | {"label": {"names": ["0", "1"], "_type": "ClassLabel"}}
            return str(save(Path("d"), arrow(), features=features))
        case "parquet":
            pq.write_table(arrow(), "m.parquet", row_group_size=10)
            return "m.parquet"
        case _:
            Path("s").mkdir()
            for shard in range(2):
                part = arrow().slice(30 * shard, 30)
                pq.write_table(part, f"s/train-{shard:05d}-of-00002.parquet")
            return "s"


@pytest.mark.parametrize("form", ["tar", "saved", "parquet", "shards"])
def test_pictures_inside_a_file_are_judged_and_shown(alfs, form):
    data = written(form)
    done = alfs("estimate", data, "--evidence", "pixels")
    assert done.code == 0, done.err
    listed = Path("alfs-out/issues.csv").read_text().splitlines()
    assert {line.split(",")[0] for line in listed[1:3]} == {"7", "20"}
    assert alfs("report").code == 0
    assert Path("alfs-out/report.html").read_text().count("data:image/png") >= 2
    done = alfs("audit", data, "--claim", "noise-rate <= 0.5", "--sheet", "sheet.csv",
                "--batch", "3", "--out", "a")  # fmt: skip
    assert done.code == 0, done.err
    assert len(list(Path("sheet-pictures").glob("*.png"))) == 3
    done = alfs("check", data, "--max-noise-rate", "0.9", "-f", "json")
    assert done.code in (0, 1), done.err


def cut(path):
    save(Path("d"), arrow())
    file = next(Path("d").glob("*.arrow"))
    file.write_bytes(file.read_bytes()[:-200])
    return "d"


def mixed(path):
    rows = [{"image": "a.png", "label": "x"}, {"text": "words", "label": "y"}] * 5
    Path("m.json").write_text(json.dumps(rows))
    return "m.json"


def deep(path):
    Path("m.json").write_text("[" * 10**6 + "]" * 10**6)
    return "m.json"


def several(path):
    rows = [f"{i + 0.5},{i % 2},{i % 3 % 2},{i % 2}" for i in range(12)]
    Path("m.csv").write_text("\n".join(["x,cat,dog,emu", *rows]) + "\n")
    return "m.csv"


def outside(path):
    return str(tar(Path("m.tar"), [("../../x.png", b"")]))


@pytest.mark.parametrize(
    ("make", "says", "help"),
    [
        (cut, "as Arrow", "is it whole?"),
        (mixed, "5 rows have an empty image", "leave those examples out"),
        (deep, "nested too deep", "a list of objects"),
        (several, "no column 'label'", "one is judged at a time: --label-column cat"),
        (outside, "leads out of the archive", "make the archive anew"),
    ],
)
@pytest.mark.parametrize("command", ["estimate", "check"])
def test_bad_input_is_refused_with_what_to_do(alfs, command, make, says, help):
    done = alfs(command, make(None))
    assert done.code == 2
    assert says in done.err
    assert help in done.err.split("help:")[1]


def test_a_column_that_is_not_there(alfs):
    done = alfs("estimate", str(tar(Path("m.tar"))), "--label-column", "species")
    assert done.code == 2
    assert "no column 'species' (has: __key__, label)" in done.err
