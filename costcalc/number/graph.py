"""The expressions that traced arithmetic leaves behind: shared, and in a normal form that keeps them small.

A number is *affine* in nodes: `constant + sum of coefficient * node`. A node is a symbol, a product of two affine
numbers, a rounding and so on; equal ones are the same node. Rounding is simplified where that is exact for all values:
ceil(ceil(h/2)/2) is ceil(h/4).
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

Rational = int | Fraction


class Affine(NamedTuple):
    """`constant + sum(coefficient * node)`; the terms in the order of their nodes, no coefficient 0."""

    constant: Rational
    terms: tuple[tuple[int, Rational], ...] = ()

    def scaled(self, factor: Rational) -> Affine:
        """Each part times a factor other than 0."""
        if factor == 1:
            return self
        return Affine(tidy(self.constant * factor), tuple((node, tidy(c * factor)) for node, c in self.terms))

    def plus(self, constant: Rational) -> Affine:
        return Affine(tidy(self.constant + constant), self.terms)


class Node(NamedTuple):
    """An operation on numbers: `symbol`, `mul`, `div`, `floor`, `ceil`, `max`, `min`, `mod`, `gcd`, `made_divisible`,
    `inside` (see `number.taps_inside`); lowered also `quotient`, a floor of two numbers. Of ideal traces: `as_is`
    (of ceil `as_is_up`, of round `as_is_near`), its first part, which should be a multiple of the second and at least
    the third; `max_is` and `min_is`, the first of its parts, which should be the largest or smallest.
    """

    op: str
    parts: tuple[Any, ...]  # Affines; for a symbol its name
    whole: bool  # whether it is a whole number at every point
    multiple: int  # what it is a multiple of, at least


def tidy(x: Rational) -> Rational:
    """A whole Fraction as an int."""
    return x.numerator if x.denominator == 1 else x


class Graph:
    """The nodes of some numbers, each once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._index: dict[tuple[Any, ...], int] = {}
        self.expansions: dict[int, Any] = {}  # nodes multiplied out: see `polynomial`
        self.fixed: dict[Affine, list[Rational]] = {}  # which values numbers were held to: see `Traced.concrete`

    def node(self, op: str, parts: tuple[Any, ...], whole: bool, multiple: int = 1) -> Affine:
        """The number that is one node."""
        key = (op, *parts, whole) if op in ("symbol", "div") else (op, *parts)  # of others the parts tell it
        found = self._index.get(key)
        if found is None:
            found = self._index[key] = len(self.nodes)
            self.nodes.append(Node(op, parts, whole, multiple))
        return Affine(0, ((found, 1),))

    def symbol(self, name: str, whole: bool) -> Affine:
        return self.node("symbol", (name,), whole)

    def whole(self, x: Affine) -> bool:
        """Whether it is known to be a whole number at every point."""
        if x.constant.denominator != 1:
            return False
        nodes = self.nodes
        for index, coefficient in x.terms:
            node = nodes[index]
            if not node.whole or (coefficient.denominator != 1 and node.multiple % coefficient.denominator):
                return False
        return True

    def divides(self, divisor: int, x: Affine) -> bool:
        """Whether x is known to be a multiple of the divisor at every point."""
        if x.constant % divisor:
            return False
        return all(self.nodes[n].whole and tidy(c * self.nodes[n].multiple) % divisor == 0 for n, c in x.terms)

    @staticmethod
    def total(numbers: Iterable[Affine]) -> Affine:
        """The sum, like terms collected."""
        constant: Rational = 0
        terms: dict[int, Rational] = {}
        for x in numbers:
            constant = constant + x.constant
            for node, coefficient in x.terms:
                terms[node] = terms.get(node, 0) + coefficient
        return Affine(tidy(constant), tuple(sorted((n, tidy(c)) for n, c in terms.items() if c)))

    def product(self, a: Affine, b: Affine) -> Affine:
        for x, y in ((a, b), (b, a)):
            if not x.terms:
                return y.scaled(x.constant) if x.constant else Affine(0)
        (factor_a, a), (factor_b, b) = _primitive(a), _primitive(b)
        for x, y in ((a, b), (b, a)):  # (p / q) * q is p
            div = self._single(x, "div")
            if div is not None and div.parts[1] == y:
                return Affine.scaled(div.parts[0], factor_a * factor_b)
        if b < a:
            a, b = b, a
        whole = self.whole(a) and self.whole(b)
        multiple = self._multiple(a) * self._multiple(b) if whole else 1
        return self.node("mul", (a, b), whole, multiple).scaled(factor_a * factor_b)

    def quotient(self, a: Affine, b: Affine, whole: bool = False) -> Affine:
        """The quotient a/b; `whole` where there is known to be no remainder."""
        if not b.terms:
            return a.scaled(Fraction(1) / b.constant)
        (factor_a, a), (factor_b, b) = _primitive(a), _primitive(b)
        factor = tidy(Fraction(factor_a) / factor_b)
        if a == b:
            return Affine(factor)
        mul = self._single(a, "mul")
        if mul is not None and b in mul.parts:
            return Affine.scaled(mul.parts[1 - mul.parts.index(b)], factor)
        return self.node("div", (a, b), whole and factor == 1).scaled(factor)

    def _single(self, x: Affine, op: str) -> Node | None:
        """The node that x is, where that has this op."""
        if not x.constant and len(x.terms) == 1 and x.terms[0][1] == 1:
            node = self.nodes[x.terms[0][0]]
            return node if node.op == op else None
        return None

    def _multiple(self, x: Affine) -> int:
        """What a number that is known to be whole is a multiple of."""
        return math.gcd(int(x.constant), *(int(c * self.nodes[n].multiple) for n, c in x.terms)) or 1

    def floor(self, x: Affine) -> Affine:
        return self._rounded(x, up=False)

    def ceil(self, x: Affine) -> Affine:
        return self._rounded(x, up=True)

    def _rounded(self, x: Affine, up: bool) -> Affine:
        """The floor or ceil of x, its whole part taken out.

        Of a fraction (y + k)/d of whole numbers either can be had: ceil((y + k)/d) = floor((y + k + d-1)/d), and k
        takes no part in it but for its own floor. So a rounding inside one is dropped, whichever it is:
        floor((floor(z) + k)/d) = floor((z + k)/d), and the same for ceil.
        """
        out = math.ceil(x.constant) if up else math.floor(x.constant)
        terms, rest = Affine(0, x.terms), x.constant - out
        d = self._denominator(terms)
        if d == 0:
            return self.node("ceil" if up else "floor", (terms.plus(rest),), whole=True).plus(out)
        if d == 1:
            return terms.plus(out)
        k = math.ceil(rest * d) + d - 1 if up else math.floor(rest * d)  # from here on a floor
        if len(terms.terms) == 1 and terms.terms[0][1] == Fraction(1, d):
            inner = self.nodes[terms.terms[0][0]]
            if inner.op in ("floor", "ceil"):
                up = inner.op == "ceil"
                shift = Fraction(k - (d - 1) if up else k, d)
                return self._rounded(inner.parts[0].scaled(Fraction(1, d)).plus(shift), up).plus(out)
        if k == d - 1:
            return self.node("ceil", (terms,), whole=True).plus(out)
        return self.node("floor", (terms.plus(Fraction(k, d)),), whole=True).plus(out)

    def _denominator(self, x: Affine) -> int:
        """The least number known to make x whole at every point; 0 where none is known."""
        nodes = [(self.nodes[n], c) for n, c in x.terms]
        if not all(node.whole for node, _ in nodes):
            return 0
        return math.lcm(x.constant.denominator, *((c * node.multiple).denominator for node, c in nodes))

    def extreme(self, op: str, numbers: Iterable[Affine]) -> Affine:
        """`max` or `min` of the numbers."""
        unique = sorted(set(numbers))
        choose = max if op == "max" else min
        by_terms: dict[Any, Rational] = {}  # of numbers that differ by a constant, one is enough
        for x in unique:
            by_terms[x.terms] = choose(by_terms.get(x.terms, x.constant), x.constant)
        kept = tuple(Affine(constant, terms) for terms, constant in by_terms.items())
        if len(kept) == 1:
            return kept[0]
        whole = all(map(self.whole, kept))
        return self.node(op, kept, whole, math.gcd(*map(self._multiple, kept)) if whole else 1)

    def remainder(self, a: Affine, b: Affine) -> Affine:
        if not b.terms and b.constant.denominator == 1 and self.divides(int(b.constant), a):
            return Affine(0)
        return self.node("mod", (a, b), self.whole(a) and self.whole(b))

    def gcd(self, a: Affine, b: Affine) -> Affine:
        return self.node("gcd", (a, b) if a <= b else (b, a), whole=True)

    def made_divisible(self, value: Affine, divisor: Affine) -> Affine:
        """`number.make_divisible` by a positive whole number."""
        if not divisor.terms and not value.constant and len(value.terms) == 1:
            (inner, times), d = value.terms[0], int(divisor.constant)
            node = self.nodes[inner]  # what was made divisible before, and is positive, stays as it is
            if node.op == "made_divisible" and times.denominator == 1 and times > 0 and node.multiple % d == 0:
                return value
        multiple = int(divisor.constant) if not divisor.terms else 1
        return self.node("made_divisible", (value, divisor), whole=True, multiple=multiple)

    def needed(self, numbers: Iterable[Affine], known: Container[int] = ()) -> Iterator[int]:
        """Every node that the numbers depend on, each after those that it needs itself; none that is known already."""
        seen: set[int] = set()
        stack = [(node, False) for x in numbers for node, _ in x.terms]
        while stack:
            index, ready = stack.pop()
            if ready:
                yield index
            elif index not in seen and index not in known:
                seen.add(index)
                stack.append((index, True))
                stack += [(n, False) for x in self.operands(index) for n, _ in x.terms if n not in seen]

    def operands(self, index: int) -> tuple[Affine, ...]:
        """The numbers that a node is computed from."""
        node = self.nodes[index]
        return () if node.op == "symbol" else node.parts

    def symbols(self, numbers: Iterable[Affine]) -> list[str]:
        """The names that the numbers depend on."""
        return [self.nodes[n].parts[0] for n in self.needed(numbers) if self.nodes[n].op == "symbol"]


def _primitive(x: Affine) -> tuple[Rational, Affine]:
    """A single term without its coefficient, and that; any other number as it is."""
    if not x.constant and len(x.terms) == 1:
        node, coefficient = x.terms[0]
        return coefficient, Affine(0, ((node, 1),))
    return 1, x
