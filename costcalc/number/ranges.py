"""Bounds: between which two numbers an expression lies, where its symbols lie between two numbers each.

With them most conditions are decided for all points at once, and no product of counts overflows unseen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from costcalc import number
from costcalc.number.graph import Affine, Graph, Rational
from costcalc.number.traced import Condition

Range = tuple[Rational, Rational]


class Ranges:
    """The bounds of every node that is asked for, where the symbols lie in these ranges (both ends belong to them)."""

    def __init__(self, graph: Graph, symbols: Mapping[str, Range]) -> None:
        self.graph, self.symbols = graph, dict(symbols)
        self._nodes: dict[int, Range] = {}

    def of(self, x: Affine) -> Range:
        """Bounds of x. Raises ZeroDivisionError where a divisor may be 0."""
        for index in self.graph.needed([x], self._nodes):
            self._nodes[index] = self._node(index)
        return self._affine(x)

    def decided(self, condition: Condition) -> bool | None:
        """Whether a relation holds at all points (True) or at none (False); None where it depends on the point."""
        try:
            low, high = self.of(condition.difference)
        except ZeroDivisionError:
            return None
        if condition.relation == "==":
            return True if low == high == 0 else False if low > 0 or high < 0 else None
        if condition.relation == "<":
            return True if high < 0 else False if low >= 0 else None
        return True if high <= 0 else False if low > 0 else None

    def _affine(self, x: Affine) -> Range:
        low = high = x.constant
        for node, c in x.terms:
            a, b = self._nodes[node]
            low, high = (low + c * a, high + c * b) if c > 0 else (low + c * b, high + c * a)
        return low, high

    def _node(self, index: int) -> Range:
        node = self.graph.nodes[index]
        if node.op == "symbol":
            return self.symbols[node.parts[0]]
        parts = [self._affine(part) for part in node.parts]
        low, high = _OPERATIONS[node.op](*parts)
        return low, high


def _product(a: Range, b: Range) -> Range:
    ends = [x * y for x in a for y in b]
    return min(ends), max(ends)


def _quotient(a: Range, b: Range) -> Range:
    if b[0] <= 0 <= b[1]:
        raise ZeroDivisionError
    return _product(a, (Fraction(1) / b[1], Fraction(1) / b[0]))


def _remainder(a: Range, b: Range) -> Range:
    if b[0] <= 0:
        return min(0, b[0]), max(0, b[1])
    return a if a[0] >= 0 and a[1] < b[0] else (0, b[1])


def _made_divisible(value: Range, divisor: Range) -> Range:
    """It grows with the value; by the divisor it is bounded only loosely."""
    if divisor[0] == divisor[1]:
        low, high = (number.make_divisible(Fraction(v), divisor[0]) for v in value)
        return low, high
    return divisor[0], max(divisor[1], value[1] + divisor[1])


def _rounded_down(value: Range, divisor: Range, *least: Range) -> Range:
    return _made_divisible(value, divisor) if least else (math.floor(value[0]), math.floor(value[1]))


def _inside(size: Range, outputs: Range, taps: Range, *_: Range) -> Range:
    return 0, max(outputs[1] * taps[1], 0)


_OPERATIONS: dict[str, Any] = {
    "mul": _product,
    "div": _quotient,
    "floor": lambda x: (math.floor(x[0]), math.floor(x[1])),
    "ceil": lambda x: (math.ceil(x[0]), math.ceil(x[1])),
    "quotient": lambda a, b: tuple(math.floor(end) for end in _quotient(a, b)),
    "max": lambda *xs: (max(x[0] for x in xs), max(x[1] for x in xs)),
    "min": lambda *xs: (min(x[0] for x in xs), min(x[1] for x in xs)),
    "mod": _remainder,
    "gcd": lambda a, b: (0, max(map(abs, (*a, *b)))),
    "made_divisible": _made_divisible,
    "inside": _inside,
    "as_is": _rounded_down,  # of an ideal trace: what is really there
    "as_is_up": lambda x, _: (math.ceil(x[0]), math.ceil(x[1])),
    "as_is_near": lambda x, _: (number.round_half_up(x[0]), number.round_half_up(x[1])),
    "max_is": lambda *xs: (max(x[0] for x in xs), max(x[1] for x in xs)),
    "min_is": lambda *xs: (min(x[0] for x in xs), min(x[1] for x in xs)),
}
