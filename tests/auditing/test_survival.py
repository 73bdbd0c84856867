"""Sessions of 300 answers whose process is killed at random moments: nothing answered is lost.

Each process is the real command; the page's requests are sent as the page sends them.
"""

import csv
import random
import re
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from alfs_cli.audits.record import resume
from alfs_cli.audits.status import verify
from tests.auditing.conftest import CLASSES, write_table
from tests.forks import forked_alfs

pytestmark = pytest.mark.slow
ANSWERS = 300
CLAIM = ("--claim", "noise-rate <= 0.4")  # exactly so, which 300 answers of 400 leave open
KILLS = 6


def label_of(index):
    """Return what is answered: one in three is another class than the given one."""
    return (index + (index % 3 == 0)) % 3


def command(*words):
    return forked_alfs(
        "audit", "t.csv", *CLAIM, *words,
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(Path("t.csv"), count=400)


def kill_soon(process, seconds):
    """Kill a process after so long, whatever it is doing."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    return timer


def labels(folder):
    return {n: d.counts.label for n, d in resume(Path(folder)).drawn.items() if d.counts}


def answer_until_killed(process, order, acknowledged, lives):
    """Answer as the page does; return when the server is gone, or all is answered."""
    address = next(f[0] for line in process.stderr if (f := re.search(r"http://127\S+", line)))
    timer = None if lives is None else kill_soon(process, lives)
    try:
        with httpx.Client(base_url=address, timeout=30) as client:

            def post(path, **body):
                found = client.post(path, json={"page": "p", "by": "", **body})
                assert found.status_code == 200, found.text
                return found.json()

            post("begin")
            task = post("next")["task"]
            assert task["draw"] == len(acknowledged) or task["repeat"]
            while task is not None and len(acknowledged) < ANSWERS:
                label = label_of(int(order[task["draw"]]))
                words = {"draw": task["draw"], "repeat": task["repeat"], "answer": label}
                following = post("answer", **words, seconds=0.1)["task"]
                if not task["repeat"]:
                    acknowledged[task["draw"]] = label
                task = following
    except httpx.TransportError:
        pass  # killed
    finally:
        if timer is not None:
            timer.join()
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_session_on_the_page_survives_kills_at_random_moments(table):
    rng = random.Random(0)
    first = command("--out", "a", "--sheet", "s.csv", "--batch", "1")
    first.communicate()
    order = resume(Path("a")).draws.order
    acknowledged: dict[int, int] = {}
    for _ in range(KILLS):
        lives = rng.uniform(0.05, 1.5)
        process = command("--out", "a", "--no-browser")
        answer_until_killed(process, order, acknowledged, lives)
        written = labels("a")
        assert acknowledged.items() <= written.items()
        assert len(written) <= len(acknowledged) + 1  # the one under way may be on the disk
        acknowledged.update(written)
        assert resume(Path("a")).draws.order.tolist() == order.tolist()
    answer_until_killed(command("--out", "a", "--no-browser"), order, acknowledged, None)
    assert labels("a") == {n: label_of(int(order[n])) for n in range(ANSWERS)}


def test_a_sheet_that_is_read_survives_kills_at_random_moments(table):
    rng = random.Random(1)
    made = command("--out", "a", "--sheet", "s.csv", "--batch", str(ANSWERS))
    made.communicate()
    with Path("s.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["true_label"] = CLASSES[label_of(int(row["index"]))]
    with Path("s.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    order, before = resume(Path("a")).draws.order, {}
    for _ in range(KILLS):
        reading = command("--out", "a", "--read", "s.csv")
        kill_soon(reading, rng.uniform(0.05, 3)).join()
        reading.communicate()
        written = labels("a")
        assert before.items() <= written.items()
        assert all(label == label_of(int(order[n])) for n, label in written.items())
        before = written
    done = command("--out", "a", "--read", "s.csv")
    _, err = done.communicate()
    assert done.returncode == 0, err
    assert labels("a") == {n: label_of(int(order[n])) for n in range(ANSWERS)}
    assert verify(Path("a")) == []
