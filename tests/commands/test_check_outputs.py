"""What `alfs check` writes for CI: formats, files beside stdout, the step's summary."""

import json
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from alfs_cli.formats import formats_of
from tests.conftest import make_estimate
from tests.formats.conftest import NAMES

FORMATS = formats_of("check")
FOR_CHECK = [name for name in FORMATS if name not in formats_of("estimate")]
FAILS = ("--max-noise-rate", "0.08")


@pytest.fixture
def saved(alfs, monkeypatch):
    """An estimate in estimate.json, and no CI around."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    make_estimate().save(Path("estimate.json"))
    return alfs


@pytest.fixture
def swapped(alfs):
    """data/ of two classes of 120 pictures with 12 swapped each, listed in labels.csv and a.npz."""
    generator = np.random.default_rng(0)
    names, lines, pixels = [], ["path,label"], []
    for i in range(240):
        is_light = i % 2 == 1
        picture = (generator.integers(0, 60, (8, 8)) + 150 * is_light).astype(np.uint8)
        name = ("light" if is_light else "dark") if i >= 24 else "dark" if is_light else "light"
        path = Path("data", name, f"{i:03} %.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
        names.append(name)
        lines.append(f"{path},{name}")
        pixels.append(picture)
    Path("labels.csv").write_text("\n".join(lines) + "\n")
    np.savez("a.npz", images=np.array(pixels), labels=np.array(names))
    return alfs


def test_formats_of_check_are_refused_elsewhere(saved):
    for words in [("recommend", "estimate.json"), ("losses", "check", "ce"), ("doctor",)]:
        done = saved(*words, "-f", "sarif")
        assert (done.code, done.out) == (2, "")
        assert done.err.splitlines()[0] == "error: format 'sarif' is for `alfs check` only"
        assert "help: known here: text, json, markdown, csv, html" in done.err
    done = saved("recommend", "estimate.json", "-o", "junit=x.xml")
    assert done.code == 2
    assert not Path("x.xml").exists()


def test_every_format_at_once(saved):
    outputs = [word for name in FORMATS for word in ("-o", f"{name}=made/{name}.out")]
    done = saved("check", "estimate.json", *FAILS, "-f", "concise", *outputs)
    assert done.code == 1, done.err
    assert done.out.startswith("estimate.json: ALFS301 noise rate: 11.0 %")
    assert {path.name for path in Path("made").iterdir()} == {f"{name}.out" for name in FORMATS}
    assert Path("made/concise.out").read_text() == done.out
    assert json.loads(Path("made/json.out").read_text()) == json.loads(
        Path("alfs-out/check.json").read_text()
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("missing.json",), 2),
        (("estimate.json", "--max-noise-rate", "8"), 2),
        (("estimate.json", "-o", "sarif=estimate.json/x"), 2),
        (("estimate.json", "-o", "serif=x"), 2),
        (("estimate.json", "-o", "json=a.sarif"), 2),
        (("estimate.json", "--sarif-max", "0"), 2),
        (("estimate.json", "--sarif-max", "25001"), 2),
    ],
)
def test_all_files_or_none(saved, words, code):
    Path("a.sarif").write_text("as it was")
    done = saved("check", *words, "-o", "sarif=a.sarif", "-o", "junit=b.xml")
    assert (done.code, done.out) == (code, ""), done.err
    assert Path("a.sarif").read_text() == "as it was"
    assert not Path("b.xml").exists()
    assert not list(Path().glob(".a.sarif*"))


def test_a_bug_writes_none(saved, monkeypatch):
    monkeypatch.setattr("alfs_cli.formats.junit.render", lambda report: 1 / 0)
    done = saved("check", "estimate.json", "-o", "sarif=a.sarif", "-o", "junit=b.xml")
    assert done.code == 101
    assert not Path("a.sarif").exists()


def test_a_device_is_no_file(saved):
    done = saved("check", "estimate.json", "-o", "sarif=/dev/null")
    assert done.code == 2
    assert "device" in done.err


def test_a_link_is_written_through(saved):
    Path("real.sarif").write_text("")
    Path("link.sarif").symlink_to("real.sarif")
    assert saved("check", "estimate.json", "-o", "sarif=link.sarif").code == 0
    assert Path("link.sarif").is_symlink()
    assert json.loads(Path("real.sarif").read_text())["version"] == "2.1.0"


class TestStepSummary:
    @pytest.fixture
    def page(self, saved, monkeypatch):
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
        return Path("summary.md")

    def test_is_appended(self, saved, page):
        page.write_text("before\n")
        assert saved("check", "estimate.json", *FAILS).code == 1
        text = page.read_text()
        assert text.startswith("before\n## Label quality of estimate.json")
        assert "**FAIL** 1 of 2 gates failed" in text

    def test_not_if_unwanted_or_elsewhere(self, saved, page, monkeypatch):
        saved("check", "estimate.json", "--no-step-summary")
        monkeypatch.setenv("GITHUB_ACTIONS", "false")
        saved("check", "estimate.json")
        assert not page.exists()

    def test_not_where_nothing_was_judged(self, saved, page):
        assert saved("check", "missing.json").code == 2
        assert not page.exists()

    def test_stays_small(self, page):
        from alfs_cli.formats.blocks import Column, Report, Table
        from alfs_cli.terminal.step_summary import append_step_summary

        said = []
        rows = tuple((f"class {i} \u00e9\U0001f408" * 9, i, 0.5) for i in range(500))
        table = Table("", (Column("class"), Column("n", "count"), Column("r", "ratio")), rows)
        append_step_summary(Report("big", (table,), {}), warn=said.append)
        first = page.read_bytes()
        assert 60_000 < len(first) <= 64_000
        assert first.decode("utf-8").endswith(
            "cut here: the summary of a step has to stay small.\n"
        )
        page.write_bytes(b"x" * 950_000)
        append_step_summary(Report("small", (), {}), warn=said.append)
        assert page.stat().st_size == 950_000
        assert said == ["the summary of this step is full; nothing was added to it"]

    def test_where_it_cannot_be_written(self, saved, page):
        page.mkdir()
        done = saved("check", "estimate.json")
        assert done.code == 0
        assert "warning: cannot write the step summary" in done.err


def test_a_manifest_is_annotated_at_its_lines(swapped):
    done = swapped("check", "labels.csv", "-f", "sarif", "-o", "github=g.txt", "--exit-zero", "-q")
    run = json.loads(done.out)["runs"][0]
    rows = [result for result in run["results"] if result["ruleId"] == "ALFS101"]
    assert len(rows) >= 20
    lines = Path("labels.csv").read_text().splitlines()
    for result in rows:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "labels.csv"
        line = lines[place["region"]["startLine"] - 1]
        image = result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert line == f"{unquote(image)},{result['properties']['given']}"
        assert result["partialFingerprints"]["primaryLocationLineHash"].endswith(
            f":{result['properties']['given']}"
        )
    assert "file=labels.csv,line=" in Path("g.txt").read_text()


def test_arrays_are_rows_and_folders_images(swapped):
    done = swapped("check", "a.npz", "-f", "sarif", "--exit-zero", "-q")
    first = json.loads(done.out)["runs"][0]["results"][0]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.npz"
    assert first["locations"][0]["logicalLocations"] == [
        {"name": f"row {first['properties']['row']}"}
    ]
    done = swapped("check", "data", "-f", "sarif", "--exit-zero", "-q")
    first = json.loads(done.out)["runs"][0]["results"][0]
    uri = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.endswith("%20%25.png")
    assert Path(unquote(uri)).is_file()


@pytest.mark.slow
def test_fingerprints_stay_when_a_file_is_renamed(swapped):
    def prints():
        done = swapped("check", "data", "-f", "sarif", "--exit-zero", "-q")
        results = json.loads(done.out)["runs"][0]["results"]
        return {r["partialFingerprints"]["primaryLocationLineHash"] for r in results}

    before = prints()
    assert len(before) >= 20
    for path in sorted(Path("data").rglob("*.png"))[::7]:
        path.rename(path.with_name(f"renamed {path.name}"))
    assert prints() == before


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "github"])
def test_a_name_is_no_command_to_the_runner(alfs, monkeypatch, format):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    names = [f"::add-mask::{i}\n::error::x" for i in range(2)] + ["##[add-mask]e"]
    true = np.arange(120) % 3
    X = 6 * np.eye(3)[true] + np.random.default_rng(0).normal(size=(120, 3))
    labels = np.where(np.arange(120) % 10 == 0, (true + 1) % 3, true)
    np.savez("a.npz", features=X, labels=labels, class_names=np.array(names))
    words = ("check", "a.npz", "-f", format, "--max-class-noise-rate", "0.9", "--exit-zero")
    done = alfs(*words)
    assert done.code == 0, done.err
    for stream in (done.out, done.err):
        assert "##[" not in stream
        assert not [line for line in stream.splitlines() if line.strip().startswith("::")]
    if format == "json":
        assert json.loads(done.out) == json.loads(Path("alfs-out/check.json").read_text())
    elif format == "sarif":
        assert "##[add-mask]e" in json.dumps(json.loads(done.out))


def test_an_error_is_no_command_to_the_runner(alfs, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    Path("alfs.yaml").write_text('"x": 1\n"::error::y\\n::error::z ##[add-mask]e": 2\n')
    done = alfs("check", "digits")
    assert done.code == 2
    assert "##[" not in done.err
    assert not [line for line in done.err.splitlines() if line.strip().startswith("::")]


@pytest.mark.parametrize(
    "kind",
    ["folder", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("manifest", "npz"))],
)
def test_names_that_mean_harm_go_through_every_format(alfs, kind):
    """Each of NAMES as a class of real data; what a file system cannot hold, in tables only."""
    generator = np.random.default_rng(0)
    names = [name for name in NAMES if not (0xD800 <= ord(name[0]) < 0xE000)]
    if kind == "folder":
        names = [name for name in names if len(name) < 200 and not set("/\0") & set(name)]
        for k, name in enumerate(names):
            folder = Path("data", name)
            folder.mkdir(parents=True)
            for i in range(6):
                pixels = generator.integers(0, 30, (8, 8)) + 8 * k
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
    elif kind == "npz":
        labels = np.arange(6 * len(names)) % len(names)
        np.savez("data.npz", features=generator.normal(size=(len(labels), 4)) + labels[:, None],
                 labels=labels, class_names=np.array(names))  # fmt: skip
    else:
        import csv

        with open("data.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(["x", "y", "label"])
            for k, name in enumerate(name for name in names if "\0" not in name):
                writer.writerows([[k + generator.normal(), k, name] for _ in range(6)])
    source = {"folder": "data", "manifest": "data.csv", "npz": "data.npz"}[kind]
    outputs = [word for name in FORMATS for word in ("-o", f"{name}=made/{name}")]
    words = ("--max-class-noise-rate", "0", "--gate-on", "strict", *outputs)
    done = alfs("check", source, *words, "--exit-zero", "--color", "always")
    assert done.code == 0, done.err
    for path in [*Path("made").iterdir(), *Path("alfs-out").glob("*.json")]:
        text = path.read_text(encoding="utf-8")
        if path.name == "csv":  # a file for machines: cells are the names, quoted
            continue
        assert {c for c in text if not c.isprintable()} <= {"\n"}, path
    steering = {c for c in done.err + done.out if not c.isprintable()} - {"\n", "\x1b"}
    assert not steering
    assert alfs("estimate", source, "--all-scores", "-q").code == 0
    issues = Path("alfs-out/issues.csv").read_text(encoding="utf-8")
    assert ",'=1+1," in issues
    assert ",=1+1," not in issues
