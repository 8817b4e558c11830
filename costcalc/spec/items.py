"""The layers of a spec as they are written: a list of items, checked for everything that needs no shapes.

An item is a layer of a kind, a block, or a structure (`residual`, `add`, `repeat`, `rows` ...). What the names in it
stand for is known only in `expand`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from costcalc.errors import Span, suggestion, unknown
from costcalc.expression import Word
from costcalc.kinds import FOLLOWERS, REGISTRY, SPELLINGS, Kind, KindError
from costcalc.spec.values import IN_NAMES, Notebook, Value, check_names, identifier, read_value
from costcalc.yamltree import Items, Pairs, Scalar, Tree

JOINS = ("add", "mul", "concat")
STRUCTURES = ("residual", "repeat", "rows")
COMMON = ("as", "from", "only_if")
KIND_SPELLINGS = {
    "conv1d": "conv", "conv2d": "conv", "conv3d": "conv", "convolution": "conv", "dense": "linear", "fc": "linear",
    "fully_connected": "linear", "gemm": "linear", "dw": "depthwise", "dwconv": "depthwise", "depthwise_conv": "depthwise",
    "separable_conv": "separable", "bn": "batch_norm", "batchnorm": "batch_norm", "maxpool": "max_pool", "avgpool": "avg_pool",
    "gap": "global_avg_pool", "globalavgpool": "global_avg_pool", "hswish": "hard_swish", "hardswish": "hard_swish",
    "hsigmoid": "hard_sigmoid", "shuffle": "channel_shuffle", "cat": "concat", "concatenate": "concat", "sum": "add", "multiply": "mul",
}  # fmt: skip
Scope = frozenset[str]


@dataclass(frozen=True, slots=True)
class Item:
    """What every item may have: a name for its output, tensors it reads instead of the one before, a condition."""

    span: Span
    name: str | None = None
    sources: tuple[tuple[str, Span], ...] | None = None
    only_if: Value | None = None


@dataclass(frozen=True, slots=True)
class LayerItem(Item):
    """A layer of a kind."""

    kind: type[Kind] = Kind
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockItem(Item):
    """A call of a block."""

    block: str = ""
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BranchItem(Item):
    """`residual` with its one branch, or a join with its branches; each branch is a list of items."""

    kind: str = ""
    branches: tuple[tuple[Item, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class RowsItem(Item):
    """`rows`, or `repeat`, which is one row without columns."""

    label: str = "stage"
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Value, ...], ...] = ((),)
    repeat: Value | None = None
    then: dict[str, Value] = field(default_factory=dict)
    layers: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """What a call of a block must know: its arguments (None where required) and how many tensors it takes."""

    arguments: dict[str, Value | None]
    tensors: int = 1


class ItemReader:
    """Reads lists of layers; `blocks` are the signatures of the blocks that may be called."""

    def __init__(self, book: Notebook, blocks: dict[str, Signature], defaults: dict[str, dict[str, Value]]) -> None:
        self.book, self.blocks, self.defaults = book, blocks, defaults
        self.calls: dict[str, list[tuple[str, Span]]] = {}  # block: the blocks it calls
        self.caller = ""

    def layers(self, tree: Tree | None, scope: Scope, where: Span) -> tuple[Item, ...]:
        """The items of a list of layers; problems are noted."""
        if tree is None:
            self.book.add("`layers` is missing", where, "give it a list of layers, each beginning with `- `")
            return ()
        if isinstance(tree, Scalar) and not tree.text and not tree.quoted:
            self.book.add("the list of layers is empty", where, "each layer begins with `- `")
            return ()
        if not isinstance(tree, Items):
            self.book.add("a list of layers is expected", tree.span, "begin each layer with `- `")
            return ()
        items = [item for entry in tree.items if (item := self.item(entry, scope)) is not None]
        self.unique_names(items)
        return tuple(items)

    def unique_names(self, items: list[Item]) -> None:
        seen: dict[str, Item] = {}
        for item in items:
            if item.name is None:
                continue
            earlier = seen.setdefault(item.name, item)
            if earlier is not item and (earlier.only_if is None or item.only_if is None):
                self.book.add(
                    f"the name `{item.name}` is used twice in one list",
                    item.span,
                    "rename one of them",
                    (f"first used in line {earlier.span.line}",),
                )

    def item(self, tree: Tree, scope: Scope) -> Item | None:
        if isinstance(tree, Scalar):
            return self.named(tree, None, Item(tree.span), scope)
        if isinstance(tree, Items):
            self.book.add(
                "a layer is expected here, not a list",
                tree.span,
                "branches belong under `add`, `mul`, `concat`; give `residual` one list",
            )
            return None
        heads = [(key, value) for key, value in tree.pairs if key.text not in COMMON]
        common = Pairs([pair for pair in tree.pairs if pair[0].text in COMMON], tree.span)
        if len(heads) > 1:
            keys = ", ".join(f"`{key.text}`" for key, _ in heads[:4])
            self.book.add(
                f"a layer has one kind, and here are {keys}",
                heads[1][0].span,
                "begin each layer with `- `; attributes go into braces or are indented below the kind",
            )
            return None
        head = self.common(Item(heads[0][0].span if heads else tree.span), common, scope)
        if not heads:
            if head.sources is None:
                self.book.add(
                    "a layer without a kind", tree.span, "write its kind first, as in `conv: {out: 32, as: stem}`"
                )
                return None
            return head
        return self.named(heads[0][0], heads[0][1], head, scope)

    def named(self, key: Scalar, value: Tree | None, head: Item, scope: Scope) -> Item | None:
        """The item whose kind, block or structure is `key`."""
        if isinstance(value, Scalar) and not value.text and not value.quoted:
            value = None
        name = key.text
        structures: dict[str, Callable[[Scalar, Tree | None, Item, Scope], Item | None]] = {
            "residual": self.residual, "repeat": self.rows, "rows": self.rows, **dict.fromkeys(JOINS, self.join),
        }  # fmt: skip
        read = structures.get(name) or (self.block if name in self.blocks else self.layer if name in REGISTRY else None)
        if read is not None:
            return read(key, value, head, scope)
        right = KIND_SPELLINGS.get(name.lower().replace("-", "_"))
        if right:
            self.book.add(f"unknown kind or block `{name}`", key.span, f"it is called `{right}` here")
        else:
            self.book.unknown("kind or block", key, [*self.blocks, *REGISTRY, *STRUCTURES])
        return None

    def common(self, head: Item, tree: Pairs, scope: Scope) -> Item:
        """The item with the `as`, `from` and `only_if` of a mapping."""
        for key, value in tree.pairs:
            if key.text == "as":
                name = identifier(value, "a layer", self.book)
                if name == "input":
                    self.book.add("`input` cannot be the name of a layer", value.span, "it is the network's input")
                head = replace(head, name=name)
            elif key.text == "from":
                entries = value.items if isinstance(value, Items) else [value]
                sources = [(n, e.span) for e in entries if (n := identifier(e, "a tensor", self.book))]
                head = replace(head, sources=tuple(sources))
            elif key.text == "only_if":
                condition = read_value(value, self.book)
                if condition is not None:
                    check_names(condition, scope | IN_NAMES, (), self.book)
                head = replace(head, only_if=condition)
        return head

    def attributes(
        self, key: Scalar, value: Tree | None, head: Item, scope: Scope
    ) -> tuple[Item, list[tuple[Scalar, Tree]]]:
        """The item with what is common to all, and the pairs that are its own."""
        if value is None:
            return head, []
        if not isinstance(value, Pairs):
            first = next(iter(REGISTRY[key.text].attributes), "out") if key.text in REGISTRY else "n"
            self.book.add(f"`{key.text}` takes named attributes", value.span, f"as in `{key.text}: {{{first}: ...}}`")
            return head, []
        head = self.common(head, Pairs([p for p in value.pairs if p[0].text in COMMON], value.span), scope)
        return head, [p for p in value.pairs if p[0].text not in COMMON]

    def layer(self, key: Scalar, value: Tree | None, head: Item, scope: Scope) -> Item:
        cls = REGISTRY[key.text]
        before = len(self.book.problems)
        head, pairs = self.attributes(key, value, head, scope)
        values = {**self.defaults.get(cls.name, {}), **self.kind_values(cls, pairs, scope)}
        missing = [name for name, a in cls.attributes.items() if a.required and name not in values]
        if missing and len(self.book.problems) == before:  # else the missing one may be the misspelt one
            names = ", ".join(f"`{name}`" for name in missing)
            self.book.add(
                f"`{cls.name}` lacks {names}",
                key.span,
                f"as in `{cls.name}: {{{missing[0]}: ...}}`: {cls.attributes[missing[0]].doc}",
            )
        return LayerItem(head.span, head.name, head.sources, head.only_if, cls, values)

    def kind_values(self, cls: type[Kind], pairs: list[tuple[Scalar, Tree]], scope: Scope) -> dict[str, Value]:
        """The attribute values of a layer, those that can be checked without shapes checked."""
        values = {}
        for key, tree in pairs:
            name = key.text
            followers = FOLLOWERS.get(name) if cls.followers else None
            if followers is None and name not in cls.attributes:
                self.unknown_attribute(cls, key)
                continue
            value = read_value(tree, self.book)
            if value is None:
                continue
            words = (*followers, "none") if followers else cls.attributes[name].words
            scope_here = scope | IN_NAMES
            if isinstance(value.content, str) or (cls.name == "opaque" and name == "op"):
                value = Value(Word(tree.text if isinstance(tree, Scalar) else ""), value.span)
            elif check_names(value, scope_here, words, self.book) and value.constant and not followers:
                try:
                    cls.attributes[name].read(value.evaluate({}))
                except KindError as error:
                    self.book.add(error.message, value.span, error.help)
            elif followers and value.constant:
                self.book.add(f"`{name}` must be a word", value.span, f"one of {', '.join(words)}")
            values[name] = value
        return values

    def unknown_attribute(self, cls: type[Kind], key: Scalar) -> None:
        known = [*cls.attributes, *(FOLLOWERS if cls.followers else ()), *COMMON]
        right = SPELLINGS.get(key.text)
        if right in known:
            self.book.add(f"`{cls.name}` has no attribute `{key.text}`", key.span, f"it is called `{right}` here")
        else:
            problem = unknown("attribute", key.text, known)
            self.book.add(f"`{cls.name}` has no attribute `{key.text}`", key.span, problem.help)

    def block(self, key: Scalar, value: Tree | None, head: Item, scope: Scope) -> Item:
        signature = self.blocks[key.text]
        self.calls.setdefault(self.caller, []).append((key.text, key.span))
        head, pairs = self.attributes(key, value, head, scope)
        values = {}
        for name, tree in pairs:
            if name.text not in signature.arguments:
                near = suggestion(name.text, signature.arguments)
                takes = ", ".join(f"`{n}`" for n in signature.arguments)
                self.book.add(f"block `{key.text}` has no argument `{name.text}`", name.span,
                              f"did you mean `{near}`?" if near else f"it takes {takes or 'none'}")  # fmt: skip
            elif argument := read_value(tree, self.book):
                check_names(argument, scope | IN_NAMES, tuple(self.book.words), self.book)
                values[name.text] = argument
        missing = [name for name, default in signature.arguments.items() if default is None and name not in values]
        if missing and len(pairs) == len(values):
            self.book.add(
                f"block `{key.text}` lacks the argument " + ", ".join(f"`{n}`" for n in missing),
                key.span,
                f"as in `{key.text}: {{{missing[0]}: ...}}`",
            )
        given = 1 if head.sources is None else len(head.sources)
        if given != signature.tensors:
            self.book.add(
                f"block `{key.text}` takes {signature.tensors} tensors, and {given} comes in",
                key.span,
                "name them, as in `from: [a, b]`",
            )
        return BlockItem(head.span, head.name, head.sources, head.only_if, key.text, values)

    def residual(self, key: Scalar, value: Tree | None, head: Item, scope: Scope) -> Item:
        return BranchItem(
            head.span, head.name, head.sources, head.only_if, "residual", (self.layers(value, scope, key.span),)
        )

    def join(self, key: Scalar, value: Tree | None, head: Item, scope: Scope) -> Item | None:
        """`add: [branch, branch]`, or `add: {from: [a, b]}`, or `add` with `from` beside it."""
        if isinstance(value, Pairs) or value is None:
            head, pairs = self.attributes(key, value, head, scope)
            for name, _ in pairs:
                self.unknown_attribute(REGISTRY[key.text], name)
            if head.sources is None or len(head.sources) < 2:
                self.book.add(
                    f"`{key.text}` needs two or more branches",
                    key.span,
                    f"as in `{key.text}: [[], [relu]]` or `{key.text}: {{from: [a, b]}}`; `[]` is the input itself",
                )
                return None
            return LayerItem(head.span, head.name, head.sources, head.only_if, REGISTRY[key.text], {})
        if not isinstance(value, Items) or len(value.items) < 2:
            self.book.add(
                f"`{key.text}` needs two or more branches",
                value.span,
                "each branch is a list of layers; `[]` is the input itself",
            )
            return None
        branches = tuple(self.branch(key, tree, scope) for tree in value.items)
        return BranchItem(head.span, head.name, head.sources, head.only_if, key.text, branches)

    def branch(self, key: Scalar, tree: Tree, scope: Scope) -> tuple[Item, ...]:
        if isinstance(tree, Items):
            return () if not tree.items else self.layers(tree, scope, tree.span)
        self.book.add(
            f"a branch of `{key.text}` must be a list of layers",
            tree.span,
            "put it in brackets, or begin its layers with `- - `; `[]` is the input itself",
        )
        return ()

    def rows(self, key: Scalar, value: Tree | None, head: Item, scope: Scope) -> Item | None:
        """`rows: {columns, data, repeat, then, layers}` or `repeat: {n, layers}`."""
        keys = ("columns", "data", "repeat", "then", "layers") if key.text == "rows" else ("n", "layers")
        head, pairs = self.attributes(key, value, head, scope)
        given = {name.text: tree for name, tree in pairs}
        for name, _ in pairs:
            if name.text not in keys:
                self.book.unknown(f"part of `{key.text}`", name, [*keys, *COMMON])
        columns = self.columns(given.get("columns"), key) if key.text == "rows" else ()
        rows = self.data(given.get("data"), columns, scope, key) if key.text == "rows" else ((),)
        inner = scope | set(columns)
        repeat = self.number(given.get("repeat" if key.text == "rows" else "n"), inner)
        if key.text == "repeat" and "n" not in given:
            self.book.add("`repeat` lacks `n`", key.span, "as in `repeat: {n: 3, layers: [...]}`")
        then = self.then(given.get("then"), columns, inner)
        layers = self.layers(given.get("layers"), inner, key.span)
        label = head.name or ("stage" if key.text == "rows" else "repeat")
        return RowsItem(head.span, head.name, head.sources, head.only_if, label, columns, rows, repeat, then, layers)

    def columns(self, tree: Tree | None, key: Scalar) -> tuple[str, ...]:
        if not isinstance(tree, Items):
            self.book.add(
                "`rows` lacks its `columns`",
                key.span,
                "as in `columns: [out, stride, n]`: the header of the paper's table",
            )
            return ()
        names = [name for entry in tree.items if (name := identifier(entry, "a column", self.book))]
        for name in {n for n in names if names.count(n) > 1}:
            self.book.add(f"the column `{name}` is there twice", tree.span, "rename one of them")
        return tuple(names)

    def data(
        self, tree: Tree | None, columns: tuple[str, ...], scope: Scope, key: Scalar
    ) -> tuple[tuple[Value, ...], ...]:
        if not isinstance(tree, Items):
            self.book.add("`rows` lacks its `data`", key.span, "a list of rows, each as long as `columns`")
            return ()
        rows = []
        for entry in tree.items:
            if not isinstance(entry, Items) or len(entry.items) != len(columns):
                found = f"{len(entry.items)} cells" if isinstance(entry, Items) else "no list"
                self.book.add(
                    f"a row with {found} for {len(columns)} columns",
                    entry.span,
                    f"the columns are {', '.join(columns)}",
                )
                continue
            cells = [read_value(cell, self.book) for cell in entry.items]
            for cell in cells:
                if cell is not None:
                    check_names(cell, scope | IN_NAMES, tuple(self.book.words), self.book)
            if None not in cells:
                rows.append(tuple(cell for cell in cells if cell is not None))
        return tuple(rows)

    def then(self, tree: Tree | None, columns: tuple[str, ...], scope: Scope) -> dict[str, Value]:
        if tree is None:
            return {}
        if not isinstance(tree, Pairs):
            self.book.add(
                "`then` must be a mapping",
                tree.span,
                "columns and what they are in repeats 2, 3, ..., as in `then: {stride: 1}`",
            )
            return {}
        values = {}
        for name, entry in tree.pairs:
            if name.text not in columns:
                self.book.unknown("column", name, columns)
            elif value := read_value(entry, self.book):
                check_names(value, scope, tuple(self.book.words), self.book)
                values[name.text] = value
        return values

    def number(self, tree: Tree | None, scope: Scope) -> Value | None:
        value = read_value(tree, self.book) if tree is not None else None
        if value is not None:
            check_names(value, scope | IN_NAMES, (), self.book)
        return value
