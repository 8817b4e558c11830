"""A search cut into shards, and the evaluation of a shard, wherever that is done.

The plan depends on the task alone; shards may finish in any order, anywhere, and some may have been finished before.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from costcalc.errors import Problem, UsageError
from costcalc.explore.evolve import ISLAND, evolve
from costcalc.explore.search import EVOLVE, Outcome, Search, Tally, Task
from costcalc.version import VERSION

CHUNK = 16_384  # points counted at once
MANY = 1024  # shards of a large search
WORTH = 16  # chunks that make another process worth its start

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
