"""Class names and images that break tools, through `alfs check` and every format at once."""

import csv
import html
import json
import struct
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alfs_cli.formats import formats_of

FORMATS = formats_of("check")
NAMES = (
    "NA", "null", "None", "no", "001", "1", "10", "2", "[red]", "<b>", "=1+1", "caf\u00e9",
    "\U0001f600", "a,b",
)  # fmt: skip
OUTPUTS = tuple(word for name in FORMATS for word in ("-o", f"{name}=made/{name}"))


def picture(path, *, shade, seed):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 12, (8, 8)) + shade
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def folder_of(names):
    """Write data/<name>/<n>.png, half of an accented class's under its decomposed name."""
    for k, name in enumerate(names):
        for i in range(5):
            form = "NFD" if i % 2 and unicodedata.normalize("NFD", name) != name else "NFC"
            path = Path("data", unicodedata.normalize(form, name), f"{i}.png")
            picture(path, shade=16 * k, seed=100 * k + i)


def table_of(names):
    generator = np.random.default_rng(0)
    rows = [
        (8.0 * k + generator.normal(), float(k % 3), name)
        for k, name in enumerate(names)
        for _ in range(5)
    ]
    return pd.DataFrame(rows, columns=["x", "y", "label"])


def made(kind):
    """Write data of a kind whose classes are NAMES; return the words that name it."""
    if kind == "folder":
        folder_of(NAMES)
        return ("data",)
    table = table_of(NAMES)
    if kind == "parquet":
        table.to_parquet("data.parquet")
        return ("data.parquet",)
    table.to_csv("data.csv", index=False)
    if kind == "settings":  # names in YAML, where no and null are something else
        listed = "\n".join(f"    {json.dumps(f'{name}/**')}: [ALFS101]" for name in NAMES)
        Path("alfs.yaml").write_text(f"check:\n  per-path-ignores:\n{listed}\n", encoding="utf-8")
    return ("data.csv",)


@pytest.mark.parametrize("kind", ["folder", "csv", "parquet", "settings"])
def test_names_stay_what_they_are(alfs, kind):
    words = made(kind)
    limits = ("--max-class-noise-rate", "0", "--gate-on", "strict")
    done = alfs("check", *words, *limits, *OUTPUTS, "--max-findings", "1000", "--exit-zero")
    assert done.code == 0, done.err
    texts = {path.name: path.read_text(encoding="utf-8") for path in Path("made").iterdir()}
    assert set(texts) == set(FORMATS)
    found = {
        gate["name"].removeprefix("noise rate of class ")[1:-1]
        for gate in json.loads(texts["json"])["gates"]
        if gate["rule"] == "ALFS304"
    }
    assert found == set(NAMES)
    cells = {cell for row in csv.reader(texts["csv"].splitlines()) for cell in row}
    assert {f"noise rate of class '{name}'" for name in NAMES} <= cells
    flat = " ".join(texts["text"].split())
    page = html.unescape(texts["html"])
    messages = [result["message"]["text"] for run in json.loads(texts["sarif"])["runs"]
                for result in run["results"]]  # fmt: skip
    for name in NAMES:
        assert f"noise rate of class '{name}'" in page
        assert any(f"class '{name}':" in text for text in messages)
        assert f"class '{name}'" in flat
    assert "<b>'" not in texts["html"]
    assert alfs("estimate", *words, "--all-scores", "-q").code == 0
    with Path("alfs-out/issues.csv").open(encoding="utf-8", newline="") as file:
        given = {row["given"] for row in csv.DictReader(file)}
    assert given == {f"'{name}" if name.startswith("=") else name for name in NAMES}
    assert set(pd.read_parquet("alfs-out/issues.parquet")["given"]) == set(NAMES)


def chunk(kind, body):
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def hostile_images(top):
    """Write one of each kind; return the rule that names each, None where nothing is wrong."""
    generator = np.random.default_rng(5)
    pixels = generator.integers(0, 200, (24, 24, 3), dtype=np.uint8)
    plain = Image.fromarray(pixels)
    plain.save(top / "whole.jpg")
    content = (top / "whole.jpg").read_bytes()
    (top / "cut.jpg").write_bytes(content[: -len(content) // 8])
    (top / "empty.png").touch()
    (top / "text.jpg").write_text("no picture")
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    (top / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bomb)
    plain.convert("CMYK").save(top / "cmyk.jpg")
    deep = generator.integers(0, 65536, (24, 24)).astype(np.uint16)
    Image.fromarray(deep).save(top / "deep.png")
    plain.convert("P").save(top / "palette.png", transparency=0)
    exif = Image.Exif()
    exif[0x0112] = 6
    plain.rotate(7).save(top / "turned.jpg", exif=exif)
    frames = [Image.fromarray(pixels[..., i]) for i in range(3)]
    frames[0].save(top / "moving.gif", save_all=True, append_images=frames[1:])
    Image.new("L", (1, 1), 7).save(top / "dot.png")
    return {
        "cut.jpg": "ALFS402", "empty.png": "ALFS401", "text.jpg": "ALFS401", "bomb.png": "ALFS407",
        **dict.fromkeys(("whole.jpg", "cmyk.jpg", "deep.png", "palette.png", "turned.jpg",
                         "moving.gif", "dot.png")),
    }  # fmt: skip


def test_images_that_break_tools_are_read_or_named(alfs):
    for light, name in enumerate(("dark", "light")):
        for i in range(30):
            picture(f"data/{name}/{i:02}.png", shade=40 + 150 * light, seed=i + 100 * light)
    expected = hostile_images(Path("data/light"))
    assert {path.name for path in Path("data/light").iterdir()} >= set(expected)
    done = alfs("check", "data", *OUTPUTS, "--ignore", "ALFS101", "-q", "--evidence", "pixels")
    assert (done.code, done.err) == (1, "")
    texts = {path.name: path.read_text(encoding="utf-8") for path in Path("made").iterdir()}
    found = {Path(f["path"]).name: f["rule"] for f in json.loads(texts["json"])["findings"]}
    assert found == {name: rule for name, rule in expected.items() if rule is not None}
    for name, rule in found.items():
        for format in FORMATS:
            assert f"data/light/{name}" in texts[format], (format, name)
            assert rule in texts[format]
