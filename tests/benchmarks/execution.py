"""Time and memory of the executor beside PyTorch: MobileNet V1 and a network of dense 3x3 convolutions, at 224.

    python tests/benchmarks/execution.py

Needs PyTorch. Times are medians of turns taken by both in one process, on the CPU, with as many threads for numpy's
BLAS as for PyTorch, which runs the same network in evaluation mode with weights at hand; the executor makes its
weights anew in each run, and what that takes is printed, and part of the ratio. Memory (Linux) is what becomes
resident at each node beyond what there was before the run and beyond the node's own weights; the most that any node
needs is laid beside the predicted peak of live activations and one buffer of gathered windows.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TURNS = 9
MIB = 2**20
RESNET = """
costcalc: 1
name: ResNet-18
input: [3, 224, 224]
defaults: {conv: {norm: batch_norm, act: relu, padding: 1}}
blocks:
  basic:
    args: {out: required, stride: 1}
    inputs: [x]
    layers:
      - conv: {out: out, kernel: 3, stride: stride, as: first}
      - conv: {out: out, kernel: 3, act: none, as: second}
      - conv: {from: x, out: out, kernel: 1, stride: stride, padding: 0, act: none, only_if: stride != 1, as: across}
      - add: {from: [second, x], only_if: stride == 1, as: near}
      - add: {from: [second, across], only_if: stride != 1, as: far}
      - relu
layers:
  - conv: {out: 64, kernel: 7, stride: 2, padding: 3}
  - max_pool: {kernel: 3, stride: 2, padding: 1}
"""
RESNET += "".join(
    f"  - basic: {{out: {out}, stride: {stride}}}\n  - basic: {{out: {out}}}\n"
    for out, stride in ((64, 1), (128, 2), (256, 2), (512, 2))
)
RESNET += "  - global_avg_pool\n  - linear: {out: 1000}\n"
TINY = "costcalc: 1\nname: tiny\ninput: [4, 8, 8]\nlayers: [depthwise, conv: {out: 4, norm: batch_norm, act: relu}]"
TARGETS = {"mobilenet_v1": 8.0, "resnet": 4.0}


def model(name: str) -> Any:
    """A bundled spec, or one that is written here."""
    from costcalc.api import load

    written = {"resnet": RESNET, "tiny": TINY}
    if name not in written:
        return load(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(written[name])
        return load(str(path))


def verdict(value: float, most: float) -> str:
    return "met" if value <= most else "FALLS SHORT"


def measure_time(name: str, threads: int) -> None:
    """Prints the seconds of one forward of both, in turns."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from crosscheck.torch_kinds import Built, torch

    from costcalc.execute import run
    from costcalc.execute.work import Work

    torch.set_num_threads(threads)
    network = model(name).network
    theirs = Built(network).eval()
    x = torch.rand(1, *network.input.dims) * 2 - 1
    making = [0.0]

    class Timed(Work):
        def make(self, role: str, *shape: int) -> Any:
            start = time.perf_counter()
            array = super().make(role, *shape)
            making[-1] += time.perf_counter() - start
            return array

    run.Work = Timed  # type: ignore[misc]
    ours, others = [], []
    with torch.inference_mode():
        for _ in range(TURNS + 1):  # the first is to warm up
            making.append(0)
            ours.append(seconds(lambda: run.execute(network)))
            others.append(seconds(lambda: theirs(x)))
    mine, made, other = (statistics.median(turns[-TURNS:]) for turns in (ours, making, others))
    print(
        f"{name:13} threads: {threads}  executor {mine * 1e3:6.1f} ms, {made * 1e3:5.1f} of them making weights; "
        f"PyTorch {other * 1e3:6.1f} ms; ratio {mine / other:5.2f}, without making weights "
        f"{(mine - made) / other:5.2f}; at most {TARGETS[name]:g}: {verdict(mine / other, TARGETS[name])}"
    )


def seconds(action: Callable[[], Any]) -> float:
    time.sleep(0.1)  # until the threads of the other one no longer wait actively
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def status(field: str) -> int:
    """Bytes that /proc says of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def measure_memory(name: str, batch: int) -> None:
    """Prints the most that became resident at a node."""
    from costcalc.execute import run
    from costcalc.execute.kernels.convolution import CHUNK

    run.execute(model("tiny").network)
    spec = model(name)
    predicted = spec.report(batch=batch).totals.peak_activation_bytes
    before, peaks = status("VmRSS"), []

    def step(_: Any) -> None:
        peaks.append(status("VmHWM"))
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again

    step(None)
    execution = run.execute(spec.network, batch, step=step)
    step(None)
    beyond = [
        peak - before - 4 * sum(node.parameters.values()) for node, peak in zip(execution.nodes, peaks[2:], strict=True)
    ]
    most, at = max(zip(beyond, (node.path for node in execution.nodes), strict=True))
    limit = 2 * predicted + 4 * CHUNK
    print(
        f"{name:13} batch {batch}  resident {most / MIB:6.1f} MiB beyond the weights, at `{at}`; predicted peak "
        f"{predicted / MIB:6.1f}, executor's own tally {execution.peak_bytes / MIB:6.1f}; twice that and a buffer: "
        f"{limit / MIB:6.1f} MiB: {verdict(most, limit)}"
    )


def main() -> None:
    if len(sys.argv) > 1:
        {"time": measure_time, "memory": measure_memory}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
        return
    print("One forward at batch 1")
    for threads in (1, 2):
        for name in TARGETS:
            again("time", name, threads, threads)
    print("Memory")
    if not Path("/proc/self/clear_refs").exists():
        print("not measured: this system does not tell")
        return
    for batch in (1, 4):
        for name in TARGETS:
            again("memory", name, batch, 1)


def again(*arguments: str | int) -> None:
    """This script in a process of its own; the last argument is the number of threads."""
    variables = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(variables, str(arguments[-1]))
    subprocess.run([sys.executable, __file__, *map(str, arguments[:-1])], env=environment, check=True)


if __name__ == "__main__":
    main()
