"""The shards of a search on a Dask cluster: the only file that knows `distributed`.

A worker needs costcalc and nothing else: the task is text. What a lost worker had in hand, the scheduler gives to
another, and since a shard's outcome depends on the shard alone it is taken once, whoever it came from.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

from costcalc.errors import Problem, UsageError, visible
from costcalc.explore.search import Outcome, Task
from costcalc.explore.shards import Shard, Step, evaluate
from costcalc.version import VERSION

PATIENCE = 5  # seconds until a scheduler that does not answer is given up
GATHERING = 20  # seconds until at least one worker must have joined
LOGGERS = ("distributed", "distributed.client", "distributed.comm", "distributed.core", "distributed.utils")
ADDRESS = re.compile(r"(tcp|tls|ws|wss)://[^\s/]+:\d+")


def library() -> Any:
    """Dask distributed. Raises UsageError where it is not installed."""
    try:
        import distributed
    except ImportError:
        help_ = "pip install 'costcalc[cluster]'"
        raise UsageError(Problem("a cluster needs Dask distributed, which is not installed", None, help_)) from None
    for name in LOGGERS:  # what they say of lost connections is said here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return distributed


def finished_on(address: str, task: Task, shards: Sequence[Shard], step: Step) -> Iterator[tuple[Shard, Outcome]]:
    """The outcome of each shard as a worker of the cluster at this address finishes it, in any order.

    Raises UsageError where the scheduler or all workers are out of reach, or a worker cannot do its part.
    """
    dask = library()
    client = _client(dask, address)
    futures: dict[Any, Shard] = {}
    try:
        prefix = f"costcalc-{task.digest[:24]}"
        shared = client.submit(_itself, task, key=f"{prefix}-task")
        for start, stop in shards:
            key = f"{prefix}-{start}-{stop}"
            futures[client.submit(evaluate, shared, start, stop, key=key)] = (start, stop)
        for future in dask.as_completed(list(futures), loop=client.loop):
            shard = futures.pop(future)
            yield shard, _outcome(dask, address, future)
            step(shard[1] - shard[0])
            future.release()
    except (OSError, CancelledError):
        raise UsageError(_lost(address)) from None
    finally:
        with suppress(OSError, TimeoutError):
            client.cancel(list(futures), force=True)
        client.close(timeout=PATIENCE)
    if futures:  # the scheduler went away, and took with it what was under way
        raise UsageError(_lost(address))


def _itself(task: Task) -> Task:
    """The task as a result of the cluster: it is sent there once, and made again where its worker is lost."""
    return task


def _client(dask: Any, address: str) -> Any:
    """A client of the scheduler, once a worker has joined. Raises UsageError."""
    form = "as in `--scheduler tcp://127.0.0.1:8786`, the address that `dask scheduler` prints"
    if not ADDRESS.fullmatch(address):
        raise UsageError(Problem(f"`{address}` is no address of a scheduler", None, form))
    try:
        asyncio.run(asyncio.wait_for(_answer(dask, address), PATIENCE))
    except Exception as error:  # noqa: BLE001 - whoever answers there may answer anything
        help_ = f"is it running? {form}"
        message = f"there is no Dask scheduler at {address} within {PATIENCE} seconds"
        told = () if isinstance(error, TimeoutError) else (_first_line(error),)
        raise UsageError(Problem(message, None, help_, told)) from None
    client = dask.Client(address, timeout=PATIENCE, set_as_default=False)
    try:
        client.wait_for_workers(1, timeout=GATHERING)
    except (TimeoutError, OSError):
        client.close()
        message = f"the scheduler at {address} has no workers after {GATHERING} seconds"
        raise UsageError(Problem(message, None, f"start one with `dask worker {address}`")) from None
    try:
        others = {f"costcalc {there}" for there in client.run(_version).values()} - {f"costcalc {VERSION}"}
    except Exception as error:  # noqa: BLE001 - a worker without costcalc fails in ways of its own
        others = {_first_line(error)}
    if others:
        client.close()
        help_ = f"install costcalc {VERSION} in their environment"
        raise UsageError(Problem("not every worker can do its part", None, help_, tuple(sorted(others))))
    return client


def _version() -> str:
    return VERSION


async def _answer(dask: Any, address: str) -> None:
    """Returns where a scheduler answers; a client that is refused half way could not be closed."""
    async with dask.rpc(address) as scheduler:
        identity = await scheduler.identity()
    if identity.get("type") != "Scheduler":
        raise ValueError(f"it is a {identity.get('type')}")


def _outcome(dask: Any, address: str, future: Any) -> Outcome:
    """The outcome of a shard that has ended, here or, where its worker was lost before it told, in a second go.

    Raises UsageError where it ended without one.
    """
    try:
        outcome: Outcome = future.result()
    except CancelledError:
        raise UsageError(_lost(address)) from None
    except dask.scheduler.KilledWorker as error:
        help_ = "each of them may have been short of memory"
        raise UsageError(
            Problem("several workers were lost over one shard", None, help_, (_first_line(error),))
        ) from None
    except (ImportError, RuntimeError) as error:  # the latter is what a scheduler makes of the former
        if isinstance(error, RuntimeError) and "deserializ" not in str(error):
            raise
        help_ = f"install costcalc {VERSION} in the environments of the scheduler and the workers"
        message = "the cluster cannot import what it needs"
        raise UsageError(Problem(message, None, help_, (_first_line(error.__cause__ or error),))) from None
    return outcome


def _lost(address: str) -> Problem:
    help_ = "with `--state DIR` what was finished is kept, and `--resume` goes on"
    return Problem(f"the scheduler at {address} was lost", None, help_)


def _first_line(error: BaseException) -> str:
    return visible(str(error).strip().partition("\n")[0] or type(error).__name__)
