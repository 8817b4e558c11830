"""The shards of a search by processes of this machine, each at the other end of a pipe of its own.

A process that is ended in the middle of an answer closes its pipe and so cannot hold up anybody: that is why this is no
pool of the standard library, whose processes share one queue, and which may wait for ever after an interrupt.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait

from costcalc.errors import Problem, UsageError
from costcalc.explore.search import Outcome, Task
from costcalc.explore.shards import Shard, Step, evaluate

AHEAD = 2  # shards that each process has in hand at once, so that none is idle
FAREWELL = 5  # seconds until a process that was told to end is killed


class Worker:
    """A process, and the shards it was given and has not answered yet."""

    def __init__(self, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(task, other), daemon=True)
        self.process.start()
        other.close()
        self.shards: deque[Shard] = deque()

    def give(self, shard: Shard) -> None:
        self.shards.append(shard)
        self.pipe.send(shard)

    def answer(self) -> tuple[Shard, Outcome]:
        """The outcome of the first of its shards. Raises what the process raised."""
        found: Outcome | Exception = self.pipe.recv()
        if isinstance(found, Exception):
            raise found
        return self.shards.popleft(), found

    def end(self) -> None:
        self.process.terminate()
        self.process.join(FAREWELL)
        if self.process.exitcode is None:
            self.process.kill()
        self.pipe.close()


def finished(task: Task, shards: Sequence[Shard], jobs: int, step: Step) -> Iterator[tuple[Shard, Outcome]]:
    """The outcome of each shard as it is finished, in any order; by one job in this process.

    Raises UsageError where a process is lost.
    """
    if jobs > 1 and len(shards) > 1:
        yield from _by_workers(task, deque(shards), jobs, step)
        return
    for shard in shards:
        yield shard, evaluate(task, *shard, step)


def _by_workers(task: Task, waiting: deque[Shard], jobs: int, step: Step) -> Iterator[tuple[Shard, Outcome]]:
    workers: list[Worker] = []
    try:
        _start(workers, task, jobs)
        while True:
            for worker in workers:
                while waiting and len(worker.shards) < AHEAD:
                    worker.give(waiting.popleft())
            busy = {worker.pipe: worker for worker in workers if worker.shards}
            if not busy:
                break
            for pipe in wait(list(busy)):
                shard, outcome = busy[pipe].answer()  # type: ignore[index]  # what it was given
                yield shard, outcome
                step(shard[1] - shard[0])
    except (EOFError, ConnectionError):
        help_ = "the system may have been short of memory: try fewer with `--jobs`"
        raise UsageError(Problem("a process of the search was ended from outside", None, help_)) from None
    finally:
        for worker in workers:
            worker.end()


def _start(workers: list[Worker], task: Task, jobs: int) -> None:
    """Starts the processes. They inherit that interrupts are not for them: this process ends them."""
    if threading.current_thread() is not threading.main_thread():
        workers += [Worker(task) for _ in range(jobs)]
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        workers += [Worker(task) for _ in range(jobs)]
    finally:
        signal.signal(signal.SIGINT, before)


def _work(task: Task, pipe: Connection) -> None:
    """Answers shards until the other end of the pipe is closed."""
    while True:
        try:
            start, stop = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(evaluate(task, start, stop))
        except Exception as error:  # noqa: BLE001 - whatever it is, the search must hear of it
            pipe.send(error)
