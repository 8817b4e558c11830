"""The picture of docs/gallery.md: every bundled network by its parameters and its MAdds, as an SVG.

Both axes are logarithmic. The variants of a network are joined by a line; a name stands where it hides none before,
and where it is not beside its point, a thin line that meets no other point or name leads to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 960, 640, 70, 20, 20, 50
LETTER, LINE = 6.2, 11  # what a character of a label takes
NEAR = 8  # so far a label needs no line to its point


class Point(NamedTuple):
    """A network at one setting."""

    name: str
    setting: str  # empty at its defaults
    family: str  # of its variant, `x` of `x_400mf`
    params: int
    madds: int


def _decades(values: list[int]) -> tuple[int, int]:
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


class Box(NamedTuple):
    """A part of the paper that something takes."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, left: float, base: float, wide: float) -> Box:
        """What a text takes that stands there."""
        return cls(left, base - 8, left + wide, base + 2)

    def nearest(self, place: tuple[float, float]) -> tuple[float, float]:
        """Its point that is nearest to a place."""
        return min(max(place[0], self.left), self.right), min(max(place[1], self.top), self.bottom)

    def distance(self, place: tuple[float, float]) -> float:
        return math.dist(place, self.nearest(place))

    def free(self, taken: list[Box]) -> bool:
        """Whether none of these lies on it."""
        return not any(b.left < self.right and b.right > self.left and b.top < self.bottom and b.bottom > self.top for b in taken)

    def around(self, place: tuple[float, float]) -> bool:
        return self.left <= place[0] <= self.right and self.top <= place[1] <= self.bottom


class Picture:
    """The points on paper."""

    def __init__(self, points: list[Point]) -> None:
        self.points = [p for p in points if p.params and p.madds]
        self.across = _decades([p.params for p in self.points])
        self.down = _decades([p.madds for p in self.points])
        self.taken: list[Box] = []

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
        for of in dict.fromkeys((p.name, p.family) for p in self.points):
            for places in self._runs(sorted((p.params, p.madds) for p in self.points if (p.name, p.family) == of)):
                joined = " ".join(f"{x},{y}" for x, y in places)
                yield f'<polyline points="{joined}" fill="none" stroke="#9ab" stroke-width="1"/>'

    def _runs(self, costs: list[tuple[int, int]]) -> Iterator[list[tuple[float, float]]]:
        """The variants that can be joined without going down."""
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
            self.taken.append(Box(x - 3, y - 3, x + 3, y + 3))
            told = f"{p.name}{' ' + p.setting if p.setting else ''}: {p.params:,} parameters, {p.madds:,} MAdds"
            fill = "#7a9cc0" if p.setting else "#1f4e79"
            yield f'<circle cx="{x}" cy="{y}" r="{2 if p.setting else 3}" fill="{fill}"><title>{escape(told)}</title></circle>'

    def _labels(self) -> Iterator[str]:
        """A name for each network, those first that have most others around them."""
        own = {p: self.place(p.params, p.madds) for p in self.points if not p.setting}
        crowded = sorted(own, key=lambda p: -sum(1 / math.dist(own[p], other) for q, other in own.items() if q != p))
        for p in crowded:
            x, y = own[p]
            spots = [box for box in self._spots(x, y, LETTER * len(p.name)) if box.free(self.taken)]
            box = next((box for box in spots if self._fits(box, (x, y), list(own.values()))), spots[0])
            self.taken.append(box)
            if box.distance((x, y)) >= NEAR:
                end = box.nearest((x, y))
                yield f'<line x1="{x}" y1="{y}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" stroke="#888" stroke-width="0.5"/>'
            yield f'<text x="{box.left:.1f}" y="{box.bottom - 2:.1f}">{escape(p.name)}</text>'

    def _fits(self, box: Box, point: tuple[float, float], named: list[tuple[float, float]]) -> bool:
        """Whether nobody takes it for the label of another point that has a name."""
        away = box.distance(point)
        if any(box.distance(other) <= min(away, NEAR) for other in named if other != point):
            return False
        return away < NEAR or not self._crosses(point, box.nearest(point))

    def _spots(self, x: float, y: float, wide: float) -> list[Box]:
        """Where a label of this width may stand: to the right, to the left, then ever further away."""
        around = sorted(
            (Box.of(x + dx - wide / 2, y + dy * LINE, wide) for dy in range(-20, 21) for dx in range(-300, 301, 10)),
            key=lambda box: (box.distance((x, y)), box),
        )
        spots = [Box.of(x + 6, y + 3, wide), Box.of(x - 6 - wide, y + 3, wide), *around]
        paper = Box(LEFT, TOP, WIDTH, HEIGHT - BOTTOM)
        return [b for b in spots if paper.around((b.left, b.top)) and paper.around((b.right, b.bottom))]

    def _crosses(self, start: tuple[float, float], end: tuple[float, float]) -> bool:
        """Whether a line from a point to its label goes through another point or label."""
        steps = max(2, round(math.dist(start, end)))
        on_it = ((start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps) for i in range(steps))
        return any(
            box.left < x < box.right and box.top < y < box.bottom and not box.around(start)
            for x, y in on_it for box in self.taken
        )  # fmt: skip
