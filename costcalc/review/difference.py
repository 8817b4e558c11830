"""Two networks laid over each other: what changed in which layer, and what each change costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from costcalc.budgets import METRICS
from costcalc.cost import DTYPES, Report, Row
from costcalc.network import INPUT, Node, plain
from costcalc.number import ceil_div
from costcalc.review.align import Entry, align
from costcalc.review.record import PER_LAYER, digest_of
from costcalc.shape import Shape

How = Literal["same", "changed", "added", "removed"]


class Attribute(NamedTuple):
    """Something of a layer that is another now; None where there is none."""

    name: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"with {self.new}"
        return f"without {self.old}" if self.new is None else f"{self.name} {self.old} -> {self.new}"


class LayerChange(NamedTuple):
    """A layer before and after; `moved` where it stands elsewhere in the order."""

    how: How
    moved: bool
    old: Row | None
    new: Row | None
    attributes: tuple[Attribute, ...]
    costs: Mapping[str, tuple[int, int]]  # before and after, by PER_LAYER

    @property
    def path(self) -> str:
        return self.new.path if self.new else self.old.path if self.old else ""

    @property
    def renamed(self) -> bool:
        return bool(self.old and self.new and self.old.path != self.new.path)


class Difference(NamedTuple):
    """Two reports and their layers, each once."""

    old: Report
    new: Report
    layers: tuple[LayerChange, ...]

    @property
    def totals(self) -> dict[str, tuple[int, int]]:
        """Before and after, by METRICS."""
        return {m: (getattr(self.old.totals, m), getattr(self.new.totals, m)) for m in METRICS}

    @property
    def rewired(self) -> bool:
        """Whether some layer reads from another than before, or the outputs are others.

        What follows from layers that are new, gone or moved is not told again.
        """
        names = {layer.old.path: layer.new.path for layer in self.layers if layer.old and layer.new}
        if not names:  # a network that is new or gone
            return False
        moved = {layer.path for layer in self.layers if layer.moved}
        before, after = _wires(self.old, names), _wires(self.new, {})
        was = {new: old for old, new in names.items()}
        for path in before.keys() & after.keys() - moved:
            for old, new in zip(before[path], after[path], strict=False):
                known = new == INPUT or new in was
                if old is not None and known and old != new and not {old, new} & moved:
                    return True
        outputs: list[list[Any]] = [_layers_of(_owners(r), r.network.outputs) for r in (self.old, self.new)]
        outputs[0] = [names.get(path) for path in outputs[0]]
        if len(outputs[0]) != len(outputs[1]):
            return True
        known_outputs = [(old, new) for old, new in zip(*outputs, strict=True) if old is not None and new in was]
        return any(old != new and not {old, new} & moved for old, new in known_outputs)

    @property
    def same(self) -> bool:
        """Whether nothing is to be told."""
        as_they_were = all(c.how == "same" and not c.renamed and not c.moved for c in self.layers)
        alike = all(old == new for old, new in self.totals.values())
        return as_they_were and alike and not self.rewired and self.old.network.input == self.new.network.input


def difference(old: Report, new: Report, of_one: bool = False) -> Difference:
    """The difference of two reports; `of_one` where they are settings of one spec, whose names mean the same layers."""
    sides = [_layers(report) for report in (old, new)]
    pairs = align([side[0] for side in sides[0]], [side[0] for side in sides[1]], of_one)
    found = []
    for pair in pairs:
        before = None if pair.old is None else sides[0][pair.old]
        after = None if pair.new is None else sides[1][pair.new]
        rows = before and before[1], after and after[1]
        bits = DTYPES[old.dtype], DTYPES[new.dtype]
        costs = {m: (_cost(rows[0], m, bits[0]), _cost(rows[1], m, bits[1])) for m in PER_LAYER}
        changed = pair.how == "changed" and before and after
        attributes = _attributes(before[2], after[2], old, new) if changed and before and after else ()
        how: How = "same" if pair.how == "moved" else pair.how
        found.append(LayerChange(how, pair.how == "moved", *rows, attributes, costs))
    return Difference(old, new, tuple(found))


def _layers(report: Report) -> list[tuple[Entry, Row, list[Node]]]:
    network = report.network
    nodes: dict[str, list[Node]] = {}
    for node in network.nodes:
        nodes.setdefault(node.layer, []).append(node)
    shapes = {name: shape.dims for name, shape in network.shapes.items()}
    rows = report.rows("layer")
    return [(Entry(r.path, r.kind, digest_of(nodes[r.path], shapes)), r, nodes[r.path]) for r in rows]


def _cost(row: Row | None, metric: str, bits: int) -> int:
    if row is None:
        return 0
    if metric == "weight_bytes":
        return int(ceil_div(row.params * bits, 8))
    return int(getattr(row, metric) or 0)


def _attributes(before: Sequence[Node], after: Sequence[Node], old: Report, new: Report) -> tuple[Attribute, ...]:
    """What is another in a layer: its kind or its attributes, what follows it, its input, else its output."""
    first, last = before[0], after[0]
    found = []
    if first.kind != last.kind:
        found.append(Attribute("kind", first.kind, last.kind))
    else:
        found += _differing(first, last, "")
    found += _followers(before[1:], after[1:])
    ins = [" + ".join(str(report.network.shapes[name]) for name in node.inputs) for report, node in
           ((old, first), (new, last))]  # fmt: skip
    if ins[0] != ins[1]:
        found.append(Attribute("input", *ins))
    outs = str(before[-1].output), str(after[-1].output)
    if outs[0] != outs[1] and not found:
        found.append(Attribute("output", *outs))
    return tuple(found)


def _differing(old: Node, new: Node, prefix: str) -> list[Attribute]:
    first, last = ({**n.attributes, **{f"compress {k}": v for k, v in (n.compress or {}).items()}} for n in (old, new))
    both = [(name, first.get(name), last.get(name)) for name in dict.fromkeys([*first, *last])]
    return [Attribute(f"{prefix}{name}", _shown(a), _shown(b)) for name, a, b in both if a != b]


def _followers(before: Sequence[Node], after: Sequence[Node]) -> list[Attribute]:
    """The norms and activations written into a layer: those replaced, new, gone, or with other attributes."""
    found: list[Attribute] = []
    left = list(after)
    gone = []
    for node in before:
        match = next((other for other in left if other.kind == node.kind), None)
        if match is None:
            gone.append(node)
            continue
        left.remove(match)
        found += _differing(node, match, f"{node.kind} ")
    while gone and left:
        found.append(Attribute("followed by", gone.pop(0).kind, left.pop(0).kind))
    found += [Attribute("", node.kind, None) for node in gone]
    return found + [Attribute("", None, node.kind) for node in left]


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, tuple):
        return "x".join(map(_shown, value))
    return str(value) if isinstance(value, Shape) else str(plain(value))


def _wires(report: Report, names: Mapping[str, str]) -> dict[str, list[str | None]]:
    """Which layers a layer reads, in order; by the names of the other network where `names` has any, None if gone."""
    found: dict[str, list[str | None]] = {}
    owners = _owners(report)
    for node in report.network.nodes:
        read = [path for path in _layers_of(owners, node.inputs) if path != node.layer]
        called = [path if not names or path == INPUT else names.get(path) for path in read]
        to = names.get(node.layer) if names else node.layer
        if to is not None:
            found.setdefault(to, []).extend(called)
    return found


def _owners(report: Report) -> dict[str, str]:
    return {node.path: node.layer for node in report.network.nodes}


def _layers_of(owners: Mapping[str, str], paths: Iterable[str]) -> list[str]:
    """The layers that nodes belong to; the network's input by its own name."""
    return [owners.get(path, path) for path in paths]


def ratio(totals: tuple[int, int]) -> Fraction | None:
    """After by before; None by nothing."""
    return Fraction(totals[1], totals[0]) if totals[0] else None
