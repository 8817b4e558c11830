"""Design spaces: small YAML files that say which values the hyper-parameters and the cells of a spec may take.

A space belongs to the spec it is read with. All combinations are its points, numbered as those of a grid: first the
hyper-parameters and then the rows, in the order of the spec, so that the order within a space file changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from costcalc.errors import Problem, Problems, Source, Span, SpecError, UsageError, unknown
from costcalc.explore.grid import MAX_VALUES, Axis, Grid, read_axis
from costcalc.expression import Expression, ExpressionError, Word, parse
from costcalc.kinds import FOLLOWERS, REGISTRY
from costcalc.number import is_number
from costcalc.spec import Document
from costcalc.spec.hyperparameters import HyperParameter, shown
from costcalc.spec.locate import bundled_directory
from costcalc.spec.varied import TableRow, constants, rows_of, vary
from costcalc.textfile import read_file, reason
from costcalc.yamltree import Items, Pairs, Scalar, Tree, parse_yaml

VERSION = "1"
PARTS = ("costcalc-space", "name", "about", "hyperparameters", "rows")
FORM = "a list such as [3, 5, 7], a range such as 16:64:16, or one value"
WORD = re.compile(r"[^\W\d]\w*")


class Space(NamedTuple):
    """A space and its spec: the document in which every open cell is a hyper-parameter, and all points."""

    name: str
    about: str
    source: Source
    original: Document  # the spec as it was written
    document: Document
    grid: Grid


def bundled_spaces() -> dict[str, Path]:
    """The spaces that ship with costcalc by name."""
    return {path.stem: path for path in sorted((bundled_directory() / "spaces").glob("*.yaml"))}


def find_space(name: str) -> Source:
    """The text that `--space` names: a file, else a bundled space. Raises SpecError."""
    found = bundled_spaces()
    stem = name.removesuffix(".yaml").removesuffix(".yml")
    try:
        there = Path(name).exists()
    except (OSError, ValueError) as error:  # a name too long, a zero byte
        raise SpecError(Problem(f"cannot read `{name}`: {reason(error)}")) from None
    if stem in found and not there:
        return read_file(found[stem], name)[0]
    if name == stem and "/" not in name and not there:
        help_ = unknown("space", name, found).help
        raise SpecError(Problem(f"there is no file `{name}` here and no bundled space of that name", None, help_))
    return read_file(Path(name), name)[0]


def read_space(document: Document, source: Source) -> Space:
    """The space of a text for this spec. Raises SpecError with all that is wrong in it."""
    tree = parse_yaml(source)
    if not isinstance(tree, Pairs) or tree.get("costcalc-space") is None:
        help_ = f"it is a mapping that begins with `costcalc-space: {VERSION}`"
        raise SpecError(Problem("this is not a design space", tree.span, help_))
    reader = _Reader(document)
    try:
        parameters, cells = reader.read(tree)
    except CollectedError:
        raise SpecError(*reader.problems) from None
    axes = [Axis(name, values) for name, values in parameters.items()]
    axes += [Axis(f"{row}.{column}", values) for (row, column), values in cells.items()]
    name, about = (reader.text(tree.get(part)) for part in ("name", "about"))
    return Space(name or source.name, about, source, document, vary(document, cells), Grid(axes))


class CollectedError(Exception):
    """There are problems, and all of them are noted."""


class _Reader:
    """Reads the choices of a space, and notes what does not fit the spec."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems = Problems()
        self.parameters = {p.name: p for p in document.hyperparameters}
        self.rows = rows_of(document)
        self.words = {*REGISTRY, *FOLLOWERS["act"], "none", *WORD.findall(document.source.text)} - set(self.parameters)

    def read(self, tree: Pairs) -> tuple[dict[str, tuple[Any, ...]], dict[tuple[str, str], tuple[Any, ...]]]:
        """The values by hyper-parameter and by cell, in the order of the spec. Raises CollectedError."""
        for key, _ in tree.pairs:
            if key.text not in PARTS:
                self.problems.append(unknown("part of a space", key.text, PARTS, key.span))
        version = tree.get("costcalc-space")
        if version is not None and (not isinstance(version, Scalar) or version.text != VERSION):
            help_ = f"write `costcalc-space: {VERSION}`"
            self.problems.append(Problem("this version of spaces is not known", version.span, help_))
        parameters = self.chosen_parameters(tree)
        cells = self.chosen_cells(tree)
        if not parameters and not cells and not self.problems:
            help_ = "give `hyperparameters` or `rows` choices, as in `rows: {stage: {k: [3, 5]}}`"
            self.problems.append(Problem("the space has no choices", tree.span, help_))
        if self.problems:
            raise CollectedError
        order = {(row.name, column): None for row in self.rows.values() for column in row.item.columns}
        return (
            {name: parameters[name] for name in self.parameters if name in parameters},
            {cell: cells[cell] for cell in order if cell in cells},
        )

    def mapping(self, tree: Pairs, part: str, example: str) -> list[tuple[Scalar, Tree]]:
        found = tree.get(part)
        if found is None or isinstance(found, Pairs):
            return found.pairs if found else []
        self.problems.append(Problem(f"`{part}` must be a mapping", found.span, f"as in `{example}`"))
        return []

    def text(self, tree: Tree | None) -> str:
        return " ".join(tree.text.split()) if isinstance(tree, Scalar) else ""

    # -- hyper-parameters ---------------------------------------------------------------------------------------------

    def chosen_parameters(self, tree: Pairs) -> dict[str, tuple[Any, ...]]:
        found: dict[str, tuple[Any, ...]] = {}
        for key, value in self.mapping(tree, "hyperparameters", "hyperparameters: {alpha: [0.5, 0.75, 1]}"):
            parameter = self.parameters.get(key.text)
            if parameter is None:
                self.problems.append(unknown("hyper-parameter", key.text, self.parameters, key.span))
                continue
            values = [pair for entry in self.entries(key, value) for pair in self.setting(parameter, entry)]
            found[key.text] = self.unique(key.text, values)
        return found

    def setting(self, parameter: HyperParameter, entry: Scalar) -> Iterator[tuple[Any, Span, bool]]:
        for value in self.listed(parameter.name, entry):
            fault = parameter.fault(value)
            if fault is None:
                yield value, entry.span, True
            else:
                message = f"`{parameter.name}` cannot be {shown(value)}"
                self.problems.append(Problem(message, entry.span, fault))

    # -- cells --------------------------------------------------------------------------------------------------------

    def chosen_cells(self, tree: Pairs) -> dict[tuple[str, str], tuple[Any, ...]]:
        """The values of each cell; what is said of one row wins over what is said of all rows of its table."""
        groups: dict[str, list[TableRow]] = {}
        for row in self.rows.values():
            groups.setdefault(row.group, []).append(row)
        general: dict[tuple[str, str], tuple[Any, ...]] = {}
        special: dict[tuple[str, str], tuple[Any, ...]] = {}
        for key, value in self.mapping(tree, "rows", "rows: {stage4: {k: [3, 5, 7]}}"):
            if key.text in self.rows:
                special |= self.row(key, value, [self.rows[key.text]])
            elif key.text in groups:
                general |= self.row(key, value, groups[key.text])
            else:
                none = [] if self.rows else ["the spec has no `rows`"]
                problem = unknown("row", key.text, [*groups, *self.rows], key.span)
                self.problems.append(problem._replace(help=none[0]) if none else problem)
        return general | special

    def row(self, key: Scalar, value: Tree, rows: list[TableRow]) -> dict[tuple[str, str], tuple[Any, ...]]:
        """The choices of some rows, by cell."""
        if not isinstance(value, Pairs):
            example = f"as in `{key.text}: {{{rows[0].item.columns[0]}: [...]}}`"
            self.problems.append(
                Problem(f"`{key.text}` must be a mapping from columns to choices", value.span, example)
            )
            return {}
        found: dict[tuple[str, str], tuple[Any, ...]] = {}
        for column, choices in value.pairs:
            having = [row for row in rows if column.text in row.item.columns]
            if not having:
                known = list(dict.fromkeys(name for row in rows for name in row.item.columns))
                self.problems.append(unknown(f"column of `{key.text}`", column.text, known, column.span))
            elif column.text.startswith("_"):
                help_ = "a name with `_` is only there to be read, so its choices would change nothing"
                self.problems.append(Problem(f"the column `{column.text}` is used nowhere", column.span, help_))
            else:
                entries = self.entries(column, choices)
                for row in having:
                    found[row.name, column.text] = self.cell(row, column.text, entries)
        return found

    def cell(self, row: TableRow, column: str, entries: list[Scalar]) -> tuple[Any, ...]:
        known = constants(row, self.document)
        values = [pair for entry in entries for pair in self.cell_values(row, known, column, entry)]
        return self.unique(f"{row.name}.{column}", values)

    def cell_values(
        self, row: TableRow, known: Mapping[str, Any], column: str, entry: Scalar
    ) -> Iterator[tuple[Any, Span, bool]]:
        """The values of an entry: a range, a constant, or an expression over the row's own cells."""
        if ":" in entry.text:
            yield from ((value, entry.span, True) for value in self.listed(f"{row.name}.{column}", entry))
            return
        try:
            content = parse(entry.text.strip())
            if isinstance(content, Expression):
                if self.names_fit(row, known, content, entry):
                    value = content.evaluate(known)
                    yield value, entry.span, not any(name in known for name, *_ in content.names())
            else:
                yield content, entry.span, True
        except ExpressionError as error:
            span = entry.span.part(error.offset + entry.quoted, error.length)
            self.problems.append(Problem(error.message, span, error.help, (f"in row `{row.name}`",)))

    def names_fit(self, row: TableRow, known: Mapping[str, Any], content: Expression, entry: Scalar) -> bool:
        """Whether every name of a choice is a cell of the row or a word; the others are noted."""
        fine = True
        for name, offset, position in content.names():
            if name in known or (position != "operand" and name in self.words and name not in row.item.columns):
                continue
            fine = False
            span = entry.span.part(offset + entry.quoted, len(name))
            if name in self.parameters:
                help_ = "a choice is a constant, or computed from the row's own cells"
                self.problems.append(Problem(f"`{name}` is a hyper-parameter", span, help_))
            elif name in row.item.columns:
                cell = shown(row.cells[name].content)
                help_ = f"there it is `{cell}`; only what is a constant in the spec can be used here"
                self.problems.append(Problem(f"the `{name}` of `{row.name}` is no constant", span, help_))
            else:
                words = sorted({str(v) for v in known.values() if isinstance(v, Word)})
                self.problems.append(unknown("name", name, [*known, *words], span))
        return fine

    # -- values -------------------------------------------------------------------------------------------------------

    def entries(self, key: Scalar, value: Tree) -> list[Scalar]:
        """The entries of a list, or one value alone; problems are noted."""
        items = value.items if isinstance(value, Items) else [value]
        found = [item for item in items if isinstance(item, Scalar) and item.text.strip()]
        if len(found) < len(items):
            wrong = next(item for item in items if not (isinstance(item, Scalar) and item.text.strip()))
            self.problems.append(Problem(f"a value of `{key.text}` is expected here", wrong.span, FORM))
        elif not found:
            self.problems.append(Problem(f"`{key.text}` has no choices", value.span, FORM))
        elif len(found) == 1 and not isinstance(value, Items) and "," in found[0].text and "(" not in found[0].text:
            self.problems.append(Problem(f"the choices of `{key.text}` are no list", found[0].span, FORM))
            return []
        return found

    def listed(self, name: str, entry: Scalar) -> tuple[Any, ...]:
        """The values of one entry, which may be a range."""
        try:
            return read_axis(name, entry.text).values
        except UsageError as error:
            problem = error.problems[0]
            self.problems.append(problem._replace(span=entry.span))
            return ()

    def unique(self, name: str, found: list[tuple[Any, Span, bool]]) -> tuple[Any, ...]:
        """The values, each once; one that is written twice is noted, one that is computed twice is not."""
        values: dict[Any, Any] = {}
        literals: set[Any] = set()
        for value, span, written in found:
            key = (type(value) is bool, value)
            if written and key in literals:
                self.problems.append(Problem(f"`{name}` has {shown(value)} twice", span, "keep one of them"))
            if not isinstance(value, bool | str) and not is_number(value):
                self.problems.append(Problem(f"`{name}` cannot be {shown(value)}", span, FORM))
            values[key] = value
            literals |= {key} if written else set()
        if len(values) > MAX_VALUES:
            help_ = f"at most {MAX_VALUES:,}; use a larger step"
            self.problems.append(Problem(f"`{name}` takes {len(values):,} values", found[0][1], help_))
        return tuple(values.values())
