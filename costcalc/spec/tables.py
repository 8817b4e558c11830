"""Reading `rows` and `repeat`: a table typed as the paper prints it, and the layers that each row stands for."""

from __future__ import annotations

from costcalc.errors import Span
from costcalc.spec.items import Common, Item, RowsItem
from costcalc.spec.values import IN_NAMES, Notebook, Value, check_names, identifier, read_value, tensor_names
from costcalc.yamltree import Items, Pairs, Scalar, Tree

COMMON = ("as", "from", "only_if")
EXAMPLES = {
    "repeat": "as in `repeat: {n: 3, layers: [...]}`",
    "rows": "as in `rows: {columns: [out, n], data: [[64, 1], [128, 2]], repeat: n, layers: [...]}`",
}
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
        """`rows: {inputs, columns, data, repeat, then, layers}`; without its columns, no name in it means anything."""
        required = ("columns", "data", "layers")
        common, given = self.parts(key, value, common, scope, required, ("inputs", "repeat", "then"))
        columns = self.columns(given["columns"]) if "columns" in given else None
        if columns is None:
            return None
        data = self.data(given.get("data"), columns, scope)
        if "then" in given and "repeat" not in given:
            self.book.add("`then` without `repeat`", given["then"].span, "add `repeat:`, how often each row is there")
        inner = scope | set(columns)
        spans = [(item.text, item.span) for item in _scalars(given["columns"])]
        with self.book.uses_of(
            "column", spans, "use it in `layers` or `repeat`, leave it out, or begin its name with `_`"
        ):
            repeat = self.number(given.get("repeat"), inner)
            then = self.then(given.get("then"), columns, inner)
            layers = self.layers(given["layers"], inner, key.span) if "layers" in given else ()
        return RowsItem(common, common.name or "stage", columns, data, repeat, then, layers, self.inputs(given, common))

    def repeat(self, key: Scalar, value: Tree | None, common: Common, scope: Scope) -> Item | None:
        """`repeat: {inputs, n, layers}`: one row without columns."""
        common, given = self.parts(key, value, common, scope, ("n", "layers"), ("inputs",))
        layers = self.layers(given["layers"], scope, key.span) if "layers" in given else ()
        times = self.number(given.get("n"), scope)
        return RowsItem(common, common.name or "repeat", (), ((),), times, {}, layers, self.inputs(given, common))

    def inputs(self, given: dict[str, Tree], common: Common) -> tuple[str, ...]:
        """The names of what comes into a repeat and into those before it; `from` may name as many for the first."""
        names = tensor_names(given.get("inputs"), self.book)
        if names and common.sources is not None and len(common.sources) not in (1, len(names)):
            message = f"{len(names)} tensors come into each repeat, and `from` names {len(common.sources)}"
            help_ = "`from` names one, or one for each name under `inputs`: what comes into the first repeat"
            self.book.add(message, given["inputs"].span, help_)
        return names

    def parts(
        self,
        key: Scalar,
        value: Tree | None,
        common: Common,
        scope: Scope,
        required: tuple[str, ...],
        optional: tuple[str, ...] = (),
    ) -> tuple[Common, dict[str, Tree]]:
        """The parts of a structure by name; unknown ones are noted, else missing ones: those may be the misspelt."""
        before = len(self.book.problems)
        common, pairs = self.attributes(key, value, common, scope)
        for name, _ in pairs:
            if name.text not in required + optional:
                self.book.unknown(f"part of `{key.text}`", name, [*required, *optional, *COMMON])
        given = {name.text: tree for name, tree in pairs}
        missing = ", ".join(f"`{part}`" for part in required if part not in given)
        if missing and len(self.book.problems) == before:
            self.book.add(f"`{key.text}` lacks {missing}", key.span, EXAMPLES[key.text])
        return common, given

    def columns(self, tree: Tree) -> tuple[str, ...] | None:
        if not isinstance(tree, Items):
            help_ = "as in `columns: [out, stride, n]`: the header of the paper's table"
            self.book.add("`columns` must be a list of names", tree.span, help_)
            return None
        names = [name for entry in tree.items if (name := identifier(entry, "a column", self.book))]
        for name in dict.fromkeys(n for n in names if names.count(n) > 1):
            self.book.add(f"the column `{name}` is there twice", tree.span, "rename one of them")
        return tuple(names) if len(names) == len(tree.items) else None

    def data(self, tree: Tree | None, columns: tuple[str, ...], scope: Scope) -> tuple[tuple[Value, ...], ...]:
        if not isinstance(tree, Items):
            if tree is not None:
                self.book.add("`data` must be a list of rows", tree.span, "each row is a list as long as `columns`")
            return ()
        rows = [self.cells(entry, columns, scope) for entry in tree.items]
        return tuple(row for row in rows if row is not None)

    def cells(self, tree: Tree, columns: tuple[str, ...], scope: Scope) -> tuple[Value, ...] | None:
        """One row; None after an error."""
        header = f"the columns are {', '.join(columns)}"
        if not isinstance(tree, Items):
            self.book.add("a row must be a list", tree.span, f"put it in brackets; {header}")
            return None
        if len(tree.items) != len(columns):
            found = f"{len(tree.items)} cell{'s' * (len(tree.items) != 1)}"
            self.book.add(f"a row of {found} for {len(columns)} columns", tree.span, header)
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


def _scalars(tree: Tree) -> list[Scalar]:
    return [item for item in tree.items if isinstance(item, Scalar)] if isinstance(tree, Items) else []
