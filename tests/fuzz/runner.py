"""Run cases through the real commands in a process of its own, and say what went wrong.

A case is wrong if it exits with anything but 0, 1 or 2, takes longer than its time, needs more than
2 GB, or touches anything outside --out.
"""

import contextlib
import io
import json
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAX_BYTES = 2 << 30
SECONDS = 60
QUIET = ("/dev/", "/proc/", "/sys/")


@dataclass(frozen=True)
class Outcome:
    """What a case came to; `problems` is empty where all was well."""

    number: int
    kind: str
    words: list[str]
    code: int | None
    problems: list[str]
    seconds: float = 0.0


@dataclass
class Tally:
    """Many outcomes."""

    cases: int = 0
    codes: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    wrong: list[Outcome] = field(default_factory=list)
    slowest: float = 0.0
    most_bytes: int = 0


def snapshot(root: Path) -> dict[str, object]:
    """Return what lies under `root`, but for out/: type, size and content of everything."""
    found: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        if folder == str(root) and "out" in folders:
            folders.remove("out")
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
            if name in folders:
                found[path] = status.st_mode
    return found


def run_case(number: int, root: Path, writes: list[str]) -> Outcome:
    """Make a case and run it in this process."""
    import time

    from alfs_cli.cli import run
    from tests.fuzz.cases import make_case

    kind, words = make_case(number, root)
    os.chdir(root)
    before = snapshot(root)
    writes.clear()
    out, err = io.StringIO(), io.StringIO()
    begun = time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    seconds = time.perf_counter() - begun
    problems = []
    if code not in (0, 1, 2):
        problems.append(f"exit code {code}: {err.getvalue()[-3000:]}")
    if code == 2 and (out.getvalue() or "error: " not in err.getvalue()):
        problems.append(f"exit code 2 and stdout {out.getvalue()[:200]!r}")
    if code == 2 and "help: " not in err.getvalue():
        problems.append(f"no help: {err.getvalue()[-500:]}")
    if "Traceback" in err.getvalue():
        problems.append("a traceback was printed")
    if code == 101:
        crash = err.getvalue().rpartition("the traceback is in ")[2].strip()
        with contextlib.suppress(OSError):
            problems.append(Path(crash).read_text(encoding="utf-8", errors="replace")[-3000:])
            os.unlink(crash)
    steering = {c for c in err.getvalue() if not c.isprintable()} - {"\n", "\t"}
    if steering:
        problems.append(f"control characters on stderr: {steering}")
    after = snapshot(root)
    changed = sorted(
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    )
    if changed:
        problems.append(f"changed outside out/: {changed[:5]}")
    if writes:
        problems.append(f"opened for writing outside out/: {sorted(set(writes))[:5]}")
    return Outcome(number, kind, words, code, problems, seconds)


def watch_writes(writes: list[str], allowed: list[str]) -> None:
    """Note every path that Python opens for writing, makes, moves or removes elsewhere."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            is_write = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            targets = [path] if is_write else []
        elif event in ("os.rename", "os.link", "os.symlink"):
            targets = [arguments[0], arguments[1]]
        elif event in ("os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"):
            targets = [arguments[0]]
        else:
            return
        for target in targets:
            if not isinstance(target, str | bytes | os.PathLike):
                continue
            path = os.path.abspath(os.fsdecode(target))
            if "alfs-crash-" in path or path.startswith(QUIET) or "__pycache__" in path:
                continue
            if not any(path == top or path.startswith(top + os.sep) for top in allowed):
                writes.append(f"{event} {path}")

    sys.addaudithook(hook)


def peak_bytes() -> int:
    """Return the most memory this process had; ru_maxrss begins with that of the one that forked.

    Where there is no /proc it is ru_maxrss all the same.
    """
    status = Path("/proc/self/status")
    if status.exists():
        row = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(row.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def worker(top: Path, *, held: int = 0) -> None:
    """Read case numbers from stdin, and write outcomes to stdout as JSON lines.

    `held` is the memory that this process began with.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    import torch

    torch.set_num_threads(1)
    writes: list[str] = []
    allowed: list[str] = []
    watch_writes(writes, allowed)
    here = os.getcwd()
    virtual = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (virtual + 3 * MAX_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, resource.RLIM_INFINITY))
    for line in sys.stdin:
        root = top / line.strip()
        root.mkdir()
        allowed[:] = [str(root / "out")]
        try:
            outcome = run_case(int(line), root, writes)
        finally:
            allowed[:] = [str(top)]
            os.chdir(here)
            shutil.rmtree(root, ignore_errors=True)
        peak = peak_bytes() - held
        answers.write(json.dumps({**vars(outcome), "peak": peak}) + "\n")
        answers.flush()


def started(top: str) -> "subprocess.Popen[str]":
    """Start a worker."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.runner", top],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


Start = Callable[[str], "subprocess.Popen[str]"]


def outcomes(
    numbers: Iterable[int], *, seconds: float = SECONDS, start: Start = started
) -> Iterator[tuple[Outcome, int]]:
    """Yield the outcome of each case and the memory its process had needed by then."""
    from tests.fuzz.cases import CASES

    process: subprocess.Popen[str] | None = None
    with tempfile.TemporaryDirectory(prefix="alfs-fuzz-", ignore_cleanup_errors=True) as top:
        for number in numbers:
            if process is None:
                process = start(top)
                allowance = seconds + 60  # the first case pays for the imports
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], allowance)
            allowance = seconds
            line = process.stdout.readline() if ready else ""
            if not line:
                _end(process)
                process = None
                problem = "the process died" if ready else f"no end after {seconds:g} s"
                kind = CASES[number % len(CASES)].__name__.removesuffix("_case")
                yield Outcome(number, kind, [], None, [problem], seconds), 0
                continue
            answer = json.loads(line)
            peak = answer.pop("peak")
            outcome = Outcome(**answer)
            if peak > MAX_BYTES:
                outcome.problems.append(f"needed {peak / 1e9:.1f} GB")
                _end(process)
                process = None
            yield outcome, peak
        if process is not None:
            process.communicate()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def tally(numbers: Iterable[int], *, seconds: float = SECONDS, start: Start = started) -> Tally:
    """Run cases and count what they came to."""
    total = Tally()
    for outcome, peak in outcomes(numbers, seconds=seconds, start=start):
        total.cases += 1
        total.codes[outcome.kind, outcome.code] += 1
        total.slowest = max(total.slowest, outcome.seconds)
        total.most_bytes = max(total.most_bytes, peak)
        if outcome.problems:
            total.wrong.append(outcome)
            print(
                f"case {outcome.number} ({outcome.kind}): {' '.join(outcome.words)!r}",
                file=sys.stderr,
            )
            for problem in outcome.problems:
                print("   ", problem, file=sys.stderr, flush=True)
    return total


if __name__ == "__main__":
    worker(Path(sys.argv[1]))
