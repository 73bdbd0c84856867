"""`alfs train` as typed: results, reuse, saved files of other commands, kills, wrong input."""

import json
import math
import os
import signal
import time
from functools import cache
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
import torch
import yaml

from tests.conftest import make_recommendation
from tests.forks import forked_alfs

QUICK = ("--epochs", "2", "--model", "linear")
NCE = ("train", "digits", "--loss", "nce+rce", *QUICK)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def only_run():
    (folder,) = Path("alfs-out/runs").iterdir()
    return folder


def test_saves_what_it_promises(alfs):
    done = alfs(*NCE, "--noise", "symmetric", "--noise-rate", "0.4", "-f", "json")
    assert done.code == 0
    document = json.loads(done.out)
    folder = Path(document.pop("run"))
    assert folder == only_run()
    assert document == json.loads((folder / "result.json").read_text())
    assert document["schema"] == "alfs.run/1"
    assert document["noise"] == {"kind": "symmetric", "rate": 0.4, "seed": 0}
    assert document["test"] == {"source": "digits", "split": "test", "n": 360, "labels": "true"}
    assert set(document["test_accuracy"]) == {"last", "best", "best_epoch"}
    assert document["epochs"] == 2
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert names == {
        "config.yaml", "environment.json", "metrics.jsonl", "result.json", "model.safetensors",
        "checkpoints/last.pt",
    }  # fmt: skip
    environment = (folder / "environment.json").read_text()
    assert os.uname().nodename not in environment
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 2


def test_text_names_the_labels_and_the_split(alfs):
    done = alfs(*NCE)
    assert "(last epoch) on 360 true labels of digits, split test" in done.out
    assert "best epoch, chosen on test" in done.out
    assert "epoch 1/2  loss" in done.err
    assert "on cpu" in done.err
    assert "clean" not in done.out + done.err


def test_given_test_labels_are_never_called_true_or_clean(alfs, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    np.savez("d.npz", features=rng.normal(size=(60, 3)).astype("f4"), labels=labels)
    done = alfs("train", "d.npz", "--loss", "mae", "--epochs", "1")
    assert "on 12 given labels of d.npz, split holdout" in done.out
    assert "clean" not in done.out
    done = alfs("train", "d.npz", "--loss", "mae", "--epochs", "1", "--test-labels-are-true")
    assert "on 12 true labels" in done.out
    done = alfs("train", "d.npz", "--loss", "mae", "--epochs", "1", "--holdout", "0", "-f", "json")
    document = json.loads(done.out)
    assert document["test"] is None
    assert document["test_accuracy"] is None


def test_quiet_is_quiet(alfs):
    assert alfs(*NCE, "-q").err == ""


def test_finished_run_is_reused_unless_overwritten(alfs):
    first = alfs(*NCE, "-f", "json")
    stamp = (only_run() / "result.json").stat().st_mtime_ns
    again = alfs(*NCE, "-f", "json")
    assert again.out == first.out
    assert "is there already" in again.err
    assert (only_run() / "result.json").stat().st_mtime_ns == stamp
    alfs(*NCE, "--overwrite")
    assert (only_run() / "result.json").stat().st_mtime_ns != stamp


def test_config_repeats_the_run(alfs):
    alfs(*NCE, "--seed", "3", "--noise", "pair", "--noise-rate", "0.2")
    folder = only_run()
    weights = (folder / "model.safetensors").read_bytes()
    done = alfs("train", "--config", f"{folder}/config.yaml", "--out", "again", "-f", "json")
    repeated = Path(json.loads(done.out)["run"])
    assert repeated.name == folder.name
    assert (repeated / "model.safetensors").read_bytes() == weights


def test_dry_run_writes_nothing(alfs):
    done = alfs("train", "--recipe", "digits", "--dry-run", "-f", "json")
    document = json.loads(done.out)
    assert document["config"]["loss"].startswith("nce+aul")
    assert document["config"]["noise"]["rate"] == 0.4
    assert not Path("alfs-out").exists()


def test_precedence_set_and_options_over_recipe(alfs):
    words = ("--loss", "ce", "--set", "optimizer.momentum=0.5", "--lr", "0.2", "--epochs", "9")
    done = alfs("train", "--recipe", "digits", *words, "--dry-run", "-f", "json")
    config = json.loads(done.out)["config"]
    assert config["loss"].partition(":")[0] == "ce"
    assert config["epochs"] == 9
    assert config["optimizer"]["momentum"] == 0.5
    assert config["optimizer"]["lr"] == 0.2
    assert config["optimizer"]["weight_decay"] == 1e-3


def test_positional_data_override_the_recipes(alfs):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 9, 9), dtype=np.uint8)
    np.savez("d.npz", images=pixels, labels=np.arange(40) % 2)
    done = alfs("train", "d.npz", "--recipe", "digits", "--dry-run", "-f", "json")
    config = json.loads(done.out)["config"]
    assert config["dataset"] == {"source": "d.npz"}


def test_defaults_by_the_data(alfs):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    np.savez("colour.npz", images=pixels, labels=np.arange(40) % 2)
    np.savez("grey.npz", images=pixels[..., 0], labels=np.arange(40) % 2)

    def config(source):
        done = alfs("train", source, "--loss", "ce", "--dry-run", "-f", "json")
        return json.loads(done.out)["config"]

    colour, grey, digits = config("colour.npz"), config("grey.npz"), config("digits")
    assert (colour["model"], grey["model"], digits["model"]) == ("cnn8", "cnn8", "cnn4")
    others = {"rotation": 0.0, "resized_crop": 0.0, "colour_jitter": 0.0, "hue": 0.0}
    assert colour["augmentation"] == {"crop": 4, "flip": True, **others}
    assert grey["augmentation"] == digits["augmentation"] == {"crop": 0, "flip": False, **others}
    assert (colour["epochs"], digits["epochs"]) == (120, 50)
    assert (colour["optimizer"]["weight_decay"], digits["optimizer"]["weight_decay"]) == (
        1e-4,
        1e-3,
    )


def estimate_and_recommendation(fingerprint, *, loss="nce+aul", source="digits"):
    """Write what `alfs estimate` and `alfs recommend` leave, as far as training reads it."""
    rows = [[1.0 if i == j else 0.0 for j in range(10)] for i in range(10)]
    none, whole = ({"value": x, "low": x, "high": x} for x in (0.0, 1.0))
    level = {"value": "inf", "low": 5.0, "high": "inf", "true_class": "0", "given_class": "1"}
    names = [str(i) for i in range(10)]
    estimate = {
        "schema": "alfs.estimate/1", "alfs_version": "0.1.0", "seed": 0, "seconds": 1.0,
        "confidence": 0.95, "method": "joint-ml",
        "data": {"source": source, "kind": "builtin", "n": 1437, "classes": names,
                 "given_counts": [143] * 9 + [150], "split": "train", "fingerprint": fingerprint,
                 "spec": {"source": source}},
        "evidence": {"kind": "pixels", "name": "pixels", "folds": 5, "agreement": 0.9,
                     "calibration_error": 0.01, "in_sample": False},
        "noise_rate": none, "transition": rows, "transition_low": rows,
        "transition_high": rows, "class_prior": [0.1] * 10, "class_clean_level": [],
        "clean_level": level, "gap": whole,
        "dominant": True, "trust": {"level": "high", "reasons": []},
    }  # fmt: skip
    Path("alfs-out").mkdir(exist_ok=True)
    Path("alfs-out/estimate.json").write_text(json.dumps(estimate))
    advice = make_recommendation(fingerprint, loss, "agce:a=1,q=0.5", value=math.inf, low=5.0)
    advice.save(Path("alfs-out/recommendation.json"))


def digits_fingerprint():
    from alfs_cli.data import DataSpec, load

    return load(DataSpec("digits")).fingerprint


def test_data_and_loss_from_saved_results(alfs):
    estimate_and_recommendation(digits_fingerprint())
    done = alfs("train", *QUICK, "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["loss"].startswith("nce+aul")
    assert document["dataset"] == "digits"
    done = alfs("train", "digits", "--from", "alfs-out/recommendation.json#1", *QUICK, "-f", "json")
    assert json.loads(done.out)["loss"].startswith("agce:a=1,q=0.5")


def test_recommendation_for_other_data(alfs):
    estimate_and_recommendation("0" * 16)
    done = alfs("train", "digits", *QUICK)
    refused(done, "recommendation.json' is for other data", "--allow-stale")
    done = alfs("train", "--loss", "ce", *QUICK)
    refused(done, "estimate.json' is for other data", "`alfs estimate` anew")
    assert alfs("train", "digits", *QUICK, "--allow-stale").code == 0


def test_recommendation_from_another_estimate(alfs):
    estimate_and_recommendation(digits_fingerprint())
    file = Path("alfs-out/recommendation.json")
    advice = json.loads(file.read_text())
    file.write_text(json.dumps({**advice, "clean_level": {"value": 0.1, "low": 0.05}}))
    done = alfs("train", *QUICK, "--dry-run")
    refused(done, "was made from another estimate than", "`alfs recommend` anew")
    assert alfs("train", *QUICK, "--dry-run", "--allow-stale").code == 0
    file.write_text(json.dumps({**advice, "clean_level": {"value": "inf", "low": 5.0}}))
    assert alfs("train", *QUICK, "--dry-run").code == 0


def refused(done, message, help=""):
    """Assert exit 2 with its two lines, nothing on stdout, nothing written."""
    assert done.code == 2, done
    assert done.out == ""
    assert done.err.startswith("error: ") or "\nerror: " in done.err
    assert message in done.err
    assert "help: " in done.err
    assert help in done.err
    assert "Traceback" not in done.err
    runs = Path("alfs-out/runs")
    assert not [p for p in runs.rglob("*") if p.is_file()] if runs.exists() else True


@pytest.mark.parametrize(
    ("words", "message", "help"),
    [
        ((), "neither data nor a loss is named", "alfs train DATA --loss nce+aul"),
        (("digits",), "no loss is named", "--loss nce+aul"),
        (("--loss", "ce"), "no data are named", "alfs train DATA"),
        (("digits", "--loss", "agec"), "did you mean 'agce'?", "known"),
        (("digits", "--loss", "agce:b=1"), "'b'", ""),
        (("digits", "--loss", "ce", "--model", "cnn9"), "unknown model 'cnn9'", "known: linear"),
        (("digits", "--loss", "ce", "--epochs", "0"), "--epochs", ""),
        (("digits", "--loss", "ce", "--batch-size", "-4"), "--batch-size", ""),
        (("digits", "--loss", "ce", "--lr", "-1"), "--lr is -1.0, not a number above 0", ""),
        (("digits", "--loss", "ce", "--lr", "nan"), "--lr is nan", ""),
        (("digits", "--loss", "ce", "--weight-decay", "-1"), "--weight-decay is -1.0", ""),
        (("digits", "--loss", "ce", "--holdout", "2"), "--holdout is 2.0", ""),
        (("digits", "--loss", "ce", "--set", "lr=1"), "did you mean 'optimizer.lr'", "--set"),
        (("digits", "--loss", "ce", "--noise", "sym", "--noise-rate", "1"), "kind of noise", ""),
        (("digits", "--loss", "ce", "--noise", "pair"), "--noise needs --noise-rate", ""),
        (("digits", "--loss", "ce", "--noise", "pair", "--noise-rate", "2"), "--noise-rate", ""),
        (("digits", "--loss", "ce", "--noise", "none.csv"), "no such file: 'none.csv'", ".csv"),
        (("digits", "--loss", "ce", "--noise", "T.csv", "--noise-rate", "0.1"), "no meaning", ""),
        (("digits", "--loss", "ce", "--device", "cuda:99"), "device 'cuda:99'", "--device auto"),
        (("--recipe", "digitz"), "did you mean 'digits'?", "alfs recipes list"),
        (("--recipe", "digits", "--config", "c.yaml"), "both given", "leave one"),
        (("digits", "--loss", "ce", "--from", "r.json"), "both given", "leave one"),
        (("digits", "--from", "r.json"), "no such file: 'r.json'", ""),
        (("digits", "--from", "r.json#x"), "'x' is no number", "#1"),
        (("--resume", "nowhere"), "no such run: 'nowhere'", "alfs train"),
        (("nothing.npz", "--loss", "ce"), "nothing.npz", ""),
        (("digits", "--loss", "ce", "--set", "image_size=3"), "needs images of 4 x 4", "--model"),
        (("digits", "--loss", "ce", "--epochs", "2", "--set", "epochs=3"), "set twice", ""),
    ],
)
def test_wrong_words(alfs, words, message, help):
    done = alfs("train", *words)
    assert done.code == 2, done
    assert done.out == ""
    assert "error: " in done.err
    assert message in done.err
    assert help in done.err
    assert not Path("alfs-out").exists()


def test_resume_refuses_another_configuration(alfs):
    alfs(*NCE)
    run = only_run()
    done = alfs("train", "--resume", run.name, "--loss", "ce")
    assert done.code == 2
    assert "--loss cannot be changed" in done.err
    done = alfs("train", "--resume", run.name)
    assert done.code == 0
    assert "is there already" in done.err


def test_broken_newer_and_foreign_files(alfs):
    alfs(*NCE)
    run = only_run()
    result = (run / "result.json").read_text()
    (run / "result.json").write_text(result.replace("alfs.run/1", "alfs.run/9"))
    done = alfs("train", "--resume", run.name)
    assert (done.code, done.out) == (2, "")
    assert "upgrade alfs" in done.err
    (run / "result.json").write_text(result[:100])
    assert alfs(*NCE).code == 2
    (run / "result.json").unlink()
    good = (run / "checkpoints/last.pt").read_bytes()
    (run / "checkpoints/last.pt").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    done = alfs("train", "--resume", run.name)
    assert (done.code, done.out) == (2, "")
    assert "could run code" in done.err
    assert not (run / "result.json").exists()
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "checkpoints/last.pt").write_bytes(good)
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "epochs": 7}))
    done = alfs("train", "--resume", run.name)
    assert done.code == 2
    assert "is a checkpoint of run" in done.err
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "fingerprint": "0" * 16}))
    done = alfs("train", "--resume", run.name)
    assert done.code == 2
    assert "not those of the configuration" in done.err


def test_nan_is_exit_3(alfs):
    done = alfs("train", "digits", "--loss", "ce", *QUICK, "--lr", "1e38", "--set",
                "optimizer.grad_clip=0")  # fmt: skip
    assert done.code == 3
    assert done.out == ""
    assert "the loss became " in done.err
    assert "help: try --lr 0.1 or --set optimizer.grad_clip=5" in done.err
    assert json.loads((only_run() / "result.json").read_text())["status"] == "failed"


# Real signals, on a real process.

LONG = ("train", "digits", "--loss", "nce+rce", "--model", "mlp", "--epochs", "15")


def started(folder, *words):
    process = forked_alfs(*words, cwd=folder, stdout=PIPE, stderr=PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        files = list(folder.glob("alfs-out/runs/*/metrics.jsonl"))
        if files and len(files[0].read_text().splitlines()) >= 2:
            return process
        time.sleep(0.002)
    raise AssertionError(process.communicate())


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Return a function that trains by these words to the end and returns the result; made once."""
    from alfs_cli.cli import run

    @cache
    def trained(*words):
        folder = tmp_path_factory.mktemp("whole")
        saved = folder / "result.json"
        assert run([*words, "--out", str(folder), "-q", "-o", f"json={saved}"]) == 0
        return json.loads(saved.read_text())

    return trained


def weights(document):
    return (Path(document["run"]) / "model.safetensors").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGKILL, -9),
        (signal.SIGINT, 130),
        (signal.SIGTERM, 143),
    ],
    ids=["SIGKILL", "SIGINT", "SIGTERM"],
)
def test_real_signals_then_resume_equal_the_uninterrupted_run(
    alfs, uninterrupted, tmp_path, number, code
):
    whole = uninterrupted(*LONG)
    process = started(tmp_path, *LONG)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert out == ""
    run = only_run()
    if code > 0:
        told_to_resume(run, err)
        assert "interrupted in epoch" in alfs("report", run.as_posix()).out
    assert not list(run.glob(".*"))
    done = alfs("train", "--resume", run.as_posix(), "-f", "json")
    document = json.loads(done.out)
    assert document["test_accuracy"] == whole["test_accuracy"]
    assert weights(document) == weights(whole)


def told_to_resume(run, err):
    assert f"help: go on with: alfs train --resume {run.as_posix()}" in err
    assert json.loads((run / "result.json").read_text())["status"] == "interrupted"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("after", [1, 12, 17, 35])
def test_signals_inside_a_step(alfs, uninterrupted, monkeypatch, number, code, after):
    """Twelve steps an epoch: in the first step, at an epoch's end, amid one, near the very end."""
    from alfs_cli.training import loop

    words = ("train", "digits", "--loss", "nce+rce", "--model", "mlp", "--epochs", "3")
    whole = uninterrupted(*words)
    real = loop.make_step

    def signalling(*arguments, **options):
        step, left = real(*arguments, **options), [after]

        def take(inputs, *others):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), number)
            return step(inputs, *others)

        return take

    with monkeypatch.context() as patch:
        patch.setattr(loop, "make_step", signalling)
        done = alfs(*words)
    assert (done.code, done.out) == (code, "")
    assert "error: " in done.err
    told_to_resume(only_run(), done.err)
    done = alfs(*words, "-f", "json")  # the same words go on with the same run
    assert "going on from its checkpoint" in done.err
    document = json.loads(done.out)
    assert document["test_accuracy"] == whole["test_accuracy"]
    assert weights(document) == weights(whole)
