"""What an estimate of a folder of features costs, here and on Ray, as the number of rows grows.

    python benchmarks/passes.py [--sizes 100000,300000,1000000] [--repeats 3] [--kills 10]

Rows of 64 features in ten classes, a fifth of the labels drawn anew. Each run is a process of its
own: by one thread here, by one worker on Ray, by two; they take turns. Told are the seconds of each
pass by the clock (which depends on what else the machine does), the CPU seconds of the driver and
of all workers, the peak memory of the driver and of a worker, and a digest of the result, which
must be one for all. `--kills` workers are killed in one more run. `--encode 20000` measures
`alfs features` of so many pictures of 96 x 96 pixels by the default encoder, by the same workers in
turns, and adds that to the results. Writes benchmarks/results/passes.json; `--output` elsewhere.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from alfs_cli.console import Quiet
from alfs_cli.data import DataSpec
from alfs_cli.data.feature_files import FeatureBlock, write_block
from alfs_cli.evidence.written import dealt, rows_a_file
from alfs_cli.results.features import FeaturesFolder

TOP = Path(__file__).parents[1]
RESULTS = TOP / "benchmarks" / "results" / "passes.json"
D, K = 64, 10
HOWS = ("local", "ray-1", "ray-2")
WORKER = b"ray::Worker"
REST = 3.0  # seconds between kills
TICK = os.sysconf("SC_CLK_TCK")


def drawn(folder: Path, count: int) -> None:
    """Write a folder of features of `count` rows, in bounded memory."""
    folder.mkdir(parents=True)
    rows = rows_a_file(count, D)
    names = tuple(f"c{cls}" for cls in range(K))
    about = FeaturesFolder(
        "0", f"{count} rows", "features", f"drawn-{count}", count, rows, -(-count // rows), names,
        "float16",
    )  # fmt: skip
    about.save(folder)
    means = np.random.default_rng(0).standard_normal((K, D)) * (3.2 / np.sqrt(D))
    for number in range(about.files):
        generator = np.random.default_rng([1, number])
        index = dealt(count, rows, number)
        n = len(index)
        true = generator.integers(K, size=n)
        X = (means[true] + generator.standard_normal((n, D))).astype(np.float16)
        given = np.where(generator.random(n) < 0.2, generator.integers(K, size=n), true)
        keys = generator.integers(2**63, size=(n, 2)).astype(np.uint64)
        write_block(folder, about, FeatureBlock(number, index, given, X, keys))


# A run, in a process of its own.


@dataclass
class Clock(Quiet):
    """A console that notes when each task began and ended."""

    def __post_init__(self) -> None:
        self.marks: dict[str, list[float]] = {}

    @contextmanager
    def progress(self) -> Iterator[object]:
        """Yield a function that notes the time."""
        begun = time.perf_counter()

        def tell(task: str, _done: int, _total: int) -> None:
            self.marks.setdefault(task, [begun, begun])[1] = time.perf_counter()

        yield tell

    def seconds(self, task: str) -> float:
        """Return the seconds of a task."""
        first, last = self.marks[task]
        return last - first


def descendants(parent: int) -> dict[int, tuple[bytes, float, int]]:
    """Return command line, CPU seconds and peak bytes of all processes below one."""
    found: dict[int, tuple[int, bytes, float, int]] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError, StopIteration):
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            status = (entry / "status").read_text().splitlines()
            peak = next(int(row.split()[1]) for row in status if row.startswith("VmHWM"))
            line = (entry / "cmdline").read_bytes()
            used = (int(stat[11]) + int(stat[12])) / TICK
            found[int(entry.name)] = (int(stat[1]), line, used, 1024 * peak)

    def is_below(pid: int) -> bool:
        while pid in found and pid != parent:
            pid = found[pid][0]
        return pid == parent

    return {pid: one[1:] for pid, one in found.items() if pid != parent and is_below(pid)}


class Watch(threading.Thread):
    """Looks at the workers of this process while it works, and kills some if asked to."""

    def __init__(self, kills: int) -> None:
        super().__init__(daemon=True)
        self.kills, self.killed = kills, list[int]()
        self.used: dict[int, float] = {}
        self.peak = 0
        self.stopped = threading.Event()
        self.last = 0.0

    def run(self) -> None:
        """Look a few times a second; of two kills a machine recovers first."""
        while not self.stopped.wait(0.2):
            for pid, (line, used, peak) in descendants(os.getpid()).items():
                if line.startswith(WORKER):
                    self.used[pid] = max(used, self.used.get(pid, 0.0))
                    self.peak = max(self.peak, peak)
                    busy = line.startswith(WORKER + b".do") and pid not in self.killed
                    is_time = time.monotonic() - self.last > REST
                    if busy and is_time and len(self.killed) < self.kills:
                        os.kill(pid, 9)
                        self.killed.append(pid)
                        self.last = time.monotonic()


def one_run(folder: str, how: str, kills: int) -> None:
    """Estimate, and print what it took as JSON."""
    import resource
    from contextlib import ExitStack

    from alfs_cli.estimating.from_features import TASKS, EstimateOptions, estimate_features
    from alfs_cli.storage.workers import Threads

    watch, clock = Watch(kills), Clock()
    watch.start()
    begun = time.perf_counter()
    with ExitStack() as stack:
        if how == "local":
            workers = Threads(1)
        else:
            from alfs_cli.executors.ray_workers import RayWorkers

            jobs = int(how.rpartition("-")[2])
            joined = RayWorkers.joined(jobs, clock, gpus_each=None, uses_gpus=False)
            workers = stack.enter_context(joined)
            list(workers.map(abs, range(4 * jobs)))  # the workers have started
        started = time.perf_counter() - begun
        spec, options = DataSpec(folder), EstimateOptions(resamples=100)
        done = estimate_features(spec, Path(folder), options, workers, clock, started=begun)
    seconds = time.perf_counter() - begun
    watch.stopped.set()
    watch.join()
    document = done.estimate.document()
    document.pop("seconds")
    text = json.dumps(document) + done.table.to_csv()
    own = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "seconds": seconds,
        "seconds_starting": started,
        "pass_1": clock.seconds(TASKS[0]),
        "pass_2": clock.seconds(TASKS[1]),
        "cpu_driver": own.ru_utime + own.ru_stime,
        "cpu_workers": sum(watch.used.values()),
        "peak_driver": 1024 * own.ru_maxrss,
        "peak_worker": watch.peak,
        "kills": len(watch.killed),
        "digest": hashlib.sha256(text.encode()).hexdigest()[:16],
    }
    print(json.dumps(found))


@dataclass(frozen=True)
class Run:
    """A run and what it took; results name the folder, which the runs of one `batch` share."""

    rows: int
    how: str
    took: dict[str, object]
    load: float
    batch: int = 0


def measured(folder: Path, rows: int, how: str, batch: int, kills: int = 0) -> Run:
    """Return what a run takes, in a process of its own."""
    words = [sys.executable, __file__, "--run", str(folder), how, str(kills)]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **single, "PYTHONPATH": str(TOP)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    took = json.loads(done.stdout.splitlines()[-1])
    return Run(rows, how, took, round(os.getloadavg()[0], 1), batch)


def write_pictures(top: Path, count: int) -> None:
    """Write JPEGs of 96 x 96 pixels into folders of four classes."""
    from PIL import Image

    generator = np.random.default_rng(0)
    for number in range(count):
        folder = top / f"c{number % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        small = generator.integers(0, 255, (12, 12, 3)).astype(np.uint8)
        Image.fromarray(small).resize((96, 96)).save(folder / f"{number}.jpg")


def encoding(top: Path, how: str, count: int, batch: int) -> Run:
    """Return what the features of the pictures in `top` take, on one thread or by workers."""
    to = top.parent / how
    words = [sys.executable, "-m", "alfs_cli", "features", str(top), "--to", str(to), "-q"]
    words += ["--device", "cpu"]
    if how != "local":
        words += ["--executor", "ray", "--jobs", how.rpartition("-")[2]]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **single, "PYTHONPATH": str(TOP)}
    driver = worker = 0
    begun = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment) as process:
        while process.poll() is None:
            for pid, (line, _, peak) in descendants(os.getpid()).items():
                driver = max(driver, peak) if pid == process.pid else driver
                worker = max(worker, peak) if line.startswith(WORKER) else worker
            time.sleep(0.5)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(process.returncode)
    digest = hashlib.sha256()
    for path in sorted(to.glob("*.parquet")):
        digest.update(path.read_bytes())
    shutil.rmtree(to)
    took: dict[str, object] = {
        "seconds": seconds,
        "peak_driver": driver,
        "peak_worker": worker,
        "digest": digest.hexdigest()[:16],
    }
    return Run(count, how, took, round(os.getloadavg()[0], 1), batch)


def encode(count: int, hows: list[str], repeats: int, output: Path) -> None:
    """Measure features of pictures in turns, and add them to the results, after each run."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder, "pictures")
        write_pictures(top, count)
        said = json.loads(output.read_text(encoding="utf-8"))
        said["encoding"] = []
        for number in range(repeats):
            for how in hows:
                said["encoding"].append(asdict(encoding(top, how, count, number)))
                print(said["encoding"][-1], flush=True)
                output.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def wide(rows: int = 4096, width: int = 1280) -> dict[str, object]:
    """Return the CPU seconds of both passes on one file of an encoder's features, for each row."""
    from alfs_cli.evidence.moments import Heads, Plan, first_pass
    from alfs_cli.evidence.out_of_fold import linear_map

    generator = np.random.default_rng(0)
    X = generator.standard_normal((rows, width)).astype(np.float16)
    keys = generator.integers(2**63, size=(rows, 2)).astype(np.uint64)
    labels = generator.integers(K, size=rows)
    block = FeatureBlock(0, np.arange(rows), labels, X, keys)
    plan = Plan(K, 5, 0, linear_map(X.astype(np.float32)), "linear", "linear ridge")
    weights = generator.standard_normal((5, width, K)) / width
    heads = Heads(plan, weights, np.append(1.0, np.zeros(K)), 1.0, 0.0)
    first_pass(plan, block)
    begun = time.process_time()
    moments = first_pass(plan, block)
    middle = time.process_time()
    heads.probabilities(block)
    ended = time.process_time()
    arrays = (moments.grams, moments.targets, moments.sums, moments.counts)
    return {
        "features": width,
        "first_pass_each": (middle - begun) / rows,
        "scores_each": (ended - middle) / rows,
        "bytes_of_moments": sum(array.nbytes for array in arrays),
    }


def rates(output: Path) -> None:
    """Measure what does not depend on the number of rows, and put it into the results."""
    said = json.loads(output.read_text(encoding="utf-8"))
    said["wide"] = wide()
    output.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def estimates(arguments: argparse.Namespace) -> None:
    """Measure the sizes in turns, and write what each run took."""
    runs: list[Run] = []
    said = json.loads(arguments.output.read_text(encoding="utf-8")) if arguments.add else {}
    before = said.pop("runs", [])
    batch = 1 + max((one["batch"] for one in before), default=-1)

    def save() -> None:
        made = [*before, *(asdict(run) for run in runs)]
        found = {"features": D, "classes": K, "runs": made, **said}
        arguments.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    sizes = [int(word) for word in arguments.sizes.split(",")]
    with tempfile.TemporaryDirectory() as top:
        for rows in sizes:
            drawn(Path(top, str(rows)), rows)
        for _ in range(arguments.repeats):
            for rows in sizes:
                for how in arguments.by.split(","):
                    runs.append(measured(Path(top, str(rows)), rows, how, batch))
                    print(runs[-1], flush=True)
                    save()
        if arguments.kills:
            runs.append(
                measured(Path(top, str(sizes[0])), sizes[0], "ray-2", batch, arguments.kills)
            )
            print(runs[-1], flush=True)
    save()
    if not arguments.add:
        rates(arguments.output)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="100000,300000,1000000,3000000")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--by", default=",".join(HOWS), help="who works; by default all")
    parser.add_argument("--add", action="store_true", help="to the runs that were measured before")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument(
        "--rates", action="store_true", help="measure one file of an encoder's features alone, anew"
    )
    parser.add_argument("--encode", type=int, help="measure features of so many pictures alone")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        folder, how, kills = arguments.run
        one_run(folder, how, int(kills))
        return
    if arguments.encode:
        hows = arguments.by.split(",")
        encode(arguments.encode, hows, arguments.repeats, arguments.output)
        return
    if arguments.rates:
        rates(arguments.output)
        return
    estimates(arguments)


if __name__ == "__main__":
    main()
