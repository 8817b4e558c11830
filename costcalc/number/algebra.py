"""Algebra on polynomials: quotients in lowest terms, and the same expressions for sympy.

sympy takes long to import: it is done where a quotient needs more than the powers of one term subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from costcalc import number
from costcalc.number.graph import Rational, tidy
from costcalc.number.polynomial import Monomial, Polynomial

MAX_TERMS, MAX_DEGREE = 60, 16  # of what is cancelled; beyond, that may take longer than anybody waits


class Quotient(NamedTuple):
    """A quotient in lowest terms; where one term divides, `below` is 1 and powers `above` may be negative."""

    above: Polynomial
    below: Polynomial

    def at(self, point: Mapping[str, Any]) -> Fraction:
        """The value at exact values of its symbols."""
        return Fraction(self.above.at(point)) / Fraction(self.below.at(point))


def ratio(a: Polynomial, b: Polynomial) -> Quotient:
    """The quotient of two polynomials of one graph, cancelled; those beyond all use are left as they are."""
    if len(b.terms) == 1:
        ((monomial, c),) = b.terms.items()
        divided = {_divided(m, monomial): tidy(Fraction(x) / c) for m, x in a.terms.items()}
        return Quotient(Polynomial(a.graph, divided), Polynomial(a.graph, {(): 1}))
    degree = max(sum(abs(power) for _, power in monomial) for p in (a, b) for monomial in p.terms)
    if len(a.terms) + len(b.terms) > MAX_TERMS or degree > MAX_DEGREE:
        return Quotient(a, b)
    import sympy

    nodes = sorted({node for p in (a, b) for monomial in p.terms for node, _ in monomial})
    named = {node: _symbol(f"x{node}", a.graph.nodes[node].whole) for node in nodes}
    quotient = sympy.cancel(_sum(a, named.__getitem__) / _sum(b, named.__getitem__))
    above, below = (_polynomial(a, part, named) for part in sympy.fraction(quotient))
    return ratio(above, below) if len(below.terms) == 1 else Quotient(above, below)


def expression(polynomial: Polynomial, signed: Collection[str] = ()) -> Any:
    """The polynomial as an expression of sympy: symbols are integers where they are whole numbers.

    They are positive, but for those that are `signed`.
    """
    known: dict[int, Any] = {}

    def atom(node: int) -> Any:
        for index in polynomial.needed(node, known):
            op, name, parts = polynomial.atom(index)
            if op == "symbol":
                known[index] = _symbol(name, polynomial.graph.nodes[index].whole, name not in signed)
            else:
                known[index] = _functions()[op](*(_sum(part, known.__getitem__) for part in parts))
        return known[node]

    return _sum(polynomial, atom)


def _divided(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for node, power in b:
        powers[node] = powers.get(node, 0) - power
    return tuple(sorted((node, power) for node, power in powers.items() if power))


def _sum(polynomial: Polynomial, atom: Callable[[int], Any]) -> Any:
    import sympy

    terms = (
        sympy.Mul(_rational(c), *(atom(node) ** power for node, power in monomial))
        for monomial, c in polynomial.terms.items()
    )
    return sympy.Add(*terms)


def _polynomial(like: Polynomial, expr: Any, named: Mapping[int, Any]) -> Polynomial:
    """The polynomial that an expression in these symbols is."""
    import sympy

    nodes, terms = list(named), {}
    for powers, c in sympy.Poly(expr, *named.values()).terms():
        monomial = tuple((node, power) for node, power in zip(nodes, powers, strict=True) if power)
        terms[monomial] = tidy(Fraction(int(c.p), int(c.q)))
    return Polynomial(like.graph, terms)


def _symbol(name: str, whole: bool, positive: bool = True) -> Any:
    import sympy

    return sympy.Symbol(name, real=True, positive=positive or None, integer=whole or None)


def _rational(x: Rational) -> Any:
    import sympy

    return sympy.Rational(x.numerator, x.denominator)


@cache
def _functions() -> dict[str, Callable[..., Any]]:
    """What an operation is in sympy; those that sympy does not have give their value where all parts are numbers."""
    import sympy

    class Counting(sympy.Function):  # type: ignore[misc]
        is_integer = True
        counted: Callable[..., Any]

        @classmethod
        def eval(cls, *parts: Any) -> Any:
            if all(part.is_Rational for part in parts):
                return sympy.Integer(cls.counted(*(tidy(Fraction(int(x.p), int(x.q))) for x in parts)))
            return None

    def own(name: str, counted: Callable[..., Any]) -> Callable[..., Any]:
        made: Callable[..., Any] = type(name, (Counting,), {"counted": staticmethod(counted)})
        return made

    def unevaluated(extreme: Any) -> Callable[..., Any]:
        """Of symbols: sympy compares every pair otherwise, for minutes where there are many."""
        return lambda *parts: extreme(*parts, evaluate=all(part.is_Rational for part in parts))

    return {
        "div": lambda a, b: a / b,
        "floor": sympy.floor,
        "ceil": sympy.ceiling,
        "max": unevaluated(sympy.Max),
        "min": unevaluated(sympy.Min),
        "mod": sympy.Mod,
        "gcd": own("integer_gcd", number.gcd),  # sympy.gcd is that of polynomials: of two symbols it is 1
        "made_divisible": own("make_divisible", number.make_divisible),
        "inside": own("taps_inside", number.taps_inside),
    }
