"""A document some of whose cells are open: each becomes a hyper-parameter with choices, named as in `stage4.k`.

A search, a formula or a report then meets nothing but a document with more hyper-parameters. What a row is called is
what its paths begin with, a dot for a slash; a table in a block is laid out with each call, and its cells are varied
for all of them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.expression import Expression, ExpressionError, Word
from costcalc.spec.document import Document
from costcalc.spec.hyperparameters import HyperParameter
from costcalc.spec.items import BranchItem, Item, RowsItem
from costcalc.spec.values import Value


class TableRow(NamedTuple):
    """One row of a table: `stage4`, in the group `stage`."""

    name: str
    group: str
    item: RowsItem
    place: int  # in the table

    @property
    def cells(self) -> dict[str, Value]:
        """Its cells by column."""
        return dict(zip(self.item.columns, self.item.rows[self.place], strict=True))


class CellParameter(HyperParameter):
    """A cell with choices. A word of it is a word as in a cell: what it is compared with need not be among them."""

    __slots__ = ()

    def fault(self, value: Any) -> str | None:
        """Why this cannot be its value. A number that stands for many is made of the choices, and is not asked."""
        return super().fault(value) if isinstance(value, int | Fraction | str) else None

    def typed(self, value: Any) -> Any:
        return Word(value) if isinstance(value, str) else value


def rows_of(document: Document) -> dict[str, TableRow]:
    """Every row of every table by name, in the order of the text."""
    found: dict[str, TableRow] = {}
    for block in document.blocks.values():
        _collect(block.layers, f"{block.name}.", {}, found)
    _collect(document.layers, "", {}, found)
    first = sorted(found.values(), key=lambda row: (row.item.common.span.line, row.item.common.span.column, row.place))
    return {row.name: row for row in first}


def _collect(items: Sequence[Item], prefix: str, taken: dict[str, int], found: dict[str, TableRow]) -> None:
    """Adds the rows below these items; `taken` counts the rows of a group, which tables of one list share."""
    for item in items:
        if isinstance(item, BranchItem):
            full = [branch for branch in item.branches if branch]
            several = item.kind != "residual" and len(full) > 1
            inner = f"{prefix}{item.common.name or item.kind}." if item.common.name or several else prefix
            for number, branch in enumerate(item.branches, 1):
                _collect(branch, f"{inner}branch{number}." if len(full) > 1 else inner, taken, found)
        elif isinstance(item, RowsItem):
            group = prefix + item.label
            for index in range(len(item.rows) if item.columns else 0):
                taken[group] = taken.get(group, 0) + 1
                while f"{group}{taken[group]}" in found:
                    taken[group] += 1
                name = f"{group}{taken[group]}"
                found[name] = TableRow(name, group, item, index)
            _collect(item.layers, f"{group}.", taken, found)


def constants(row: TableRow, document: Document) -> dict[str, Any]:
    """The cells of a row that are the same wherever it is laid out: numbers, truth values, words."""
    declared = {p.name for p in document.hyperparameters}
    declared.update(name for block in document.blocks.values() for name in block.arguments)
    declared.update(column for other in rows_of(document).values() for column in other.item.columns)
    found: dict[str, Any] = {}
    for column, cell in row.cells.items():
        content, names = cell.content, cell.names()
        if isinstance(content, list) or any(name in declared or "." in name for name in names):
            continue
        if not isinstance(content, Expression):
            found[column] = content
        elif not names or content.tree.op == "name":
            with suppress(ExpressionError):  # what cannot be evaluated is told where it is laid out
                found[column] = content.evaluate({})
    return found


def vary(document: Document, choices: Mapping[tuple[str, str], Sequence[Any]]) -> Document:
    """The document with a hyper-parameter for each (row, column), named `row.column`, that takes these values.

    Its default is the cell's own value where that is among them, else the first. Published figures are of the network
    as it was written, so they are left out.
    """
    rows = rows_of(document)
    opened: dict[int, dict[tuple[int, str], Value]] = {}  # by table: the cells that are open
    parameters: list[HyperParameter] = []
    for (name, column), values in choices.items():
        row, parameter = rows[name], f"{name}.{column}"
        cell, own = row.cells[column], constants(row, document).get(column)
        if (type(own) is bool, own) not in [(type(value) is bool, value) for value in values]:
            own = values[0]
        opened.setdefault(id(row.item), {})[row.place, column] = Value(Expression(parameter), cell.span, -1)
        parameters.append(CellParameter(parameter, Value(own, cell.span), cell.span, {}, tuple(values)))
    return document._replace(
        hyperparameters=(*document.hyperparameters, *parameters),
        blocks={name: b._replace(layers=_opened(b.layers, opened)) for name, b in document.blocks.items()},
        layers=_opened(document.layers, opened),
        expectations=(),
    )


def _opened(items: Sequence[Item], opened: Mapping[int, Mapping[tuple[int, str], Value]]) -> tuple[Item, ...]:
    """The items with their open cells in place."""
    result: list[Item] = []
    for item in items:
        if isinstance(item, BranchItem):
            result.append(item._replace(branches=tuple(_opened(branch, opened) for branch in item.branches)))
        elif isinstance(item, RowsItem):
            cells = opened.get(id(item), {})
            rows = [
                tuple(cells.get((i, column), cell) for column, cell in zip(item.columns, row, strict=True))
                for i, row in enumerate(item.rows)
            ]
            result.append(item._replace(rows=tuple(rows), layers=_opened(item.layers, opened)))
        else:
            result.append(item)
    return tuple(result)
