"""A document and the values of its hyper-parameters become a Network: blocks, rows and branches laid out flat.

A layer that cannot be leaves a tensor of unknown shape; what depends on it is skipped and the rest still checked, so
that all errors are told at once, each with the way there and the shapes so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from costcalc.errors import Problem, Span, SpecError
from costcalc.kinds import REGISTRY, Kind, KindError
from costcalc.kinds.attributes import MAX_SIZE
from costcalc.network import INPUT, Network, Node
from costcalc.number import NotWhole, concrete, is_number, is_whole
from costcalc.shape import Shape
from costcalc.spec.document import Document
from costcalc.spec.hyperparameters import settings, shown
from costcalc.spec.items import BlockItem, BranchItem, Common, Item, LayerItem, RowsItem
from costcalc.spec.scope import UNKNOWN, Diagnosis, Scope, Tensor, substituted
from costcalc.spec.values import Value

MAX_LAYERS = 300_000  # after expansion; a network of more is a slip in `repeat`


def build_network(document: Document, given: Mapping[str, Any]) -> Network:
    """The network of a document at the given hyper-parameters. Raises UsageError and SpecError."""
    return _Expansion(document, settings(document.hyperparameters, given)).network()


class _Expansion:
    """The state of laying out one network."""

    def __init__(self, document: Document, values: dict[str, Any]) -> None:
        self.document, self.values = document, values
        self.nodes: list[Node] = []
        self.diagnosis = Diagnosis()
        self.taken: dict[str, int] = {}  # how often a path was asked for
        self.layers = 0
        self.entry = Tensor(INPUT, None)
        self.site: Span | None = None  # of the outermost row or block that is laid out now

    def network(self) -> Network:
        document, problems = self.document, self.diagnosis.problems
        self.entry = Tensor(INPUT, self.input_shape())
        scope = Scope(self.values, {INPUT: self.entry}, self.entry)
        last = self.run(document.layers, self.entry, scope, "")
        outputs = [self.diagnosis.tensor(name, span, scope).name for name, span in document.outputs] or [last.name]
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

    def path(self, prefix: str, name: str) -> str:
        """A path that no other node or group has: the name, numbered from its second use on."""
        path = prefix + name
        count = self.taken.get(path, 0) + 1
        self.taken[path] = count
        return path if count == 1 else self.path(prefix, f"{name}{count}")

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
        if len(inputs) > 1:
            help_ = "put them through `add`, `mul` or `concat`"
            self.diagnosis.add("several tensors come in, and nothing joins them", item.common.span, help_)
            return UNKNOWN
        if isinstance(item, RowsItem):
            return self.rows(item, inputs[0], here, prefix)
        if isinstance(item, BranchItem):
            return self.branches(item, inputs[0], here, prefix)
        return inputs[0]

    # -- layers -----------------------------------------------------------------------------------------------------

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

    # -- structures -------------------------------------------------------------------------------------------------

    @contextmanager
    def at(self, span: Span) -> Iterator[None]:
        """Lays out what comes of this row or call; of one inside another, the outer one is told."""
        outer, self.site = self.site, self.site or span
        yield
        self.site = outer

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

    def rows(self, item: RowsItem, x: Tensor, scope: Scope, prefix: str) -> Tensor:
        """Each row in turn, as a stage; of `repeat`, the one row that it is."""
        for number, cells in enumerate(item.rows, 1):
            step = (
                f"row {number} of `rows` in line {item.common.span.line}"
                if item.columns
                else f"`repeat` in line {item.common.span.line}"
            )
            with self.diagnosis.inside(step):
                label = f"{item.label}{self.numbered(prefix, item.label)}" if item.columns else item.label
                place = cells[0].span if cells else item.common.span
                with self.at(place) if item.columns else nullcontext():
                    x = self.row(item, cells, x, scope, self.path(prefix, label) + "/")
        return x

    def numbered(self, prefix: str, label: str) -> int:
        """The number of the next row under this prefix; several tables in one list count on."""
        key = f"{prefix}{label}/"
        self.taken[key] = self.taken.get(key, 0) + 1
        return self.taken[key]

    def row(self, item: RowsItem, cells: Sequence[Value], x: Tensor, scope: Scope, prefix: str) -> Tensor:
        declared = dict(scope.declared)
        for name, cell in zip(item.columns, cells, strict=True):
            declared[name] = self.diagnosis.evaluate(cell, scope.reading(x))
        if None in declared.values():
            return UNKNOWN
        times = self.times(item, scope.inside(x, declared))
        for turn in range(1, times + 1):
            if turn == 2 and item.then:
                changed = {
                    name: self.diagnosis.evaluate(value, scope.inside(x, declared)) for name, value in item.then.items()
                }
                if None in changed.values():
                    return UNKNOWN
                declared = {**declared, **changed}
            x = self.run(item.layers, x, scope.inside(x, declared), f"{prefix}{turn}/" if times > 1 else prefix)
        return x

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


def _bounded(y: Shape) -> Shape:
    """The shape, unless one of its sizes is beyond every network."""
    if any(size > MAX_SIZE for size in y.dims):
        raise KindError(f"the output would be {y}", None, f"one size is at most {MAX_SIZE:,}")
    return y
