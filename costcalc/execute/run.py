"""Runs a network node by node, and watches which arrays are alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from costcalc.execute import kernels as _kernels  # noqa: F401 - registers them
from costcalc.execute.work import KERNELS, Floats, Tensor, Work
from costcalc.network import INPUT, Network, Node

OVERWRITING = frozenset({
    "batch_norm", "relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "gelu", "softmax",
})  # fmt: skip


class NodeRun(NamedTuple):
    """What one node did: its output's sizes for one sample, its operations by class, its numbers by role."""

    path: str
    output: tuple[int, ...]
    operations: Mapping[str, int]
    parameters: Mapping[str, int]


class Execution(NamedTuple):
    """A run of a whole network: every node, the peak of bytes alive, the outputs by name."""

    nodes: tuple[NodeRun, ...]
    peak_bytes: int
    outputs: Mapping[str, Floats]


class CannotRun(Exception):  # noqa: N818 - it says what is the matter
    """A node that has no kernel."""


def execute(
    network: Network, batch: int = 1, seed: int = 0, step: Callable[[Node], None] = lambda _: None
) -> Execution:
    """Runs the network on random samples; `step` is told each node before it runs. Raises CannotRun."""
    rng = np.random.default_rng(seed)
    entry = rng.uniform(-1, 1, (batch, *map(int, network.input.dims))).astype(np.float32)
    alive = _Alive(network, Tensor(entry, network.input.sequence))
    runs = []
    for node in network.nodes:
        if node.kind not in KERNELS:
            raise CannotRun(f"`{node.path}`: kind `{node.kind}` has no kernel")
        step(node)
        inputs = [alive.tensors[name] for name in node.inputs]
        work = Work(inputs, node.attributes, rng, node.kind in OVERWRITING and alive.may_overwrite(node))
        array = KERNELS[node.kind](work)
        alive.add(node, Tensor(array, work.sequence), work.workspace)
        runs.append(NodeRun(node.path, array.shape[1:], dict(work.tally), dict(work.parameters)))
        del inputs, work, array
    return Execution(tuple(runs), alive.peak, {name: alive.tensors[name].array for name in network.outputs})


class _Alive:
    """The tensors that something will still read, and the most bytes that they ever held."""

    def __init__(self, network: Network, entry: Tensor) -> None:
        self.readers: dict[str, int] = dict.fromkeys(network.outputs, 1)
        for node in network.nodes:
            for name in node.inputs:
                self.readers[name] = self.readers.get(name, 0) + 1
        self.tensors = {INPUT: entry}
        self.peak = self.bytes()

    def bytes(self) -> int:
        """The bytes of all arrays alive, memory that several share once."""
        owners = {id(owner): owner.nbytes for t in self.tensors.values() for owner in [_owner(t.array)]}
        return sum(owners.values())

    def may_overwrite(self, node: Node) -> bool:
        """Whether the node is the last reader of its input, and of everything that shares memory with it."""
        mine = _owner(self.tensors[node.inputs[0]].array)
        sharing = [name for name, t in self.tensors.items() if _owner(t.array) is mine]
        return sharing == [node.inputs[0]] and self.readers[node.inputs[0]] == 1

    def add(self, node: Node, tensor: Tensor, workspace: int) -> None:
        """Takes in an output, and lets go of what was read for the last time."""
        self.tensors[node.path] = tensor
        self.peak = max(self.peak, self.bytes() + workspace)
        for name in node.inputs:
            self.readers[name] -= 1
        for name in {*node.inputs, node.path}:
            if self.readers.get(name, 0) == 0:
                del self.tensors[name]


def _owner(array: Floats) -> Floats:
    """The array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
