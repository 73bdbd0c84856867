"""The loop: it learns, repeats itself bit for bit, and loses nothing when stopped anywhere."""

import json
import random
import re
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from alfs_cli.errors import InputError, Interrupted, WorkError
from alfs_cli.results.run import (
    CHECKPOINT,
    CONFIG,
    METRICS,
    RESULT,
    WEIGHTS,
    load_config,
    load_metrics,
    load_run,
)
from alfs_cli.storage.writing import write_text
from alfs_cli.training import loop, train
from alfs_cli.training.checkpoint import (
    load_checkpoint,
    load_trained,
    save_checkpoint,
    save_trained,
)
from alfs_cli.training.devices import Device
from alfs_cli.training.experiment import plan
from alfs_cli.training.loop import Watch
from alfs_cli.training.prediction import features_of, predict

CPU = Device("cpu", "float32", channels_last=True)
NOISY = {
    "dataset": {"source": "digits"},
    "loss": "nce+rce",
    "noise": {"kind": "symmetric", "rate": 0.4},
    "model": "mlp",
    "epochs": 3,
}
DEEP = {**NOISY, "model": "cnn4"}  # dear: where the network matters
COLOUR = {**NOISY, "augmentation": {"crop": 1, "flip": True}, "l1": 1e-5}


class Killed(BaseException):
    """Stands for SIGKILL: nothing between the kill and the end of the process is run."""


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a run of NOISY that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)
    train(plan(NOISY), folder, CPU)
    return folder


def outcome(folder):
    """Return what a run came to, without its times."""
    epochs = [replace(epoch, seconds=0.0) for epoch in load_metrics(folder)]
    result = load_run(folder).result
    checkpoint = load_checkpoint(folder / CHECKPOINT)
    numbers = [*checkpoint["model"].values(), *checkpoint["velocities"]]
    return (
        (folder / WEIGHTS).read_bytes(),
        epochs,
        replace(result, train_seconds=0.0),
        [number.numpy().tobytes() for number in numbers],
    )


def killed_after(steps, settings, folder):
    """Train and vanish after that many steps; return False where training was over before."""

    def on_step(done):
        if done == steps:
            raise Killed

    resume = (folder / CHECKPOINT).exists()
    try:
        train(plan(settings), folder, CPU, resume=resume, on_step=on_step)
    except Killed:
        return True
    return False


@pytest.mark.slow
def test_learns_under_noise(tmp_path):
    experiment = plan({**NOISY, "loss": "nce+aul", "epochs": 12})
    seen = []
    result = train(experiment, tmp_path, CPU, on_epoch=seen.append)
    assert result.status == "finished"
    assert result.test_accuracy.last > 0.9
    assert 0.5 < seen[-1].train_accuracy < 0.7  # 60 % of the labels trained on are true
    assert [epoch.epoch for epoch in seen] == list(range(1, 13))
    assert tuple(seen) == load_metrics(tmp_path)
    assert result.test.labels == "true"
    assert load_run(tmp_path).result == result
    assert load_config(tmp_path) == experiment.config


def test_same_seed_same_bits_and_other_seed_not(whole, tmp_path):
    for name, seed in (("b", 0), ("c", 1)):
        train(plan({**NOISY, "seed": seed}), tmp_path / name, CPU)
    assert outcome(whole) == outcome(tmp_path / "b")
    assert outcome(whole)[0] != outcome(tmp_path / "c")[0]


def test_learns_in_bfloat16(tmp_path):
    """Slower than float32 on most CPUs, the same loop everywhere."""
    device = replace(CPU, precision="bfloat16")
    result = train(plan({**NOISY, "noise": None, "loss": "ce", "epochs": 4}), tmp_path, device)
    assert result.test_accuracy.last > 0.8


def test_global_random_state_is_left_alone(tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(plan({**NOISY, "epochs": 1}), tmp_path, CPU)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("settings", "trials"),
    [pytest.param(DEEP, 1, marks=pytest.mark.slow), (COLOUR, 2)],
    ids=["cnn4", "mlp"],
)
def test_killed_anywhere_and_resumed_is_the_same(tmp_path, settings, trials):
    train(plan(settings), tmp_path / "whole", CPU)
    draw = random.Random(settings["epochs"])
    for trial in range(trials):
        folder = tmp_path / f"trial{trial}"
        while killed_after(draw.randint(1, 36), settings, folder):
            pass
        assert outcome(folder) == outcome(tmp_path / "whole")


def test_whoever_looks_on_hears_the_loss_and_of_a_signal_at_once(tmp_path):
    heard, losses = [], []

    def on_step(done):
        losses.append(ask[0]())
        if done == 3:
            signal.raise_signal(signal.SIGINT)
            assert heard == ["stop"]  # before the step is over, so before anything is saved

    ask = []
    watch = Watch(ready=ask.append, stop=lambda: heard.append("stop"))
    settings = {**NOISY, "epochs": 2}
    with pytest.raises(Interrupted, match="step 3 of epoch 1"):
        train(plan(settings), tmp_path, CPU, on_step=on_step, watch=watch)
    saved = load_checkpoint(tmp_path / CHECKPOINT)["losses"]
    assert losses == pytest.approx([float(saved[: n + 1].mean()) for n in range(3)])


@pytest.mark.slow
def test_killed_at_every_step(whole, tmp_path):
    """A kill leaves what lies on disk: copied after each step, and gone on with where it differs.

    That is once an epoch. Whether a kill does leave no more is tested by real ones elsewhere.
    """
    left = {}

    def on_step(done):
        copy = tmp_path / str(done)
        shutil.copytree(tmp_path / "run", copy)
        content = {str(p.relative_to(copy)): p.read_bytes() for p in copy.rglob("*") if p.is_file()}
        left.setdefault(json.dumps(content, default=bytes.hex, sort_keys=True), []).append(done)

    train(plan(NOISY), tmp_path / "run", CPU, on_step=on_step)
    steps = sorted(left.values())
    assert steps == [list(range(start, start + 12)) for start in (1, 13, 25)]
    for first, *_ in steps:
        folder = tmp_path / str(first)
        train(plan(NOISY), folder, CPU, resume=(folder / CHECKPOINT).exists())
        assert outcome(folder) == outcome(whole)


@pytest.mark.parametrize(
    "victim",
    [CHECKPOINT, *(pytest.param(f, marks=pytest.mark.slow) for f in (METRICS, WEIGHTS, RESULT))],
)
def test_killed_while_writing(whole, tmp_path, monkeypatch, victim):
    """A write that is cut off leaves the old file, and the run resumes to the same end."""
    from alfs_cli.results import run as runs
    from alfs_cli.storage import writing
    from alfs_cli.training import checkpoint

    folder, real = tmp_path / "cut", writing.replacing
    epochs = []

    def cut(path):
        if path == folder / victim and (victim != CHECKPOINT or len(epochs) > 1):
            raise Killed
        return real(path)

    with monkeypatch.context() as patch:
        for module in (checkpoint, writing, runs):
            patch.setattr(module, "replacing", cut, raising=False)
        with pytest.raises(Killed):
            train(plan(NOISY), folder, CPU, on_epoch=epochs.append)
    train(plan(NOISY), folder, CPU, resume=(folder / CHECKPOINT).exists())
    assert outcome(folder) == outcome(whole)


@pytest.mark.slow
def test_dropout_resumes_bit_for_bit(tmp_path, monkeypatch):
    """Networks that draw at random in the forward pass resume with their generator's state."""

    def with_dropout(name, shape, num_classes, *, seed):
        from alfs_cli.training.models import build

        return torch.nn.Sequential(
            torch.nn.Dropout(0.5), build(name, shape, num_classes, seed=seed)
        )

    monkeypatch.setattr(loop, "build", with_dropout)
    train(plan(NOISY), tmp_path / "whole", CPU)
    killed_after(17, NOISY, tmp_path / "cut")
    train(plan(NOISY), tmp_path / "cut", CPU, resume=True)
    assert outcome(tmp_path / "cut")[1:] == outcome(tmp_path / "whole")[1:]


def test_nan_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    real = loop.make_step

    def poisoned(*arguments, **options):
        step = real(*arguments, **options)
        count = iter(range(1000))

        def take(inputs, *others):
            return step(inputs * float("nan") if next(count) == 17 else inputs, *others)

        return take

    monkeypatch.setattr(loop, "make_step", poisoned)
    message = r"became NaN in epoch 2, step 6 .* epoch 1 is kept"
    with pytest.raises(WorkError, match=message) as error:
        train(plan(NOISY), tmp_path, CPU)
    assert error.value.exit_code == 3
    assert "--lr 0.001" in error.value.help
    saved = load_checkpoint(tmp_path / CHECKPOINT)
    assert saved["epoch"] == 1
    assert all(value.isfinite().all() for value in saved["model"].values())
    assert load_run(tmp_path).result.status == "failed"
    assert not (tmp_path / WEIGHTS).exists()


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes")],
    ids=["python", "torch"],
)
def test_out_of_memory(tmp_path, monkeypatch, error):
    def refuse(*arguments, **options):
        raise error

    monkeypatch.setattr(loop, "make_step", refuse)
    with pytest.raises(WorkError, match="out of memory") as caught:
        train(plan(NOISY), tmp_path, CPU)
    assert "--batch-size 64" in caught.value.help


def test_disk_full(tmp_path, monkeypatch):
    """And no view of the state's bytes outlives it: with one, Python 3.12.1 crashes later."""
    from pathlib import Path

    views = []

    def full(self, data):
        views.append(data)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WorkError, match=r"last\.pt': No space left on device"):
        train(plan(NOISY), tmp_path, CPU)
    assert not list(tmp_path.rglob("*.pt"))
    for view in views:
        with pytest.raises(ValueError, match="released"):
            view.tobytes()


@pytest.fixture
def features(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    values = rng.normal(size=(120, 4)) * [1, 100, 1e-3, 1] + np.eye(4)[labels] * [4, 400, 4e-3, 0]
    path = tmp_path / "features.npz"
    np.savez(path, features=values.astype(np.float32), labels=labels)
    return path


def test_features(tmp_path, features):
    experiment = plan(
        {"dataset": {"source": str(features)}, "loss": "ce", "optimizer": {"lr": 0.1}}
    )
    assert experiment.config.model == "linear"
    result = train(experiment, tmp_path / "run", CPU)
    assert result.test_accuracy.last > 0.9
    assert result.test.labels == "given"
    assert result.test.n == 24


def test_saved_network_predicts_as_the_trained_one(whole):
    result, trained = load_run(whole).result, load_trained(whole)
    test = plan(NOISY).test_examples()
    probs = predict(trained, test.inputs, CPU)
    assert probs.shape == (360, 10)
    torch.testing.assert_close(probs.sum(1), torch.ones(360))
    accuracy = float((probs.argmax(1) == test.labels).float().mean())
    assert accuracy == pytest.approx(result.test_accuracy.last)
    assert trained.class_names == tuple(str(digit) for digit in range(10))
    assert features_of(trained, test.inputs, CPU).shape == (360, 512)


def test_checkpoints_hold_no_code(tmp_path):
    import pickle

    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps({"version": 1, "x": random.Random}))
    with pytest.raises(InputError, match="not a weights-only file"):
        load_checkpoint(path)
    torch.save({"version": 1, "x": random.Random()}, path)
    with pytest.raises(InputError, match="not a weights-only file"):
        load_checkpoint(path)


def test_broken_and_newer_checkpoints(tmp_path):
    path = tmp_path / "last.pt"
    with pytest.raises(InputError, match="no checkpoint"):
        load_checkpoint(path)
    save_checkpoint(path, {"a": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"cannot read .*last\.pt"):
        load_checkpoint(path)
    torch.save({"version": 2}, path)
    with pytest.raises(InputError, match="version 2, this alfs reads 1"):
        load_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="not a checkpoint of alfs"):
        load_checkpoint(path)


def test_checkpoint_of_another_run(tmp_path):
    train(plan({**NOISY, "epochs": 1}), tmp_path / "a", CPU)
    (tmp_path / "b" / "checkpoints").mkdir(parents=True)
    (tmp_path / "a" / CHECKPOINT).rename(tmp_path / "b" / CHECKPOINT)
    with pytest.raises(InputError, match="a checkpoint of run 'nce"):
        train(plan({**NOISY, "model": "linear"}), tmp_path / "b", CPU, resume=True)
    assert not (tmp_path / "b" / CONFIG).exists()


def test_weights_of_another_network(tmp_path):
    experiment = plan({**NOISY, "epochs": 1})
    train(experiment, tmp_path, CPU)
    trained = load_trained(tmp_path)
    run = experiment.config.run_id
    save_trained(tmp_path / WEIGHTS, replace(trained, name="linear"), run=run)
    with pytest.raises(InputError, match="weights of another network"):
        load_trained(tmp_path)
    save_trained(tmp_path / WEIGHTS, trained, run="ce-00000000-s0")
    with pytest.raises(InputError, match=f"of run 'ce-00000000-s0', not of '{re.escape(run)}'"):
        load_trained(tmp_path)
    write_text(tmp_path / WEIGHTS, "no weights")
    with pytest.raises(InputError, match="cannot read"):
        load_trained(tmp_path)


def test_metrics_have_the_promised_keys(tmp_path):
    train(plan({**NOISY, "epochs": 1}), tmp_path, CPU)
    line = json.loads((tmp_path / METRICS).read_text())
    assert list(line) == ["epoch", "loss", "train_accuracy", "test_accuracy", "lr", "seconds"]
    environment = (tmp_path / "environment.json").read_text()
    assert list(json.loads(environment)) == [
        "versions", "device", "precision", "threads", "system", "machine", "commit",
    ]  # fmt: skip


def pictures_of(count, folder, size=8, channels=3):
    rng = np.random.default_rng(0)
    path = folder / f"{count}.npz"
    pixels = rng.integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    np.savez(path, images=pixels, labels=np.arange(count) % 2)
    return {"source": str(path)}


@pytest.mark.parametrize("model", ["mlp", "cnn4", "cnn8", "resnet18"])
@pytest.mark.parametrize("batch_size", [2, 16])
def test_one_example_more_than_whole_batches(tmp_path, model, batch_size):
    """Batch norm cannot take a batch of one; every example counts for the accuracy all the same."""
    settings = {
        "dataset": pictures_of(33 if batch_size == 16 else 5, tmp_path),
        "loss": "ce", "model": model, "epochs": 1, "batch_size": batch_size, "holdout": 0,
    }  # fmt: skip
    result = train(plan(settings), tmp_path / "run", CPU)
    count = result.train.n
    assert count % batch_size == 1
    hits = load_metrics(tmp_path / "run")[0].train_accuracy * count
    assert hits == pytest.approx(round(hits))


def test_a_remembering_loss_sees_the_odd_example_too(tmp_path):
    settings = {
        "dataset": pictures_of(33, tmp_path), "loss": "ce", "model": "mlp", "epochs": 3,
        "batch_size": 16, "holdout": 0, "elr": {},
    }  # fmt: skip
    assert train(plan(settings), tmp_path / "run", CPU).status == "finished"
