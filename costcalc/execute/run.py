"""Runs a network node by node, and watches which arrays are alive.

In the literal mode a node runs by its literal kernel, on scalars that count themselves: slower a thousandfold, so what
would take too long is refused. How long it would take, the tallies of the fast kernels say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from costcalc.execute import kernels as _kernels  # noqa: F401 - registers them
from costcalc.execute.literal import LITERAL, LiteralWork, Tally
from costcalc.execute.literal.scalars import Scalar, floats, scalars
from costcalc.execute.work import KERNELS, Floats, Tensor, Work
from costcalc.execute.work import CannotRun as CannotRun
from costcalc.network import INPUT, Network, Node

MOST_LITERAL = 5_000_000  # operations of scalars: a quarter of a minute
FLOAT = 4  # bytes of a float32
OVERWRITING = frozenset({
    "batch_norm", "relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "gelu", "softmax",
    "layer_norm", "group_norm", "instance_norm", "rms_norm", "position_embedding", "leaky_relu", "prelu", "scale",
})  # fmt: skip


class NodeRun(NamedTuple):
    """What one node did: its output's sizes for one sample, its operations by class, its numbers by role."""

    path: str
    output: tuple[int, ...]
    operations: Mapping[str, int]
    parameters: Mapping[str, int]
    stored: Mapping[str, int] = {}  # bits of its compressed weights, by what they are for


class Execution(NamedTuple):
    """A run of a whole network: every node, the peak of bytes alive, the outputs by name."""

    nodes: tuple[NodeRun, ...]
    peak_bytes: int
    outputs: Mapping[str, Floats]


def execute(
    network: Network,
    batch: int = 1,
    seed: int = 0,
    step: Callable[[Node], None] = lambda _: None,
    literal: bool = False,
) -> Execution:
    """Runs the network on random samples; `step` is told each node before it runs. Raises CannotRun.

    `literal` does each operation by itself, on the same numbers.
    """
    for node in network.nodes:
        if node.kind not in (LITERAL if literal else KERNELS):
            raise CannotRun(f"`{node.path}`: kind `{node.kind}` has no kernel")
    if literal:
        _refuse_too_long(network, batch)
    rng = np.random.default_rng(seed)
    entry = rng.uniform(-1, 1, (batch, *(int(n) for n in network.input.dims))).astype(np.float32)  # type: ignore[call-overload]
    tally = Tally()
    first = scalars(entry, Scalar, tally) if literal else entry
    alive = _Alive(network, Tensor(first, network.input.sequence))
    runs = []
    with np.errstate(all="ignore"):  # random weights may well lead to infinity; the counts do not depend on it
        for node in network.nodes:
            step(node)
            inputs = [alive.tensors[name] for name in node.inputs]
            own = node.kind in OVERWRITING and alive.may_overwrite(node)
            done = _literal(node, inputs, rng, own, tally) if literal else _fast(node, inputs, rng, own)
            alive.add(node, done.tensor, done.workspace)
            runs.append(NodeRun(node.path, done.tensor.array.shape[1:], done.operations, done.parameters, done.stored))
            del inputs, done
    outputs = {name: alive.tensors[name].array for name in network.outputs}
    return Execution(tuple(runs), alive.peak, {n: floats(y) for n, y in outputs.items()} if literal else outputs)


class _Done(NamedTuple):
    """What a kernel leaves."""

    tensor: Tensor
    workspace: int
    operations: Mapping[str, int]
    parameters: Mapping[str, int]
    stored: Mapping[str, int]


def _fast(node: Node, inputs: list[Tensor], rng: np.random.Generator, own: bool) -> _Done:
    work = Work(inputs, node.attributes, rng, own)
    work.kept = [] if node.compress else None
    array = KERNELS[node.kind](work)
    stored = _stored(node, work)
    return _Done(Tensor(array, work.sequence), work.workspace, dict(+work.tally), dict(work.parameters), stored)


def _literal(node: Node, inputs: list[Tensor], rng: np.random.Generator, own: bool, tally: Tally) -> _Done:
    work = LiteralWork(inputs, node.attributes, rng, own, tally)
    work.maker.kept = [] if node.compress else None
    array = LITERAL[node.kind](work)
    stored = _stored(node, work.maker, literal=True)
    return _Done(Tensor(array, work.sequence), work.workspace, tally.take(), dict(work.parameters), stored)


def _stored(node: Node, work: Work, literal: bool = False) -> dict[str, int]:
    """The bits that its weights were written in, where they are compressed; literally, those that were read again."""
    if not node.compress or work.kept is None:
        return {}
    from costcalc.execute.decode import decode
    from costcalc.execute.encode import encode

    found: Counter[str] = Counter()
    for tensor in encode(node.kind, node.attributes, node.compress, work.kept, work.x.ndim - 2, keep=literal):
        bits, wrong = decode(tensor, node.compress) if literal else (tensor.stream.written, 0)
        found.update({f"bits of {part}": number for part, number in bits.items()})
        found.update({"weights that were read wrong": wrong} if wrong else {})
    return dict(found)


def _refuse_too_long(network: Network, batch: int) -> None:
    tallies = [run.operations for run in execute(network, batch).nodes]
    number = sum(n for tally in tallies for name, n in tally.items() if name != "valid_macs")  # some of the macs
    if number > MOST_LITERAL:
        raise CannotRun(
            f"it would take {number:,} operations one by one, and at most {MOST_LITERAL:,} are done;"
            " take a lower resolution, smaller widths or fewer samples"
        )


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
        owners = {id(owner): owner for t in self.tensors.values() for owner in [_owner(t.array)]}
        return sum(FLOAT * a.size if a.dtype == object else a.nbytes for a in owners.values())

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


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    """The array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
