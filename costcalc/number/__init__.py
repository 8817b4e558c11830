"""The arithmetic that shape rules and cost rules are written in, for every kind of number.

A rule is plain Python arithmetic. What flows through it is an int (exact, any size) or a `Traced` number, which
remembers how it came about: from that, `algebra` makes formulas and `tape` counts many design points at once.
`+ - * // %` and comparisons are the operators themselves; what Python does not overload exactly, or at all, is here.
No other module knows which kind it holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Protocol


class Number(Protocol):
    """What an int, a Fraction and a Traced number have in common."""

    def __add__(self, other: Any, /) -> Number: ...
    def __radd__(self, other: Any, /) -> Number: ...
    def __sub__(self, other: Any, /) -> Number: ...
    def __rsub__(self, other: Any, /) -> Number: ...
    def __mul__(self, other: Any, /) -> Number: ...
    def __rmul__(self, other: Any, /) -> Number: ...
    def __floordiv__(self, other: Any, /) -> Number: ...
    def __rfloordiv__(self, other: Any, /) -> Number: ...
    def __mod__(self, other: Any, /) -> Number: ...
    def __rmod__(self, other: Any, /) -> Number: ...
    def __neg__(self) -> Number: ...
    def __lt__(self, other: Any, /) -> bool: ...
    def __le__(self, other: Any, /) -> bool: ...
    def __gt__(self, other: Any, /) -> bool: ...
    def __ge__(self, other: Any, /) -> bool: ...


class NotWhole(ArithmeticError):  # noqa: N818 - it says what is wrong with the number
    """A count came out with a remainder; counts are never truncated."""


def _domain(*numbers: Any) -> Any:
    """The class of the first number that is not a plain int or Fraction, or None where all are."""
    for number in numbers:
        if not isinstance(number, int | Fraction):
            return type(number)
    return None


def tidy(number: Any) -> Any:
    """A Fraction that is whole, as an int; anything else as it is."""
    if isinstance(number, Fraction) and number.denominator == 1:
        return number.numerator
    return number


def divide(a: Any, b: Any) -> Any:
    """The exact quotient a/b: an int where it is whole, else a fraction. Raises ZeroDivisionError."""
    domain = _domain(a, b)
    if domain is not None:
        return domain.divide(a, b)
    return tidy(Fraction(a) / b)


def exact_div(a: Any, b: Any) -> Any:
    """The quotient a/b of a division that must have no remainder. Raises NotWhole."""
    if a % b != 0:
        raise NotWhole(f"{a} is not divisible by {b}")
    domain = _domain(a, b)
    return divide(a, b) if domain is None else domain.exact_div(a, b)


def ceil_div(a: Any, b: Any) -> Any:
    """The least integer that is not below a/b."""
    domain = _domain(a, b)
    return -(-a // b) if domain is None else domain.ceil(domain.divide(a, b))


def floor(x: Any) -> Any:
    """The greatest integer that is not above x."""
    domain = _domain(x)
    return math.floor(x) if domain is None else domain.floor(x)


def ceil(x: Any) -> Any:
    """The least integer that is not below x."""
    domain = _domain(x)
    return math.ceil(x) if domain is None else domain.ceil(x)


def round_half_up(x: Any) -> Any:
    """The nearest integer; halves go up, so that 2.5 gives 3 (Python's own `round` would give 2)."""
    domain = _domain(x)
    return math.floor(x + Fraction(1, 2)) if domain is None else domain.round_half_up(x)


def maximum(first: Any, *rest: Any) -> Any:
    """The largest of the numbers."""
    domain = _domain(first, *rest)
    return max((first, *rest)) if domain is None else domain.maximum(first, *rest)


def minimum(first: Any, *rest: Any) -> Any:
    """The smallest of the numbers."""
    domain = _domain(first, *rest)
    return min((first, *rest)) if domain is None else domain.minimum(first, *rest)


def gcd(a: Any, b: Any) -> Any:
    """The greatest common divisor of two whole numbers."""
    domain = _domain(a, b)
    return math.gcd(a, b) if domain is None else domain.gcd(a, b)


def make_divisible(value: Any, divisor: Any = 8) -> Any:
    """`value` rounded to a multiple of `divisor`, at least `divisor`, and never more than 10 % below `value`.

    Source: `_make_divisible` of tensorflow/models, research/slim/nets/mobilenet/mobilenet.py; Keras and torchvision
    have the same function. Exact: the 10 % are compared as 10*new < 9*value, so 0.35 cannot fall on the wrong side.
    """
    domain = _domain(value, divisor)
    if domain is not None and divisor > 0 and is_whole(divisor):  # others are of no use, but they have a value
        return domain.make_divisible(value, divisor)
    new = maximum(divisor, floor(value + divide(divisor, 2)) // divisor * divisor)
    return new + divisor if 10 * new < 9 * value else new


def product(numbers: Iterable[Any]) -> Number:
    """The product of the numbers; 1 for none."""
    result: Number = 1
    for number in numbers:
        result = result * number
    return result


def total(numbers: Iterable[Any]) -> Number:
    """The sum of the numbers; 0 for none."""
    terms = list(numbers)
    domain = _domain(*terms)
    result: Number = sum(terms) if domain is None else domain.total(terms)
    return result


def taps_inside(size: Any, outputs: Any, taps: Any, stride: Any, gap: Any, before: Any) -> Number:
    """How many taps of a window sliding along one axis lie on the input, over all `outputs` positions.

    The axis has `size` elements after `before` of padding; the taps are `gap` apart. Tap u of output o touches element
    o*stride + u*gap - before; of the outputs, those from ceil((before - u*gap) / stride) to
    floor((size - 1 + before - u*gap) / stride) find it inside.
    """
    domain = _domain(size, outputs, taps, stride, gap, before)
    if domain is not None:
        return domain.taps_inside(size, outputs, taps, stride, gap, before)  # type: ignore[no-any-return]
    found = 0
    for tap in range(math.ceil(taps)):  # sizes that were not rounded may be fractions
        offset = before - tap * gap
        last = min(outputs - 1, (size - 1 + offset) // stride)
        found += max(last - max(-(-offset // stride), 0) + 1, 0)
    return found


def among(x: Any, options: Sequence[Any]) -> bool:
    """Whether x is one of some plain numbers."""
    domain = _domain(x)
    return x in options if domain is None else bool(domain.among(x, options))


def is_whole(x: Any) -> bool:
    """Whether x is a whole number."""
    return isinstance(x, int) or bool(x % 1 == 0)


def is_number(x: object) -> bool:
    """Whether x is a number of any kind; a truth value is none."""
    return not isinstance(x, bool) and (isinstance(x, int | Fraction) or hasattr(x, "make_divisible"))


def concrete(x: Any) -> int:
    """The int that x stands for: of a traced number its value, on the condition that it has no other."""
    if not isinstance(x, int):
        domain = _domain(x)
        x = x if domain is None else domain.concrete(x)
        x = tidy(x)
    if not isinstance(x, int):
        raise NotWhole(f"{x} is not a whole number")
    return x
