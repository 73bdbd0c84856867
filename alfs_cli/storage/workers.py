"""Workers: something that does a piece of work for each of many items, several at a time.

Results come in the order of the items, so that what is added up from them does not depend on how
many workers there are or which of them is quickest.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(Protocol):
    """Something that works on items, here or elsewhere."""

    def map(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, uses_gpu: bool = False
    ) -> Iterator[Result]:
        """Yield work(item) for each item, in order; few results wait for their turn.

        `work` and the items can be pickled. `uses_gpu` says whether the work may take a GPU.
        """
        ...


@dataclass(frozen=True)
class Threads:
    """Workers that are threads of this process: for work that leaves Python's lock alone."""

    count: int = 1

    def map(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, uses_gpu: bool = False
    ) -> Iterator[Result]:
        """Yield work(item) for each item, in order; one thread is this one."""
        del uses_gpu
        if self.count == 1:
            yield from map(work, items)
            return
        with ThreadPoolExecutor(self.count) as pool:
            flying: deque[Future[Result]] = deque()
            try:
                for item in items:
                    flying.append(pool.submit(work, item))
                    if len(flying) > self.count:
                        yield flying.popleft().result()
                while flying:
                    yield flying.popleft().result()
            finally:
                for waiting in flying:
                    waiting.cancel()


@dataclass
class Hired:
    """Workers that begin with the first work there is, and go when `until` ends."""

    begin: Callable[[], AbstractContextManager[Workers]]
    until: ExitStack
    workers: Workers | None = field(default=None, init=False)

    @property
    def is_begun(self) -> bool:
        """Whether there was anything for them to do."""
        return self.workers is not None

    def map(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, uses_gpu: bool = False
    ) -> Iterator[Result]:
        """Yield work(item) for each item, in order; raises as `begin` does."""
        if self.workers is None:
            self.workers = self.until.enter_context(self.begin())
        yield from self.workers.map(work, items, uses_gpu=uses_gpu)
