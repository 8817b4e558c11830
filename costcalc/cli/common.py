"""What commands share: their options, formats, and what the terminal can show."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from costcalc.cost import DTYPES
from costcalc.errors import UsageError, unknown

EXCEEDED = 1  # the exit code where a budget is exceeded

# what several commands take, said once
Spec = Annotated[
    str,
    typer.Argument(
        metavar="SPEC", help="A file, the name of a bundled spec, or - for standard input.", show_default=False
    ),
]
Settings = Annotated[
    list[str], typer.Option("--set", metavar="NAME=VALUE", help="Set a hyper-parameter; `--NAME VALUE` does the same.")
]
Limits = Annotated[
    list[str],
    typer.Option(
        "--max", metavar="TOTAL=LIMIT", help="A budget; `--max-TOTAL LIMIT` does the same, as `--max-madds 300M`."
    ),
]
Output = Annotated[
    Optional[str], typer.Option("--output", "-o", metavar="FILE", help="Write to a file instead of stdout.")
]
ConventionName = Annotated[
    str,
    typer.Option("--convention", metavar="NAME|FILE", help="How to count; `costcalc list conventions` has the names."),
]
Batch = Annotated[int, typer.Option("--batch", min=1, max=10**9, metavar="N", help="Samples in a forward pass.")]
Dtype = Annotated[
    str, typer.Option("--dtype", metavar="|".join(DTYPES), help="How weights and activations are stored.")
]
SUFFIXES = {
    ".md": "md", ".csv": "csv", ".json": "json", ".tex": "latex", ".html": "html", ".parquet": "parquet",
    ".sarif": "sarif", ".xml": "junit", ".py": "python", ".js": "javascript", ".mjs": "javascript",
}  # fmt: skip
ALIKE = {"text": ("table",), "table": ("text",), "markdown": ("md",), "tex": ("latex",)}  # names that mean the same


def format_option(formats: Sequence[str], more: str = "") -> Any:
    """`--format` of a command that writes these, the first of them where nothing says otherwise."""
    first = {"table": "a table"}.get(formats[0], formats[0])
    help_ = f"How to write it; by default as the name of FILE ends, or {first}.{more}"
    return typer.Option("--format", metavar="|".join(formats), help=help_)


def known_as(format: str, formats: Sequence[str]) -> str:
    """A format by the name that it has in another command, or elsewhere."""
    return next((name for name in ALIKE.get(format, ()) if name in formats and format not in formats), format)


def chosen_format(format: str | None, output: str | None, formats: Sequence[str]) -> str:
    """The format that is asked for, or that the name of a file stands for. Raises UsageError."""
    if format:
        return one_of("format", known_as(format, formats), formats)
    by_name = SUFFIXES.get(Path(output or "").suffix, "")
    return by_name if by_name in formats else formats[0]


def command_app() -> typer.Typer:
    """The Typer of one command."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def one_of(what: str, value: str, known: Iterable[str]) -> str:
    """The value, which must be one of the known ones. Raises UsageError."""
    names = list(known)
    if value not in names:
        raise UsageError(unknown(what, value, names))
    return value


def terminal_width() -> int | None:
    """The width to lay tables out for: that of the terminal, or None in a pipe."""
    if sys.stdout.isatty() or (os.environ.get("FORCE_COLOR") and not os.environ.get("NO_COLOR")):
        import shutil

        return shutil.get_terminal_size((100, 24)).columns
    return None


def wants_color() -> bool:
    """Whether to colour: on a terminal that can, unless NO_COLOR says no; anywhere if FORCE_COLOR says so."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def can_show_bars(sample: str = "█▏") -> bool:
    """Whether block characters, or those of the sample, can be written."""
    try:
        sample.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
