"""A document and the values of its hyper-parameters become a Network: blocks, rows and branches laid out flat.

A layer that cannot be leaves a tensor of unknown shape; what depends on it is skipped and the rest still checked, so
that all errors are told at once, each with the way there and the shapes so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from costcalc.errors import Problem, SpecError
from costcalc.kinds import REGISTRY
from costcalc.kinds.attributes import MAX_SIZE
from costcalc.network import INPUT, Network
from costcalc.number import concrete, is_number, is_whole
from costcalc.shape import Shape
from costcalc.spec.document import Document
from costcalc.spec.hyperparameters import settings, shown
from costcalc.spec.items import BlockItem, BranchItem, Common, Item, LayerItem, RowsItem
from costcalc.spec.laying import Laying
from costcalc.spec.scope import UNKNOWN, Scope, Tensor, substituted
from costcalc.spec.values import Value

MAX_LAYERS = 300_000  # after expansion; a network of more is a slip in `repeat`


def build_network(document: Document, given: Mapping[str, Any]) -> Network:
    """The network of a document at the given hyper-parameters. Raises UsageError and SpecError."""
    return _Expansion(document, settings(document.hyperparameters, given)).network()


class _Expansion(Laying):
    """A whole network: its structures, one inside the other, down to the layers."""

    def __init__(self, document: Document, values: dict[str, Any]) -> None:
        super().__init__(document, values)
        self.layers = 0

    def network(self) -> Network:
        document, problems = self.document, self.diagnosis.problems
        self.entry = Tensor(INPUT, self.input_shape())
        scope = Scope(self.values, {INPUT: self.entry}, self.entry)
        last = self.run(document.layers, self.entry, scope, "")
        optional = {item.common.name for item in document.layers if item.common.only_if is not None}
        there = [(name, span) for name, span in document.outputs if name in scope.tensors or name not in optional]
        outputs = [self.diagnosis.tensor(name, span, scope).name for name, span in there] or [last.name]
        if last.shape is None and not problems:
            problems.append(Problem("the network cannot be laid out: the shape of its output is unknown"))
        if not self.nodes and not problems:
            problems.append(Problem("the network has no layers at these settings"))
        if not problems:
            self.refuse_dead_ends(outputs)
        if problems or self.entry.shape is None:
            raise SpecError(*problems)
        return Network(document.name, self.entry.shape, tuple(self.nodes), tuple(outputs), self.values,
                       document.citation, document.source.name, document.data)  # fmt: skip

    def refuse_dead_ends(self, outputs: list[str]) -> None:
        """Notes what nobody reads: it would be counted, and no implementation would run it."""
        read = {name for node in self.nodes for name in node.inputs} | set(outputs)
        for node in self.nodes:
            if node.path not in read and node.span is not None:
                help_ = "read it with `from`, list it under `outputs`, or remove it"
                self.diagnosis.add(f"nothing reads the output of `{node.path}`", node.span, help_)

    def input_shape(self) -> Shape | None:
        """The shape of the network's input; None after an error."""
        given, scope = self.document.input, Scope(self.values, {}, UNKNOWN)
        values = list(given.values()) if isinstance(given, dict) else given.content
        sizes = [self.size(value, scope) for value in values]
        if None in sizes:
            return None
        if isinstance(given, dict):
            by_name = dict(zip(given, sizes, strict=True))
            return Shape(by_name["features"], (by_name["tokens"],), True)
        return Shape(sizes[0], tuple(sizes[1:]))

    def size(self, value: Value, scope: Scope) -> Any:
        size = self.diagnosis.evaluate(value, scope)
        if size is None or (is_number(size) and is_whole(size) and 1 <= size <= MAX_SIZE):
            return size
        self.diagnosis.add(
            f"a size of the input is {shown(size)}",
            value.span,
            f"sizes are whole numbers from 1 to {MAX_SIZE:,}",
            substituted(value, scope),
        )
        return None

    def run(self, items: Sequence[Item], x: Tensor, scope: Scope, prefix: str) -> Tensor:
        """Lays out a chain of items; the names given in it go into `scope`."""
        for item in items:
            self.layers += 1
            if self.layers > MAX_LAYERS:
                message = f"the network has more than {MAX_LAYERS:,} layers"
                raise SpecError(Problem(message, item.common.span, "is a `repeat` too large?"))
            present = self.condition(item.common, x, scope)
            if present is False:
                continue
            x = UNKNOWN if present is None else self.lay(item, x, scope, prefix, alone=len(items) == 1)
            if item.common.name is not None:
                scope.tensors[item.common.name] = x
        return x

    def condition(self, common: Common, x: Tensor, scope: Scope) -> bool | None:
        """Whether a layer is there; None after an error. A tensor that it would read need not be there if it is not."""
        value = common.only_if
        if value is None:
            return True
        here = scope.reading(x if not common.sources else scope.tensors.get(common.sources[0][0], UNKNOWN))
        result = self.diagnosis.evaluate(value, here)
        if result is None and common.sources:
            self.diagnosis.tensor(*common.sources[0], scope)  # its size was asked for, and it may not be there
        if result is None or isinstance(result, bool):
            return result
        help_ = "it must be true or false, as in `only_if: t != 1`"
        self.diagnosis.add(f"`only_if` is {shown(result)}", value.span, help_, substituted(value, here))
        return None

    def lay(self, item: Item, x: Tensor, scope: Scope, prefix: str, alone: bool) -> Tensor:
        """Lays out one item, whatever it is; `alone` in its list, a block needs no path of its own."""
        sources = item.common.sources
        inputs = [x] if sources is None else [self.diagnosis.tensor(*source, scope) for source in sources]
        here = scope.reading(inputs[0])
        if isinstance(item, LayerItem):
            return self.layer(item, inputs, here, prefix)
        if isinstance(item, BlockItem):
            return self.block(item, inputs, here, prefix, alone)
        if len(inputs) > 1 and not (isinstance(item, RowsItem) and item.inputs):
            help_ = "put them through `add`, `mul` or `concat`"
            self.diagnosis.add("several tensors come in, and nothing joins them", item.common.span, help_)
            return UNKNOWN
        if isinstance(item, RowsItem):
            return self.rows(item, inputs, here, prefix)
        if isinstance(item, BranchItem):
            return self.branches(item, inputs[0], here, prefix)
        return inputs[0]

    # -- structures -------------------------------------------------------------------------------------------------

    def block(self, item: BlockItem, inputs: list[Tensor], scope: Scope, prefix: str, alone: bool) -> Tensor:
        """The layers of a block; its names and arguments are its own, the hyper-parameters are everybody's."""
        block = self.document.blocks[item.block]
        declared = dict(self.values)
        step = f"block `{block.name}` called in line {item.common.span.line}"
        with self.diagnosis.inside(step), self.at(item.common.span):
            for name, default in block.arguments.items():
                given = item.values.get(name, default)
                where = scope if name in item.values else Scope(declared, {}, inputs[0])
                value = None if given is None else self.diagnosis.evaluate(given, where)
                if value is None:
                    return UNKNOWN
                declared[name] = value
            if item.common.name or not alone:
                prefix = self.path(prefix, item.common.name or block.name) + "/"
            tensors = dict(zip(block.inputs, inputs, strict=False))
            return self.run(block.layers, inputs[0], Scope(declared, tensors, inputs[0], inputs[0]), prefix)

    def branches(self, item: BranchItem, x: Tensor, scope: Scope, prefix: str) -> Tensor:
        """The branches of a residual or a join, one after the other, and the node that joins them."""
        full = [branch for branch in item.branches if branch]
        if item.common.name or (item.kind != "residual" and len(full) > 1):
            prefix = self.path(prefix, item.common.name or item.kind) + "/"
        ends = []
        with self.diagnosis.inside(f"`{item.kind}` in line {item.common.span.line}"):
            for number, branch in enumerate(item.branches, 1):
                inner = f"{prefix}branch{number}/" if len(full) > 1 else prefix
                ends.append(self.run(branch, x, scope.inside(x), inner))
            if any(t.shape is None for t in (x, *ends)):
                return UNKNOWN
            if item.kind != "residual":
                path = self.path(prefix, item.kind)
                return self.add(path, REGISTRY[item.kind]({}), ends, path, item, scope)
            if ends[0].shape != x.shape or ends[0].name == x.name:
                return ends[0]
            path = self.path(prefix, "shortcut")
            return self.add(path, REGISTRY["add"]({}), [x, ends[0]], path, item, scope)

    def rows(self, item: RowsItem, inputs: list[Tensor], scope: Scope, prefix: str) -> Tensor:
        """Each row in turn, as a stage; of `repeat`, the one row that it is."""
        past = inputs if len(inputs) > 1 else inputs * max(1, len(item.inputs))
        for number, cells in enumerate(item.rows, 1):
            line = item.common.span.line
            step = f"row {number} of `rows` in line {line}" if item.columns else f"`repeat` in line {line}"
            with self.diagnosis.inside(step):
                label = f"{item.label}{self.numbered(prefix, item.label)}" if item.columns else item.label
                place = cells[0].span if cells else item.common.span
                with self.at(place) if item.columns else nullcontext():
                    past = self.row(item, cells, past, scope, self.path(prefix, label) + "/")
        return past[0]

    def numbered(self, prefix: str, label: str) -> int:
        """The number of the next row under this prefix; several tables in one list count on."""
        key = f"{prefix}{label}/"
        self.taken[key] = self.taken.get(key, 0) + 1
        return self.taken[key]

    def row(
        self, item: RowsItem, cells: Sequence[Value], past: list[Tensor], scope: Scope, prefix: str
    ) -> list[Tensor]:
        """What comes after a row: its output, and what came into as many of its repeats as `inputs` has names for."""
        declared = dict(scope.declared)
        for name, cell in zip(item.columns, cells, strict=True):
            declared[name] = self.diagnosis.evaluate(cell, scope.reading(past[0]))
        if None in declared.values():
            return [UNKNOWN] * len(past)
        times = self.times(item, scope.inside(past[0], declared))
        for turn in range(1, times + 1):
            inner = scope.inside(past[0], declared)
            if turn == 2 and item.then:
                changed = {name: self.diagnosis.evaluate(value, inner) for name, value in item.then.items()}
                if None in changed.values():
                    return [UNKNOWN] * len(past)
                inner.declared = declared = {**declared, **changed}
            inner.tensors.update(zip(item.inputs, past, strict=False))
            x = self.run(item.layers, past[0], inner, f"{prefix}{turn}/" if times > 1 else prefix)
            past = [x, *past[:-1]]
        return past

    def times(self, item: RowsItem, scope: Scope) -> int:
        """How often a row is repeated; 0 after an error."""
        value = 1 if item.repeat is None else self.diagnosis.evaluate(item.repeat, scope)
        if value is None:
            return 0
        if is_number(value) and is_whole(value) and 0 <= value <= MAX_LAYERS:
            return concrete(value)
        assert item.repeat is not None  # noqa: S101 - 1 is always a fine number of repeats
        self.diagnosis.add(
            f"the number of repeats is {shown(value)}",
            item.repeat.span,
            f"it must be a whole number from 0 to {MAX_LAYERS:,}",
            substituted(item.repeat, scope),
        )
        return 0
