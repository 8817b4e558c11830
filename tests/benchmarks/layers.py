"""How time and memory of a report grow with the number of layers: 1,000, 10,000 and 100,000 written ones.

    python tests/benchmarks/layers.py

Each layer is a convolution with norm and activation, so a network of 100,000 layers has 300,000 nodes. Prints the
seconds, the peak memory, and both per layer relative to the smallest network: near 1 is linear.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

HEAD = "costcalc: 1\nname: generated\ninput: [16, 32, 32]\ndefaults: {conv: {norm: batch_norm, act: relu}}\nlayers:\n"
REPORT = "from costcalc.cli import main; main()"


def measured(spec: Path) -> tuple[float, float]:
    """Seconds and MiB of one report in a process of its own."""
    start = time.perf_counter()
    arguments = [sys.executable, "-c", REPORT, "report", str(spec), "--format", "json", "-o", os.devnull]
    process = os.posix_spawn(sys.executable, arguments, os.environ)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"the report of {spec} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        base = measured_file(Path(folder), 1)  # what a process costs without layers
        first: tuple[float, float] | None = None
        for layers in (1_000, 10_000, 100_000):
            seconds, mebibytes = measured_file(Path(folder), layers)
            each = ((seconds - base[0]) / layers, (mebibytes - base[1]) / layers)
            first = first or each
            growth = f"per layer x{each[0] / first[0]:.2f} time, x{each[1] / first[1]:.2f} memory"
            print(f"{layers:7,} layers  {seconds:6.2f} s  {mebibytes:7.1f} MiB  {growth}")


def measured_file(folder: Path, layers: int) -> tuple[float, float]:
    """What the report of a generated spec costs."""
    spec = folder / f"{layers}.yaml"
    spec.write_text(HEAD + "  - conv: {out: 16, kernel: 3}\n" * layers)
    return measured(spec)


if __name__ == "__main__":
    main()
