"""Choices of a hyper-parameter that are rows of a table: each sets the defaults of the hyper-parameters in its columns.

So the variants of a network read as in its paper, one a line, and every value can still be set by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from costcalc.expression import Expression, Tree
from costcalc.spec.values import Notebook, Value, identifier
from costcalc.yamltree import Items, Pairs, Scalar
from costcalc.yamltree import Tree as Yaml

MAX_ROWS = 100
EXAMPLE = "as in `size: {default: B, columns: [features, depth], choices: {S: [384, 12], B: [768, 12]}}`"


class Column(NamedTuple):
    """A column: the hyper-parameter that it declares, and that one's value for each choice."""

    key: Scalar
    default: Value
    words: tuple[Any, ...]  # what it may be, where its values are words or truth values
    limits: dict[str, Any]  # of its numbers: none is below zero where the table has none such


class Selection(Expression):
    """The value that stands beside the choice that was made."""

    __slots__ = ()

    def __init__(self, by: str, rows: Sequence[tuple[Any, Any]]) -> None:
        self.text = f"that of `{by}`"
        *others, (_, last) = rows
        tree = _leaf(last)
        for choice, value in reversed(others):
            same = Tree("==", (Tree("name", (by,), 0, 0), _leaf(choice)), 0, 0)
            tree = Tree("if", (_leaf(value), same, tree), 0, 0)
        self.tree = tree


def _leaf(value: Any) -> Tree:
    return Tree("leaf", (value,), 0, 0)


def read_table(
    name: str, columns: Yaml | None, choices: Yaml, book: Notebook, constant: Callable[[Yaml, Notebook], Any]
) -> tuple[tuple[Any, ...], tuple[Column, ...]]:
    """The choices of a mapping, and the columns beside them; problems are noted."""
    if not (isinstance(choices, Pairs) and isinstance(columns, Items) and columns.items):
        at = choices.span if columns is None else columns.span
        book.add("`choices` with values need `columns` that name them, and `columns` a row for each", at, EXAMPLE)
        return (), ()
    keys = [
        key
        for key in columns.items
        if identifier(key, "a hyper-parameter", book) is not None and isinstance(key, Scalar)
    ]
    rows: dict[Any, list[Any]] = {}
    for key, tree in choices.pairs[:MAX_ROWS]:
        choice = constant(key, book)
        values = [constant(cell, book) for cell in tree.items] if isinstance(tree, Items) else []
        if len(values) != len(columns.items):
            book.add(f"the row of `{key.text}` has {len(values)} values for {len(columns.items)} columns", tree.span,
                     "a list with one for each column")  # fmt: skip
        elif choice is not None and None not in values:
            rows[choice] = values
    if len(choices.pairs) > MAX_ROWS:
        book.add(f"`choices` has {len(choices.pairs)} rows", choices.span, f"at most {MAX_ROWS}")
    if len(keys) != len(columns.items) or len(rows) != len(choices.pairs):
        return tuple(rows), tuple(
            Column(key, Value(1, key.span), (), {}) for key in keys
        )  # declared: uses are no errors too
    return tuple(rows), tuple(_columns(name, keys, rows, book))


def _columns(name: str, keys: Sequence[Scalar], rows: Mapping[Any, list[Any]], book: Notebook) -> list[Column]:
    found = []
    for place, key in enumerate(keys):
        values = {choice: row[place] for choice, row in rows.items()}
        kinds = {bool if isinstance(v, bool) else str if isinstance(v, str) else int for v in values.values()}
        if len(kinds) > 1:
            book.add(f"the column `{key.text}` mixes numbers, words and truth values", key.span, "use one kind")
            continue
        words = tuple(dict.fromkeys(values.values())) if kinds == {str} else (False, True) if kinds == {bool} else ()
        least = 1 if words else min(values.values())
        limits = {} if words or least < 0 else {"above": 0} if least > 0 else {"at_least": 0}
        found.append(Column(key, Value(Selection(name, list(values.items())), key.span, -1), words, limits))
    return found
