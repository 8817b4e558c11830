"""A spec file as it is written: everything of it that can be checked before any hyper-parameter has a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from costcalc.errors import Problem, Source, Span, SpecError
from costcalc.kinds import FOLLOWERS, REGISTRY
from costcalc.spec.blocks import Block, BlockReader, refuse_recursion
from costcalc.spec.hyperparameters import HyperParameter, read_hyperparameters
from costcalc.spec.items import Item
from costcalc.spec.locate import read_spec
from costcalc.spec.published import Expectation, read_expectations
from costcalc.spec.reading import LayerReader
from costcalc.spec.values import (
    Notebook,
    Value,
    check_names,
    identifier,
    plain_text,
    read_value,
)
from costcalc.yamltree import Items, Pairs, Scalar, Tree, parse_yaml

if TYPE_CHECKING:
    from costcalc.budgets.rule import Rule

VERSION = "1"
KEYS = (
    "costcalc", "name", "source", "hyperparameters", "input", "defaults", "blocks", "layers", "outputs", "expect",
    "budget",
)  # fmt: skip


class Document(NamedTuple):
    """A valid spec, before its hyper-parameters are set."""

    source: Source
    data: bytes  # the file as it was
    name: str
    citation: str
    hyperparameters: tuple[HyperParameter, ...]
    input: Value | dict[str, Value]  # channels and axes, or tokens and features
    defaults: dict[str, dict[str, Value]]
    blocks: dict[str, Block]
    layers: tuple[Item, ...]
    outputs: tuple[tuple[str, Span], ...]
    expectations: tuple[Expectation, ...]
    budget: tuple[Rule, ...] = ()

    @property
    def sizes(self) -> list[str]:
        """The hyper-parameters that the input is computed from, such as a resolution."""
        values = self.input.values() if isinstance(self.input, dict) else [self.input]
        used = {name for value in values for name in value.names()}
        return [p.name for p in self.hyperparameters if p.name in used]

    @property
    def multipliers(self) -> list[str]:
        """The other hyper-parameters whose default is 1, such as a width multiplier."""
        ones = [p for p in self.hyperparameters if type(p.default.content) is int and p.default.content == 1]
        return [p.name for p in ones if p.name not in self.sizes and not p.choices]


def read_document(spec: str) -> Document:
    """The document that SPEC names: a path, a bundled name, `-`. Raises SpecError with all that is wrong in it."""
    source, data = read_spec(spec)
    return parse_document(source, data)


def parse_document(source: Source, data: bytes | None = None) -> Document:
    """The document of a text. Raises SpecError with all that is wrong in it."""
    tree = parse_yaml(source)
    if not isinstance(tree, Pairs):
        raise SpecError(
            Problem("a spec is a mapping", tree.span, f"it begins with `costcalc: {VERSION}`; see `costcalc init`")
        )
    book = Notebook(_words(tree))
    document = _Reader(source, tree, book).document(source.text.encode() if data is None else data)
    if book.problems:
        raise SpecError(*book.problems)
    return document


def _words(tree: Tree) -> frozenset[str]:
    """Every plain word of the document and of the kinds: what a word in a comparison may be."""
    words = {"none", *REGISTRY, *FOLLOWERS["act"]}
    pending: list[Tree] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, Items):
            pending += node.items
        elif isinstance(node, Pairs):
            pending += [value for _, value in node.pairs]
        elif node.text.isidentifier():
            words.add(node.text)
    return frozenset(words)


class _Reader:
    """Reads the parts of a document in the order in which they need each other."""

    def __init__(self, source: Source, tree: Pairs, book: Notebook) -> None:
        self.source, self.tree, self.book = source, tree, book
        self.parts = {key.text: value for key, value in tree.pairs}

    def document(self, data: bytes) -> Document:
        self.check_keys()
        book, parts = self.book, self.parts
        hyperparameters = read_hyperparameters(parts.get("hyperparameters"), book)
        scope = frozenset(p.name for p in hyperparameters)
        derived = {name for p in hyperparameters for name in p.default.names()}
        free = [(p.name, p.span) for p in hyperparameters if p.name not in derived]
        with book.uses_of(
            "hyper-parameter", free, "use it in an expression, or leave it out: setting it changes nothing"
        ):
            reader = BlockReader(self.mapping("blocks"), book)
            signatures = reader.signatures()
            items = LayerReader(book, signatures, {})
            items.defaults.update(self.defaults(items, scope))
            entry = self.input(scope)
            blocks = reader.blocks(items, signatures, scope)
            items.caller = ""
            layers = items.layers(parts.get("layers"), scope, self.tree.span)
        refuse_recursion(items, book)
        return Document(
            self.source, data, plain_text(parts.get("name"), "name", book) or self.source.name,
            plain_text(parts.get("source"), "source", book), hyperparameters, entry,
            items.defaults, blocks, layers, self.outputs(),
            read_expectations(parts.get("expect"), {p.name: p for p in hyperparameters}, book),
            self.budget(),
        )  # fmt: skip

    def budget(self) -> tuple[Rule, ...]:
        if "budget" not in self.parts:
            return ()
        from costcalc.budgets.rules import read_own  # most specs have none

        return read_own(self.parts["budget"], self.book.problems)

    def check_keys(self) -> None:
        for key, _ in self.tree.pairs:
            if key.text not in KEYS:
                self.book.unknown("part of a spec", key, KEYS)
        version = self.parts.get("costcalc")
        first = Span(self.source, 1, 1, 2)
        if version is None:
            self.book.add(
                "`costcalc` is missing",
                first,
                f"begin the spec with `costcalc: {VERSION}`, the version of the language",
            )
        elif not isinstance(version, Scalar) or version.text != VERSION:
            self.book.add("this version of the language is not known", version.span, f"write `costcalc: {VERSION}`")

    def input(self, scope: frozenset[str]) -> Value | dict[str, Value]:
        tree = self.parts.get("input")
        help_ = "as in `input: [3, 224, 224]` (channels, height, width), or `input: {tokens: 197, features: 768}`"
        if isinstance(tree, Pairs) and {key.text for key, _ in tree.pairs} == {"tokens", "features"}:
            sizes = {key.text: read_value(value, self.book) for key, value in tree.pairs}
            for size in sizes.values():
                if size is not None:
                    check_names(size, scope, (), self.book)
            return {name: value for name, value in sizes.items() if value is not None}
        if isinstance(tree, Items) and 1 <= len(tree.items) <= 4:
            value = read_value(tree, self.book)
            if value is not None and check_names(value, scope, (), self.book):
                return value
        elif tree is None:
            self.book.add("`input` is missing", self.tree.span, help_)
        else:
            self.book.add("`input` must be a list of one to four sizes", tree.span, help_)
        return {}

    def defaults(self, items: LayerReader, scope: frozenset[str]) -> dict[str, dict[str, Value]]:
        result: dict[str, dict[str, Value]] = {}
        for key, value in self.mapping("defaults"):
            if key.text not in REGISTRY:
                self.book.unknown("kind", key, REGISTRY)
            elif not isinstance(value, Pairs):
                self.book.add(
                    f"the defaults of `{key.text}` must be a mapping",
                    value.span,
                    f"as in `{key.text}: {{norm: batch_norm, act: relu}}`",
                )
            else:
                result[key.text] = items.kind_values(REGISTRY[key.text], value.pairs, scope)
        return result

    def mapping(self, part: str) -> list[tuple[Scalar, Tree]]:
        tree = self.parts.get(part)
        if tree is None or (isinstance(tree, Scalar) and not tree.text):
            return []
        if not isinstance(tree, Pairs):
            self.book.add(f"`{part}` must be a mapping", tree.span)
            return []
        return tree.pairs

    def outputs(self) -> tuple[tuple[str, Span], ...]:
        tree = self.parts.get("outputs")
        entries = tree.items if isinstance(tree, Items) else [tree] if tree is not None else []
        if tree is not None and not entries:
            self.book.add("`outputs` names nothing", tree.span, "name the layers whose outputs it has, or leave it out")
        return tuple((name, entry.span) for entry in entries if (name := identifier(entry, "an output", self.book)))
