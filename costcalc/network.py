"""The layer IR, the waist of the house: a flat, named, printable graph of nodes in the order in which they run.

Writers (a YAML spec, a foreign model) produce a `Network`; readers (the cost model, the executor) take one and know
nothing of each other. A node is data: the name of its kind and plain attribute values, no rule and no array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from costcalc.errors import Span
from costcalc.shape import Shape
from costcalc.units import written
from costcalc.version import VERSION

INPUT = "input"  # the name under which nodes read the network's input


class Node(NamedTuple):
    """One operation. `layer` is the path of the layer it was written in: a norm and an activation have their conv's.

    `span` is where that layer is written; `site` the row of a table, or the call of a block, that it comes of.
    `compress` is how its weights are stored, where that is not as they are; it changes no count.
    """

    path: str
    kind: str
    attributes: Mapping[str, Any]
    inputs: tuple[str, ...]
    output: Shape
    layer: str
    span: Span | None = None
    site: Span | None = None
    compress: Mapping[str, Any] | None = None

    @property
    def place(self) -> Span | None:
        """The line that is this node's alone, as far as there is one."""
        return self.site or self.span

    @property
    def stage(self) -> str:
        """The first element of the path."""
        return self.layer.partition("/")[0]


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Nodes in the order in which they run; every input of a node is `input` or the path of an earlier node."""

    name: str
    input: Shape
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""  # where the network was published
    origin: str = ""  # the file it was read from
    data: bytes = b""  # that file as it was

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every tensor by name."""
        return {INPUT: self.input, **{node.path: node.output for node in self.nodes}}

    @property
    def sha256(self) -> str:
        """The hash of the file it was read from."""
        import hashlib  # costs more than many a report

        return hashlib.sha256(self.data).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The printed form, as `costcalc convert` writes it: schema `costcalc/network/1`."""
        return {
            "schema": "costcalc/network/1",
            "version": VERSION,
            "network": {"name": self.name, "source": self.source, "sha256": self.sha256},
            "hyperparameters": {name: plain(value) for name, value in self.hyperparameters.items()},
            "input": list(self.input.dims),
            "outputs": list(self.outputs),
            "nodes": [_node_json(node) for node in self.nodes],
        }


def _node_json(node: Node) -> dict[str, Any]:
    span = node.span
    return {
        "path": node.path,
        "kind": node.kind,
        "attributes": {name: plain(value) for name, value in node.attributes.items()},
        "inputs": list(node.inputs),
        "output": list(node.output.dims),
        "layer": node.layer,
        "line": span.line if span else None,
        **({"compress": {name: plain(v) for name, v in node.compress.items()}} if node.compress else {}),
    }


def plain(value: Any) -> Any:
    """A value as JSON has it, exact: a fraction that no decimal equals becomes a string such as `6/7`."""
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    if isinstance(value, Fraction):
        text = written(value)
        return text if "/" in text or len(text) > 15 else float(text)
    return value
