"""What MLflow and Weights & Biases keep of a run, read back by their own readers."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from alfs_cli.cli import run
from alfs_cli.errors import WorkError
from alfs_cli.results.run import EpochMetrics, load_metrics, render_metrics
from alfs_cli.training.loggers import MLFLOW, logging_to

pytestmark = pytest.mark.interop

HISTORY = [EpochMetrics(i, 1 / i, 0.5, None, 0.1, 1.0) for i in (1, 2, 3)]
TAGS = {"loss", "accuracy/train", "lr", "seconds"}


def resumed(name, folder):
    """Log an epoch, and then two as a run that goes on with the third."""
    folder.mkdir(parents=True)
    for resume, known, new in ((False, [], HISTORY[:1]), (True, HISTORY[:2], HISTORY[2:])):
        (folder / "metrics.jsonl").write_text(render_metrics(known))
        with logging_to(name, folder, resume=resume) as log:
            for epoch in new:
                log(epoch)


def mlflow_runs(store):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store)
    return client, client.search_runs([client.get_experiment_by_name("alfs").experiment_id])


def sqlite(out):
    return f"sqlite:///{(out / MLFLOW).absolute().as_posix()}"


@pytest.mark.filterwarnings("default")
def test_mlflow_keeps_metrics_and_settings_of_a_real_run(tmp_path, monkeypatch, capsys):
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    words = ("train", "digits", "--loss", "gce:q=0.7", "--model", "linear", "--epochs", "2")
    assert run([*words, "--logger", "mlflow", "-q", "-f", "json"]) == 0
    folder = Path(json.loads(capsys.readouterr().out)["run"])
    client, (found,) = mlflow_runs(sqlite(folder.parents[1]))
    history = load_metrics(folder)
    kept = client.get_metric_history(found.info.run_id, "accuracy/test")
    assert [(one.step, one.value) for one in kept] == [
        (epoch.epoch, epoch.test_accuracy) for epoch in history
    ]
    assert found.info.status == "FINISHED"
    assert found.info.run_name == folder.name
    assert found.data.params["loss"] == "gce:q=0.7"
    assert found.data.params["epochs"] == "2"


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_a_resumed_run_has_every_epoch_once_in_mlflow(tmp_path, monkeypatch, kind):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = sqlite(tmp_path)
    if kind == "files":
        store = (tmp_path / "mlruns").as_uri()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    resumed("mlflow", tmp_path / "runs" / "one")
    client, (found,) = mlflow_runs(store)
    assert set(found.data.metrics) == TAGS
    kept = client.get_metric_history(found.info.run_id, "loss")
    assert [(one.step, one.value) for one in kept] == [(i, 1 / i) for i in (1, 2, 3)]
    assert (tmp_path / MLFLOW).exists() == (kind == "sqlite")


@pytest.mark.filterwarnings("default")
def test_a_run_that_fails_is_marked_in_mlflow_and_a_store_that_is_none_is_told(
    tmp_path, monkeypatch
):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    with suppress(KeyboardInterrupt), logging_to("mlflow", folder, resume=False) as log:
        log(HISTORY[0])
        raise KeyboardInterrupt
    _, (found,) = mlflow_runs(sqlite(tmp_path))
    assert found.info.status == "FAILED"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://x")
    with pytest.raises(WorkError, match="MLflow cannot be opened"):
        logging_to("mlflow", folder, resume=False).__enter__()


BLOCK = 2**15  # bytes of a block of LevelDB's log, which wandb's file is after 7 bytes of its own


def records(content):
    """Yield the records of a log of LevelDB; each part has a checksum, a length and a type."""
    place, whole = 7, b""
    while place + 7 <= len(content):
        if BLOCK - place % BLOCK < 7:
            place += BLOCK - place % BLOCK
            continue
        length, part = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if part in (1, 4):  # a whole record, or the last part of one
            yield whole
            whole = b""


def scanned(folder):
    """Return the history of an offline run, its settings, and the code it ended with."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    history, settings, ended = [], {}, None
    for data in records(file.read_bytes()):
        record = Record.FromString(data)
        if record.HasField("history"):
            items = record.history.item
            row = {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in items}
            history.append(row)
        for item in record.config.update:
            settings["/".join(item.nested_key) or item.key] = json.loads(item.value_json)
        if record.HasField("exit"):
            ended = record.exit.exit_code
    return history, settings, ended


@pytest.mark.filterwarnings("default")
def test_a_resumed_run_has_every_epoch_once_in_wandb_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    folder = tmp_path / "runs" / "one"
    resumed("wandb", folder)
    history, _, ended = scanned(folder)
    assert [(row["_step"], row["loss"]) for row in history] == [(i, 1 / i) for i in (1, 2, 3)]
    assert set(history[0]) >= TAGS
    assert ended == 0
