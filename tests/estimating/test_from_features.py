"""Estimates of a folder of features, file by file: those in memory, whoever does the work."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alfs_cli.cli import run
from alfs_cli.console import Quiet
from alfs_cli.data import DataSpec
from alfs_cli.estimating import EstimateOptions, estimate_data, from_features
from alfs_cli.estimating.streamed import wanted_for
from alfs_cli.evidence import written
from alfs_cli.storage.workers import Threads

N, NAMES = 1500, ("ant", "bee", "cow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of the features of 1,500 rows in 15 files, with the true labels in true.npy."""
    top = tmp_path_factory.mktemp("features")
    generator = np.random.default_rng(0)
    true = np.sort(generator.integers(0, 3, N))
    given = np.where(generator.random(N) < 0.2, (true + 1) % 3, true)
    X = 3 * np.eye(6)[true] + generator.normal(size=(N, 6))
    np.savez(top / "d.npz", features=X, labels=given, class_names=np.array(NAMES))
    np.save(top / "true.npy", true)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(written, "LEAST", 100)
        assert run(["features", str(top / "d.npz"), "--to", str(top / "f"), "-q"]) == 0
    return top / "f"


def estimated(folder, workers=None, **options):
    """Return an estimate: by these workers in passes, as if it did not fit in memory."""
    chosen = EstimateOptions(resamples=100, **options)
    with pytest.MonkeyPatch.context() as patch:
        if workers is not None:
            patch.setattr(from_features, "MOST_IN_MEMORY", 0)
        return estimate_data(DataSpec(str(folder)), chosen, Quiet(), workers=workers)


@pytest.fixture(scope="module")
def passes(folder):
    """The estimate in passes, by one thread."""
    return estimated(folder, Threads(1))


def document(found):
    said = found.estimate.document()
    said.pop("seconds")
    return json.dumps(said), found.table.to_csv()


def test_it_is_about_the_estimate_in_memory(folder, passes):
    memory = estimated(folder)
    assert memory.judged is not None
    assert passes.judged is None
    one, two = memory.estimate, passes.estimate
    assert one.data.given_counts == two.data.given_counts
    assert one.data.fingerprint == two.data.fingerprint
    np.testing.assert_allclose(one.transition, two.transition, atol=0.03)
    assert abs(one.noise_rate.value - two.noise_rate.value) < 0.02
    listed = [set(est.table[est.table["kind"] == "likely"]["index"]) for est in (memory, passes)]
    assert len(listed[0] & listed[1]) > 0.9 * max(map(len, listed))


def test_it_finds_what_is_wrong(folder, passes):
    true = np.load(folder.parent / "true.npy")
    given = np.load(folder.parent / "d.npz")["labels"]
    estimate, table = passes.estimate, passes.table
    rate = (true != given).mean()
    assert estimate.noise_rate.low <= rate <= estimate.noise_rate.high
    likely = table[table["kind"] == "likely"]
    wrong = true[likely["index"]] != given[likely["index"]]
    promised = estimate.issues.expected_precision
    assert promised.low - 0.02 <= wrong.mean() <= promised.high + 0.02
    assert wrong.sum() > 0.8 * (true != given).sum()
    names = np.array(NAMES)
    assert (likely["given"] == names[given[likely["index"]]]).all()
    assert (likely["suggested"] == names[true[likely["index"]]])[wrong].mean() > 0.95
    assert len(table) == estimate.issues.count


@pytest.mark.parametrize("count", [3])
def test_however_many_work_on_it(folder, passes, count):
    assert document(estimated(folder, Threads(count))) == document(passes)


def test_large_folders_are_read_in_passes_unasked(folder, passes, monkeypatch):
    monkeypatch.setattr(from_features, "MOST_IN_MEMORY", 1000)
    assert document(estimated(folder)) == document(passes)
    assert estimated(folder, max_examples=600).judged is not None  # which needs them in memory


def test_a_sample_is_said(folder, monkeypatch, capsys):
    monkeypatch.setattr(from_features, "MOST_IN_MEMORY", 1000)
    monkeypatch.setattr("alfs_cli.estimating.streamed.most_drawn", lambda _: 500)
    monkeypatch.setattr(from_features, "most_drawn", lambda _: 500)
    assert run(["estimate", str(folder), "--out", str(folder.parent / "o")]) == 0
    err = capsys.readouterr().err
    assert "T is fitted to a random sample of 500 of 1,500 examples" in err
    said = json.loads((folder.parent / "o" / "estimate.json").read_text())
    assert said["evidence"]["sample"] == 500
    assert said["data"]["n"] == 1500 == sum(said["data"]["given_counts"])
    assert run(["report", str(folder.parent / "o" / "estimate.json"), "-v"]) == 0
    assert "on a sample of 500" in capsys.readouterr().out


@pytest.fixture
def broken(folder, tmp_path):
    """A copy of the folder, of which one file is cut short and one is missing."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    cut, gone = (tmp_path / f"features-{n:06d}.parquet" for n in (3, 7))
    cut.write_bytes(cut.read_bytes()[:500])
    gone.unlink()
    return tmp_path


def test_files_that_cannot_be_read_are_named_or_left_out(broken, monkeypatch, capsys):
    monkeypatch.setattr(from_features, "MOST_IN_MEMORY", 1000)
    words = ["estimate", str(broken), "--out", str(broken.parent / "o"), "-q"]
    assert run(words) == 2
    assert "the first is 'features-000007.parquet'" in capsys.readouterr().err
    assert run([*words, "--max-bad", "0.05"]) == 2
    assert "2 of 15 files cannot be read, with 13.3% of the examples" in capsys.readouterr().err
    assert run([*words, "--max-bad", "0.2", "-f", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["data"]["n"] == 1300
    assert "warning: left out: cannot read" in err
    assert "features-000003.parquet" in err


def test_ray_holds_no_folder_in_memory(folder, capsys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "ray", None)
        patch.setattr(from_features, "MOST_IN_MEMORY", 0)
        assert run(["estimate", str(folder), "--executor", "ray"]) == 2
    assert "pip install 'alfs-cli[ray]'" in capsys.readouterr().err
    for words, says in (
        ([str(folder), "--local"], "an option needs all examples in memory"),
        ([str(folder), "--method", "gold"], "an option needs all examples in memory"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(from_features, "MOST_IN_MEMORY", 0)
            assert run(["estimate", *words, "--executor", "ray"]) == 2
        assert says in capsys.readouterr().err


def test_paths_are_listed(tmp_path, monkeypatch):
    """And rows that could not be read keep the others' numbers."""
    from alfs_cli.data.feature_files import Unread, read_block, write_block
    from alfs_cli.results.features import load_features

    generator = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    labels = np.arange(300) % 3
    given = np.where(generator.random(300) < 0.2, (labels + 1) % 3, labels)
    X = 4 * np.eye(3)[labels] + generator.normal(size=(300, 3))
    np.savez("d.npz", features=X, labels=given)
    assert run(["features", "d.npz", "--to", "f", "-q"]) == 0
    about = load_features(Path("f"))
    from dataclasses import replace

    about = replace(about, has_paths=True)
    about.save(Path("f"))
    for number in range(about.files):
        block = read_block(Path("f"), about, number)
        lost = Unread(int(block.index[0]), int(block.labels[0]), "lost.png", "cut short")
        kept = replace(
            block, index=block.index[1:], labels=block.labels[1:], features=block.features[1:],
            digests=block.digests[1:], paths=tuple(f"{i}.png" for i in block.index[1:]),
            unread=(lost,),
        )  # fmt: skip
        write_block(Path("f"), about, kept)
    for found in (estimated(Path("f"), Threads(1)), estimated(Path("f"))):
        table = found.table
        assert (table["path"] == [f"{row}.png" for row in table["index"]]).all()
        assert found.estimate.data.n == 300 - about.files


def test_the_sample_grows_only_where_that_makes_bounds_narrower():
    assert wanted_for((5000, 0.04), (20_000, 0.02), 0.01) == 80_000
    assert wanted_for((5000, 0.10), (20_000, 0.099), 0.005) < 20_000
    assert wanted_for((5000, 0.02), (20_000, 0.03), 0.005) == 0


def test_issues_csv_is_that_of_the_table(folder, passes, tmp_path):
    passes.save(tmp_path)
    assert len(pd.read_csv(tmp_path / "issues.csv")) == len(passes.table)
