"""`alfs check` as typed: exit codes, formats, what is judged from what."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import make_estimate


@pytest.fixture
def saved(alfs):
    """An estimate in estimate.json: noise 11 % (9 to 13), weakest clean level 5.3 (3.5 to 8)."""
    make_estimate().save(Path("estimate.json"))
    return alfs


@pytest.fixture
def folder(alfs):
    """data/ with two classes of 300 pictures that differ in brightness."""
    generator = np.random.default_rng(0)
    for name in ("dark", "light"):
        Path("data", name).mkdir(parents=True)
        for i in range(300):
            pixels = generator.integers(0, 60, (8, 8)) + 150 * (name == "light")
            Image.fromarray(pixels.astype(np.uint8)).save(f"data/{name}/{i:03}.png")
    return alfs


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["--max-noise-rate", "0.2"], 0),
        (["--max-noise-rate", "0.1"], 0),
        (["--max-noise-rate", "0.08"], 1),
        (["--max-noise-rate", "0.1", "--gate-on", "point"], 1),
        (["--max-noise-rate", "0.12", "--gate-on", "strict"], 1),
        (["--min-clean-level", "9"], 1),
        (["--min-clean-level", "9", "--exit-zero"], 0),
        (["--max-pair-rate", "0.1"], 1),
        (["--max-class-noise-rate", "0.1"], 1),
        (["--min-trust", "high"], 0),
        (["--max-noise-rate", "8"], 2),
        (["--gate-on", "often"], 2),
        (["--min-trust", "total"], 2),
    ],
)
def test_exit_codes(saved, words, code):
    done = saved("check", "estimate.json", *words)
    assert done.code == code, done.err
    if code == 2:
        assert done.out == ""
        assert not Path("alfs-out").exists()
    else:
        check = json.loads(Path("alfs-out/check.json").read_text())
        assert check["schema"] == "alfs.check/1"
        assert check["passed"] == (code == 0 and "--exit-zero" not in words)


def test_json_is_the_saved_document(saved):
    done = saved("check", "estimate.json", "--max-noise-rate", "0.08", "-f", "json")
    assert done.out == Path("alfs-out/check.json").read_text()
    gates = {gate["rule"]: gate for gate in json.loads(done.out)["gates"]}
    assert gates["ALFS301"] == {
        "rule": "ALFS301", "name": "noise rate", "status": "fail",
        "value": 0.11, "low": 0.09, "high": 0.13, "limit": 0.08,
    }  # fmt: skip
    assert gates["ALFS401"]["status"] == "not-judged"


def test_a_clean_folder_passes(folder):
    done = folder("check", "data", "--max-noise-rate", "0.1")
    assert done.code == 0, done.out
    assert "10 gates passed" in done.out


def test_wrong_labels_duplicates_and_broken_files_fail(folder):
    for i in range(100):
        Path(f"data/dark/{i:03}.png").rename(f"data/light/moved{i:03}.png")
    Path("data/dark/copy.png").write_bytes(Path("data/light/000.png").read_bytes())
    done = folder("check", "data", "--max-noise-rate", "0.05", "--gate-on", "point", "-f", "json")
    assert done.code == 1
    check = json.loads(done.out)
    status = {gate["rule"]: gate["status"] for gate in check["gates"]}
    assert status["ALFS301"] == "fail"
    assert status["ALFS103"] == "fail"
    suspects = [f for f in check["findings"] if f["rule"] == "ALFS101"]
    moved = [f for f in suspects if "moved" in f["path"]]
    assert len(moved) >= 90
    assert {(f["given"], f["suggested"]) for f in moved} == {("light", "dark")}
    (pair,) = [f for f in check["findings"] if f["rule"] == "ALFS103"]
    assert "copy.png" in pair["message"]
    assert "data/light/000.png" in pair["message"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to check"),
        (["nothing.json"], "no such file"),
        (["nothing"], "no such file or directory"),
    ],
)
def test_refused(alfs, words, says):
    done = alfs("check", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


@pytest.mark.parametrize("form", ["records", "lines", "coco"])
def test_data_in_json_are_no_estimate(alfs, form):
    rows = [{"x": i % 7 + 10.5 * (i % 2), "label": "ab"[i % 2]} for i in range(60)]
    text = json.dumps(rows)
    if form == "lines":
        text = "".join(json.dumps(row) + "\n" for row in rows)
    elif form == "coco":
        text = json.dumps({"info": {}, "images": [], "annotations": [], "categories": []})
    Path("m.json").write_text(text)
    done = alfs("check", "m.json", "--max-noise-rate", "0.9")
    if form == "coco":
        assert "'m.json' has no categories" in done.err
    else:
        assert done.code in (0, 1), done.err
    Path("m.json").write_text('{"schema": "other/1"}')
    assert "schema is 'other/1'" in alfs("check", "m.json").err
