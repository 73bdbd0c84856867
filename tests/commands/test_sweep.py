"""`alfs sweep` as typed: the plan, real worker processes, kills, failures, what is not repeated."""

import json
import signal
import time
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.conftest import planted
from tests.forks import forked_alfs
from tests.paper_data import small_mnist

QUICK = ("sweep", "digits", "--loss", "ce", "--loss", "mae", "--noise", "symmetric:0.4",
         "--model", "linear", "--epochs", "2")  # fmt: skip
LONG = ("sweep", "digits", "--loss", "ce", "--loss", "nce+rce", "--model", "mlp",
        "--seeds", "0,1", "--epochs", "8", "--jobs", "1")  # fmt: skip


def only_sweep(out="alfs-out"):
    (folder,) = Path(out, "sweeps").iterdir()
    return folder


def results(folder):
    return {path.parent.name: path for path in folder.glob("runs/*/result.json")}


def weights(folder):
    return {path.parent.name: path.read_bytes() for path in folder.glob("runs/*/model.safetensors")}


@pytest.mark.slow
def test_a_sweep_is_trained_compared_and_not_repeated(alfs, tmp_path, forked_workers_but_one):
    """In a folder with modules of a stranger's, which a process of Python's own might run."""
    planted(tmp_path)
    done = alfs(*QUICK, "--seeds", "0,1", "--jobs", "2", "-f", "json")
    assert done.code == 0, done.err
    assert not Path("owned").exists()
    document = json.loads(done.out)
    assert document["schema"] == "alfs.compare/1"
    assert [row["n"] for row in document["rows"]] == [2, 2]
    assert sum(line.startswith("[") for line in done.err.splitlines()) == 4
    folder = only_sweep()
    assert json.loads((folder / "compare.json").read_text()) == document
    plan = json.loads((folder / "sweep.json").read_text())
    assert plan["schema"] == "alfs.sweep/1"
    assert {run["run"] for run in plan["runs"]} == set(results(folder))
    assert not (folder / "log.txt").exists()

    stamps = {run: path.stat().st_mtime_ns for run, path in results(folder).items()}
    again = alfs(*QUICK, "--seeds", "1,0", "-f", "json")
    assert json.loads(again.out) == document
    assert "4 runs, 0 to train" in again.err
    assert stamps == {run: path.stat().st_mtime_ns for run, path in results(folder).items()}

    for name in (folder.as_posix(), folder.name):
        assert json.loads(alfs("compare", name, "-f", "json").out) == document

    more = alfs(*QUICK, "--seeds", "0", "--loss", "ce", "-f", "json")
    assert "2 runs were finished already" in more.err
    assert "2 runs, 0 to train" in more.err

    alone = alfs("train", *QUICK[1:4], "--noise", "symmetric", "--noise-rate", "0.4",
                 *QUICK[8:], "-f", "json", "--out", "alone")  # fmt: skip
    run = Path(json.loads(alone.out)["run"])
    assert (run / "model.safetensors").read_bytes() == weights(folder)[run.name]


def test_dry_run_lists_every_run_and_writes_nothing(alfs):
    done = alfs(*QUICK, "--noise", "none", "--dry-run", "-f", "json")
    assert done.code == 0
    runs = json.loads(done.out)["runs"]
    assert len(runs) == 2 * 2 * 3
    assert len({run["run"] for run in runs}) == 12
    assert {None if run["noise"] is None else run["noise"]["rate"] for run in runs} == {None, 0.4}
    assert {run["seed"] for run in runs} == {0, 1, 2}
    assert not Path("alfs-out").exists()
    assert "planned" in alfs(*QUICK, "--dry-run").out


def test_a_seed_alone_and_a_noise_seed(alfs):
    done = alfs(*QUICK, "--seed", "5", "--noise-seed", "7", "--dry-run", "-f", "json")
    (first, second) = json.loads(done.out)["runs"]
    assert first["seed"] == second["seed"] == 5
    assert first["noise"] == {"kind": "symmetric", "rate": 0.4, "seed": 7}


def test_a_grid_beside_losses(alfs):
    """Every combination once, one that --loss names too included; weights of sums as well."""
    grid = ("--grid", "agce:a=0.5|2,q=0.5|2", "--grid", "nce+agce:q=2,alpha=1|2,beta=3")
    done = alfs("sweep", "digits", "--loss", "agce:q=2,a=2", *grid, "--seeds", "0",
                "--noise", "symmetric:0.8", "--dry-run", "-f", "json")  # fmt: skip
    assert done.code == 0, done.err
    assert [run["loss"] for run in json.loads(done.out)["runs"]] == [
        "agce:a=2,q=2",
        "agce:a=0.5,q=0.5",
        "agce:a=0.5,q=2",
        "agce:a=2,q=0.5",
        "nce+agce:a=6,q=2,alpha=1,beta=3",
        "nce+agce:a=6,q=2,alpha=2,beta=3",
    ]
    assert "grid 'agce:a=0.5|2,q=0.5|2': 4 losses" in done.err
    assert "nce+agce:q=2,alpha=1|2,beta=3': 2 losses" in done.err


def test_without_losses_the_recipes(alfs):
    done = alfs("sweep", "--recipe", "digits", "--seeds", "0", "--dry-run", "-f", "json")
    (run,) = json.loads(done.out)["runs"]
    assert run["loss"].startswith("nce+aul")
    assert run["noise"] == {"kind": "symmetric", "rate": 0.4, "seed": 0}


TABLE = ("sweep", "--paper", "table6", "--data", "mnist", "--root", ".")


def test_a_table_of_the_paper_is_the_runs_of_its_recipes(alfs, tmp_path):
    small_mnist(tmp_path)
    done = alfs(*TABLE, "--seeds", "0,1", "--dry-run", "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert len(document["runs"]) == len({run["run"] for run in document["runs"]}) == 14 * 5 * 2
    assert document["config"]["optimizer"]["weight_decay"] == 1e-3
    assert [run["seed"] for run in document["runs"]] == [0] * 70 + [1] * 70
    assert {run["noise"]["rate"] for run in document["runs"] if run["noise"]} == {
        0.2,
        0.4,
        0.6,
        0.8,
    }
    staged = alfs(*TABLE, "--losses", "nlnl,ce", "--noise", "none", "--dry-run", "-f", "json")
    assert "nlnl" not in json.loads(staged.out)["config"]  # a setting of the first loss alone
    few = ("--losses", "agce,ce", "--noise", "symmetric:0.8", "--seed", "3", "--dry-run")
    plan = json.loads(alfs(*TABLE, *few, "-f", "json").out)
    assert [run["loss"] for run in plan["runs"]] == ["agce:a=4,q=0.2", "ce"]
    (alone,) = (run["run"] for run in plan["runs"] if run["loss"] == "ce")
    recipe = ("train", "--recipe", "mnist/ce", "--root", ".", "--noise-rate", "0.8", "--seed", "3")
    assert alone in alfs(*recipe, "--noise", "symmetric", "--dry-run").out
    assert not Path("alfs-out").exists()


def test_a_table_is_trained_beside_the_papers_figures(alfs, tmp_path, forked_workers):
    small_mnist(tmp_path)
    words = ("--losses", "nlnl", "--noise", "none", "--seeds", "0", "--epochs", "1")
    done = alfs(*TABLE, *words, "--set", "like=public-code", "-f", "json")
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)["rows"]
    assert (row["epochs"], row["noise"], row["paper_missing"]) == (1, None, "other pixels")
    assert json.loads((only_sweep() / "compare.json").read_text()) == json.loads(done.out)
    assert "1 runs, 0 to train" in alfs(*TABLE, *words, "--set", "like=public-code").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--paper", "table9"), "unknown table of the paper 'table9' (did you mean 'table"),
        (("--paper", "table6"), "table6 has runs on mnist, cifar10, cifar100; none is named"),
        (("--paper", "table6", "--data", "mnst"), "unknown data set of table6 'mnst' (did you"),
        (("--paper", "table6", "--data", "mnist", "--losses", "agec"), "(did you mean 'agce'?)"),
        (("--paper", "table6", "--data", "mnist", "--loss", "ce"), "--paper and --loss are both"),
        (("mnist", "--paper", "table6", "--data", "mnist"), "--paper and DATA are both given"),
        (("--paper", "table7", "--data", "mnist", "--noise", "none"), "unknown noise of table7"),
        (("--paper", "table7", "--data", "mnist", "--noise", "T.csv"), "of the noise in 'T.csv'"),
        (("digits", "--losses", "ce"), "--losses selects rows of a table of the paper"),
        (
            (*TABLE[1:], "--set", "like=public-code", "--set", "noise.draw=exact"),
            "like: public-code decides noise.draw, and it is set too",
        ),
        (("--data", "mnist"), "--data names the data set of a table of the paper"),
        (("--paper", "table6", "--recipe", "digits"), "--paper and --recipe are both given"),
    ],
)
def test_what_no_table_has(alfs, words, message):
    done = alfs("sweep", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "help: " in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--noise", "symetric:0.4"), "did you mean 'symmetric'?"),
        (("--noise", "symmetric"), "lacks its rate"),
        (("--noise", "symmetric:2"), "the rate is '2', not a number from 0 to 1"),
        (("--noise", "symmetric:x"), "the rate is 'x'"),
        (("--seeds", "0,x"), "--seeds '0,x' are not whole numbers"),
        (("--seeds", "0,1", "--seed", "3"), "both given"),
        (("--jobs", "0"), "--jobs"),
        (("--executor", "slurm"), "unknown executor 'slurm'"),
        (("--loss", "nce+alu"), "unknown loss 'alu'"),
        (
            ("--loss", "alu", "--seeds", "x"),
            "unknown loss 'alu' (did you mean 'aul'?)\n--seeds 'x'",
        ),
        (("--grid", "agec:a=1|2"), "unknown loss 'agec' (did you mean 'agce'?)"),
        (("--grid", "gce:qq=1|2"), "unknown parameter 'qq' (did you mean 'q'?)"),
        (("--grid", "gce:q=0.5|-1"), "q=-1 is out of range"),
        (("--grid", "gce:q=0.5||1"), "'q=0.5||1' has an empty value"),
        (("--grid", "gce:q="), "'q=' has an empty value"),
        (("--grid", "gce:"), "nothing after ':'"),
        (("--grid", "gce:q=0.5|x"), "q=x is not a finite number"),
        (("--grid", "gce:q=0.5|", "--seeds", "x"), "has an empty value\n--seeds 'x'"),
        (("--holdout", "2"), "--holdout"),
        (("--device", "cuda:99"), "device 'cuda:99'"),
    ],
)
def test_wrong_words(alfs, words, message):
    done = alfs(*QUICK, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "help: " in done.err
    assert not list(Path(".").rglob("config.yaml"))


@pytest.mark.slow
def test_failing_runs_are_tried_twice_and_are_exit_3(alfs, forked_workers):
    done = alfs(*QUICK, "--seeds", "0", "--lr", "1e38", "--set", "optimizer.grad_clip=0",
                "--jobs", "1")  # fmt: skip
    assert (done.code, done.out) == (3, "")
    assert done.err.count("; trying it again") == 2
    assert "error: 2 of 2 runs failed, each tried twice" in done.err
    assert "the loss became" in done.err
    plan = json.loads((only_sweep() / "sweep.json").read_text())
    assert len(plan["failed"]) == 2


def started(folder, *words):
    """Start a sweep in a process of its own; return it once its second run has begun."""
    process = forked_alfs(*words, cwd=folder, stdout=PIPE, stderr=PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        begun = list(folder.glob("alfs-out/sweeps/*/runs/*/metrics.jsonl"))
        done = list(folder.glob("alfs-out/sweeps/*/runs/*/result.json"))
        if done and len(begun) > len(done) and any(path.stat().st_size for path in begun):
            return process
        time.sleep(0.005)
    raise AssertionError(process.communicate())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGKILL, -9),
        (signal.SIGINT, 130),
    ],
    ids=["SIGKILL", "SIGINT"],
)
def test_a_stopped_sweep_goes_on_and_repeats_nothing(alfs, forked_workers, tmp_path, number, code):
    process = started(tmp_path, *LONG)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert out == ""
    folder = only_sweep()
    finished = {
        run: path.stat().st_mtime_ns
        for run, path in results(folder).items()
        if json.loads(path.read_text())["status"] == "finished"
    }
    assert 1 <= len(finished) < 4
    if code > 0:
        assert f"with {len(finished)} of 4 runs finished" in err
        assert "help: the same command goes on" in err
    done = alfs(*LONG)  # waits for the worker that was left alone to save and end
    assert done.code == 0, done.err
    assert f"4 runs, {4 - len(finished)} to train" in done.err
    found = results(folder)
    assert len(found) == 4
    assert {run: found[run].stat().st_mtime_ns for run in finished} == finished
    assert not list(folder.glob("runs/.*"))
    if code < 0:
        return
    for loss in ("ce", "nce+rce"):
        for seed in ("0", "1"):
            words = ("--loss", loss, "--seed", seed, "--model", "mlp", "--epochs", "8")
            assert alfs("train", "digits", *words, "--out", "whole", "-q").code == 0
    assert weights(folder) == weights(Path("whole"))
