"""Worker processes: shares of the cores, a worker that is killed, a folder kept to one process."""

import os
import signal
import time

import pytest

from alfs_cli.errors import UsageError
from alfs_cli.executors import Task, local, run_all
from alfs_cli.executors.local import LocalExecutor, kept_alone, threads_each
from alfs_cli.executors.planning import plan_sweep
from alfs_cli.storage.memory import num_cores


def test_shares_of_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads_each(1) == num_cores()
    assert threads_each(10 * num_cores()) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads_each(1) == 1


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_run_goes_on(tmp_path, forked_workers):
    settings = {"dataset": {"source": "digits"}, "loss": "ce", "model": "mlp", "epochs": 15}
    _, configs, _ = plan_sweep(settings, losses=(), noises=(), seeds=(0,))
    ((run, config),) = configs.items()
    folder = tmp_path / run
    here = str(tmp_path)
    task = Task(run, str(folder), config.settings(), "cpu", 1, here, here)
    executor = LocalExecutor(1, 1, tmp_path / "log.txt")
    seen = []

    def hear(event, attempt):
        seen.append((type(event).__name__, getattr(event, "epoch", None), attempt))
        if seen[-1] == ("Progress", 2, 1):
            os.kill(executor.workers[0].process.pid, signal.SIGKILL)

    outcomes = run_all([task], executor, on_event=hear, is_stopped=lambda: False)
    assert outcomes[run].status == "finished"
    assert ("Outcome", None, 1) in seen
    assert executor.workers == []
    second = [epoch for kind, epoch, attempt in seen if kind == "Progress" and attempt == 2]
    assert second[0] > 2  # from its checkpoint
    assert second[-1] == 15


def test_a_folder_is_kept_to_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "LOCK_SECONDS", 0.1)
    began = time.monotonic()
    with (
        kept_alone(tmp_path),
        pytest.raises(UsageError, match="by another process"),
        kept_alone(tmp_path),
    ):
        pass
    assert time.monotonic() - began < 5
    with kept_alone(tmp_path):
        pass
