"""Which tensors are alive when: the activations a network writes, and the most that are alive at once.

Nodes run in the given order. A tensor lives from its producer to its last reader; outputs and the input until they are
no longer needed. A view (flatten, most splits) shares its input's memory; a norm or an activation overwrites its input
where nothing reads that again. Every other output is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from costcalc.kinds import Kind
from costcalc.network import INPUT, Network
from costcalc.number import Number, maximum


class _Buffer:
    """Memory of `size` elements, needed until node `last` has run."""

    __slots__ = ("last", "size")

    def __init__(self, size: Number, last: int) -> None:
        self.size, self.last = size, last


class Liveness(NamedTuple):
    """For one sample: the elements that each node writes into new memory, and the peak of live elements."""

    written: Sequence[Number]
    peak: Number


def liveness(network: Network, kinds: Sequence[Kind]) -> Liveness:
    """The liveness of a network's tensors; `kinds` has the kind of every node."""
    shapes = network.shapes
    last_use = {name: index for index, node in enumerate(network.nodes) for name in node.inputs}
    last_use.update(dict.fromkeys(network.outputs, len(network.nodes)))
    buffers = {INPUT: _Buffer(network.input.size, last_use.get(INPUT, -1))}
    live: Number = network.input.size if network.nodes else 0  # where nothing runs, nothing comes in
    peak = live
    written: list[Number] = []
    for index, (node, kind) in enumerate(zip(network.nodes, kinds, strict=True)):
        needed = last_use.get(node.path, index)
        source = buffers[node.inputs[0]]
        inputs = [shapes[name] for name in node.inputs]
        storage = kind.storage_of(inputs)
        if storage == "view" or (storage == "in_place" and source.last <= index):
            source.last = max(source.last, needed)
            buffers[node.path] = source
            written.append(0)
        else:
            buffers[node.path] = _Buffer(node.output.size, needed)
            written.append(node.output.size)
            live = live + node.output.size
        peak = maximum(peak, live + kind.workspace(inputs, node.output))
        done = {id(b): b for name in (*node.inputs, node.path) if (b := buffers[name]).last <= index}
        for buffer in done.values():
            live = live - buffer.size
            buffer.size = 0
    return Liveness(written, peak)
