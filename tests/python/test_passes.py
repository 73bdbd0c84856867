"""`alfs.passes`: the two passes as functions that can be pickled, for any scheduler."""

import pickle

import numpy as np
import pytest

import alfs_cli as alfs
from alfs_cli.cli import run
from alfs_cli.console import Quiet
from alfs_cli.data import DataSpec
from alfs_cli.estimating import EstimateOptions, estimate_data, from_features
from alfs_cli.storage.workers import Threads


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    true = generator.integers(0, 2, 800)
    given = np.where(generator.random(800) < 0.2, 1 - true, true)
    np.savez("d.npz", features=3 * np.eye(4)[true] + generator.normal(size=(800, 4)), labels=given)
    assert run(["features", "d.npz", "--to", "f", "-q"]) == 0
    return "f"


def sent(work, files):
    """Call a pass on each file, as a worker elsewhere would."""
    text = pickle.dumps(work)
    assert len(text) < 100_000  # no examples
    return [pickle.loads(text)(number) for number in files]


def test_they_come_to_the_estimate(folder, monkeypatch):
    monkeypatch.setattr(from_features, "MOST_IN_MEMORY", 0)
    work = alfs.passes(folder)
    assert work.files == (0, 1, 2, 3)
    merged = work.merge(sent(work.first_pass, work.files))
    found = merged.finish(sent(merged.second_pass, work.files))
    whole = estimate_data(DataSpec(folder), EstimateOptions(), Quiet(), workers=Threads(1))
    assert found.noise_rate == whole.estimate.noise_rate
    assert found.suspects.equals(whole.table)
    assert found.n == 800
    runs = [work.first_pass((2, 3)), work.first_pass((0, 1))]
    again = work.merge(runs)
    tallies = [again.second_pass(part) for part in ((3,), (0, 1, 2))]
    assert again.finish(tallies).noise_rate.value == pytest.approx(found.noise_rate.value, abs=1e-4)


def test_what_is_no_folder_of_features_is_said(folder):
    with pytest.raises(alfs.AlfsError, match=r"no such file: '.*_features.json'"):
        alfs.passes("nothing")
    with pytest.raises(alfs.AlfsError, match="folds is 1, not between"):
        alfs.passes(folder, folds=1)
