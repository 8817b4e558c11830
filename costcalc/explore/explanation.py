"""Why a layer costs what it costs: formula, numbers, result, memory, and what stands in its place as a standard layer.

Every number is that of the report; a formula that gives another is a bug and never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from costcalc.cost import DTYPES, Report
from costcalc.cost.report import Row, merged
from costcalc.explore.baseline import standard_form
from costcalc.explore.instead import Ratio, alone, counted, double_of, paired
from costcalc.explore.picking import Nodes, picked
from costcalc.formulas import Disproved, Double, Formula, Symbol, Symbols, census_formulas
from costcalc.formulas.symbols import in_order
from costcalc.network import Node
from costcalc.number import tidy
from costcalc.shape import Shape

TOP = 5  # layers that are explained where none is named


class Memory(NamedTuple):
    """The elements that a node reads and writes; a view touches none."""

    inputs: int
    parameters: int
    outputs: int
    bits: int  # of one element

    @property
    def elements(self) -> int:
        return self.inputs + self.parameters + self.outputs

    def size(self, elements: int) -> Fraction | int:
        """The bytes of so many elements, not rounded."""
        return tidy(Fraction(elements * self.bits, 8))  # type: ignore[no-any-return]


class Explained(NamedTuple):
    """One node. Of what cannot be counted, the census is empty and the cost None."""

    row: Row
    census: Mapping[str, Formula]  # of the classes that are not zero
    cost: Formula | None  # under the convention
    memory: Memory
    standard: Ratio | None  # None where it is a standard layer itself, or none stands in its place
    symbols: tuple[Symbol, ...]
    stored: Formula | None = None  # the bits of its parameters, where its weights are compressed

    @property
    def intensity(self) -> Fraction | None:
        """Multiply-adds for each byte that is read or written; None where there are none."""
        moved = self.row.memory_access_bytes
        return Fraction(self.row.madds, moved) if moved and self.row.madds else None


class ExplainedLayer(NamedTuple):
    """A layer with its norm and activation; `alike` are the paths of others of which the same is true."""

    row: Row
    nodes: tuple[Explained, ...]
    pair: Ratio | None  # where it is one half of a depthwise-separable pair
    alike: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.row.path


class Explanation(NamedTuple):
    """Some layers of a report; `named` is what was asked for, empty where they are those that cost most.

    `tied` are the paths of others that cost as much as the last of them.
    """

    report: Report
    named: str
    layers: tuple[ExplainedLayer, ...]
    tied: tuple[str, ...] = ()


def explain(report: Report, layer: str | None = None, top: int | None = None) -> Explanation:
    """The layer of a path, or those of a stage; without one, the `top` layers that cost most, five by default.

    The beginning of a path may be left out where only one layer ends so. Raises UsageError.
    """
    source = _Source(report)
    groups, tied = picked(report, layer, TOP if layer is None and top is None else top, source.signature)
    layers = (source.explained(first)._replace(alike=tuple(map(_path, others))) for first, *others in groups)
    return Explanation(report, layer or "", tuple(layers), tied)


class _Source:
    """A report and what else is needed to explain its layers."""

    def __init__(self, report: Report) -> None:
        self.report, self.network = report, report.network
        self.rows = {row.path: row for row in report.layers}
        self.nodes = {node.path: node for node in self.network.nodes}

    @cached_property
    def pairs(self) -> dict[str, tuple[Node, Node]]:
        """The two layers of each depthwise-separable pair, by the path of either."""
        chains = standard_form(self.network).pairs.values()
        ends = [(self.nodes[chain[0]], self.nodes[chain[-1]]) for chain in chains]
        return {node.path: pair for pair in ends for node in pair}

    def inputs(self, node: Node) -> list[Shape]:
        return [self.network.shapes[name] for name in node.inputs]

    def signature(self, nodes: Nodes) -> Any:
        """Equal for layers whose explanations differ in their names alone."""
        related = [*nodes, *(other for node in nodes for other in self.pairs.get(node.path, ()))]
        described = ((n, tuple(sorted((n.compress or {}).items()))) for n in related)
        return tuple((n.kind, tuple(sorted(n.attributes.items())), how, tuple(self.inputs(n))) for n, how in described)

    def explained(self, nodes: Nodes) -> ExplainedLayer:
        """A layer: its nodes in the same symbols, as far as each reads the one before."""
        symbols, before, output = Symbols(), "", Shape(0)
        found = []
        for node in nodes:
            chained = node.inputs == (before,)
            symbols = symbols if chained else Symbols()
            layer = double_of(symbols, self.network, node, [output] if chained else None)
            found.append(self._node(symbols, node, layer))
            before, output = node.path, layer.symbolic.output
        pair = next((self.pairs[node.path] for node in nodes if node.path in self.pairs), None)
        row = merged(_path(nodes), [x.row for x in found]) if len(nodes) > 1 else found[0].row
        return ExplainedLayer(row, tuple(found), paired(self.report, *pair) if pair else None)

    def _node(self, symbols: Symbols, node: Node, layer: Double) -> Explained:
        row = self.rows[node.path]
        census = census_formulas(symbols, layer, self.report.batch)
        cost, number = counted(symbols, self.report, layer)
        if row.census is not None and any(f.value != getattr(row.census, name) for name, f in census.items()):
            raise Disproved(f"the formulas of {node.path} are not those of its report")
        if number != row.count:
            raise Disproved(f"the count of {node.path} is {number}, reported are {row.count}")
        count = None if number is None else symbols.formula(f"the count of {node.path}", cost, number)
        bits = self._stored(symbols, node, layer) if node.compress else None
        standard = alone(symbols, self.report, node.path, layer)
        compared = (standard.own, standard.standard) if standard else ()
        used = in_order(s for f in (*census.values(), *filter(None, (count, bits)), *compared) for s in f.symbols)
        return Explained(row, census, count, self._memory(node, layer), standard, used, bits)

    def _stored(self, symbols: Symbols, node: Node, layer: Double) -> Formula | None:
        """The bits of what is stored, in the letters of its scheme."""
        from costcalc.storage import SCHEME, Scheme, stored

        given, dtype = node.compress or {}, DTYPES[self.report.dtype]
        lifted = {
            name: symbols.number(SCHEME[name].letter, value, SCHEME[name].doc)
            if SCHEME[name].letter and not isinstance(value, str)
            else value
            for name, value in given.items()
        }
        bits = []
        for x, values in zip(layer, (lifted, given), strict=True):
            census = x.census()
            if census is None:
                return None
            bits.append(stored(Scheme(values), x.kind.banks(x.inputs, x.output), census, dtype).bits)
        return symbols.formula(f"the bits of {node.path}", *bits)

    def _memory(self, node: Node, layer: Double) -> Memory:
        report, row, bits = self.report, self.rows[node.path], DTYPES[self.report.dtype]
        sizes = [sum(int(x.size) for x in shapes) * report.batch for shapes in (self.inputs(node), [node.output])]  # type: ignore[call-overload]
        memory = Memory(sizes[0], row.params, sizes[1], bits)
        if layer.counted.kind.storage_of(self.inputs(node)) == "view":
            memory = Memory(0, 0, 0, bits)
        if -(-memory.elements * bits // 8) != row.memory_access_bytes:
            raise Disproved(f"the memory access of {node.path} is not that of {memory.elements} elements")
        return memory


def _path(nodes: Nodes) -> str:
    """The layer, or the one node of it that is meant."""
    return nodes[0].layer if len(nodes) > 1 else nodes[0].path
