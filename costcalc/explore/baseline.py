"""A network rewritten with standard convolutions: what depthwise, separable and grouped ones are measured against.

Every kind knows the standard layer that can stand in its place, and whether it makes a pair with the 1x1 convolution
after it; here these are put into the flat graph. Of a pair the norms and activations between vanish, as they are not
there in the paper's Conv MobileNet (Howard et al. 2017, arXiv:1704.04861, figure 3 left, table 4). Everything else
stays as it is, channel shuffles too: they move numbers, and cost no arithmetic.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from costcalc.kinds import REGISTRY, Kind
from costcalc.network import Network, Node
from costcalc.shape import Shape


class StandardForm(NamedTuple):
    """The rewritten network. A layer that stands for a pair has the path of the second; `pairs` has the first's too.

    `pairs` maps that path to all that the layer replaces, from the depthwise convolution to the 1x1 one.
    """

    network: Network
    pairs: Mapping[str, tuple[str, ...]]


def standard_form(network: Network) -> StandardForm:
    """The network with each layer in its standard form, every tensor that is left of the same shape."""
    graph = _Graph(network)
    joint: dict[str, tuple[Node, Kind]] = {}  # the second layer of a pair: the first, and what replaces both
    pairs: dict[str, tuple[str, ...]] = {}
    gone: set[str] = set()
    for node in network.nodes:
        if node.path in joint or graph.kind(node).role != "layer":
            continue
        chain = graph.chain(node)
        both = graph.kind(node).standard_pair(graph.inputs(node), graph.kind(chain[-1])) if len(chain) > 1 else None
        if both is not None:
            last = chain[-1].path
            joint[last], pairs[last] = (node, both), tuple(n.path for n in chain)
            gone.update(pairs[last][:-1])
    nodes = (_rewritten(graph, node, joint) for node in network.nodes if node.path not in gone)
    name = f"{network.name} with standard convolutions" if network.name else ""
    return StandardForm(dataclasses.replace(network, name=name, nodes=tuple(nodes)), pairs)


def _rewritten(graph: _Graph, node: Node, joint: Mapping[str, tuple[Node, Kind]]) -> Node:
    """The node in its standard form."""
    first, kind = joint[node.path] if node.path in joint else (node, graph.kind(node).standard(graph.inputs(node)))
    if kind is None:
        return node
    attributes = {name: value for name, value in vars(kind).items() if value is not None}
    output = kind.infer(graph.inputs(first))
    return node._replace(kind=kind.name, attributes=attributes, inputs=first.inputs, output=output, compress=None)


class _Graph:
    """A network and who reads what in it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.readers: dict[str, list[Node | None]] = {name: [None] for name in network.outputs}  # None: the user
        for node in network.nodes:
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)

    def kind(self, node: Node) -> Kind:
        return REGISTRY[node.kind](node.attributes)

    def inputs(self, node: Node) -> list[Shape]:
        return [self.network.shapes[name] for name in node.inputs]

    def chain(self, node: Node) -> list[Node]:
        """The node, the norms and activations that follow it, the layer after them; as far as each alone reads it."""
        chain = [node]
        while True:
            readers = self.readers.get(chain[-1].path, [])
            if len(readers) != 1 or readers[0] is None:
                return chain
            chain.append(readers[0])
            if REGISTRY[readers[0].kind].role == "layer":
                return chain
