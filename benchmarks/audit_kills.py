"""An audit of 300 answers whose process is killed at random moments: is anything lost?

    python benchmarks/audit_kills.py [--answers 300] [--kills 50] [--seed 0] [--to FILE]

By page: the real command, its server asked as the page asks it, SIGKILL at a random moment of its
start or of its work. By sheet: the real command reads the answers of one sheet and writes the next,
SIGKILL likewise. After each kill every answer that was acknowledged must be on the disk, the draws
must be those of an audit that nobody disturbed, and the next one asked must be its next. In the end
both records must replay, and say what the undisturbed one says.
"""

import argparse
import contextlib
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from alfs_cli.audits.record import Record, resume
from alfs_cli.audits.status import document, verify

CLASSES = ("bad", "good", "so-so")
TABLE = "t.csv"
CLAIM = ("--claim", "noise-rate <= 0.4")  # so close to the truth that no 300 answers decide it
AT_START = 0.2  # of the kills by page come before it is served
IN_READING = 0.5  # of the kills by sheet come once the first answer of a sheet is written,
READING = 0.3  # within so many seconds


def label_of(index: int) -> int:
    """Return what is answered: one in three is another class than the given one."""
    return (index + (index % 3 == 0)) % len(CLASSES)


def write_table(path: Path, count: int) -> None:
    """Write a table of labels alone, an opinion a row; every fifth label is another one's."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["review", "text", "label"])
        for i in range(count):
            rows.writerow([f"r{i}", f"it is {i}", CLASSES[(i + (i % 5 == 0)) % len(CLASSES)]])


@dataclass
class Killing:
    """One session: where, how many answers, and what was found after each kill."""

    top: Path
    out: str
    answers: int
    order: list[int]
    rng: random.Random
    kills: int = 0
    kept: dict[int, int] = field(default_factory=dict)
    under_way: int = 0  # answers that were on the disk before their acknowledgement came
    wrong: list[str] = field(default_factory=list)

    def command(self, *words: str) -> "subprocess.Popen[str]":
        """Start the real command on the session's audit."""
        return subprocess.Popen(
            [sys.executable, "-m", "alfs_cli", "audit", TABLE, *CLAIM, "--out", self.out, *words],
            cwd=self.top, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    def look(self, *, most_under_way: int) -> None:
        """Hold what is on the disk against what was acknowledged; what is there is kept."""
        self.kills += 1
        if not (self.top / self.out / "audit.jsonl").exists():
            self.expect("no log though answers were acknowledged", not self.kept)
            return
        record = resume(self.top / self.out)
        written = labels(record)
        self.expect(
            "an acknowledged answer is lost or another", self.kept.items() <= written.items()
        )
        said = {number: label_of(self.order[number]) for number in written}
        self.expect("an answer is not what was said", said == written)
        extra = len(written) - len(self.kept)
        self.expect(f"{extra} answers came from nowhere", extra <= most_under_way)
        self.expect("the draws are others", record.draws.order.tolist() == self.order)
        following = record.batch(1)[0].number
        self.expect(f"draw {following} is next", following == first_open(written))
        self.under_way += extra
        self.kept = written

    def expect(self, what: str, is_so: bool) -> None:  # noqa: FBT001
        """Note what is not as it must be."""
        if not is_so:
            self.wrong.append(f"kill {self.kills}: {what}")


def labels(record: Record) -> dict[int, int | None]:
    """Return the answers that count, by draw."""
    return {n: d.counts.label for n, d in record.drawn.items() if d.counts is not None}


def first_open(written: dict[int, int]) -> int:
    """Return the first draw without an answer."""
    return next(number for number in range(len(written) + 1) if number not in written)


# ---- by page ------------------------------------------------------------------------------------


def by_page(session: Killing, kills: int) -> None:
    """Answer as the page does while the server is killed again and again; then to the end."""
    a_answer = 0.05  # seconds that one takes, measured anew by each server
    while session.kills < kills:
        if session.rng.random() < AT_START or len(session.kept) >= session.answers:
            process = session.command("--no-browser")
            wait_and_kill(process, session.rng.uniform(0, 4))
        else:
            left = (session.answers - len(session.kept)) / (1 + kills - session.kills)
            lives = session.rng.uniform(0, 2.5 * left * a_answer)
            a_answer = serve_and_kill(session, lives) or a_answer
        session.look(most_under_way=1)
    serve_and_kill(session, None)


def serve_and_kill(session: Killing, lives: float | None) -> float | None:
    """Serve, answer, and kill the server after so many seconds; None: when all is answered.

    Returns the seconds that an answer took, None where there was none.
    """
    process = session.command("--no-browser")
    found = (re.search(r"http://127\S+", line) for line in process.stderr or ())
    address = next(match[0] for match in found if match)
    timer = threading.Timer(1e6 if lives is None else lives, process.kill)
    timer.start()
    began, before = time.monotonic(), len(session.kept)
    took = None
    with contextlib.suppress(httpx.TransportError):  # killed
        answer_on(address, session)
    given = len(session.kept) - before
    if given:
        took = (time.monotonic() - began) / given
    if lives is None:
        timer.cancel()
        process.kill()
    timer.join()
    process.communicate()
    return took


def answer_on(address: str, session: Killing) -> None:
    """Answer by the requests of a page until all that were to be given are given."""
    with httpx.Client(base_url=address, timeout=30) as client:

        def post(path: str, **body: object) -> dict:
            found = client.post(path, json={"page": "p", "by": "", **body})
            found.raise_for_status()
            return found.json()

        post("begin")
        task = post("next")["task"]
        if not task["repeat"]:
            session.expect(f"draw {task['draw']} is asked first",
                           task["draw"] == first_open(session.kept))  # fmt: skip
        while task is not None and len(session.kept) < session.answers:
            label = label_of(session.order[task["draw"]])
            words = {"draw": task["draw"], "repeat": task["repeat"], "answer": label}
            following = post("answer", **words, seconds=0.1)["task"]
            if not task["repeat"]:
                session.kept[task["draw"]] = label
            task = following


def wait_and_kill(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Kill a process after so long; return whether it was still at work."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    process.communicate()
    return False


# ---- by sheet -----------------------------------------------------------------------------------


def by_sheet(session: Killing, kills: int, *, size: int = 50) -> None:
    """Read a sheet and write the next, killed again and again, then once to the end; all sheets."""
    number, asked = 0, 0
    sheets = -(-session.answers // size)
    began = time.monotonic()
    finished(session.command("--sheet", "s0.csv", "--batch", str(min(size, session.answers))))
    takes = time.monotonic() - began  # seconds of an undisturbed command
    while number < sheets:
        asked = fill(session.top / f"s{number}.csv")
        left = session.answers - len(session.kept) - asked
        words = ["--read", f"s{number}.csv"]
        if left > 0:
            words += ["--sheet", f"s{number + 1}.csv", "--batch", str(min(size, left))]
        goal = kills * (number + 1) // sheets
        while session.kills < goal:
            began, process = time.monotonic(), session.command(*words)
            if session.rng.random() < IN_READING and not is_read(session, asked, left):
                await_growth(process, session.top / session.out / "audit.jsonl")
                was_killed = wait_and_kill(process, session.rng.uniform(0, READING))
            else:
                was_killed = wait_and_kill(process, session.rng.uniform(0, takes))
            if was_killed:
                session.look(most_under_way=asked)
            else:  # it reads and writes less now
                takes = time.monotonic() - began
        began = time.monotonic()
        if not was_through(session, number, left):
            finished(session.command(*words))
            takes = time.monotonic() - began
        session.kept = labels(resume(session.top / session.out))
        number += 1


def is_read(session: Killing, asked: int, left: int) -> bool:
    """Return whether all answers of the sheet at hand are on the disk."""
    return len(session.kept) >= session.answers - left and asked > 0


def await_growth(process: "subprocess.Popen[str]", log: Path) -> None:
    """Wait until a process has begun to write answers, or is done."""
    before = log.stat().st_size
    while log.stat().st_size == before and process.poll() is None:
        time.sleep(0.001)


def was_through(session: Killing, number: int, left: int) -> bool:
    """Return whether a killed or finished command has read the sheet and written the next.

    The last one has no next, and is read to the end by a command that nobody kills.
    """
    written = labels(resume(session.top / session.out))
    has_next = (session.top / f"s{number + 1}.csv").exists()
    return len(written) >= session.answers - left and has_next


def fill(path: Path) -> int:
    """Fill in a sheet; return how many rows it has."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["true_label"] = CLASSES[label_of(int(row["index"]))]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def finished(process: "subprocess.Popen[str]") -> None:
    """Wait for a command that nobody kills; it ends with 0 while answers are awaited."""
    _, err = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(err)


# ---- both ---------------------------------------------------------------------------------------

SESSIONS = {"page": by_page, "sheet": by_sheet}


def told(record: Record) -> dict:
    """Return what an audit says, less who said it and how fast."""
    found = document(record)
    lines = [{k: v for k, v in line.items() if k in ("draw", "index", "probability", "answer")}
             for line in found["draws"]]  # fmt: skip
    return {k: found[k] for k in ("claims", "answers", "noise_rate")} | {"draws": lines}


def session(kind: str, top: Path, *, answers: int, kills: int, seed: int) -> dict[str, object]:
    """Run one session of a kind and return what was found."""
    (top / kind).mkdir()
    write_table(top / kind / TABLE, answers + 100)
    made = Killing(top / kind, "whole", answers, [], random.Random(seed))
    finished(made.command("--sheet", "all.csv", "--batch", str(answers)))
    undisturbed = resume(top / kind / "whole")
    for task in undisturbed.batch(answers):
        undisturbed.answer(task, label_of(task.index))
    killed = Killing(top / kind, "killed", answers, undisturbed.draws.order.tolist(), made.rng)
    SESSIONS[kind](killed, kills)
    last = resume(top / kind / "killed")
    killed.expect("the record says something else", told(last) == told(undisturbed))
    finished_document = top / kind / "killed" / "audit.json"
    if kind == "sheet":
        killed.expect("it does not replay", verify(finished_document.parent) == [])
    return {
        "kills": killed.kills,
        "answers": len(labels(last)),
        "lost": sum(labels(last).get(n) != label_of(killed.order[n]) for n in range(answers)),
        "on_the_disk_unacknowledged": killed.under_way,
        "wrong": killed.wrong,
    }


def main() -> None:
    """Run both sessions, print and write what was found; exit 1 where anything was lost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=int, default=300)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path)
    options = parser.parse_args()
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as place:
        for kind in SESSIONS:
            found[kind] = session(kind, Path(place), answers=options.answers,
                                  kills=options.kills, seed=options.seed)  # fmt: skip
            print(kind, json.dumps(found[kind]), flush=True)
    if options.to is not None:
        options.to.write_text(json.dumps(found, indent=2) + "\n")
    raise SystemExit(any(one["wrong"] or one["lost"] for one in found.values()))


if __name__ == "__main__":
    main()
