"""A network beside its standard form, row for row: what is left of the cost of standard convolutions.

A depthwise convolution and the 1x1 one after it have one counterpart, so the rows that hold the two become one row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from costcalc.cost.report import By, Report, Row, merged
from costcalc.explore.comparison import of_report, of_row
from costcalc.network import Node

NAMED = 3  # parts of a row that are named in it; of more it says how many there are


class Pair(NamedTuple):
    """A row of a report and the same layers in standard form; None on the side where there is nothing of it."""

    path: str
    own: Row | None
    standard: Row | None

    def ratio(self, name: str) -> Fraction | None:
        """What is left of the standard form's number."""
        return of_row(self.own, name).ratio(of_row(self.standard, name))


class Contrast(NamedTuple):
    """A report and that of its standard form; `pairs` as in `explore.baseline.StandardForm`."""

    report: Report
    standard: Report
    pairs: Mapping[str, tuple[str, ...]]

    @property
    def unpaired(self) -> int:
        """The depthwise layers that no 1x1 convolution follows at once."""
        paired = {path for chain in self.pairs.values() for path in chain}
        return sum(node.kind == "depthwise" and node.path not in paired for node in self.report.network.nodes)

    def ratio(self, name: str) -> Fraction | None:
        """What is left of the standard form's total."""
        return of_report(self.report, name).ratio(of_report(self.standard, name))

    def rows(
        self, by: By = "layer", depth: int | None = None, sort: str = "order", top: int | None = None
    ) -> list[Pair]:
        """The rows as `Report.rows` has them, sorted by the report's own numbers, each with its counterpart.

        Two layers with one counterpart are one row, called `a + b`; so are two stages that share such a pair. By kind,
        a pair is a kind of its own. Raises UsageError.
        """
        self.report.rows(by, depth)  # says what is wrong with these
        names = _names(self, by, depth)
        own, other = (_renamed(report, names) for report in (self.report, self.standard))
        consists = _distinct if by == "kind" and depth is None else _layers
        kinds, standard_kinds = _kinds(own, consists), _kinds(other, consists)
        opposite = {row.path: _called(row, standard_kinds) for row in other.rows("layer")}
        pairs = []
        for row in own.rows("layer", None, sort, top):
            if row.path in kinds:
                pairs.append(Pair(row.path, _called(row, kinds), opposite.pop(row.path, None)))
            else:  # what `top` left out
                rest = merged(row.path, list(opposite.values())) if opposite else None
                pairs.append(Pair(row.path, row, rest))
        return pairs


def _names(contrast: Contrast, by: By, depth: int | None) -> dict[str, str]:
    """The name of the row that each node belongs to, by the node's path."""
    nodes = contrast.report.network.nodes
    if by == "kind" and depth is None:
        names = {row.path: row.kind for row in contrast.report.layers}
        both = {last: f"{names[chain[0]]} + {names[last]}" for last, chain in contrast.pairs.items()}
        return names | both | {contrast.pairs[last][0]: name for last, name in both.items()}
    names = {node.path: _group(node, by, depth) for node in nodes}
    groups = _Groups(names.values())
    for chain in contrast.pairs.values():
        groups.join([names[path] for path in chain])
    called = groups.called()
    return {path: called[name] for path, name in names.items()}


def _group(node: Node, by: By, depth: int | None) -> str:
    if depth is not None:
        return "/".join(node.layer.split("/")[:depth])
    return {"node": node.path, "stage": node.stage}.get(by, node.layer)


class _Groups:
    """Groups of nodes, given in their order, of which some turn out to be one."""

    def __init__(self, names: Iterable[str]) -> None:
        self.order = {name: i for i, name in enumerate(dict.fromkeys(names))}
        self.into: dict[str, str] = {}  # a group: another that it is part of
        self.ends: dict[str, set[str]] = {}  # such another: the groups it is called after

    def find(self, name: str) -> str:
        while name in self.into:
            name = self.into[name]
        return name

    def join(self, names: Sequence[str]) -> None:
        """Makes these one, called after the first and the last of them."""
        first, roots = self.find(names[0]), {self.find(name) for name in names}
        ends = self.ends.setdefault(first, set())
        ends.update((names[0], names[-1]))
        for root in roots - {first}:
            self.into[root] = first
            ends |= self.ends.pop(root, set())

    def called(self) -> dict[str, str]:
        """What the whole is called that each group is part of, as in `stage1/depthwise + conv`."""
        names = {root: self._name(root) for root in self.order if root not in self.into}
        return {group: names[self.find(group)] for group in self.order}

    def _name(self, root: str) -> str:
        first, *others = sorted(self.ends.get(root, {root}), key=self.order.__getitem__)
        folder = first.rpartition("/")[0] + "/"
        short = [name.removeprefix(folder) for name in others]
        return " + ".join([first, *short] if len(short) < NAMED else [first, "...", short[-1]])


def _renamed(report: Report, names: Mapping[str, str]) -> Report:
    """The report with each node in the layer of this name."""
    nodes = tuple(node._replace(layer=names[node.path]) for node in report.network.nodes)
    return report._replace(network=dataclasses.replace(report.network, nodes=nodes))


def _kinds(report: Report, consists: Callable[[Sequence[Row]], str]) -> dict[str, str]:
    """What each row consists of, by its name."""
    found: dict[str, list[Row]] = {}
    for node, row in zip(report.network.nodes, report.layers, strict=True):
        found.setdefault(node.layer, []).append(row)
    return {name: consists(rows) for name, rows in found.items()}


def _layers(rows: Sequence[Row]) -> str:
    """The kinds of a row's layers in order, or how many nodes they are; a norm that belongs to a layer is none."""
    paths = {row.path for row in rows}
    layers = [row.kind + row.step for row in rows if row.path.rpartition("/")[0] not in paths]
    return " + ".join(layers) if len(layers) <= NAMED else f"{len(rows)} nodes"


def _distinct(rows: Sequence[Row]) -> str:
    """The kinds in a row of one kind, which in standard form may be several."""
    return " + ".join(dict.fromkeys(row.kind for row in rows))


def _called(row: Row, kinds: Mapping[str, str]) -> Row:
    return row._replace(kind=kinds[row.path], step="")
