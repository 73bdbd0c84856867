"""Several processes for real, by gloo: gradients of the whole batch, exit codes, interruption."""

import importlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from subprocess import PIPE

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed.elastic.multiprocessing.subprocess_handler import SubprocessHandler

from alfs_cli import member
from tests.conftest import planted
from tests.forks import forked, forked_alfs

TOP = Path(__file__).resolve().parents[2]
TRAIN = ("train", "digits", "--loss", "nce+rce", "-q", "-f", "json")

STEPS = """
import torch
from alfs_cli.losses import parse_loss
from alfs_cli.results.run import OptimizerConfig
from alfs_cli.training import distributed
from alfs_cli.training.devices import Device
from alfs_cli.training.objectives import Stateless
from alfs_cli.training.steps import MomentumSgd, make_step

def trained(step_of):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    optimizer = MomentumSgd(model, OptimizerConfig(lr=0.5))
    step = step_of(model, optimizer, Stateless(parse_loss("nce+rce")), device, l1=1e-3)
    told = []
    for size in (12, 13, 3):  # equal shares, unequal ones, too few to share
        generator = torch.Generator().manual_seed(size)
        inputs = torch.randn(size, 5, generator=generator)
        labels = torch.randint(3, (size,), generator=generator)
        told += [float(value.detach()) for value in step(inputs, labels, torch.arange(size))]
    return [*optimizer.parameters, *optimizer.velocities], told

device = Device("cpu", "float32", channels_last=False)
alone = trained(make_step)
with distributed.joined(device):
    together = trained(distributed.shared_step)
    signals = [distributed.agreed(None)]
    signals.append(distributed.agreed("SIGTERM" if torch.distributed.get_rank() else None))
worst = max(float((a - b).detach().abs().max()) for a, b in zip(alone[0], together[0]))
told = max(abs(a - b) for a, b in zip(alone[1], together[1]))
print(worst, told, *signals)
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


@pytest.fixture(scope="module", autouse=True)
def _imported_once():
    """What DistributedDataParallel and the launcher import, copies of this process have already."""
    for name in ("torch._dynamo", "torch.distributed.run"):
        importlib.import_module(name)


@pytest.mark.slow
def test_two_processes_step_as_one_on_the_whole_batch(monkeypatch):
    """This process is the first of the two."""
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    environment = {**os.environ, **shared, "RANK": "1", "LOCAL_RANK": "1"}
    with forked(lambda: exec(STEPS, {}), env=environment, stdout=PIPE, text=True) as other:
        for name, value in {**shared, "RANK": "0", "LOCAL_RANK": "0"}.items():
            monkeypatch.setenv(name, value)
        found = {}
        exec(STEPS, found)
        out, _ = other.communicate(timeout=120)
    worst, told, *signals = out.split()
    for answer in (
        (found["worst"], found["told"], found["signals"]),
        (float(worst), float(told), [None if word == "None" else word for word in signals]),
    ):
        assert answer[0] < 1e-6
        assert answer[1] < 1e-5
        assert answer[2] == [None, "SIGTERM"]


def forked_member(handler, args, env):
    """Start a process of a run as the launcher does, but as a copy of this one."""
    program, *flags, module, file = args
    assert (program, flags, module) == (sys.executable, ["-P", "-m"], member.__name__)
    return forked(
        lambda: sys.exit(member.main(file)), env=env,
        stdout=handler._stdout, stderr=handler._stderr, start_new_session=True,
    )  # fmt: skip


@pytest.fixture
def alfs(tmp_path, monkeypatch, capfd):
    """Return a function that runs one command line here; its processes' output counts as well."""
    from alfs_cli.cli import run

    monkeypatch.chdir(tmp_path)
    own = {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
    for name, value in own.items():  # which the launcher sets for what it starts
        monkeypatch.setenv(name, value)

    def call(*words):
        capfd.readouterr()
        code = run(list(words))
        return code, *capfd.readouterr()

    return call


@pytest.mark.slow
def test_a_run_on_two_processes_is_the_run_on_one_where_nothing_is_normalised(
    alfs, tmp_path, monkeypatch
):
    """By a network without batch norm; interrupted, taken up again, and with its exit codes.

    It is started in a folder with modules of a stranger's, none of which is run by the one of its
    processes that is Python's own; the others are copies of this one.
    """
    handlers = "torch.distributed.elastic.multiprocessing.subprocess_handler"
    started = f"{handlers}.SubprocessHandler._popen"
    own = SubprocessHandler._popen
    monkeypatch.setattr(
        started,
        lambda handler, args, env: (own if env["RANK"] == "0" else forked_member)(
            handler, args, env
        ),
    )
    # each event that torch notes is named by a look through the sources of all modules here
    noted = "torch.distributed.elastic.rendezvous.dynamic_rendezvous.get_method_name"
    monkeypatch.setattr(noted, lambda depth=2: "unnamed")
    words = (*TRAIN, "--model", "linear", "--epochs", "20")
    one = json.loads(alfs(*words, "--out", "one")[1])
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    process = forked_alfs(
        *words, "--nproc", "2", "--out", tmp_path / "alfs-out",
        cwd=planted(checkout), stdout=PIPE, stderr=PIPE, text=True,
    )  # fmt: skip
    runs = tmp_path / "alfs-out" / "runs"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        written = next(runs.glob("*/metrics.jsonl"), None)
        if written is not None and written.read_text().count("\n") >= 3:
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert not (checkout / "owned").exists()
    lines = err.strip().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "help"], err
    (folder,) = runs.iterdir()
    assert folder.name != Path(one["run"]).name
    assert "processes: 2" in (folder / "config.yaml").read_text()
    assert alfs("train", "--resume", str(folder), "--nproc", "1")[0] == 2

    monkeypatch.setattr(started, forked_member)
    code, out, err = alfs("train", "--resume", str(folder), "-q", "-f", "json")
    assert (code, err) == (0, "")
    two = json.loads(out)
    assert two["test_accuracy"] == one["test_accuracy"]
    first, second = (
        load_file(tmp_path / document["run"] / "model.safetensors") for document in (one, two)
    )
    for name, value in first.items():
        assert torch.allclose(value, second[name], atol=1e-5), name
    assert not list(tmp_path.rglob(".*.pt"))

    broken = ("--lr", "1e38", "--set", "optimizer.grad_clip=0")
    code, out, err = alfs(*words, "--nproc", "2", *broken)
    assert (code, out) == (3, "")
    assert err.count("the loss became") == 1


def test_a_loss_that_remembers_is_refused(tmp_path, monkeypatch, capsys):
    from alfs_cli.cli import run

    monkeypatch.chdir(tmp_path)
    assert run([*TRAIN, "--nproc", "2", "--set", "elr.strength=3"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "keeps a state for each example" in err
    assert "help: leave --nproc out" in err
    assert not Path("alfs-out").exists()
