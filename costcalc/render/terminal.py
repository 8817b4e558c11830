"""A report for a terminal: rich's table with a bar for each share, as wide as fits, no number ever shortened.

Where the terminal is narrow the bar goes first, then names fold at their slashes; where even that is too wide, plain
text is better.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.box import Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from costcalc.render.escape import terminal
from costcalc.render.sheet import Sheet
from costcalc.render.text import plain

RULES = Box("    \n    \n -- \n    \n    \n -- \n    \n    \n")  # a rule below the heads and one above the total
EIGHTHS = " ▏▎▍▌▋▊▉"
BAR = range(4, 17)  # how many characters a bar may be wide


def to_terminal(sheet: Sheet, width: int, color: bool, unicode: bool = True) -> str:
    """The report, with escape codes if `color`."""
    widths = _widths(sheet, width)
    if widths is None:
        return plain(sheet)
    room = min(width - sum(widths) - len(widths), BAR[-1]) if unicode else 0
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
    )
    console.print(Text(terminal(sheet.title), style="bold"))
    _print_facts(console, sheet.facts)
    console.print()
    console.print(_table(sheet, widths, room if room in BAR else 0))
    console.print()
    _print_facts(console, sheet.notes)
    return re.sub(r" +(?=\n)", "", out.getvalue())


def _widths(sheet: Sheet, width: int) -> list[int] | None:
    """The width of each column: natural where that fits, else names folded; None where numbers alone are too wide."""
    table = [[c.head for c in sheet.columns], *sheet.rows, *([sheet.total] if sheet.total else [])]
    widths = [max(len(terminal(row[i])) for row in table) for i in range(len(sheet.columns))]
    excess = sum(widths) + len(widths) - 1 - width
    for i, column in enumerate(sheet.columns):
        if excess > 0 and not column.numeric:
            least = max(len(part) for row in table for part in _parts(terminal(row[i])))
            folded = max(least, widths[i] - excess)
            excess -= widths[i] - folded
            widths[i] = folded
    return None if excess > 0 else widths


def _parts(name: str) -> list[str]:
    """A name cut where it may be folded: after each slash and each space."""
    return re.findall(r"[^/ ]*[/ ]?", name) or [""]


def _folded(name: str, width: int) -> str:
    """A name over as many lines as it needs."""
    lines = [""]
    for part in _parts(name):
        if len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _table(sheet: Sheet, widths: Sequence[int], bar: int) -> Table:
    table = Table(
        box=RULES,
        show_edge=False,
        pad_edge=False,
        padding=0,
        header_style="bold",
        show_footer=bool(sheet.total),
        footer_style="bold",
    )
    totals = sheet.total or [""] * len(widths)
    for column, total, width in zip(sheet.columns, totals, widths, strict=True):
        table.add_column(
            Text(terminal(column.head)),
            Text(terminal(total)),
            justify="right" if column.numeric else "left",
            width=width,
            no_wrap=column.numeric,
        )
    if bar:
        table.add_column("", "", width=bar, no_wrap=True)
    for row, (part, largest) in zip(sheet.rows, sheet.bars, strict=True):
        cells = [Text(_folded(terminal(cell), w)) for cell, w in zip(row, widths, strict=True)]
        table.add_row(*cells, *([Text(_bar(part, largest, bar), style="cyan")] if bar else []))
    return table


def _bar(part: int, largest: int, width: int) -> str:
    eighths = 8 * width * part // largest if largest else 0
    return ("█" * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def _print_facts(console: Console, facts: Sequence[tuple[str, str]]) -> None:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in facts:
        grid.add_row(Text(name), Text(terminal(text)))
    console.print(grid)


@contextmanager
def progress(what: str, total: int, done: int, stream: TextIO) -> Iterator[Callable[[int], None]]:
    """A bar with the time that is left, on a stream that is a terminal; the function given is told what was done."""
    if not stream.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as bars:
        task = bars.add_task(what, total=total, completed=done)
        yield lambda more: bars.advance(task, more)
