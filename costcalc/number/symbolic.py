"""A number that knows its formula: the concrete value and the sympy expression that must equal it.

Comparisons and branches use the value, arithmetic carries both, so every formula can be checked against a count.
Rounding is kept as `floor`, `ceiling`, `Max` (exact), or treated as the identity (`ideal`: widths and resolutions
continuous), which alone gives polynomials; an ideal formula equals the value only where nothing was rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy

from costcalc import number


class make_divisible(sympy.Function):  # type: ignore[misc]  # noqa: N801 - it is printed under this name
    """`costcalc.number.make_divisible` inside a formula; evaluates itself on numbers."""

    @classmethod
    def eval(cls, value: Any, divisor: Any) -> Any:
        if value.is_Rational and divisor.is_Rational:
            return _expr(number.make_divisible(*(Fraction(int(x.p), int(x.q)) for x in (value, divisor))))
        return None


class integer_gcd(sympy.Function):  # type: ignore[misc]  # noqa: N801 - sympy.gcd is that of polynomials: gcd(7, L) would be 1
    """The greatest common divisor of two whole numbers inside a formula."""

    @classmethod
    def eval(cls, a: Any, b: Any) -> Any:
        return sympy.Integer(math.gcd(int(a), int(b))) if a.is_Integer and b.is_Integer else None


def _expr(x: Any) -> Any:
    if isinstance(x, Symbolic):
        return x.expr
    return sympy.Rational(x.numerator, x.denominator)


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Symbolic) else x


def _lift(value: Any, expr: Any, *operands: Any) -> Symbolic:
    return Symbolic(number.tidy(value), expr, any(isinstance(x, Symbolic) and x.ideal for x in operands))


class Symbolic:
    """The pair of `value` (int or Fraction) and `expr` (sympy)."""

    __slots__ = ("expr", "ideal", "value")

    def __init__(self, value: int | Fraction, expr: Any, ideal: bool = False) -> None:
        self.value, self.expr, self.ideal = value, expr, ideal

    @classmethod
    def symbol(cls, name: str, value: int | Fraction, ideal: bool = False) -> Symbolic:
        """A symbol that stands for `value`; positive, or an integer, where the value is so."""
        whole = isinstance(value, int) and not ideal
        sign = {"positive": True} if value > 0 else {"nonnegative": True} if value == 0 else {"real": True}
        return cls(value, sympy.Symbol(name, integer=True if whole else None, **sign), ideal)

    def at(self, point: dict[str, Any]) -> Any:
        """The expression evaluated at exact values of its symbols."""
        values = {s: _expr(point[s.name]) for s in self.expr.free_symbols}
        result = self.expr.xreplace(values) if values else self.expr
        return number.tidy(Fraction(int(result.p), int(result.q)))

    def __add__(self, other: Any) -> Symbolic:
        return _lift(self.value + _value(other), self.expr + _expr(other), self, other)

    def __sub__(self, other: Any) -> Symbolic:
        return _lift(self.value - _value(other), self.expr - _expr(other), self, other)

    def __rsub__(self, other: Any) -> Symbolic:
        return _lift(other - self.value, _expr(other) - self.expr, self)

    def __mul__(self, other: Any) -> Symbolic:
        return _lift(self.value * _value(other), self.expr * _expr(other), self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Symbolic:
        return _lift(-self.value, -self.expr, self)

    def __floordiv__(self, other: Any) -> Symbolic:
        return self._round(_value(self) // _value(other), sympy.floor, self, other)

    def __rfloordiv__(self, other: Any) -> Symbolic:
        return self._round(other // self.value, sympy.floor, other, self)

    def __mod__(self, other: Any) -> Symbolic:
        return _lift(self.value % _value(other), sympy.Mod(self.expr, _expr(other)), self, other)

    def __rmod__(self, other: Any) -> Symbolic:
        return _lift(other % self.value, sympy.Mod(_expr(other), self.expr), self)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _value(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _value(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _value(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _value(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _value(other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"Symbolic({self.value}, {self.expr})"

    @staticmethod
    def _round(value: Any, function: Callable[[Any], Any], a: Any, b: Any = 1) -> Symbolic:
        quotient = _expr(a) / _expr(b)
        lifted = _lift(value, quotient, a, b)
        if not lifted.ideal:
            lifted.expr = function(quotient)
        return lifted

    @staticmethod
    def divide(a: Any, b: Any) -> Symbolic:
        return _lift(Fraction(_value(a)) / _value(b), _expr(a) / _expr(b), a, b)

    @staticmethod
    def ceil_div(a: Any, b: Any) -> Symbolic:
        return Symbolic._round(-(-_value(a) // _value(b)), sympy.ceiling, a, b)

    @staticmethod
    def floor(x: Any) -> Symbolic:
        return Symbolic._round(math.floor(_value(x)), sympy.floor, x)

    @staticmethod
    def maximum(*numbers: Any) -> Symbolic:
        largest = max(_value(x) for x in numbers)
        if any(isinstance(x, Symbolic) and x.ideal for x in numbers):  # the branch that is taken here
            return _lift(largest, next(_expr(x) for x in numbers if _value(x) == largest), *numbers)
        # unevaluated: sympy compares every pair of arguments otherwise, for minutes where there are dozens
        exprs = [_expr(x) for x in numbers]
        return _lift(largest, sympy.Max(*exprs, evaluate=all(e.is_Number for e in exprs)), *numbers)

    @staticmethod
    def gcd(a: Any, b: Any) -> Symbolic:
        return _lift(math.gcd(_value(a), _value(b)), integer_gcd(_expr(a), _expr(b)), a, b)

    @staticmethod
    def make_divisible(value: Any, divisor: Any) -> Symbolic:
        rounded = number.make_divisible(_value(value), _value(divisor))
        lifted = _lift(rounded, _expr(value), value, divisor)
        if not lifted.ideal:
            lifted.expr = make_divisible(_expr(value), _expr(divisor))
        return lifted

    @staticmethod
    def concrete(x: Symbolic) -> Any:
        return x.value
