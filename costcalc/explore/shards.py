"""A search cut into shards, and the shards evaluated here, one after the other or by several processes.

The plan depends on the task alone; shards may finish in any order, anywhere, and some may have been finished before.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from costcalc.errors import Problem, UsageError
from costcalc.explore.evolve import ISLAND, evolve
from costcalc.explore.search import EVOLVE, Outcome, Search, Tally, Task
from costcalc.version import VERSION

CHUNK = 16_384  # points counted at once
MANY = 1024  # shards of a large search
WORTH = 16  # chunks that make another process worth its start
AHEAD = 2  # shards that wait for each process, so that none is idle

Shard = tuple[int, int]  # the first of its points, and the one after its last
Step = Callable[[int], None]


class Plan(NamedTuple):
    """All shards of a task: `total` points, `size` to a shard."""

    total: int
    size: int

    @classmethod
    def of(cls, search: Search) -> Plan:
        """The plan of a search: a chunk is a shard, in a large one several, and an island is one."""
        size = CHUNK * -(-search.total // (MANY * CHUNK))
        return cls(search.total, ISLAND if search.task.way == EVOLVE else size)

    def shards(self) -> Iterator[Shard]:
        for start in range(0, self.total, self.size):
            yield start, min(start + self.size, self.total)

    @property
    def pieces(self) -> int:
        return -(-self.total // self.size)


LOCAL = threading.local()  # the search that a thread was busy with last; a counter is for one thread


def evaluate(task: Task, start: int, stop: int, step: Step = lambda _: None) -> Outcome:
    """The outcome of points `start` to `stop`: a shard. `step` is told how many points have been counted.

    Raises UsageError where another version of costcalc made the task: it might count otherwise.
    """
    if task.version != VERSION:
        message = f"this is costcalc {VERSION}, and the search is one of costcalc {task.version}"
        raise UsageError(Problem(message, None, "install the same version wherever it is searched"))
    digest = task.digest
    if getattr(LOCAL, "digest", None) != digest:
        LOCAL.search, LOCAL.digest = Search(task), digest
    search: Search = LOCAL.search
    if task.way == EVOLVE:
        return evolve(search, start, stop, step)
    tally = Tally(search)
    for first in range(start, stop, CHUNK):
        last = min(first + CHUNK, stop)
        tally.add(search.points(first, last), first)
        step(last - first)
    return tally.outcome()


def processes(plan: Plan, asked: int | None) -> int:
    """How many processes to use: those asked for, else one a core while each has enough to do; never idle ones."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    worth = cores if plan.total > WORTH * CHUNK or plan.size == ISLAND else 1
    return min(asked or worth, plan.pieces)


def finished(task: Task, shards: Sequence[Shard], jobs: int, step: Step) -> Iterator[tuple[Shard, Outcome]]:
    """The outcome of each shard as it is finished, in any order."""
    if jobs > 1 and len(shards) > 1:
        yield from _by_processes(task, shards, jobs, step)
        return
    for shard in shards:
        yield shard, evaluate(task, *shard, step)


def _by_processes(task: Task, shards: Sequence[Shard], jobs: int, step: Step) -> Iterator[tuple[Shard, Outcome]]:
    """The same by several processes, which are ended at once where the search is interrupted."""
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin, (task,))
    left = iter(shards)
    running: dict[Future[Outcome], Shard] = {}
    try:
        while True:
            while len(running) < jobs * (1 + AHEAD) and (shard := next(left, None)):
                running[pool.submit(_shard, *shard)] = shard
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                shard = running.pop(future)
                yield shard, future.result()
                step(shard[1] - shard[0])
        pool.shutdown()
    except BrokenProcessPool:
        help_ = "the system may have been short of memory: try fewer with `--jobs`"
        raise UsageError(Problem("a process of the search was ended from outside", None, help_)) from None
    finally:
        for process in set(multiprocessing.active_children()) - before:  # none is left after a shutdown
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)


TASK: dict[str, Any] = {}  # in a process of the pool, the task it is there for


def _begin(task: Task) -> None:
    """Readies a process of the pool. An interrupt is for its parent, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    TASK["task"] = task


def _shard(start: int, stop: int) -> Outcome:
    return evaluate(TASK["task"], start, stop)
