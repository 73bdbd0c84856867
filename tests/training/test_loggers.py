"""TensorBoard's events, read back by its own reader."""

import json
import sys
import warnings
from pathlib import Path

import pytest

from alfs_cli.cli import run
from alfs_cli.results.run import EpochMetrics, load_metrics, render_metrics
from alfs_cli.training.loggers import logging_to

TRAIN = ("train", "digits", "--loss", "ce", "--model", "linear", "--epochs", "3", "--logger",
         "tensorboard")  # fmt: skip


def read(folder):
    """Return {tag: [(step, value), ...]} of the events of a run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder / "tensorboard")).Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_a_run_writes_what_tensorboard_reads(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    assert run([*TRAIN, "-q", "-f", "json"]) == 0
    folder = Path(json.loads(capsys.readouterr().out)["run"])
    found, history = read(folder), load_metrics(folder)
    assert set(found) == {"loss", "accuracy/train", "accuracy/test", "lr", "seconds"}
    assert [step for step, _ in found["loss"]] == [1, 2, 3]
    for tag, name in (("loss", "loss"), ("accuracy/test", "test_accuracy"), ("lr", "lr")):
        assert [value for _, value in found[tag]] == pytest.approx(
            [getattr(epoch, name) for epoch in history]
        )


def test_a_run_that_goes_on_has_every_epoch_once(tmp_path):
    pytest.importorskip("tensorboard")
    history = [EpochMetrics(i, 1 / i, 0.5, None, 0.1, 1.0) for i in (1, 2, 3)]
    for resume, known, new in ((False, [], history[:1]), (True, history[:2], history[2:])):
        (tmp_path / "metrics.jsonl").write_text(render_metrics(known))
        with logging_to("tensorboard", tmp_path, resume=resume) as log:
            for epoch in new:
                log(epoch)
    found = read(tmp_path)
    assert [step for step, _ in found["loss"]] == [1, 2, 3]
    assert "accuracy/test" not in found


def test_a_logger_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run([*TRAIN[:-1], "tensorbord"]) == 2
    assert "unknown logger 'tensorbord' (did you mean 'tensorboard'?)" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert run([*TRAIN]) == 2
    assert "help: pip install 'alfs-cli[tensorboard]'" in capsys.readouterr().err
    for name, title in (("mlflow", "MLflow"), ("wandb", "Weights & Biases")):
        monkeypatch.setitem(sys.modules, name, None)
        assert run([*TRAIN[:-1], name]) == 2
        said = capsys.readouterr().err
        assert f"--logger {name} needs {title}, which is not installed" in said
        assert f"help: pip install 'alfs-cli[{name}]'" in said
    assert not Path("alfs-out").exists()
