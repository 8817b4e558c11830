"""Expressions multiplied out: a sum of terms over symbols and roundings, as a paper would write the count.

A rounding is an atom, and what is rounded is a polynomial again. The same polynomial can be evaluated exactly, so that
what is shown can be compared with what was counted.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc import number
from costcalc.number.graph import Affine, Graph, Rational, tidy

AS_IS = ("as_is", "as_is_up", "as_is_near")  # what floor, ceil and round are in an ideal trace
IDEAL = (*AS_IS, "max_is", "min_is")
MAX_DEGREE, MAX_ADDED = 6, 12  # of a sum that is split, and of what is added in its factors
MAX_TERMS = 10_000  # of one polynomial; nobody reads more
Monomial = tuple[tuple[int, int], ...]  # nodes and their powers, in the order of the nodes; a power may be negative


class TooManyTerms(ArithmeticError):  # noqa: N818 - it says what is wrong with the expression
    """An expression that cannot be multiplied out: it would have more terms than anybody reads."""


class Atom(NamedTuple):
    """What a polynomial is made of: a symbol, or an operation on polynomials."""

    op: str
    name: str  # of a symbol
    parts: tuple[Polynomial, ...]


class Polynomial:
    """`terms`: the coefficient of each monomial; none is 0."""

    __slots__ = ("graph", "terms")

    def __init__(self, graph: Graph, terms: Mapping[Monomial, Rational]) -> None:
        self.graph, self.terms = graph, dict(terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.graph is other.graph and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    @property
    def constant(self) -> Rational | None:
        """Its value, where it is the same at every point."""
        return self.terms.get((), 0) if set(self.terms) <= {()} else None

    def atom(self, node: int) -> Atom:
        """What a node of a monomial stands for."""
        found = self.graph.nodes[node]
        if found.op == "symbol":
            return Atom("symbol", found.parts[0], ())
        parts = tuple(expanded(self.graph, part) for part in found.parts)
        return Atom(found.op, "", self._spliced(found.op, parts) if found.op in ("max", "min") else parts)

    def _spliced(self, op: str, parts: tuple[Polynomial, ...]) -> tuple[Polynomial, ...]:
        """The parts of an extreme, in place of an extreme among them its own: max(a, max(b, c)) is max(a, b, c)."""
        found: dict[Polynomial, None] = {}
        pending = list(reversed(parts))
        while pending:
            part = pending.pop()
            inner = [node for monomial in part.terms for node, power in monomial if power == 1]
            alone = len(inner) == 1 and part.terms == {((inner[0], 1),): 1} and self.graph.nodes[inner[0]].op == op
            if alone:
                pending += [expanded(self.graph, x) for x in reversed(self.graph.nodes[inner[0]].parts)]
            else:
                found[part] = None
        return tuple(found)

    def needed(self, node: int, known: Container[int] = ()) -> Iterator[int]:
        """A node of a monomial after all that its parts are made of and that is not known."""
        stack, seen = [(node, False)], set[int]()
        while stack:
            index, ready = stack.pop()
            if ready:
                yield index
            elif index not in seen and index not in known:
                seen.add(index)
                stack.append((index, True))
                inner = dict.fromkeys(n for part in self.atom(index).parts for m in part.terms for n, _ in m)
                stack += [(n, False) for n in inner if n not in seen]

    def symbols_of(self, node: int) -> list[str]:
        """The names that a node of a monomial depends on."""
        return self.graph.symbols([_single(node)])

    def symbols(self) -> list[str]:
        """The names it depends on, sorted."""
        whole = Affine(0, tuple((node, 1) for monomial in self.terms for node, _ in monomial))
        return sorted(set(self.graph.symbols([whole])))

    def at(self, point: Mapping[str, Any]) -> Rational:
        """The value at exact values of its symbols. Raises ZeroDivisionError."""
        return Values(point).of(self)

    def sizes(self, point: Mapping[str, Any]) -> list[tuple[Monomial, Rational, Rational]]:
        """Its terms with their values at a point, the largest first."""
        values = Values(point)
        valued = [(m, c, values.of(Polynomial(self.graph, {m: c}))) for m, c in self.terms.items()]
        return sorted(valued, key=lambda term: (-abs(Fraction(term[2])), term[0]))

    def derivative(self, name: str) -> Polynomial | None:
        """By the symbol of this name; None where it is rounded, and so has none."""
        found: dict[Monomial, Rational] = {}
        for monomial, c in self.terms.items():
            for i, (node, power) in enumerate(monomial):
                atom = self.atom(node)
                if atom.op == "symbol" and atom.name == name:
                    left = ((node, power - 1),) if power != 1 else ()
                    key = (*monomial[:i], *left, *monomial[i + 1 :])
                    found[key] = found.get(key, 0) + c * power
                elif atom.op != "symbol" and any(name in part.symbols() for part in atom.parts):
                    return None
        return Polynomial(self.graph, {m: tidy(c) for m, c in found.items() if c})


def _single(node: int) -> Affine:
    return Affine(0, ((node, 1),))


class Values:
    """The values of polynomials of one graph at one point; what several share is computed once."""

    def __init__(self, point: Mapping[str, Any]) -> None:
        self.point = point
        self._known: dict[int, Rational] = {}

    def of(self, x: Polynomial) -> Rational:
        """The value. Raises ZeroDivisionError."""
        known = self._known
        for node in {node for monomial in x.terms for node, _ in monomial} - known.keys():
            for index in x.needed(node, known):
                known[index] = self._atom(x.atom(index))
        return tidy(sum((self._term(m, c) for m, c in x.terms.items()), Fraction(0)))

    def _term(self, monomial: Monomial, c: Rational) -> Fraction:
        value = Fraction(c)
        for node, power in monomial:
            value *= Fraction(self._known[node]) ** power
        return value

    def _atom(self, atom: Atom) -> Rational:
        if atom.op == "symbol":
            return tidy(Fraction(self.point[atom.name]))
        return tidy(_MEANING[atom.op](*map(self.of, atom.parts)))


def _gcd(a: Rational, b: Rational) -> Rational:
    """The greatest number that both are whole multiples of: where nothing is rounded, they may be fractions."""
    a, b = Fraction(a), Fraction(b)
    return Fraction(math.gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator)


_MEANING: dict[str, Any] = {
    "div": number.divide,
    "floor": number.floor,
    "ceil": number.ceil,
    "max": number.maximum,
    "min": number.minimum,
    "mod": lambda a, b: a % b,
    "gcd": _gcd,
    "made_divisible": number.make_divisible,
    "inside": number.taps_inside,
}


def split(x: Polynomial) -> tuple[Monomial, Fraction, int, list[int]] | None:
    """A sum of three or more terms as a product: a monomial, a number, and of one node what is added in each factor.

    D_K^2*M/2 + 3*D_K*M/2 + M is M, 1/2, D_K, [1, 2]. None for a sum that whole numbers do not split so.
    """
    nodes = dict.fromkeys(node for monomial in x.terms for node, _ in monomial)
    shared = {node: min(dict(monomial).get(node, 0) for monomial in x.terms) for node in nodes}
    left = {node: max(dict(monomial).get(node, 0) for monomial in x.terms) - shared[node] for node in nodes}
    (node, degree), *others = sorted(left.items(), key=lambda powers: -powers[1]) or [(0, 0)]
    if len(x.terms) < 3 or not 2 <= degree <= MAX_DEGREE or any(power for _, power in others):
        return None
    powers = [Fraction(0)] * (degree + 1)
    for monomial, c in x.terms.items():
        powers[dict(monomial).get(node, 0) - shared[node]] = Fraction(c)
    first, added = powers[-1], []
    while len(powers) > 1:
        roots = (n for n in range(-MAX_ADDED, MAX_ADDED + 1) if sum(c * (-n) ** i for i, c in enumerate(powers)) == 0)
        root = next(roots, None)
        if root is None:
            return None
        added.append(root)
        quotient = powers[-1:]
        for c in powers[-2:0:-1]:
            quotient.insert(0, c - root * quotient[0])
        powers = quotient
    return tuple((n, power) for n, power in shared.items() if power), first, node, sorted(added)


def expanded(graph: Graph, x: Affine) -> Polynomial:
    """The number multiplied out; what an ideal trace did not round is what it is. Raises TooManyTerms."""
    if any(node not in graph.expansions for node, _ in x.terms):
        for index in graph.needed([x], graph.expansions):  # in this order no node waits for others: chains may be long
            _node(graph, index, graph.expansions)
    return Polynomial(graph, _affine(graph, x, graph.expansions))


def ideal_at(graph: Graph, numbers: Iterable[Affine], point: Mapping[str, Any]) -> bool:
    """Whether what an ideal trace took for whole, or for the largest, is so at a point, in all that numbers need."""
    values = Values(point)
    for index in graph.needed(numbers):
        node = graph.nodes[index]
        if node.op not in IDEAL:
            continue
        value, *others = (values.of(expanded(graph, part)) for part in node.parts)
        if node.op in AS_IS:
            fine = Fraction(value) % others[0] == 0 and all(value >= least for least in others[1:])
        else:
            fine = all(value >= x if node.op == "max_is" else value <= x for x in others)
        if not fine:
            return False
    return True


def _affine(graph: Graph, x: Affine, known: dict[int, dict[Monomial, Rational]]) -> dict[Monomial, Rational]:
    found: dict[Monomial, Rational] = {(): x.constant} if x.constant else {}
    for node, c in x.terms:
        for monomial, coefficient in _node(graph, node, known).items():
            found[monomial] = found.get(monomial, 0) + c * coefficient
    return {m: tidy(c) for m, c in found.items() if c}


def _node(graph: Graph, index: int, known: dict[int, dict[Monomial, Rational]]) -> dict[Monomial, Rational]:
    if index not in known:
        node = graph.nodes[index]
        if node.op == "mul":
            known[index] = _times(*(_affine(graph, part, known) for part in node.parts))
        elif node.op in IDEAL:
            known[index] = _affine(graph, node.parts[0], known)
        elif node.op == "div" and len(bottom := _affine(graph, node.parts[1], known)) == 1:
            ((monomial, c),) = bottom.items()
            inverse = {tuple((n, -power) for n, power in monomial): Fraction(1) / c}
            known[index] = _times(_affine(graph, node.parts[0], known), inverse)
        else:
            known[index] = {((index, 1),): 1}
    return known[index]


def _times(a: Mapping[Monomial, Rational], b: Mapping[Monomial, Rational]) -> dict[Monomial, Rational]:
    found: dict[Monomial, Rational] = {}
    for left, c in a.items():
        for right, d in b.items():
            powers = dict(left)
            for node, power in right:
                powers[node] = powers.get(node, 0) + power
            key = tuple(sorted((node, power) for node, power in powers.items() if power))
            found[key] = found.get(key, 0) + c * d
        if len(found) > MAX_TERMS:
            raise TooManyTerms(f"more than {MAX_TERMS:,} terms")
    return {m: tidy(c) for m, c in found.items() if c}
