"""What is kept of a network at one setting: exact totals and layers, and a hash of all that its counts depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from costcalc.budgets import METRICS, STORED
from costcalc.budgets.rule import WHOLE
from costcalc.cost import DTYPES
from costcalc.cost.report import Report, Row
from costcalc.network import Node, plain
from costcalc.number import ceil_div
from costcalc.spec.hyperparameters import shown

PER_LAYER = tuple(metric for metric in METRICS if metric not in WHOLE)


class Layer(NamedTuple):
    """A layer with what was written into it: its norm and its activation are counted with it."""

    path: str
    kind: str  # with its window, as in `conv 3x3/2`
    digest: str  # of kinds, attributes and shapes, whatever it is called: the same for layers that are the same
    output: tuple[Any, ...]
    totals: Mapping[str, int]  # by PER_LAYER


class Record(NamedTuple):
    """A network at one setting."""

    spec: str  # its file, from the top of what is reviewed
    settings: Mapping[str, Any]  # as they were asked for; the others have their defaults
    convention: str
    batch: int
    dtype: str
    sha256: str  # of the resolved network: not of comments, nor of how it is written
    status: str
    totals: Mapping[str, int]  # by METRICS, and STORED where the network compresses something
    layers: tuple[Layer, ...]
    kinds: Mapping[str, Mapping[str, int]]  # of the nodes of each kind, by PER_LAYER

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from other records of a lock."""
        return self.spec, tuple(sorted(self.settings.items())), self.convention, self.batch, self.dtype

    def total(self, metric: str) -> int:
        """One of the totals; what is stored are the weights, where none are compressed."""
        return self.totals.get(metric, self.totals["weight_bytes"]) if metric in STORED else self.totals[metric]

    @property
    def title(self) -> str:
        """`specs/mobilenet_v1.yaml alpha=0.75`."""
        settings = ", ".join(f"{name}={shown(value)}" for name, value in self.settings.items())
        counted = [] if self.convention == "paper" else [self.convention]
        counted += [f"batch {self.batch}"] * (self.batch != 1) + [self.dtype] * (self.dtype != "float32")
        return " ".join(filter(None, [self.spec, settings, f"({', '.join(counted)})" if counted else ""]))


def record_of(report: Report, spec: str, settings: Mapping[str, Any], compared: bool = True) -> Record:
    """The record of a report; the hashes, which take time, only where it is to be compared or kept."""
    network = report.network
    parts: dict[str, list[Node]] = {}
    for node in network.nodes:
        parts.setdefault(node.layer, []).append(node)
    shapes = {name: shape.dims for name, shape in network.shapes.items()}
    digests = {path: digest_of(nodes, shapes) if compared else "" for path, nodes in parts.items()}
    layers = tuple(_layer(row, digests[row.path], report.dtype) for row in report.rows("layer"))
    whole = compared and [
        list(network.input.dims),
        list(network.outputs),
        [[n.path, n.layer, *_node(n)] for n in network.nodes],
    ]
    metrics = METRICS if report.stored is None else (*METRICS, *STORED)
    totals = {metric: getattr(report.totals, metric) for metric in metrics}
    return Record(
        spec, dict(settings), report.convention.name, report.batch, report.dtype, _hash(whole), report.status, totals,
        layers, {row.path: _totals(row, report.dtype) for row in report.rows("kind")},
    )  # fmt: skip


def _layer(row: Row, digest: str, dtype: str) -> Layer:
    output = tuple(row.output.dims) if row.output else ()
    return Layer(row.path, f"{row.kind}{row.step}", digest, output, _totals(row, dtype))


def _totals(row: Row, dtype: str) -> dict[str, int]:
    own = {metric: getattr(row, metric) or 0 for metric in PER_LAYER if metric != "weight_bytes"}
    own["weight_bytes"] = ceil_div(row.params * DTYPES[dtype], 8)
    return {metric: own[metric] for metric in PER_LAYER}


def digest_of(nodes: Iterable[Node], shapes: Mapping[str, Any]) -> str:
    """What a layer is, apart from its name: kinds, attributes, shapes of what goes in and comes out."""
    described = [[n.kind, _attributes(n), [shapes[i] for i in n.inputs], n.output.dims] for n in nodes]
    return _hash(described)[:16]


def _node(node: Node) -> list[Any]:
    return [node.kind, _attributes(node), list(node.inputs), list(node.output.dims)]


def _attributes(node: Node) -> dict[str, Any]:
    values = {**node.attributes, **({"compress": node.compress} if node.compress else {})}
    return {name: plain(value) for name, value in sorted(values.items())}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":"), sort_keys=True, default=str).encode()).hexdigest()
