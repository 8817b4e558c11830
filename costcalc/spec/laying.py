"""Laying out one layer: its attributes evaluated, the node of its kind, and those of the norm and activation after it.

A layer that cannot be leaves a tensor of unknown shape, and a problem with the way there and the shapes so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from costcalc.errors import Span
from costcalc.kinds import REGISTRY, Kind, KindError
from costcalc.kinds.attributes import MAX_SIZE
from costcalc.network import INPUT, Node
from costcalc.number import NotWhole
from costcalc.shape import Shape
from costcalc.spec.document import Document
from costcalc.spec.hyperparameters import shown
from costcalc.spec.items import Item, LayerItem
from costcalc.spec.scope import Diagnosis, Scope, Tensor, substituted
from costcalc.spec.values import Value


class Laying:
    """The state of laying out one network."""

    def __init__(self, document: Document, values: dict[str, Any]) -> None:
        self.document, self.values = document, values
        self.nodes: list[Node] = []
        self.diagnosis = Diagnosis()
        self.taken: dict[str, int] = {}  # how often a path was asked for
        self.entry = Tensor(INPUT, None)
        self.site: Span | None = None  # of the outermost row or block that is laid out now

    def path(self, prefix: str, name: str) -> str:
        """A path that no other node or group has: the name, numbered from its second use on."""
        path = prefix + name
        count = self.taken.get(path, 0) + 1
        self.taken[path] = count
        return path if count == 1 else self.path(prefix, f"{name}{count}")

    @contextmanager
    def at(self, span: Span) -> Iterator[None]:
        """Lays out what comes of this row or call; of one inside another, the outer one is told."""
        outer, self.site = self.site, self.site or span
        yield
        self.site = outer

    def layer(self, item: LayerItem, inputs: list[Tensor], scope: Scope, prefix: str) -> Tensor:
        """A node of the kind, and one each for the norm and the activation that follow it."""
        path = self.path(prefix, item.common.name or item.kind.name)
        followers = [self.follower(item, role, scope) for role in ("norm", "act")] if item.kind.followers else []
        values = self.attributes(item.kind, item.values, scope)
        if values is None or None in followers or any(t.shape is None for t in inputs):
            return Tensor(path, None)
        if followers and followers[0] != "none" and "bias" not in item.values:
            values["bias"] = False
        y = self.add(path, item.kind(values), inputs, path, item, scope)
        if "compress" in item.values and y.shape is not None:
            from costcalc.spec.compress import compressed

            shapes = [t.shape for t in inputs if t.shape is not None]
            self.nodes[-1] = compressed(self.nodes[-1], item.values["compress"], shapes, scope, self.diagnosis)
        for word in followers:
            if word is not None and word != "none" and y.shape is not None:
                follower = REGISTRY[word]
                given = self.attributes(follower, self.document.defaults.get(word, {}), scope.reading(y))
                if given is None:
                    return Tensor(path, None)
                y = self.add(self.path(path + "/", word), follower(given), [y], path, item, scope)
        return y

    def follower(self, item: LayerItem, role: str, scope: Scope) -> str | None:
        """The kind that follows as norm or activation, `none`, or None after an error."""
        if role not in item.values:
            return "none"
        given = item.values[role]
        value = self.diagnosis.evaluate(given, scope)
        if isinstance(value, str) and (value == "none" or (value in REGISTRY and REGISTRY[value].role == role)):
            return str(value)
        if value is not None:
            known = ", ".join(name for name, cls in REGISTRY.items() if cls.role == role)
            self.diagnosis.add(
                f"`{role}` is `{shown(value)}`", given.span, f"one of {known}, none", substituted(given, scope)
            )
        return None

    def attributes(self, kind: type[Kind], given: Mapping[str, Value], scope: Scope) -> dict[str, Any] | None:
        """The values of a kind's attributes, defaults among them; None after an error."""
        values: dict[str, Any] = {}
        fine = True
        for name, attribute in kind.attributes.items():
            if name not in given:
                if attribute.default is not None:
                    values[name] = attribute.default
                continue
            value = self.diagnosis.evaluate(given[name], scope)
            try:
                fine = fine and value is not None
                if value is not None:
                    values[name] = attribute.read(value)
            except KindError as error:
                fine = False
                self.diagnosis.add(error.message, given[name].span, error.help, substituted(given[name], scope))
        return values if fine else None

    def add(self, path: str, kind: Kind, inputs: Sequence[Tensor], layer: str, item: Item, scope: Scope) -> Tensor:
        """Appends the node of a kind; a tensor of unknown shape after an error."""
        shapes = [t.shape for t in inputs if t.shape is not None]
        try:
            y = _bounded(kind.infer(shapes))
        except (KindError, NotWhole) as error:
            given = (
                item.values.get(error.attribute or "")
                if isinstance(item, LayerItem) and isinstance(error, KindError)
                else None
            )
            notes = (
                *substituted(given, scope),
                f"layer `{path}`, input {' and '.join(map(str, shapes))}",
                self.so_far(),
            )
            self.diagnosis.add(
                str(error), given.span if given else item.common.span, getattr(error, "help", None), notes
            )
            return Tensor(path, None)
        attributes = {name: value for name, value in vars(kind).items() if value is not None}
        reads, span = tuple(t.name for t in inputs), item.common.span
        self.nodes.append(Node(path, kind.name, attributes, reads, y, layer, span, self.site))
        return Tensor(path, y)

    def so_far(self) -> str:
        """The shapes of the last layers before this point, as a note."""
        steps = [f"{node.path} {node.output}" for node in self.nodes[-12:] if node.path == node.layer][-4:]
        start = [f"input {self.entry.shape}"] if len(steps) < 4 else ["..."]
        return "shapes so far: " + " -> ".join([*start, *steps])


def _bounded(y: Shape) -> Shape:
    """The shape, unless one of its sizes is beyond every network."""
    if any(size > MAX_SIZE for size in y.dims):
        raise KindError(f"the output would be {y}", None, f"one size is at most {MAX_SIZE:,}")
    return y
