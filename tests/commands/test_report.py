"""`alfs report` on saved results: what is on the pages, in which order, and what never is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load
from alfs_cli.results.estimate import DataSummary
from tests.conftest import NAMES as CLASSES
from tests.conftest import make_estimate, make_recommendation

HOSTILE = "<script>alert(1)</script>"
NAMES = ("cat", "dog", HOSTILE)
CONFIDENCES = {
    "self_confidence": 0.1, "suggested_confidence": 0.9, "score": 0.9, "kind": "likely",
}  # fmt: skip


@pytest.fixture
def saved(alfs):
    """Save what `estimate`, `recommend` and `check` leave for three classes of small pictures."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 8, 8), dtype=np.uint8)
    labels = np.arange(30) % 3
    np.savez("d.npz", images=images, labels=labels, class_names=np.array(NAMES))
    fingerprint = load(DataSpec("d.npz")).fingerprint
    data = DataSummary("d.npz", "npz", 30, NAMES, (10, 10, 10), None, fingerprint,
                       {"source": "d.npz"})  # fmt: skip
    make_estimate(data=data).save(Path("alfs-out/estimate.json"))
    index = np.arange(0, 30, 3)
    suspects = pd.DataFrame(
        {"index": index, "path": "", "given": "dog", "suggested": "cat", **CONFIDENCES}
    )
    suspects.loc[0, "given"] = HOSTILE
    suspects.to_parquet("alfs-out/issues.parquet", index=False)
    level = make_estimate().clean_level
    advice = make_recommendation(fingerprint, "agce:a=2,q=0.5", value=level.value, low=level.low)
    advice.save(Path("alfs-out/recommendation.json"))
    gate = {"rule": "ALFS301", "name": "noise rate", "status": "fail", "value": 0.11, "low": 0.09,
            "high": 0.13, "limit": 0.05}  # fmt: skip
    check = {"schema": "alfs.check/1", "passed": False, "gates": [gate]}
    Path("alfs-out/check.json").write_text(json.dumps(check))
    return alfs


def page_of(done, path="alfs-out/report.html"):
    assert done.code == 0, done.err
    assert f"page {path}" in done.err
    return Path(path).read_text(encoding="utf-8")


def in_order(page, *words):
    places = [page.find(word) for word in words]
    assert -1 not in places, dict(zip(words, places, strict=True))
    assert places == sorted(places)


def test_the_page_of_an_estimate(saved):
    done = saved("report")
    page = page_of(done)
    in_order(
        page, "11.0 % of the labels look wrong", "Trust: high", "Recommended loss: agce",
        "alfs train d.npz --from ", "Share of right labels", "Worst pairs",
        "Transition matrix T", "Of the worst pairs", "Labels most likely wrong", "Gates: failed",
        "Each is one-sided", "alfs estimate d.npz --seed 0", "fingerprint of the data",
    )  # fmt: skip
    assert (
        page.count("data:image/png;base64,") == 10 + 4
    )  # three of cat given as dog, one as the third
    assert "given dog, looks like cat (0.90) row 3" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert len(page) < 5_000_000
    assert "Recommended loss: agce" in done.out  # the same as text


def test_formats_and_outputs_write_no_page_of_their_own(saved):
    markdown = saved("report", "alfs-out/estimate.json", "-f", "markdown").out
    assert markdown.startswith("## Label noise in d.npz")
    document = json.loads(saved("report", "alfs-out", "-f", "json").out)
    assert document == json.loads(Path("alfs-out/estimate.json").read_text())
    saved("report", "--no-images", "-o", "html=mine.html")
    assert "data:image" not in Path("mine.html").read_text()
    assert not Path("alfs-out/report.html").exists()


def test_no_pictures_where_the_data_are_gone_or_others(saved):
    np.savez("d.npz", images=np.zeros((30, 8, 8), np.uint8), labels=np.arange(30) % 3,
             class_names=np.array(NAMES))  # fmt: skip
    page = page_of(saved("report"))
    assert "The data have changed since, so no picture is shown" in page
    Path("d.npz").unlink()
    page = page_of(saved("report"))
    assert "The data cannot be read" in page
    assert "data:image" not in page


def test_a_recommendation_for_other_data_is_not_shown(saved):
    estimate = make_estimate()
    replace(estimate).save(Path("alfs-out/estimate.json"))
    page = page_of(saved("report"))
    assert "Recommended loss" not in page


def test_a_recommendation_from_another_estimate_is_said_to_be(saved):
    file = Path("alfs-out/recommendation.json")
    advice = json.loads(file.read_text())
    level = json.loads(Path("alfs-out/estimate.json").read_text())["clean_level"]
    for low, is_shown in ((level["low"], True), (level["low"] + 0.01, False)):
        file.write_text(json.dumps({**advice, "clean_level": {**level, "low": low}}))
        page = page_of(saved("report"))
        assert ("Recommended loss: agce" in page) == is_shown
        assert ("recommendation beside it is not for this estimate" in page) != is_shown


def test_a_suspect_shows_its_neighbours_its_entry_of_t_and_a_link_to_its_file(alfs):
    rng = np.random.default_rng(0)
    for place in range(24):
        file = Path(f"pictures/{('cat', 'dog', 'owl')[place % 3]}/no {place}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)
    data = load(DataSpec("pictures"))
    found = DataSummary("pictures", "folder", 24, ("cat", "dog", "owl"), (8, 8, 8), None,
                        data.fingerprint, {"source": "pictures"})  # fmt: skip
    make_estimate(data=found).save(Path("alfs-out/estimate.json"))
    frame = {
        "index": np.arange(24), "path": data.paths, "given": "dog", "suggested": "cat",
        **CONFIDENCES, "neighbours": '[[4,"cat",0.5],[6,"<b>",1234.5]]', "transition": 0.031,
    }  # fmt: skip
    pd.DataFrame(frame).to_parquet("alfs-out/issues.parquet")
    page = page_of(alfs("report", "--gallery", "5"))
    assert "nearest: cat 0.5, &lt;b&gt; 1,234" in page
    assert "T: 3.1 % of cat are labelled dog" in page
    assert '<a href="../pictures/cat/no%200.png">' in page
    assert "5 of 24; the others are in issues.csv" in page


@pytest.mark.slow
def test_many_large_pictures_stay_within_the_budget(saved):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (900, 64, 64, 3), dtype=np.uint8)
    np.savez("big.npz", images=images, labels=np.arange(900) % 3, class_names=np.array(NAMES))
    data = DataSummary("big.npz", "npz", 900, NAMES, (300,) * 3, None,
                       load(DataSpec("big.npz")).fingerprint, {"source": "big.npz"})  # fmt: skip
    make_estimate(data=data).save(Path("alfs-out/estimate.json"))
    frame = {
        "index": np.arange(900), "path": "", "given": "dog", "suggested": "cat", **CONFIDENCES
    }  # fmt: skip
    pd.DataFrame(frame).to_parquet("alfs-out/issues.parquet")
    page = page_of(saved("report", "--gallery", "900"))
    assert 2_000_000 < len(page) < 5_000_000


def test_the_pages_of_a_run_and_of_a_sweep(alfs):
    words = ("digits", "--loss", "ce", "--model", "linear", "--epochs", "3", "-q", "-f", "json")
    run = Path(json.loads(alfs("train", *words).out)["run"])
    page = page_of(alfs("report", run.name), f"{run.as_posix()}/report.html")
    in_order(
        page, "on 360 true labels of digits, split test", "best epoch, chosen on test", "polyline",
        "Epochs", "Configuration", f"alfs train --config {run.as_posix()}/config.yaml",
    )  # fmt: skip
    document = json.loads(alfs("report", run.as_posix(), "-f", "json").out)
    assert document == {**json.loads((run / "result.json").read_text()), "run": run.as_posix()}

    assert alfs("sweep", *words, "--seeds", "0").code == 0  # the run that is there already
    (folder,) = Path("alfs-out/sweeps").iterdir()
    page = page_of(alfs("report", folder.name), f"{folder.as_posix()}/report.html")
    in_order(page, "1 of 1 runs finished", "test accuracy (%) on true labels", ">Runs<")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "there is no 'alfs-out/estimate.json'"),
        (("missing",), "no such run: 'missing'"),
        (("bad.json",), "not valid JSON"),
        (("other.json",), "schema is 'alfs.check/1'"),
    ],
)
def test_wrong_words(alfs, words, message):
    Path("bad.json").write_text("{")
    Path("other.json").write_text('{"schema": "alfs.check/1"}')
    done = alfs("report", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "help: " in done.err
    assert not list(Path(".").rglob("*.html"))


def test_fiftyone_lists_every_picture_with_what_was_found(alfs):
    rng = np.random.default_rng(0)
    for i in range(30):
        path = Path(f"d/{sorted(CLASSES)[i // 10]}/{i:02d}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    data = load(DataSpec("d"))
    about = DataSummary("d", "folder", 30, data.class_names, (10, 10, 10), None, data.fingerprint,
                        {"source": "d"})  # fmt: skip
    make_estimate(data=about).save(Path("alfs-out/estimate.json"))
    suspect = {"index": 20, "path": data.paths[20], "given": "dog", "suggested": "cat"}
    pd.DataFrame([suspect | CONFIDENCES]).to_parquet("alfs-out/issues.parquet", index=False)
    done = alfs("report", "-f", "fiftyone")
    assert done.code == 0, done.err
    labels = json.loads(done.out)["labels"]
    assert list(labels) == [str(Path(path).absolute()) for path in data.paths]
    assert labels.pop(str(Path(data.paths[20]).absolute())) == {
        "label": "dog",
        "confidence": 0.1,
        "attributes": {"suggested": "cat", "score": 0.9, "kind": "likely"},
    }
    assert [label["label"] for label in labels.values()] == [*["[red]"] * 10, *["cat"] * 10,
                                                            *["dog"] * 9]  # fmt: skip
    assert all(list(label) == ["label"] for label in labels.values())
    Path("d/cat/10.png").unlink()
    done = alfs("report", "-o", "fiftyone=labels.json")
    assert (done.code, "have changed since" in done.err) == (2, True)
    assert not Path("labels.json").exists()


def test_fiftyone_needs_files_of_pictures(saved):
    done = saved("report", "-f", "fiftyone")
    assert (done.code, "FiftyOne imports files of pictures" in done.err) == (2, True)
    done = saved("estimate", "d.npz", "-f", "fiftyone")
    assert (done.code, "is for `alfs report` only" in done.err) == (2, True)
