"""A sweep as a plot in the terminal: plain characters, lines of dots, a letter at each point.

Braille signs hold eight dots each; where they cannot be written, lines are made of full stops.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence

from costcalc.render.chart import Chart, Scale, round_ticks, tick

HEIGHT = 18  # lines of the picture itself
LEAST = 20  # columns that it is wide at least
LETTERS = "abcdefghijklmnopqrstuvwx"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille sign, by row and column
MAX_LETTERED = 40  # points of a line that are marked with its letter


class _Canvas:
    """Dots, and characters above them, in cells from the top left."""

    def __init__(self, width: int, height: int, braille: bool) -> None:
        self.width, self.height, self.braille = width, height, braille
        self.across, self.down = (2, 4) if braille else (1, 1)
        self.dots = [[0] * width for _ in range(height)]
        self.letters: dict[tuple[int, int], str] = {}

    def at(self, x: float, y: float) -> tuple[int, int]:
        """The dot of a place between 0 and 1, from the bottom left."""
        columns, rows = self.width * self.across - 1, self.height * self.down - 1
        return round(x * columns), rows - round(y * rows)

    def line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Dots from one to the other."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for i in range(steps + 1):
            x, y = (round(a + (b - a) * i / steps) for a, b in zip(start, end, strict=True))
            self.dots[y // self.down][x // self.across] |= DOTS[y % self.down][x % self.across]

    def letter(self, where: tuple[int, int], sign: str) -> None:
        """A sign in the cell of a dot; where there is another one already, `*`."""
        cell = where[1] // self.down, where[0] // self.across
        self.letters[cell] = "*" if self.letters.get(cell, sign) != sign else sign

    def rows(self) -> list[str]:
        """The picture, line by line."""
        return [
            "".join(self.letters.get((r, c)) or self._sign(dots) for c, dots in enumerate(row))
            for r, row in enumerate(self.dots)
        ]

    def _sign(self, dots: int) -> str:
        return " " if not dots else chr(0x2800 + dots) if self.braille else "."


def sketch(chart: Chart, width: int, unicode: bool = True) -> str:
    """The plot, at most `width` columns wide where that is possible at all."""
    counts = [count for line in chart.lines for _, count in line.points]
    ticks = round_ticks(min(counts), max(counts), chart.y_log)
    margin = max((len(tick(count)) for count in ticks), default=0) + 1
    canvas = _Canvas(max(width - margin - 2, LEAST), HEIGHT, unicode)
    places = [float(place) for place in chart.places]
    across, up = Scale(places, chart.x_log), Scale([float(min(counts)), float(max(counts))], chart.y_log)
    for letter, line in zip(LETTERS, chart.lines, strict=False):
        dots = [canvas.at(across(places[x]), up(float(count))) for x, count in line.points]
        for start, end in itertools.pairwise(dots) if chart.numeric else ():
            canvas.line(start, end)
        for dot in dots if len(dots) <= MAX_LETTERED or not chart.numeric else dots[-1:]:
            canvas.letter(dot, letter)
    marks = {canvas.at(0, up(float(count)))[1] // canvas.down: tick(count) for count in ticks}
    side, corner, rule = ("│", "└", "─") if unicode else ("|", "+", "-")
    body = [f"{marks.get(i, ''):>{margin}} {side}{row}" for i, row in enumerate(canvas.rows())]
    columns = [canvas.at(across(place), 0)[0] // canvas.across for place in places]
    below = [rule * canvas.width, _x_labels(chart, columns, canvas.width), chart.x.center(canvas.width)]
    indented = [f"{'':>{margin}} {corner if i == 0 else ' '}{line}" for i, line in enumerate(below)]
    lines = [*_heading(chart, width), *body, *indented, *_legend(chart, width)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _heading(chart: Chart, width: int) -> list[str]:
    scale = " (both axes logarithmic)" if chart.x_log else " (logarithmic)" if chart.y_log else ""
    return [*_folded([chart.title, *chart.below, f"{chart.y}{scale}"], width), ""]


def _x_labels(chart: Chart, columns: Sequence[int], width: int) -> str:
    """The values of x under their columns, as many as have room: both ends first."""
    row, labels = " " * width, chart.labels
    for i in (0, len(columns) - 1, *range(1, len(columns) - 1)):
        label = labels[i]
        start = max(0, min(columns[i] - len(label) // 2, width - len(label)))
        end = start + len(label)
        if not row[max(0, start - 2) : end + 2].strip():
            row = row[:start] + label + row[end:]
    return row[:width]


def _legend(chart: Chart, width: int) -> list[str]:
    """What the letters stand for, and where it all comes from."""
    named = zip(LETTERS, chart.lines, strict=False)
    entries = [f"{letter} {f'{chart.key} ' if chart.key else ''}{line.label}" for letter, line in named]
    unbroken = "   ".join(entry.replace(" ", "\xa0") for entry in entries) if len(entries) > 1 else ""
    return ["", *(line.replace("\xa0", " ") for line in _folded([unbroken, chart.source], width))]


def _folded(texts: Sequence[str], width: int) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, max(width, LEAST))]
