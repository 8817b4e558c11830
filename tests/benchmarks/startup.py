"""How long a cold report takes, as a ratio to what it cannot do without: a bare process with the same libraries.

    python tests/benchmarks/startup.py

Runs both in turn, so that a machine that slows down slows both, and prints the median of the ratios of each pair. The
promise is at most 1.6 for JSON (against typer and yaml) and for the table (against these and rich.table).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 25
BARE = """
import typer, yaml{more}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
@app.command()
def main() -> None: ...
app()
"""
REPORT = "from costcalc.cli import main; main()"
CASES = {
    "json": ("", ["report", "mobilenet_v1", "--format", "json"], {}),
    "table": ("\nimport rich.table", ["report", "mobilenet_v1"], {"FORCE_COLOR": "1", "COLUMNS": "100"}),
}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """The time of one process, from start to end."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    # compiled files are kept for both: what an installed tool has
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        for name, (more, arguments, extra) in CASES.items():
            bare = Path(folder) / f"bare_{name}.py"
            bare.write_text(BARE.format(more=more))
            commands = [sys.executable, "-c", REPORT, *arguments], [sys.executable, str(bare)]
            env = environment | extra
            for command in commands:
                seconds(command, env)  # once uncounted
            pairs = [(seconds(commands[0], env), seconds(commands[1], env)) for _ in range(RUNS)]
            ratio = statistics.median(report / bare for report, bare in pairs)
            medians = [statistics.median(times) * 1000 for times in zip(*pairs, strict=True)]
            print(f"{name:5}  report {medians[0]:5.0f} ms  bare {medians[1]:5.0f} ms  ratio {ratio:.2f} (promise 1.60)")


if __name__ == "__main__":
    main()
