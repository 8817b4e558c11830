"""A table of published figures, as it was printed: `columns` and `data` of an entry of `expect`, a row a setting.

    - {from: Table 6, columns: [alpha, madds, params], data: [[1, 569M, 4.2M], [0.75, 325M, 2.6M]]}

Each row becomes an entry of its own: the columns that are hyper-parameters its setting, those that are figures its
figures, and `exact madds` the exact value where the figure is wrong; a row may be of a `kind` or of `stages`, and have
a `why` of its own. A cell `-` was not printed, or is not wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from costcalc.spec.values import Notebook
from costcalc.yamltree import Items, Pairs, Scalar, Tree

EXACT = "exact "
NOTHING = "-"
OWN = ("kind", "stages", "why")  # what a row may have for itself


def rows_of(entry: Pairs, figures: Collection[str], parameters: Collection[str], book: Notebook) -> Iterator[Tree]:
    """The entries that the rows of a table stand for; an entry without `columns` is itself. Problems are noted."""
    columns, data = entry.get("columns"), entry.get("data")
    if columns is None and data is None:
        yield entry
        return
    if not (isinstance(columns, Items) and isinstance(data, Items)):
        book.add("a table of figures has `columns` and `data`", entry.span,
                 "as in `columns: [alpha, madds], data: [[1, 569M], [0.75, 325M]]`")  # fmt: skip
        return
    own = [name for name in OWN if name not in parameters]  # a setting of that name is meant rather
    names = [column.text if isinstance(column, Scalar) else "" for column in columns.items]
    known = [*figures, *(EXACT + figure for figure in figures), *own, *parameters]
    for name, column in zip(names, columns.items, strict=True):
        if name not in known:
            shown = column if isinstance(column, Scalar) else Scalar(name, False, column.span)
            book.unknown("column of figures", shown, known)
    if set(names) <= set(known):
        common = [pair for pair in entry.pairs if pair[0].text not in ("columns", "data")]
        for row in data.items:
            if isinstance(row, Items) and len(row.items) == len(names):
                yield _entry(names, row, common, {*own, *figures})
            else:
                book.add(f"a row of figures has {len(names)} cells here", row.span, "a list with one for each column")


def _entry(names: list[str], row: Items, common: list[tuple[Scalar, Tree]], own: Collection[str]) -> Pairs:
    """The entry of a row; the columns `own` are keys of it, the others settings and exact values."""
    found: dict[str, list[tuple[Scalar, Tree]]] = {"row": [], "erratum": [], "set": []}
    for name, cell in zip(names, row.items, strict=True):
        if isinstance(cell, Scalar) and cell.text == NOTHING:
            continue
        part = "row" if name in own else "erratum" if name.startswith(EXACT) else "set"
        found[part].append((Scalar(name.removeprefix(EXACT), False, cell.span), cell))
    given = {key.text for key, _ in found["row"]}
    pairs = [*(pair for pair in common if pair[0].text not in given), *found["row"]]
    for part in ("set", "erratum"):
        given_once = next((tree for key, tree in common if key.text == part), None)
        shared = given_once.pairs if isinstance(given_once, Pairs) else []
        if found[part]:
            pairs = [pair for pair in pairs if pair[0].text != part]
            pairs.append((Scalar(part, False, row.span), Pairs([*shared, *found[part]], row.span)))
    if not found["erratum"]:
        pairs = [pair for pair in pairs if pair[0].text != "why"]  # nothing is wrong with this row
    return Pairs(pairs, row.span)
