"""The `blocks` of a spec: what each takes, what it holds, and that none leads back to itself."""

from __future__ import annotations

from typing import NamedTuple

from costcalc.kinds import REGISTRY
from costcalc.spec.items import Item, Signature
from costcalc.spec.reading import LayerReader
from costcalc.spec.values import (
    BLOCK_NAMES,
    IN_NAMES,
    Notebook,
    Value,
    check_names,
    identifier,
    read_value,
    tensor_names,
)
from costcalc.yamltree import Items, Pairs, Scalar, Tree


class Block(NamedTuple):
    """Layers under a name, with arguments and, where it takes several tensors, names for those."""

    name: str
    arguments: dict[str, Value | None]  # None where required
    inputs: tuple[str, ...]
    layers: tuple[Item, ...]


class BlockReader:
    """Reads blocks in two steps: their signatures first, so that they may call each other in any order."""

    def __init__(self, entries: list[tuple[Scalar, Tree]], book: Notebook) -> None:
        self.entries, self.book = entries, book

    def signatures(self) -> dict[str, Signature]:
        """What each block takes, read first so that blocks may call each other in any order."""
        result = {}
        for key, value in self.entries:
            name = identifier(key, "a block", self.book)
            if name in REGISTRY or name in ("residual", "repeat", "rows"):
                self.book.add(f"`{name}` is a kind already", key.span, "give the block another name")
            elif name is not None and not isinstance(value, Pairs):
                self.book.add(
                    f"block `{name}` must be a mapping", value.span, "with `layers`, and `args` where it takes any"
                )
            elif name is not None and isinstance(value, Pairs):
                tensors = tensor_names(value.get("inputs"), self.book)
                result[name] = Signature(self.arguments(value.get("args")), max(1, len(tensors)))
        return result

    def arguments(self, tree: Tree | None) -> dict[str, Value | None]:
        if tree is None:
            return {}
        if not isinstance(tree, Pairs):
            self.book.add("`args` must be a mapping", tree.span, "as in `args: {out: required, stride: 1}`")
            return {}
        result: dict[str, Value | None] = {}
        for key, value in tree.pairs:
            name = identifier(key, "an argument", self.book)
            if name is not None:
                required = isinstance(value, Scalar) and value.text == "required"
                result[name] = None if required else read_value(value, self.book)
        return result

    def blocks(self, items: LayerReader, signatures: dict[str, Signature], scope: frozenset[str]) -> dict[str, Block]:
        result = {}
        for key, value in self.entries:
            if key.text not in signatures or not isinstance(value, Pairs):
                continue
            for part, _ in value.pairs:
                if part.text not in ("args", "inputs", "layers"):
                    self.book.unknown("part of a block", part, ("args", "inputs", "layers"))
            arguments = signatures[key.text].arguments
            items.caller = key.text
            args = value.get("args")
            spans = [(name.text, name.span) for name, _ in args.pairs] if isinstance(args, Pairs) else []
            with self.book.uses_of("argument", spans, "use it in `layers`, or leave it out"):
                self.check_defaults(arguments, scope)
                layers = items.layers(value.get("layers"), scope | set(arguments) | BLOCK_NAMES, key.span)
            tree = value.get("inputs")
            names = tuple(i.text for i in tree.items if isinstance(i, Scalar)) if isinstance(tree, Items) else ()
            result[key.text] = Block(key.text, arguments, names, layers)
        return result

    def check_defaults(self, arguments: dict[str, Value | None], scope: frozenset[str]) -> None:
        """Notes what is wrong with the names in the defaults of a block's arguments; each sees those above it."""
        above: set[str] = set()
        for argument, default in arguments.items():
            if default is not None:
                check_names(default, scope | IN_NAMES | above, self.book.words - set(arguments), self.book)
            above.add(argument)


def refuse_recursion(items: LayerReader, book: Notebook) -> None:
    """Notes every call of a block that leads back to itself."""
    done: set[str] = set()
    for start in items.calls:
        stack: list[tuple[str, int]] = [(start, 0)]
        active = [start]
        while stack:
            name, position = stack.pop()
            calls = items.calls.get(name, [])
            if position == len(calls):
                done.add(name)
                active.pop()
                continue
            stack.append((name, position + 1))
            callee, span = calls[position]
            if callee in active:
                chain = " -> ".join([*active[active.index(callee) :], callee])
                book.add(f"block `{callee}` calls itself", span, "use `repeat` to apply it several times", (chain,))
            elif callee not in done:
                stack.append((callee, 0))
                active.append(callee)
