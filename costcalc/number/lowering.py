"""Expressions made ready for arithmetic on whole arrays: fewer kinds of operation, fewer operations.

Every number becomes a quotient of two affine numbers without division inside; what only roundings do is left as
`quotient` (a floor). `make_divisible` becomes `d * max(floor(v/d + 1/2), ceil(9v/(10d)), 1)`: with u = v/d the nearest
integer t is above u - 1/2, and where t is below 0.9 u, t + 1 is the ceiling of 0.9 u. Sums are factored.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from costcalc.number.graph import Affine, Graph, tidy

ONE = Affine(1)


class Ratio(NamedTuple):
    """`top / bottom`; the bottom is 1 unless a hyper-parameter is divided by."""

    top: Affine
    bottom: Affine = ONE


class Lowering:
    """The lowered forms of the nodes of one graph; they are nodes of the same graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._nodes: dict[int, Ratio] = {}

    def whole(self, x: Affine) -> Affine:
        """A number that is whole at every point."""
        return self._floor(self.of(x))

    def sign(self, x: Affine) -> Affine:
        """A number with the sign of x."""
        top, bottom = self.of(x)
        return top if bottom == ONE else self.graph.product(top, bottom)

    def of(self, x: Affine) -> Ratio:
        for index in self.graph.needed([x], self._nodes):
            self._nodes[index] = self._node(index)
        return self._affine(x)

    def _affine(self, x: Affine) -> Ratio:
        graph, top, bottom = self.graph, Affine(x.constant), ONE
        plain = [self._nodes[n].top.scaled(c) for n, c in x.terms if self._nodes[n].bottom == ONE]
        top = graph.total([top, *plain])
        for node, c in x.terms:
            other = self._nodes[node]
            if other.bottom != ONE:
                crossed = (graph.product(top, other.bottom), graph.product(other.top.scaled(c), bottom))
                top, bottom = graph.total(crossed), graph.product(bottom, other.bottom)
        return Ratio(top, bottom)

    def _node(self, index: int) -> Ratio:
        graph, node = self.graph, self.graph.nodes[index]
        if node.op == "symbol":
            return Ratio(Affine(0, ((index, 1),)))
        parts = [self._affine(part) for part in node.parts]
        if node.op == "mul":
            (a, b), (c, d) = parts
            return Ratio(graph.product(a, c), graph.product(b, d))
        if node.op == "div":
            (a, b), (c, d) = parts
            ratio = Ratio(graph.product(a, d), graph.product(b, c))
            return Ratio(self._floor(ratio)) if node.whole else ratio
        if node.op in ("floor", "ceil"):
            return Ratio(self._floor(parts[0]) if node.op == "floor" else self._ceil(parts[0]))
        if node.op in ("max", "min"):
            return self._extreme(node.op, parts)
        if node.op == "gcd":
            return Ratio(graph.gcd(self._floor(parts[0]), self._floor(parts[1])))
        if node.op == "mod":
            value, by = parts
            times = self._floor(Ratio(graph.product(value.top, by.bottom), graph.product(value.bottom, by.top)))
            return self._sum(value, Ratio(graph.product(by.top, times).scaled(-1), by.bottom))
        if node.op == "made_divisible":
            return self._made_divisible(*parts)
        return Ratio(self._inside(*map(self._floor, parts)))

    def _sum(self, a: Ratio, b: Ratio) -> Ratio:
        graph = self.graph
        if a.bottom == b.bottom:
            return Ratio(graph.total((a.top, b.top)), a.bottom)
        crossed = (graph.product(a.top, b.bottom), graph.product(b.top, a.bottom))
        return Ratio(graph.total(crossed), graph.product(a.bottom, b.bottom))

    def _floor(self, x: Ratio) -> Affine:
        if not x.bottom.terms:
            return self.graph.floor(x.top.scaled(Fraction(1) / x.bottom.constant))
        return self.graph.node("quotient", (x.top, x.bottom), whole=True)

    def _ceil(self, x: Ratio) -> Affine:
        if not x.bottom.terms:
            return self.graph.ceil(x.top.scaled(Fraction(1) / x.bottom.constant))
        return self._floor(Ratio(x.top.scaled(-1), x.bottom)).scaled(-1)

    def _extreme(self, op: str, parts: list[Ratio]) -> Ratio:
        graph, found = self.graph, parts[0]
        if all(part.bottom == ONE for part in parts):
            return Ratio(graph.extreme(op, [part.top for part in parts]))
        for part in parts[1:]:  # over one positive denominator
            bottom = graph.product(found.bottom, part.bottom)
            a, b = graph.product(found.top, part.bottom), graph.product(part.top, found.bottom)
            tops = [graph.product(top, bottom) for top in (a, b)]
            found = Ratio(graph.extreme(op, tops), graph.product(bottom, bottom))
        return found

    def _made_divisible(self, value: Ratio, divisor: Ratio) -> Ratio:
        graph = self.graph
        if divisor.bottom == ONE and not divisor.top.terms:
            eighth = Fraction(1) / divisor.top.constant
            scaled = Ratio(value.top.scaled(eighth), value.bottom)
        else:
            scaled = Ratio(graph.product(value.top, divisor.bottom), graph.product(value.bottom, divisor.top))
        nearest = self._floor(self._sum(scaled, Ratio(Affine(Fraction(1, 2)))))
        at_least = self._ceil(Ratio(scaled.top.scaled(Fraction(9, 10)), scaled.bottom))
        times = graph.extreme("max", (nearest, at_least, ONE))
        return Ratio(graph.product(divisor.top, times), divisor.bottom)

    def _inside(self, size: Affine, outputs: Affine, taps: Affine, step: Affine, gap: Affine, before: Affine) -> Affine:
        """`number.taps_inside`, the taps one by one. Raises NotImplementedError where their number varies."""
        if taps.terms:
            raise NotImplementedError("the number of taps depends on the point")
        graph, found = self.graph, []
        for u in range(int(taps.constant)):
            offset = graph.total((before, gap.scaled(-u) if u else Affine(0)))
            end = graph.total((size, Affine(-1), offset))
            last = graph.extreme("min", (graph.total((outputs, Affine(-1))), self._floor(Ratio(end, step))))
            first = graph.extreme("max", (self._ceil(Ratio(offset, step)), Affine(0)))
            found.append(graph.extreme("max", (graph.total((last, first.scaled(-1), ONE)), Affine(0))))
        return graph.total(found)


def factored(graph: Graph, outputs: list[Affine]) -> list[Affine]:
    """The outputs with common factors taken out: s*a + s*b, whose products nothing else needs, becomes s*(a + b)."""
    uses: Counter[int] = Counter(node for x in outputs for node, _ in x.terms)
    for index in graph.needed(outputs):
        uses.update({node for x in graph.operands(index) for node, _ in x.terms})
    return [_factored(graph, x, uses) for x in outputs]


def _factored(graph: Graph, x: Affine, uses: Counter[int]) -> Affine:
    """The most common factor first; of those, the one that is most work to have in two places."""
    products = {n: graph.nodes[n].parts for n, _ in x.terms if graph.nodes[n].op == "mul" and uses[n] == 1}
    sharing: dict[Affine, list[int]] = {}
    for node, (a, b) in products.items():
        for part in (a,) if a == b else (a, b):
            sharing.setdefault(part, []).append(node)
    queue = [(-len(nodes), -len(part.terms), part) for part, nodes in sharing.items() if len(nodes) > 1]
    heapify(queue)
    left, found = dict(x.terms), []
    while queue:
        times, size, factor = heappop(queue)
        nodes = [node for node in sharing[factor] if node in products]
        if len(nodes) < -times:  # others of them were taken out before
            if len(nodes) > 1:
                heappush(queue, (-len(nodes), size, factor))
            continue
        inner = []
        for node in nodes:
            a, b = products.pop(node)
            inner.append((b if a == factor else a).scaled(left.pop(node)))
        found.append(graph.product(factor, _factored(graph, Graph.total(inner), uses)))
    return Graph.total((Affine(x.constant, tuple(left.items())), *found))


def common_denominator(x: Affine, denominators: dict[int, int]) -> tuple[list[tuple[int, int]], int, int]:
    """The number as `(sum(factor * numerator of node) + constant) / denominator` in whole numbers."""
    exact = [(node, Fraction(c) / denominators[node]) for node, c in x.terms]
    denominator = math.lcm(x.constant.denominator, *(c.denominator for _, c in exact))
    terms = [(node, int(c * denominator)) for node, c in exact]
    return terms, int(tidy(Fraction(x.constant) * denominator)), denominator
