"""The picture of docs/gallery.md: every bundled network by its parameters and its MAdds, as an SVG.

Both axes are logarithmic. The variants of a network are joined by a line; a name stands where it hides none before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 960, 640, 70, 20, 20, 50
LETTER, LINE = 5.7, 11  # what a character of a label takes


class Point(NamedTuple):
    """A network at one setting."""

    name: str
    setting: str  # empty at its defaults
    params: int
    madds: int


def _decades(values: list[int]) -> tuple[int, int]:
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


class Picture:
    """The points on paper."""

    def __init__(self, points: list[Point]) -> None:
        self.points = [p for p in points if p.params and p.madds]
        self.across = _decades([p.params for p in self.points])
        self.down = _decades([p.madds for p in self.points])
        self.taken: list[tuple[float, float, float, float]] = []

    def place(self, params: float, madds: float) -> tuple[float, float]:
        """Where a point lies, from the top left."""
        x = (math.log10(params) - self.across[0]) / (self.across[1] - self.across[0])
        y = (math.log10(madds) - self.down[0]) / (self.down[1] - self.down[0])
        return round(LEFT + x * (WIDTH - LEFT - RIGHT), 1), round(HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM), 1)

    def svg(self) -> str:
        """The whole picture."""
        parts = [*self._axes(), *self._lines(), *self._marks(), *self._labels()]
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
                ' font-family="sans-serif" font-size="10">')  # fmt: skip
        return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *parts, "</svg>"]) + "\n"

    def _axes(self) -> Iterator[str]:
        names = {3: "1k", 4: "10k", 5: "100k", 6: "1M", 7: "10M", 8: "100M", 9: "1G", 10: "10G", 11: "100G", 12: "1T"}
        for power in range(self.across[0], self.across[1] + 1):
            x, _ = self.place(10**power, 10 ** self.down[0])
            yield f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>'
            yield f'<text x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{names.get(power, f"1e{power}")}</text>'
        for power in range(self.down[0], self.down[1] + 1):
            _, y = self.place(10 ** self.across[0], 10**power)
            yield f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="#ddd"/>'
            yield f'<text x="{LEFT - 6}" y="{y + 3}" text-anchor="end">{names.get(power, f"1e{power}")}</text>'
        yield f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle" font-size="12">parameters</text>'
        middle = (HEIGHT - BOTTOM + TOP) / 2
        yield f'<text x="16" y="{middle}" text-anchor="middle" font-size="12" transform="rotate(-90 16 {middle})">MAdds</text>'

    def _lines(self) -> Iterator[str]:
        for name in dict.fromkeys(p.name for p in self.points):
            for places in self._runs(sorted((p.params, p.madds) for p in self.points if p.name == name)):
                joined = " ".join(f"{x},{y}" for x, y in places)
                yield f'<polyline points="{joined}" fill="none" stroke="#9ab" stroke-width="1"/>'

    def _runs(self, costs: list[tuple[int, int]]) -> Iterator[list[tuple[float, float]]]:
        """The variants that can be joined without going down: where one costs less than a smaller one, it is another family."""
        run: list[tuple[int, int]] = []
        for cost in [*costs, (0, 0)]:
            if run and (cost[1] < run[-1][1] or cost == (0, 0)):
                if len(set(run)) > 1:
                    yield [self.place(*c) for c in run]
                run = []
            run.append(cost)

    def _marks(self) -> Iterator[str]:
        for p in self.points:
            x, y = self.place(p.params, p.madds)
            self.taken.append((x - 3, y - 3, x + 3, y + 3))
            told = f"{p.name}{' ' + p.setting if p.setting else ''}: {p.params:,} parameters, {p.madds:,} MAdds"
            fill = "#7a9cc0" if p.setting else "#1f4e79"
            yield f'<circle cx="{x}" cy="{y}" r="{2 if p.setting else 3}" fill="{fill}"><title>{escape(told)}</title></circle>'

    def _labels(self) -> Iterator[str]:
        for p in self.points:
            if p.setting:
                continue
            x, y = self.place(p.params, p.madds)
            wide = LETTER * len(p.name)
            spots = [(x + 6, y + 3), (x - 6 - wide, y + 3)]
            rows = [sign * dy for dy in range(1, 13) for sign in (-1, 1)]
            spots += [(x + dx, y + dy * LINE) for dy in rows for dx in (-wide / 2, 8, -8 - wide, 40, -40 - wide)]
            for left, base in spots:
                box = (left, base - 8, left + wide, base + 2)
                inside = box[0] >= LEFT and box[2] <= WIDTH and box[1] >= TOP and box[3] <= HEIGHT - BOTTOM
                if inside and not any(a < box[2] and c > box[0] and b < box[3] and d > box[1] for a, b, c, d in self.taken):
                    self.taken.append(box)
                    if abs(base - 3 - y) > LINE:
                        yield f'<line x1="{x}" y1="{y}" x2="{round(left + wide / 2, 1)}" y2="{base - 3}" stroke="#ccc" stroke-width="0.5"/>'
                    yield f'<text x="{round(left, 1)}" y="{round(base, 1)}">{escape(p.name)}</text>'
                    break
