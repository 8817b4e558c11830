"""How long `costcalc formula` takes, as a ratio to the import of sympy, which it does without.

    python tests/benchmarks/formula.py

Runs both in turn, so that a machine that slows down slows both, and prints the median of the ratios of each pair. The
promise is below 2: the whole process, with the count at 21 settings that every formula is compared with.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

RUNS = 15
FORMULA = "from costcalc.cli import main; main()"
CASES = {
    "ideal": ["formula", "mobilenet_v3_large"],
    "exact": ["formula", "mobilenet_v3_large", "--exact"],
    "layers": ["formula", "mobilenet_v3_large", "--by", "layer"],
}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """The time of one process, from start to end."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    # compiled files are kept for both: what an installed tool has
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for name, arguments in CASES.items():
        commands = [sys.executable, "-c", FORMULA, *arguments], [sys.executable, "-c", "import sympy"]
        for command in commands:
            seconds(command, environment)  # once uncounted
        pairs = [(seconds(commands[0], environment), seconds(commands[1], environment)) for _ in range(RUNS)]
        ratio = statistics.median(formula / sympy for formula, sympy in pairs)
        medians = [statistics.median(times) * 1000 for times in zip(*pairs, strict=True)]
        print(f"{name:6}  formula {medians[0]:5.0f} ms  sympy {medians[1]:5.0f} ms  ratio {ratio:.2f} (promise 2.00)")


if __name__ == "__main__":
    main()
