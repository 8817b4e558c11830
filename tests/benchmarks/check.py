"""How long a check takes, as a ratio to one cold report: 50 budgets over the bundled library, and how more of them scale.

    python tests/benchmarks/check.py

Processes are run in turn, so that a machine that slows down slows all. The promise is at most 3 for 50 budgets, and that
1,000 budgets cost, above an empty check, at most what 20 times the budgets should.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 15
SPECS = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "shufflenet_v1")
METRICS = ("madds", "params", "activations", "peak_activation", "weights")
RUN = "from costcalc.cli import main; main()"


def budgets(number: int, settings: int) -> str:
    """So many limits on the bundled networks, each network at so many settings."""
    parts = []
    for i in range(number):
        metric = METRICS[i // len(SPECS) % len(METRICS)]
        most = "4 GiB" if metric in ("peak_activation", "weights") else "4G"
        resolution = 224 - 32 * (i // len(SPECS) % settings)
        parts.append(
            f'[[budget]]\nspec = "{SPECS[i % len(SPECS)]}"\nset = {{resolution = {resolution}}}\n{metric} = "{most}"\n'
        )
    return "".join(parts)


def seconds(arguments: list[str], folder: Path, environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", RUN, *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - start


def main() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    cases = {"50 budgets, 1 setting": (50, 1), "50 budgets, 2 settings": (50, 2), "50 budgets, 5 settings": (50, 5),
             "1,000 budgets, 2 settings": (1000, 2), "2,000 budgets, 2 settings": (2000, 2)}  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folders = {}
        for case, (number, settings) in cases.items():
            folders[case] = Path(name) / str(len(folders))
            folders[case].mkdir()
            (folders[case] / "costcalc.toml").write_text(budgets(number, settings))
        report = ["report", "mobilenet_v1"]
        first = next(iter(folders.values()))
        times: dict[str, list[float]] = {case: [] for case in cases}
        ratios: dict[str, list[float]] = {case: [] for case in cases}
        for run in range(RUNS + 1):
            cold = seconds(report, first, environment)
            for case, folder in folders.items():
                took = seconds(["check"], folder, environment)
                if run:  # the first is not counted
                    times[case].append(took)
                    ratios[case].append(took / cold)
        for case in cases:
            median = statistics.median(times[case]) * 1000
            print(f"{case:26} {median:5.0f} ms  {statistics.median(ratios[case]):5.2f} cold reports (promise for 50: 3)")
        fifty, thousand, more = (statistics.median(times[case]) for case in list(cases)[1:2] + list(cases)[3:])
        print(f"from 1,000 to 2,000 budgets: {(more - thousand) / (thousand - fifty) * 950 / 1000:.2f} of linear growth")


if __name__ == "__main__":
    main()
