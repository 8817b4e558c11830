"""Design points: the values that each hyper-parameter may take, and all their combinations, numbered.

A grid of any size costs nothing until some of its points are asked for; point `i` is a pure function of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from costcalc.errors import Problem, UsageError
from costcalc.number import is_number
from costcalc.spec.hyperparameters import read_setting, shown

MAX_VALUES = 1_000_000  # along one axis
WIDE = 2**62  # from here on the numbers of points are Python integers
FORM = "as in `0.5`, `0.25,0.5,6/7` or `0.25:1:0.25` (from, to, step)"


class Axis(NamedTuple):
    """A hyper-parameter and the exact values it takes."""

    name: str
    values: tuple[Any, ...]


def read_axis(name: str, text: str) -> Axis:
    """The axis of `0.25:1:0.25` (from, to, step: an end that a step falls on belongs to it), `128,160`, `6/7` or words.

    Raises UsageError for a step of 0, an empty range, a value twice, or more than MAX_VALUES values.
    """
    values: list[Any] = []
    parts = _parts(text)
    if len(parts) == 1 and ":" in text:
        return Axis(name, tuple(_range(name, text)))  # which has no value twice
    for part in parts:
        values += _range(name, part) if ":" in part else [_value(name, part, text)]
        if len(values) > MAX_VALUES:
            raise UsageError(_too_many(name, len(values)))
    return axis_of(name, values)


def axis_of(name: str, values: Iterable[Any]) -> Axis:
    """The axis of these exact values. Raises UsageError where there is none, one twice, or more than MAX_VALUES."""
    axis = Axis(name, tuple(values))
    if not axis.values:
        raise UsageError(Problem(f"`{name}` has no value", None, FORM))
    if len(axis.values) > MAX_VALUES:
        raise UsageError(_too_many(name, len(axis.values)))
    seen: set[Any] = set()
    for value in axis.values:
        key = (type(value) is bool, value)
        if key in seen:
            raise UsageError(Problem(f"`{name}` has {shown(value)} twice", None, "keep one of them"))
        seen.add(key)
    return axis


def _parts(text: str) -> list[str]:
    """What commas separate, but for those between the arguments of a function."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def _value(name: str, part: str, text: str) -> Any:
    if not part.strip():
        missing = f"a value of `{name}` is missing in `{text}`" if text.strip() else f"`{name}` has no value"
        raise UsageError(Problem(missing, None, FORM))
    try:
        return read_setting(part)
    except ValueError as error:
        help_ = "write numbers such as 0.75, 6/7 or 224, words, or a range such as 0.25:1:0.25"
        raise UsageError(Problem(f"`{name}` cannot be `{part}`: {error}", None, help_)) from None


def _range(name: str, part: str) -> list[Any]:
    ends = [_value(name, x, part) for x in part.split(":")]
    form = "a range is FROM:TO:STEP, as in 0.25:1:0.25 or 128:224:32"
    if len(ends) == 2:
        raise UsageError(Problem(f"the range `{part}` of `{name}` has no step", None, form))
    if len(ends) != 3 or not all(map(is_number, ends)):
        raise UsageError(Problem(f"`{part}` is no range of `{name}`", None, form))
    first, last, step = (Fraction(x) for x in ends)
    if step == 0:
        raise UsageError(Problem(f"the range `{part}` of `{name}` has a step of 0", None, form))
    count = math.floor((last - first) / step) + 1
    if count < 1:
        falling = "a range that falls has its larger end first and a step below 0, as in 1:0.25:-0.25"
        help_ = f"it begins above its end; {falling}" if step > 0 else falling
        raise UsageError(Problem(f"the range `{part}` of `{name}` is empty", None, help_))
    if count > MAX_VALUES:
        raise UsageError(_too_many(name, count))
    whole = math.lcm(first.denominator, step.denominator)  # integers are many times faster than fractions
    start, stride = int(first * whole), int(step * whole)
    numerators = range(start, start + count * stride, stride)
    return [Fraction(n, whole) if n % whole else n // whole for n in numerators]


def _too_many(name: str, count: int) -> Problem:
    return Problem(f"`{name}` takes {count:,} values", None, f"at most {MAX_VALUES:,}; use a larger step")


class Points:
    """Some points: for each axis the index of the value that each point takes."""

    __slots__ = ("axes", "codes")

    def __init__(self, axes: Sequence[Axis], codes: Sequence[Any]) -> None:
        self.axes, self.codes = tuple(axes), tuple(codes)

    @classmethod
    def of(cls, settings: Sequence[Mapping[str, Any]]) -> Points:
        """The points of these settings, at least one, which all set the same hyper-parameters."""
        axes, codes = [], []
        for name in settings[0]:
            values = {(type(s[name]) is bool, s[name]): s[name] for s in settings}
            index = {key: i for i, key in enumerate(values)}
            axes.append(Axis(name, tuple(values.values())))
            codes.append(np.array([index[type(s[name]) is bool, s[name]] for s in settings], dtype=np.int64))
        return cls(axes, codes)

    def __len__(self) -> int:
        return len(self.codes[0]) if self.codes else 1

    def setting(self, i: int) -> dict[str, Any]:
        """The values of the hyper-parameters at point `i`."""
        return {axis.name: axis.values[int(codes[i])] for axis, codes in zip(self.axes, self.codes, strict=True)}

    def take(self, which: Any) -> Points:
        """The points at these indices, or where this mask is true."""
        return Points(self.axes, [codes[which] for codes in self.codes])


class Grid:
    """All combinations of the values of some axes, the last axis moving fastest."""

    def __init__(self, axes: Iterable[Axis]) -> None:
        self.axes = tuple(axes)
        self.size = math.prod(len(axis.values) for axis in self.axes)

    def points(self, start: int = 0, stop: int | None = None) -> Points:
        """Points `start` to `stop` (exclusive), at most all of them."""
        stop = self.size if stop is None else min(stop, self.size)
        if stop < WIDE:
            return self.at(np.arange(start, stop, dtype=np.int64))
        return self.at(np.array(range(start, stop), dtype=object))

    def at(self, numbers: Any) -> Points:
        """The points of these numbers."""
        codes: list[Any] = []
        rest = numbers
        for axis in reversed(self.axes):
            codes.append((rest % len(axis.values)).astype(np.int64))
            rest = rest // len(axis.values)
        return Points(self.axes, codes[::-1])
