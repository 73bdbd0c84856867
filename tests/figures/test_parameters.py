"""Figure 3: means and spreads beside loops, which lines are dashed, and what cannot be drawn."""

import csv
import io
from statistics import mean, stdev

import numpy as np
import pytest

from alfs_cli.errors import InputError
from alfs_cli.figures.figure import save_all
from alfs_cli.figures.parameters import of_sweep
from alfs_cli.results.run import (
    EpochMetrics,
    NoiseConfig,
    NoiseUsed,
    RunResult,
    TestAccuracy,
    TestSummary,
    TrainConfig,
    TrainSummary,
    render_metrics,
)
from alfs_cli.results.sweep import FailedRun, PlannedNoise, PlannedRun, Sweep, run_folder

EPOCHS = 4
SYMMETRIC = ("symmetric", 0.8)
GRID = tuple(f"agce:a={a},q={q}" for a in (0.1, 2) for q in (0.5, 1.5))


def accuracies(loss, noise, seed):
    """Return what a run came to at each epoch: any numbers that differ between runs."""
    return np.random.default_rng([*map(ord, f"{loss}{noise}"), seed]).random(EPOCHS).tolist()


@pytest.fixture
def make_sweep(tmp_path):
    """Write a sweep by hand; return its folder."""

    def make(losses=GRID, noises=(SYMMETRIC,), seeds=(0, 1, 2), source="cifar10", labels="true",
             left_out=(), failed=()):  # fmt: skip
        folder = tmp_path / "sweep"
        planned = []
        for loss in losses:
            for kind, rate in noises:
                for seed in seeds:
                    config = TrainConfig(
                        dataset={"source": source}, fingerprint="f", model="cnn8", loss=loss,
                        epochs=EPOCHS, batch_size=8, seed=seed, noise=NoiseConfig(kind, rate),
                    )  # fmt: skip
                    name = config.run_id
                    planned.append(PlannedRun(name, loss, PlannedNoise(kind, rate, seed), seed))
                    if (loss, seed) in left_out:
                        continue
                    found = accuracies(loss, kind, seed)
                    place = run_folder(folder, name)
                    place.mkdir(parents=True)
                    config.save(place / "config.yaml")
                    RunResult(
                        alfs_version="0", status="finished", loss=loss, dataset=source,
                        noise=NoiseUsed(kind, 0.8 if rate is None else rate, seed), model="cnn8",
                        seed=seed, epochs=EPOCHS, test=TestSummary(source, "test", 360, labels),
                        test_accuracy=TestAccuracy(found[-1], max(found), 1), train_seconds=1.0,
                        device="cpu", versions={},
                        train=TrainSummary(100, tuple("abcdefghij"), "f"),
                    ).save(place / "result.json")  # fmt: skip
                    history = [EpochMetrics(i + 1, 1.0, 0.5, a, 0.1, 1.0)
                               for i, a in enumerate(found)]  # fmt: skip
                    (place / "metrics.jsonl").write_text(render_metrics(history))
        errors = tuple(FailedRun(planned[i].run, 2, "the loss became NaN") for i in failed)
        Sweep("0", "0" * 8, source, "f", {}, tuple(planned), errors).save(folder)
        return folder

    return make


def test_mean_and_spread_of_each_epoch(make_sweep):
    figure, settings = of_sweep(make_sweep())
    assert [setting.loss for setting in settings] == list(GRID)
    rows = list(csv.reader(io.StringIO(figure.csv())))[1:]
    assert len(rows) == len(GRID) * EPOCHS
    for panel, line, epoch, y, std, n in rows:
        assert panel == "agce\nsymmetric 0.8, clean level 2.25"
        loss = "agce:" + line.replace(" ", "")
        runs = [accuracies(loss, "symmetric", seed)[int(epoch) - 1] for seed in range(3)]
        assert (float(y), float(std)) == pytest.approx(
            (100 * mean(runs), 100 * stdev(runs)), rel=1e-5
        )
        assert n == "3"
    last = [accuracies(GRID[0], "symmetric", seed)[-1] for seed in range(3)]
    assert (settings[0].accuracy, settings[0].std) == pytest.approx((mean(last), stdev(last)))


def test_lines_are_dashed_where_the_ratio_is_too_small(make_sweep):
    """(a / (a + 1))^(1 - q) beside 1 / 2.25: symmetric noise of 0.8 over 10 classes."""
    figure, settings = of_sweep(make_sweep())
    dashed = {curve.name for curve in figure.curves if curve.is_dashed}
    assert (0.1 / 1.1) ** 0.5 < 1 / 2.25 < (2 / 3) ** 0.5
    assert dashed == {"a = 0.1, q = 0.5"}
    assert [s.is_robust for s in settings] == [False, True, True, True]
    assert [curve.name for curve in figure.curves][:2] == ["a = 0.1, q = 0.5", "a = 2, q = 0.5"]


def test_a_panel_for_each_noise_and_loss(make_sweep):
    """What all settings share stands above; a loss with one setting is grey beside others."""
    losses = (*GRID[::2], "nce+aul:a=2,p=2,alpha=1,beta=1", "nce+aul:a=2,p=2,alpha=1,beta=4", "ce")
    noises = (SYMMETRIC, ("asymmetric", 0.4))
    figure, settings = of_sweep(make_sweep(losses, noises, seeds=(5,)))
    assert figure.panels == (
        "agce:q=0.5\nsymmetric 0.8, clean level 2.25",
        "agce:q=0.5\nasymmetric 0.4, clean level 1.5",
        "nce+aul:a=2,p=2,alpha=1\nsymmetric 0.8, clean level 2.25",
        "nce+aul:a=2,p=2,alpha=1\nasymmetric 0.4, clean level 1.5",
    )
    for panel in figure.panels:
        own = [curve for curve in figure.curves if curve.panel == panel]
        assert [curve.is_grey for curve in own] == [False, False, True]
        assert own[2].name == "ce"
        assert all(curve.spread is None for curve in own)
    assert len(settings) == 10
    assert all(setting.std is None for setting in settings)


def test_noise_whose_transition_is_not_known(make_sweep):
    figure, settings = of_sweep(make_sweep(noises=(("T.csv", None),), labels="given"))
    assert {setting.is_robust for setting in settings} == {None}
    assert not any(curve.is_dashed for curve in figure.curves)
    assert figure.y_axis == "test accuracy on given labels (%)"


def test_files(make_sweep, tmp_path):
    paths = save_all("fig3", of_sweep(make_sweep())[0], tmp_path)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert (
        "dashed: not proved robust" in of_sweep(tmp_path / "sweep")[0].draw()._suptitle.get_text()
    )


def test_a_legend_says_the_numbers(make_sweep):
    axis = of_sweep(make_sweep())[0].draw().axes[0]
    texts = [text.get_text() for text in axis.get_legend().get_texts()]
    assert len(texts) == len(GRID)
    assert texts[0].startswith("a = 0.1, q = 0.5: ratio 0.302, ")
    assert " +- " in texts[0]


def test_one_epoch_is_points_with_their_spread(make_sweep, monkeypatch):
    monkeypatch.setattr("tests.figures.test_parameters.EPOCHS", 1)
    axis = of_sweep(make_sweep(source="mnist"))[0].draw().axes[0]
    assert [line.get_marker() for line in axis.lines if line.get_label()[0] != "_"] == ["o"] * 4
    assert len(axis.containers) == 4  # error bars
    low, high = axis.get_xlim()
    assert [tick for tick in axis.get_xticks() if low <= tick <= high] == [1.0]


@pytest.mark.parametrize("losses", [("ce", "mae:scale=1"), GRID[:1]])
def test_one_setting_of_each_loss(make_sweep, losses):
    with pytest.raises(InputError, match="one setting of each loss: ") as caught:
        of_sweep(make_sweep(losses))
    assert losses[0] in str(caught.value)
    assert "alfs sweep digits --grid" in caught.value.help


def test_runs_that_have_not_finished(make_sweep):
    left = ((GRID[0], 0), (GRID[0], 1))
    with pytest.raises(InputError, match="2 of 12 runs of sweep 'sweep' have not finished: agce-"):
        of_sweep(make_sweep(left_out=left))


def test_runs_that_failed(make_sweep):
    with pytest.raises(InputError, match=r"1 of 12 runs .* failed: the loss became NaN"):
        of_sweep(make_sweep(left_out=((GRID[0], 1),), failed=(1,)))
