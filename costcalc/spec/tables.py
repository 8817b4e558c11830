"""Reading `rows` and `repeat`: a table typed as the paper prints it, and the layers that each row stands for."""

from __future__ import annotations

from costcalc.errors import Span
from costcalc.spec.items import Common, Item, RowsItem
from costcalc.spec.values import IN_NAMES, Notebook, Value, check_names, identifier, read_value
from costcalc.yamltree import Items, Pairs, Scalar, Tree

COMMON = ("as", "from", "only_if")
Scope = frozenset[str]


class TableReader:
    """The part of reading layers that is about tables; `layers` and `attributes` are the whole reader's."""

    book: Notebook

    def layers(self, tree: Tree | None, scope: Scope, where: Span) -> tuple[Item, ...]:
        raise NotImplementedError

    def attributes(
        self, key: Scalar, value: Tree | None, common: Common, scope: Scope
    ) -> tuple[Common, list[tuple[Scalar, Tree]]]:
        raise NotImplementedError

    def rows(self, key: Scalar, value: Tree | None, common: Common, scope: Scope) -> Item | None:
        """`rows: {columns, data, repeat, then, layers}`."""
        common, given = self.parts(key, value, common, scope, ("columns", "data", "repeat", "then", "layers"))
        columns = self.columns(given.get("columns"), key)
        inner = scope | set(columns)
        return RowsItem(
            common, common.name or "stage", columns, self.data(given.get("data"), columns, scope, key),
            self.number(given.get("repeat"), inner), self.then(given.get("then"), columns, inner),
            self.layers(given.get("layers"), inner, key.span),
        )  # fmt: skip

    def repeat(self, key: Scalar, value: Tree | None, common: Common, scope: Scope) -> Item | None:
        """`repeat: {n, layers}`: one row without columns."""
        common, given = self.parts(key, value, common, scope, ("n", "layers"))
        if "n" not in given:
            self.book.add("`repeat` lacks `n`", key.span, "as in `repeat: {n: 3, layers: [...]}`")
        layers = self.layers(given.get("layers"), scope, key.span)
        return RowsItem(common, common.name or "repeat", (), ((),), self.number(given.get("n"), scope), {}, layers)

    def parts(
        self, key: Scalar, value: Tree | None, common: Common, scope: Scope, known: tuple[str, ...]
    ) -> tuple[Common, dict[str, Tree]]:
        """The parts of a structure by name; unknown ones are noted."""
        common, pairs = self.attributes(key, value, common, scope)
        for name, _ in pairs:
            if name.text not in known:
                self.book.unknown(f"part of `{key.text}`", name, [*known, *COMMON])
        return common, {name.text: tree for name, tree in pairs}

    def columns(self, tree: Tree | None, key: Scalar) -> tuple[str, ...]:
        if not isinstance(tree, Items):
            help_ = "as in `columns: [out, stride, n]`: the header of the paper's table"
            self.book.add("`rows` lacks its `columns`", key.span, help_)
            return ()
        names = [name for entry in tree.items if (name := identifier(entry, "a column", self.book))]
        for name in dict.fromkeys(n for n in names if names.count(n) > 1):
            self.book.add(f"the column `{name}` is there twice", tree.span, "rename one of them")
        return tuple(names)

    def data(
        self, tree: Tree | None, columns: tuple[str, ...], scope: Scope, key: Scalar
    ) -> tuple[tuple[Value, ...], ...]:
        if not isinstance(tree, Items):
            self.book.add("`rows` lacks its `data`", key.span, "a list of rows, each as long as `columns`")
            return ()
        rows = [self.cells(entry, columns, scope) for entry in tree.items]
        return tuple(row for row in rows if row is not None)

    def cells(self, tree: Tree, columns: tuple[str, ...], scope: Scope) -> tuple[Value, ...] | None:
        """One row; None after an error."""
        if not isinstance(tree, Items) or len(tree.items) != len(columns):
            found = f"{len(tree.items)} cells" if isinstance(tree, Items) else "no list"
            message = f"a row with {found} for {len(columns)} columns"
            self.book.add(message, tree.span, f"the columns are {', '.join(columns)}")
            return None
        cells = [cell for entry in tree.items if (cell := read_value(entry, self.book)) is not None]
        for cell in cells:
            check_names(cell, scope | IN_NAMES, self.book.words, self.book)
        return tuple(cells) if len(cells) == len(columns) else None

    def then(self, tree: Tree | None, columns: tuple[str, ...], scope: Scope) -> dict[str, Value]:
        if tree is None:
            return {}
        if not isinstance(tree, Pairs):
            help_ = "columns and what they are in repeats 2, 3, ..., as in `then: {stride: 1}`"
            self.book.add("`then` must be a mapping", tree.span, help_)
            return {}
        values = {}
        for name, entry in tree.pairs:
            if name.text not in columns:
                self.book.unknown("column", name, columns)
            elif value := read_value(entry, self.book):
                check_names(value, scope, self.book.words, self.book)
                values[name.text] = value
        return values

    def number(self, tree: Tree | None, scope: Scope) -> Value | None:
        value = read_value(tree, self.book) if tree is not None else None
        if value is not None:
            check_names(value, scope | IN_NAMES, (), self.book)
        return value
