"""A sweep as lines over one hyper-parameter: what a picture and a plot in the terminal have in common.

Everything is decided here, with exact numbers: which line a point belongs to, which axes are logarithmic, how a number
is written on an axis. Whoever draws turns them into coordinates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.errors import Problem, UsageError, suggestion
from costcalc.explore.swept import Outline, Point
from costcalc.render.escape import terminal
from costcalc.render.sweep import is_numeric, said
from costcalc.version import VERSION

MAX_LINES = 24
STEEP = 3  # largest by smallest total from which on both axes are logarithmic, so that a power of x is a straight line
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
MAX_TITLE = 90  # characters
LARGEST = 10**300  # a number that can be drawn


class Line(NamedTuple):
    """The points of one line: the position of each in the values of x, and its total."""

    label: str
    points: tuple[tuple[int, int], ...]


class Chart(NamedTuple):
    """What is drawn; `x_log` and `y_log` say which axes are logarithmic."""

    title: str
    below: tuple[str, ...]  # lines under the title: what all points share, and what the lines do not show
    source: str
    x: str
    xs: tuple[Any, ...]
    y: str
    key: str  # what tells the lines apart
    lines: tuple[Line, ...]
    x_log: bool
    y_log: bool

    @property
    def numeric(self) -> bool:
        """Whether x is a number, so that there is something between two of its values."""
        return _numeric(self.xs)

    @property
    def places(self) -> tuple[int | Fraction, ...]:
        """Where each value of x stands on its axis; words, true and false one after the other."""
        return self.xs if self.numeric else tuple(range(len(self.xs)))

    @property
    def labels(self) -> list[str]:
        """The values of x as they are written."""
        return [terminal(said(value)) for value in self.xs]


def choose_x(outline: Outline, name: str | None) -> str:
    """The hyper-parameter that x is: this one, else the numeric one with most values, of several the last.

    Raises UsageError where there is none, or where too many lines would be left.
    """
    swept = {axis.name: axis.values for axis in outline.axes if len(axis.values) > 1}
    if name is not None and name not in swept:
        near = suggestion(name, swept)
        listed = ", ".join(f"`{known}`" for known in swept) or "nothing"
        help_ = f"did you mean `{near}`?" if near else f"what has several values here: {listed}"
        raise UsageError(Problem(f"`{name}` is not swept, so it cannot be the x of a plot", None, help_))
    if not swept:
        raise UsageError(
            Problem("a plot of one point shows nothing", None, "give a hyper-parameter several values, as 128:224:32")
        )
    ranked = sorted(swept, key=lambda known: (_numeric(swept[known]), len(swept[known])))  # equals stay in their order
    x = name if name is not None else ranked[-1]
    lines = outline.size // len(swept[x])
    if lines > MAX_LINES:
        help_ = f"at most {MAX_LINES}; give the others fewer values, or choose another `--x`"
        raise UsageError(Problem(f"a plot over `{x}` would have {lines:,} lines", None, help_))
    return x


def _numeric(values: Sequence[Any]) -> bool:
    return all(map(is_numeric, values))


def chart(outline: Outline, points: Sequence[Point], x: str, y: str) -> Chart:
    """The lines of a sweep over `x`. Raises UsageError where a total is too large to be drawn."""
    swept = next(axis.values for axis in outline.axes if axis.name == x)
    others = [axis for axis in outline.axes if axis.name != x]
    xs = tuple(sorted(swept)) if _numeric(swept) else swept
    place = {(type(value) is bool, value): i for i, value in enumerate(xs)}
    found: dict[str, list[tuple[int, int]]] = {}
    for point in points:
        values = point.hyperparameters
        label = ", ".join(_label(axis.name, values[axis.name], len(others)) for axis in others)
        line = found.setdefault(label, [])
        if not point.fault:
            value = values[x]
            line.append((place[type(value) is bool, value], point.totals[y]))
    lines = tuple(
        Line(label if line else f"{label} (cannot be built)", tuple(sorted(line))) for label, line in found.items()
    )
    counts = [count for line in lines for _, count in line.points]
    if max(counts) > LARGEST:
        raise UsageError(Problem("a total is too large to be drawn", None, "its size would have to be below 10^300"))
    y_log = min(counts) > 0 and max(counts) >= STEEP * min(counts)
    x_log = y_log and _numeric(xs) and min(xs) > 0 and 2 * max(xs) >= 3 * min(xs)
    return Chart(
        shortened(outline.name), _below(outline, points), _source(outline), terminal(x), xs,
        _unit(outline, y), terminal(others[0].name) if len(others) == 1 else "", lines, x_log, y_log,
    )  # fmt: skip


def _label(name: str, value: Any, others: int) -> str:
    return terminal(said(value) if others == 1 else f"{name} {said(value)}")


def _unit(outline: Outline, y: str) -> str:
    if y.endswith("_bytes"):
        return f"{y.removesuffix('_bytes').replace('_', ' ')}, bytes as {outline.dtype}"
    if y in ("madds", "count"):
        name = "paper" if y == "madds" else terminal(outline.convention.name)
        return f"{'MAdds' if y == 'madds' else shortened(outline.convention.unit)} (convention {name})"
    return {"params": "parameters", "activations": "activations, elements"}[y]


def _below(outline: Outline, points: Sequence[Point]) -> tuple[str, ...]:
    """What all points share, and what is not to be seen in the lines."""
    fixed = [f"{name} {said(value)}" for name, value in outline.fixed.items()]
    fixed += [f"batch {outline.batch:,}"] if outline.batch != 1 else []
    faults, partial = sum(bool(point.fault) for point in points), sum(point.partial for point in points)
    missing = [f"{faults:,} of {len(points):,} points cannot be built"] if faults else []
    missing += [f"{partial:,} of {len(points):,} are lower bounds: not every layer is counted"] if partial else []
    return tuple(shortened(text) for text in (", ".join(fixed), "; ".join(missing)) if text)


def _source(outline: Outline) -> str:
    return "; ".join(filter(None, [shortened(outline.citation), f"{shortened(outline.origin)}, costcalc {VERSION}"]))


def shortened(text: str) -> str:
    """A text on one line that is not too long for a picture."""
    text = terminal(text)
    return text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1] + "…"


def short(count: int) -> str:
    """A number with three digits, rounded half up from the exact one: `569M`, `41.0M`, `4.23M`; small ones in full."""
    size = len(str(count))
    if size <= 3:
        return str(count)
    unit = 10 ** (size - 3)
    rounded = str((2 * count + unit) // (2 * unit) * unit)
    power, point = divmod(len(rounded) - 1, 3)
    if power >= len(PREFIXES):
        return f"{rounded[0]}.{rounded[1:3]}e{len(rounded) - 1}"
    return f"{rounded[: point + 1]}.{rounded[point + 1 : 3]}".rstrip(".") + PREFIXES[power]


def tick(count: int) -> str:
    """A round number for an axis: `50M`, `1G`, `2.5k`."""
    text = short(count)
    number, prefix = (text[:-1], text[-1]) if text[-1].isalpha() else (text, "")
    return (number.rstrip("0").rstrip(".") if "." in number else number) + prefix


def round_ticks(least: int, most: int, log: bool, wanted: int = 8) -> list[int]:
    """At most so many round numbers from the least total to the most, for the marks of an axis."""
    if not log:
        steps = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
        step = next(step for step in steps if (most - least) // step < wanted)
        return [step * i for i in range(-(-least // step), most // step + 1)]
    powers = range(len(str(least)) - 1, len(str(most)))
    for digits in ((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10**power for power in powers for digit in digits if least <= digit * 10**power <= most]
        if len(ticks) <= wanted:
            return ticks
    return ticks[:: -(-len(ticks) // wanted)]


class Scale:
    """Places between 0 and 1 for values between the least and the most."""

    def __init__(self, values: Sequence[float], log: bool) -> None:
        self.log = log
        self.least, self.most = (self._seen(value) for value in (min(values), max(values)))

    def _seen(self, value: float) -> float:
        return math.log(value) if self.log else value

    def __call__(self, value: float) -> float:
        return (self._seen(value) - self.least) / (self.most - self.least) if self.most > self.least else 0.5


def spaced(positions: Sequence[float], apart: float) -> list[int]:
    """Which of the rising positions can be marked, the first and the last among them, without coming too near."""
    if not positions:
        return []
    chosen = [0]
    for i in range(1, len(positions) - 1):
        if positions[i] - positions[chosen[-1]] >= apart and positions[-1] - positions[i] >= apart:
            chosen.append(i)
    if len(positions) > 1 and positions[-1] - positions[chosen[-1]] >= apart:
        chosen.append(len(positions) - 1)
    return chosen
