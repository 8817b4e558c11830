"""A search on a real Dask scheduler with two worker processes on this machine, one of which is killed half way."""

from __future__ import annotations

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from designs import Design, written

pytestmark = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs the extra `cluster`")
WIDEST, MADDS = 80, 1_000_000
SIZE = (10 * 3) ** 4
PATIENCE = 300  # seconds
COMMAND = (sys.executable, "-m", "costcalc")


def dask(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A process of the cluster, in a folder of its own; its words are in a file there."""
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments], cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )


class Cluster:
    """A scheduler and some workers on the loopback address, on ports that are free."""

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self.folder, contact = folder, folder / "scheduler.json"
        self.started = [
            dask(folder, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter",
                 "--scheduler-file", str(contact)),
        ]  # fmt: skip
        wait(lambda: contact.exists() and contact.read_text().strip().endswith("}"))
        self.address = json.loads(contact.read_text())["address"]
        self.workers = [self.worker() for _ in range(workers)]

    def worker(self) -> subprocess.Popen[bytes]:
        process = dask(
            self.folder, "worker", self.address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny",
            "--no-dashboard", "--local-directory", str(self.folder),
        )  # fmt: skip
        self.started.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self.started):
            process.kill()
            process.wait()


def wait(condition: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.02)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "cluster").mkdir()
    started = Cluster(tmp_path / "cluster")
    yield started
    started.close()


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command, under way in the client's folder, which the workers do not see."""
    folder.mkdir(exist_ok=True)
    written(folder, WIDEST)
    return subprocess.Popen(
        [*COMMAND, "search", "chain.yaml", "--space", "space.yaml", "--max-madds", str(MADDS), "--format", "json",
         *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_lost_worker_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """Every point is visited once, and the front is that of hand arithmetic over all of them."""
    client = begin(tmp_path / "client", "--scheduler", cluster.address, "--state", "state")
    state = tmp_path / "client" / "state"
    wait(lambda: state.is_dir() and len(list(state.glob("shard-*"))) > 8)
    done = len(list(state.glob("shard-*")))
    cluster.workers[1].send_signal(signal.SIGKILL)
    out, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 0 and not err, err
    document = json.loads(out)
    assert done < len(list(state.glob("shard-*"))) == -(-SIZE // 16384), "it was killed half way"
    assert document["points"]["visited"] == document["points"]["built"] == SIZE
    design = Design.of(WIDEST)
    assert document["points"]["within_budget"] == int((design.madds <= MADDS).sum())
    found = {(p["totals"]["params"], p["totals"]["madds"]): (p["point"], p["same"]) for p in document["front"]}
    assert found == design.front(MADDS)
    alone = begin(tmp_path / "alone", "--jobs", "1")
    assert alone.communicate(timeout=PATIENCE)[0] == out


def test_a_lost_scheduler_is_told_and_the_search_resumed(cluster: Cluster, tmp_path: Path) -> None:
    client = begin(tmp_path / "client", "--scheduler", cluster.address, "--state", "state")
    state = tmp_path / "client" / "state"
    wait(lambda: state.is_dir() and len(list(state.glob("shard-*"))) > 8)
    cluster.started[0].send_signal(signal.SIGKILL)
    out, err = client.communicate(timeout=PATIENCE)
    assert (client.returncode, out) == (2, "")
    assert f"the scheduler at {cluster.address} was lost" in err and "--resume" in err
    resumed = begin(tmp_path / "client", "--state", "state", "--resume")
    out, err = resumed.communicate(timeout=PATIENCE)
    assert (resumed.returncode, json.loads(out)["points"]["visited"]) == (0, SIZE)
    assert "shards were finished before" in err


def test_a_worker_that_cannot_do_its_part(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    started = Cluster(tmp_path / "cluster", workers=0)
    try:
        (tmp_path / "cluster" / "costcalc.py").write_text("raise ImportError('another one')")
        started.worker()
        client = begin(tmp_path / "client", "--scheduler", started.address)
        out, err = client.communicate(timeout=PATIENCE)
    finally:
        started.close()
    assert (client.returncode, out) == (2, "")
    (problem,) = json.loads(err)["errors"]
    assert problem["message"] == "not every worker can do its part"
    assert problem["help"].startswith("install costcalc ")


def test_an_unreachable_scheduler(tmp_path: Path) -> None:
    """Nobody there, a stranger that takes connections and says nothing, and what is no address."""
    with socket.create_server(("127.0.0.1", 0)) as stranger, socket.create_server(("127.0.0.1", 0)) as closed:
        taken, free = stranger.getsockname()[1], closed.getsockname()[1]
        closed.close()
        addresses = [f"tcp://127.0.0.1:{free}", f"tcp://127.0.0.1:{taken}", "127.0.0.1"]
        clients = [begin(tmp_path, "--scheduler", address) for address in addresses]
        answers = [client.communicate(timeout=PATIENCE) for client in clients]
    for client, address, (out, err) in zip(clients, addresses, answers, strict=True):
        assert (client.returncode, out) == (2, "")
        (problem,) = json.loads(err)["errors"]
        assert address in problem["message"] and "dask scheduler" in problem["help"]
