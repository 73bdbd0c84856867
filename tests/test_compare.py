"""Comparison: groups, mean and spread, Welch's test, what is left out."""

import json
from dataclasses import replace
from statistics import mean, stdev

import pytest
from scipy.stats import ttest_ind

from alfs_cli.compare import compare, curves, find_runs, not_worse
from alfs_cli.errors import InputError
from alfs_cli.runs import (
    EpochMetrics,
    NoiseConfig,
    NoiseUsed,
    RunResult,
    TestAccuracy,
    TestSummary,
    TrainConfig,
    load_run,
    render_metrics,
)

CONFIG = TrainConfig(
    dataset={"source": "digits"}, fingerprint="f", model="linear", loss="ce", epochs=2,
    batch_size=8, seed=0, noise=NoiseConfig("symmetric", 0.4),
)  # fmt: skip


@pytest.fixture
def make_run(tmp_path):
    """Write a run directory by hand; return its folder."""

    def make(loss="ce", seed=0, last=0.8, best=0.9, status="finished", tested=True, **changes):
        config = replace(CONFIG, loss=loss, seed=seed, **changes)
        folder = tmp_path / "out" / "runs" / config.run_id
        folder.mkdir(parents=True)
        config.save(folder / "config.yaml")
        noise = NoiseUsed("symmetric", 0.4, seed)
        RunResult(
            alfs_version="0", status=status, loss=loss, dataset="digits", noise=noise,
            model="linear", seed=seed, epochs=2,
            test=TestSummary("digits", "test", 360, "true") if tested else None,
            test_accuracy=TestAccuracy(last, best, 1) if tested else None,
            train_seconds=1.0, device="cpu", versions={},
        ).save(folder / "result.json")  # fmt: skip
        history = [EpochMetrics(i + 1, 1.0, 0.5, a, 0.1, 1.0) for i, a in enumerate((best, last))]
        (folder / "metrics.jsonl").write_text(render_metrics(history))
        return folder

    return make


def test_seeds_make_a_mean_and_a_sample_deviation(make_run):
    accuracies = (0.80, 0.82, 0.87)
    runs = [load_run(make_run(seed=i, last=a, best=0.9)) for i, a in enumerate(accuracies)]
    (row,) = compare(runs).rows
    assert row.n == 3
    assert row.seeds == (0, 1, 2)
    assert row.last.mean == pytest.approx(mean(accuracies))
    assert row.last.std == pytest.approx(stdev(accuracies))
    assert (row.best.mean, row.best.std) == (pytest.approx(0.9), 0)
    assert (row.dataset, row.noise, row.rate, row.paper) == ("digits", "symmetric", 0.4, None)


def test_a_noise_seed_of_its_own_does_not_part_a_group(make_run):
    runs = [
        load_run(make_run(seed=i, noise=NoiseConfig("symmetric", 0.4, seed=10 + i)))
        for i in range(3)
    ]
    assert [row.n for row in compare(runs).rows] == [3]


def test_other_settings_part_groups(make_run):
    runs = [load_run(make_run()), load_run(make_run(batch_size=16))]
    assert [row.n for row in compare(runs).rows] == [1, 1]


def test_best_and_not_worse(make_run):
    table = {"ce": (0.80, 0.81, 0.82), "mae": (0.90, 0.91, 0.92), "gce:q=0.7": (0.89, 0.91, 0.90)}
    runs = [
        load_run(make_run(loss=loss, seed=i, last=a))
        for loss, values in table.items()
        for i, a in enumerate(values)
    ]
    rows = {row.loss: row for row in compare(runs).rows}
    assert list(rows) == ["mae", "gce:q=0.7", "ce"]
    assert [row.is_best for row in rows.values()] == [True, False, False]
    assert [row.not_worse for row in rows.values()] == [True, True, False]


def test_welch_is_scipys():
    a, b = (0.5, 0.6, 0.55, 0.58), (0.61, 0.62, 0.6)
    p = ttest_ind(a, b, equal_var=False).pvalue
    assert not_worse(a, b) == (p >= 0.05)
    assert not_worse((0.5,), b) is None
    assert not_worse((0.5, 0.5), (0.5, 0.5)) is True
    assert not_worse((0.4, 0.4), (0.5, 0.5)) is False


def test_unfinished_runs_are_left_out(make_run, tmp_path):
    make_run(seed=0)
    make_run(seed=1, status="interrupted")
    assert len(find_runs((), tmp_path / "out")) == 1
    assert len(find_runs((str(tmp_path / "out"),), tmp_path)) == 1
    assert len(find_runs((str(tmp_path / "out" / "runs"),), tmp_path)) == 1


def test_nothing_to_compare(make_run, tmp_path):
    with pytest.raises(InputError, match="no finished runs in"):
        find_runs((), tmp_path / "out")
    run = load_run(make_run(tested=False))
    with pytest.raises(InputError, match="none of these runs was tested"):
        compare([run])


def test_curves_are_means_over_seeds(make_run):
    runs = [load_run(make_run(seed=i, last=a, best=0.9)) for i, a in enumerate((0.8, 0.6))]
    ((name, points),) = curves(runs)
    assert name == "ce, symmetric 0.4"
    assert points == ((1.0, pytest.approx(0.9)), (2.0, pytest.approx(0.7)))


def test_the_document_has_the_contracts_keys(make_run):
    document = compare([load_run(make_run())]).document()
    assert document["schema"] == "alfs.compare/1"
    assert set(document["rows"][0]) >= {
        "loss", "dataset", "noise", "rate", "n", "last", "best", "is_best", "not_worse", "paper",
    }  # fmt: skip
    assert set(document["rows"][0]["last"]) == {"mean", "std"}
    json.dumps(document, allow_nan=False)
