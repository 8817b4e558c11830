"""Many design points in one number: an integer numpy array over one common denominator, so every point stays exact.

A condition on which the points disagree raises `Split`; `for_each_group` then runs the same function on each half
alone, so structure that depends on a hyper-parameter needs no special case. A bound on the magnitude travels along:
where 64 bits might overflow the array continues in Python integers, never wrapping around silently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from costcalc.number import NotWhole

T = TypeVar("T")
LIMIT = 2**62  # headroom below 2**63, so that one addition after a check cannot overflow


class Split(Exception):  # noqa: N818 - control flow, as StopIteration is
    """The points disagree on a condition; `mask` says which of them meet it."""

    def __init__(self, mask: Any) -> None:
        super().__init__("the points of a batch disagree on a condition")
        self.mask = mask


def _decide(mask: Any) -> bool:
    mask = np.asarray(mask, dtype=bool)
    if mask.all():
        return True
    if not mask.any():
        return False
    raise Split(mask)


class Batch:
    """`numerators / denominator`, point by point; `bound` is at least every |numerator|."""

    __slots__ = ("bound", "denominator", "numerators")

    def __init__(self, numerators: Any, denominator: int = 1, bound: int | None = None) -> None:
        array = np.asarray(numerators)
        if array.dtype != object:  # narrower integers would wrap around below the limit; anything else is refused
            array = array.astype(np.int64, casting="safe")
        if bound is None or bound >= LIMIT:  # the running bound is loose: look at the values before giving up 64 bits
            bound = max((abs(int(n)) for n in (array.min(), array.max())), default=0) if array.size else 0
        self.numerators = array if bound < LIMIT else array.astype(object)
        self.denominator, self.bound = denominator, bound

    @classmethod
    def of(cls, values: list[int | Fraction]) -> Batch:
        """The batch of these exact values."""
        denominator = math.lcm(*(x.denominator for x in values))
        scaled = [int(x * denominator) for x in values]
        wide = any(abs(n) >= LIMIT for n in scaled)
        return cls(np.array(scaled, dtype=object if wide else np.int64), denominator)

    def take(self, indices: Any) -> Batch:
        """The points at these indices."""
        return Batch(self.numerators[indices], self.denominator, self.bound)

    def values(self) -> list[int | Fraction]:
        """Each point as an int or Fraction."""
        exact = (Fraction(int(n), self.denominator) for n in self.numerators)
        return [x.numerator if x.denominator == 1 else x for x in exact]

    def _scaled(self, factor: int) -> Any:
        """The numerators times `factor`, in Python integers where 64 bits would not do."""
        if factor == 1:
            return self.numerators
        wide = max(self.bound, 1) * factor >= LIMIT
        return (self.numerators.astype(object) if wide else self.numerators) * factor

    @staticmethod
    def _aligned(a: Any, b: Any) -> tuple[Any, Any, int, int, int]:
        """Both operands as numerators over one denominator, that denominator, and the bounds of both."""
        a, b = Batch._lift(a), Batch._lift(b)
        denominator = math.lcm(a.denominator, b.denominator)
        fa, fb = denominator // a.denominator, denominator // b.denominator
        return a._scaled(fa), b._scaled(fb), denominator, a.bound * fa, b.bound * fb

    @staticmethod
    def _lift(x: Any) -> Batch:
        return x if isinstance(x, Batch) else Batch.of([x])

    def __add__(self, other: Any) -> Batch:
        a, b, denominator, bound_a, bound_b = self._aligned(self, other)
        if bound_a + bound_b >= LIMIT:
            a, b = a.astype(object), b.astype(object)
        return Batch(a + b, denominator, bound_a + bound_b)

    def __neg__(self) -> Batch:
        return Batch(-self.numerators, self.denominator, self.bound)

    def __sub__(self, other: Any) -> Batch:
        return self + -other

    def __rsub__(self, other: Any) -> Batch:
        return -self + other

    def __mul__(self, other: Any) -> Batch:
        other = self._lift(other)
        bound = self.bound * other.bound
        a, b = self.numerators, other.numerators
        if bound >= LIMIT:
            a, b = a.astype(object), b.astype(object)
        return Batch(*_reduce(a * b, self.denominator * other.denominator), bound)

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, other: Any) -> Batch:
        a, b, _, bound, _ = self._aligned(self, other)
        if not np.asarray(b, dtype=bool).all():
            raise ZeroDivisionError("division by zero")
        return Batch(a // b, 1, bound)

    def __rfloordiv__(self, other: Any) -> Batch:
        return self._lift(other) // self

    def __mod__(self, other: Any) -> Batch:
        return self - (self // other) * other

    def __rmod__(self, other: Any) -> Batch:
        return self._lift(other) % self

    def _compare(self, other: Any, operator: str) -> bool:
        a, b, *_ = self._aligned(self, other)
        return _decide(getattr(np, operator)(a, b))

    def __eq__(self, other: object) -> bool:
        return hasattr(other, "denominator") and self._compare(other, "equal")

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, "less")

    def __le__(self, other: Any) -> bool:
        return self._compare(other, "less_equal")

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, "greater")

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, "greater_equal")

    __hash__ = None  # type: ignore[assignment]  # equality may split the batch

    def __str__(self) -> str:
        return "a batch of " + ", ".join(str(x) for x in self.take(slice(4)).values()) + ", ..." * (len(self) > 4)

    def __len__(self) -> int:
        return len(self.numerators)

    @staticmethod
    def divide(a: Any, b: Any) -> Batch:
        """Exact: by a plain number through its reciprocal, by a batch only where every quotient has one denominator."""
        if not isinstance(b, Batch):
            return Batch._lift(a) * (Fraction(1) / b)
        points = max(len(Batch._lift(a)), len(b))
        left, right = (Batch._lift(x).values() for x in (a, b))
        return Batch.of([Fraction(x) / y for x, y in zip(_spread(left, points), _spread(right, points), strict=True)])

    @staticmethod
    def ceil_div(a: Any, b: Any) -> Batch:
        return -(-Batch._lift(a) // b)

    @staticmethod
    def floor(x: Batch) -> Batch:
        return x // 1

    @staticmethod
    def maximum(first: Any, *rest: Any) -> Batch:
        result = Batch._lift(first)
        for x in rest:
            a, b, denominator, bound_a, bound_b = Batch._aligned(result, x)
            result = Batch(np.maximum(a, b), denominator, max(bound_a, bound_b))
        return result

    @staticmethod
    def gcd(a: Any, b: Any) -> Batch:
        for x in (a, b):
            if x % 1 != 0:
                raise NotWhole(f"{x} has no greatest common divisor: it is not whole")
        a, b = Batch._lift(a) // 1, Batch._lift(b) // 1
        return Batch(np.gcd(a.numerators, b.numerators), 1, max(a.bound, b.bound))

    @staticmethod
    def make_divisible(value: Any, divisor: Any) -> Batch:
        value = Batch._lift(value)
        new = Batch.maximum((value + divisor * Fraction(1, 2)) // divisor * divisor, divisor)
        a, b, *_ = Batch._aligned(new * 10, value * 9)
        return new + Batch((a < b).astype(np.int64)) * divisor

    @staticmethod
    def concrete(x: Batch) -> Any:
        first = x.take(slice(1)).values()[0]
        if x == first:
            return first
        raise AssertionError("unreachable: a batch whose points differ splits")


def _reduce(numerators: Any, denominator: int) -> tuple[Any, int]:
    """Without a factor that the denominator shares with every numerator."""
    if denominator == 1 or not numerators.any():
        return numerators, 1
    common = math.gcd(denominator, int(np.gcd.reduce(numerators)))
    return numerators // common, denominator // common


def _spread(values: list[Any], points: int) -> list[Any]:
    return values * points if len(values) == 1 else values


def for_each_group(function: Callable[[dict[str, Batch]], T], points: Mapping[str, Batch]) -> Iterator[tuple[Any, T]]:
    """Calls `function` on the points, in groups that agree on every condition it meets; yields (indices, result)."""
    pending = [np.arange(max(map(len, points.values())))]
    while pending:
        indices = pending.pop()
        try:
            result = function({name: column.take(indices) for name, column in points.items()})
        except Split as split:
            pending += [indices[~split.mask], indices[split.mask]]
        else:
            yield indices, result
