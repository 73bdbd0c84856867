"""Workers on a Ray cluster: the user's, or one started here for as long as they are needed.

Each worker is an actor, a process that keeps what it works with (a network, a data set) from item
to item. It has one item in hand and the next one waiting. Results come in the order of the items,
and so few are waited for that memory holds them. What a dead worker had in hand is done again by
another.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from alfs_cli import __version__
from alfs_cli.console import Console
from alfs_cli.errors import AlfsError, InputError, UsageError, WorkError, brief
from alfs_cli.executors.on_ray import joined
from alfs_cli.storage.memory import num_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_ATTEMPTS = 4  # at an item: a worker may die of what it does
IN_HAND = 2  # items of a worker: one that it works on, one that waits
WAITING = 4  # results for each worker that wait for an earlier one
POLL_SECONDS = 1.0
OTHER_VERSION = "began the work"


class Failed:
    """What an item came to that failed with an error for the user."""

    def __init__(self, error: AlfsError, host: str) -> None:
        self.kind, self.text, self.help = type(error), str(error), error.help
        self.host = host

    def raised(self) -> AlfsError:
        """Return the error, which names the machine that it happened on."""
        kind = self.kind if self.kind in (InputError, UsageError, WorkError) else InputError
        return kind(f"{self.text} (on {self.host})", help=self.help)


class Worker:
    """The actor: it does one kind of work, item by item, and then perhaps another kind."""

    def __init__(self, version: str) -> None:
        if version != __version__:
            raise RuntimeError(f"alfs {__version__} is here, {version} {OTHER_VERSION}")
        self.work: Callable[[Any], Any] | None = None

    def begin(self, work: Callable[[Any], Any]) -> None:
        """Take up a kind of work."""
        self.work = work

    def do(self, item: Any) -> Any:
        """Return what the item came to."""
        import socket

        if self.work is None:
            raise RuntimeError("no work was begun")
        try:
            return self.work(item)
        except AlfsError as error:
            return Failed(error, socket.gethostname())


@dataclass
class RayWorkers:
    """`count` workers of one CPU each on a cluster; those that may use a GPU get `gpus_each`."""

    ray: Any
    count: int
    gpus_each: float
    console: Console
    idle: list[tuple[float, Any]] = field(default_factory=list)  # workers with nothing to do

    @classmethod
    @contextmanager
    def joined(
        cls, jobs: int | None, console: Console, *, gpus_each: float | None, uses_gpus: bool
    ) -> "Iterator[RayWorkers]":
        """Join the cluster at RAY_ADDRESS, or start one on this machine, and leave it at the end.

        Raises UsageError where Ray is not installed or the cluster cannot be joined.
        """
        ray = joined(max(num_cores(), jobs or 1))
        try:
            resources: dict[str, float] = ray.cluster_resources()
            cpus, gpus = int(resources.get("CPU", 1)), resources.get("GPU", 0.0)
            some = int(gpus) if uses_gpus and gpus >= 1 else cpus
            count = jobs or max(1, some)
            share = 0.0
            if uses_gpus and gpus:
                share = min(1.0, gpus / count) if gpus_each is None else gpus_each
            yield cls(ray, count, share, console)
        finally:
            ray.shutdown()

    def map(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, uses_gpu: bool = False
    ) -> Iterator[Result]:
        """Yield work(item) for each item, in order.

        Raises the error of an item that failed for the user to mend, and WorkError where workers
        died several times at one item.
        """
        crew = Crew(self, self.ray.put(work), items, self.gpus_each if uses_gpu else 0.0)
        try:
            yield from crew.results()
        except BaseException:
            crew.dismissed()
            raise
        self.idle += [(crew.gpus, actor) for actor in crew.actors.values()]

    def hired(self, gpus: float) -> Any:
        """Return a worker that has nothing to do, or a new one."""
        for place, (share, actor) in enumerate(self.idle):
            if share == gpus:
                del self.idle[place]
                return actor
        kind = self.ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=0)(Worker)
        return kind.remote(__version__)


class Crew:
    """The workers of one map, with what each has in hand and what waits to be given out."""

    def __init__(self, at: RayWorkers, work: Any, items: Sequence[Any], gpus: float) -> None:
        self.at, self.ray, self.work, self.items, self.gpus = at, at.ray, work, items, gpus
        self.size = min(at.count, len(items))
        self.actors: dict[int, Any] = {}
        self.flying: dict[Any, tuple[int, int]] = {}  # reference -> (worker, item)
        self.again: list[int] = []
        self.next = 0
        self.attempts = [0] * len(items)
        self.done: dict[int, Any] = {}
        self.hired = 0

    def results(self) -> Iterator[Any]:
        """Yield the results in the order of the items."""
        for turn in range(len(self.items)):
            while turn not in self.done:
                self._give_out(turn)
                ready, _ = self.ray.wait(
                    list(self.flying), num_returns=1, timeout=POLL_SECONDS, fetch_local=False
                )
                for reference in ready:
                    self._take(reference)
            yield self.ray.get(self.done.pop(turn))

    def _give_out(self, turn: int) -> None:
        """Give items to workers with free hands, but none that is far ahead of the turn."""
        while len(self.actors) < self.size:
            actor = self.actors[self.hired] = self.at.hired(self.gpus)
            actor.begin.remote(self.work)
            self.hired += 1
        load = dict.fromkeys(self.actors, 0)
        for worker, _ in self.flying.values():
            load[worker] = load.get(worker, 0) + 1
        last = turn + self.size * (IN_HAND + WAITING)
        while (worker := min(self.actors, key=lambda one: load[one])) is not None:
            item = min(self.again) if self.again else self.next
            if load[worker] >= IN_HAND or item >= min(len(self.items), last):
                return
            if self.again:
                self.again.remove(item)
            else:
                self.next += 1
            self.attempts[item] += 1
            load[worker] += 1
            self.flying[self.actors[worker].do.remote(self.items[item])] = (worker, item)

    def _take(self, reference: Any) -> None:
        """Take a result; where its worker died, its items are given out again."""
        if reference not in self.flying:
            return
        worker, item = self.flying.pop(reference)
        try:
            found = self.ray.get(reference)
        except self.ray.exceptions.RayActorError as error:
            self._replaced(worker, item, error)
            return
        except self.ray.exceptions.ObjectLostError:
            self.again.append(item)
            return
        except self.ray.exceptions.RayTaskError as error:
            raise _unwrapped(error) from None
        if isinstance(found, Failed):
            raise found.raised()
        self.done[item] = reference

    def _replaced(self, worker: int, item: int, error: Exception) -> None:
        text = str(error)
        if self.attempts[item] >= MOST_ATTEMPTS or _is_missing(text) or OTHER_VERSION in text:
            raise _died(text, self.attempts[item])
        if self.actors.pop(worker, None) is not None:
            self.at.console.note(f"note: a worker died; item {item + 1} is done again by another")
        held = [ref for ref, (its, _) in self.flying.items() if its == worker]
        self.again += [item, *(self.flying.pop(ref)[1] for ref in held)]
        for lost in self.again:
            if lost != item:
                self.attempts[lost] -= 1  # it waited, and had not begun

    def dismissed(self) -> None:
        """End all workers, at once."""
        for actor in self.actors.values():
            with suppress(Exception):
                self.ray.kill(actor)


def _is_missing(text: str) -> bool:
    return "No module named" in text and "alfs_cli" in text


def _died(text: str, attempts: int) -> AlfsError:
    """Return the error for workers that could not begin, or died again and again."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if _is_missing(text):
        return UsageError(
            "a machine of the cluster lacks the package alfs-cli",
            help="pip install the same version there, or name it in the cluster's runtime_env",
        )
    mismatch = next((line for line in lines if OTHER_VERSION in line), None)
    if mismatch is not None:
        said = mismatch.rpartition("RuntimeError: ")[2]
        return UsageError(
            f"machines of the cluster have different versions: {said}",
            help="install the same alfs-cli on all of them",
        )
    last = brief(lines[0] if lines else "no reason given")
    return WorkError(
        f"workers died {attempts} times at one piece of the work: {last}",
        help="is memory enough for each? fewer at a time: --jobs N. What is done is kept",
    )


def _unwrapped(error: Any) -> Exception:
    """Return the error of a worker that is a bug, or no memory, as it was raised there."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error
