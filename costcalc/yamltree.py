"""YAML text as a tree of strings with their places: the small part of YAML that a spec needs, safely.

The parser's events are read one by one, so depth, size and every refused feature are met before anything is built
(the C loader's own composer crashes the interpreter on deep nesting). No scalar is converted here: `no`, `1:30` and
`010` stay the text they are. A comma inside parentheses ends no value, as people expect of
`{out: max(8, c), kernel: 3}` (YAML itself would end it there).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, NoReturn

import yaml

from costcalc.errors import Problem, Source, Span, SpecError, separator_in

MAX_DEPTH = 60
MAX_VALUES = 1_000_000  # scalars, lists and mappings in one file
MAX_JOINED = 2_000  # characters; longer than any expression may be
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar(NamedTuple):
    """A word, number or text; `quoted` where it stood in quotes or as a block."""

    text: str
    quoted: bool
    span: Span


class Items(NamedTuple):
    """A YAML sequence."""

    items: list[Tree]
    span: Span


class Pairs(NamedTuple):
    """A YAML mapping, its keys in order and unique."""

    pairs: list[tuple[Scalar, Tree]]
    span: Span

    def get(self, key: str) -> Tree | None:
        return next((value for name, value in self.pairs if name.text == key), None)


Tree = Scalar | Items | Pairs


def parse_yaml(source: Source) -> Tree:
    """The tree of a document. Raises SpecError with everything in it that is not allowed."""
    reader = _Reader(source)
    if problem := separator_in(source):
        raise SpecError(problem)
    try:
        for event in yaml.parse(source.text, Loader=LOADER):
            reader.handle(event)
    except yaml.MarkedYAMLError as error:
        _malformed(source, error)
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise SpecError(_unreadable(source, error)) from None
    if reader.problems:
        raise SpecError(*reader.problems)
    if reader.root is None:
        raise SpecError(Problem("the file is empty", Span(source, 1, 1, 2), "write one with `costcalc init`"))
    return reader.root


class _Reader:
    """Builds the tree from events, keeping the open collections on a stack of its own."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.root: Tree | None = None
        self.open: list[Items | Pairs] = []
        self.keys: list[Scalar | None] = []  # for each open mapping, the key that waits for its value
        self.seen: list[dict[str, Scalar]] = []
        self.skip = False  # the next value is the empty one that YAML gives to the rest of a parenthesis
        self.documents = self.values = 0

    def span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        last = end.column if end.line == start.line else len(self.source.line(start.line + 1))
        return Span(self.source, start.line + 1, start.column + 1, max(last, start.column + 1) + 1)

    def refuse(self, event: Any, message: str, help_: str) -> None:
        self.problems.append(Problem(message, self.span(event), help_))

    def handle(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents == 2:
                self.refuse(event, "a second document in one file", "write one network a file")
        elif isinstance(event, yaml.AliasEvent):
            self.refuse(
                event,
                f"an alias, `*{event.anchor}`",
                "write a*b with the name first, or quote a text; to say something twice, use `blocks`",
            )
            self.place(Scalar("", True, self.span(event)))
        elif isinstance(event, yaml.NodeEvent):
            self.node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            tree = self.open.pop()
            if isinstance(tree, Pairs):
                self.keys.pop()
                self.seen.pop()
            self.place(tree)

    def node(self, event: Any) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            help_ = "use `repeat`, `rows` or `blocks` to say the same in less"
            raise SpecError(Problem(f"the file has more than {MAX_VALUES:,} values", self.span(event), help_))
        if event.anchor is not None:
            self.refuse(
                event, f"an anchor, `&{event.anchor}`", "use `blocks`, `repeat` or `defaults` to say something once"
            )
        if event.tag is not None:
            self.refuse(event, f"a tag, `{event.tag}`", "values need no tags; quote the text if the `!` is part of it")
        if isinstance(event, yaml.ScalarEvent):
            self.place(
                Scalar(event.value, bool(event.style), self.span(event))
            )  # plain: "" from the C parser, else None
            return
        if len(self.open) >= MAX_DEPTH:
            raise SpecError(*self.problems, _too_deep(self.span(event)))
        if isinstance(event, yaml.MappingStartEvent):
            self.open.append(Pairs([], self.span(event)))
            self.keys.append(None)
            self.seen.append({})
        else:
            self.open.append(Items([], self.span(event)))

    def place(self, tree: Tree) -> None:
        """Puts a finished tree where it belongs."""
        if not self.open:
            self.root = tree if self.documents == 1 else self.root
        elif self.skip:
            self.skip = False
            if not (isinstance(tree, Scalar) and not tree.text):
                self.colon(tree)
        elif isinstance(top := self.open[-1], Items):
            joined = _joined(top.items[-1], tree) if top.items else None
            top.items[-1:] = [joined] if joined else [*top.items[-1:], tree]
        elif (key := self.keys[-1]) is not None:
            top.pairs.append((key, tree))
            self.keys[-1] = None
        elif top.pairs and (joined := _joined(top.pairs[-1][1], tree)):
            top.pairs[-1] = (top.pairs[-1][0], joined)
            self.skip = True
        else:
            self.key(tree)

    def colon(self, tree: Tree) -> None:
        """Notes a value that stands inside parentheses, and takes them as closed."""
        help_ = "quote the expression, or close the parenthesis"
        self.problems.append(Problem("a `:` inside parentheses", tree.span, help_))
        if isinstance(top := self.open[-1], Pairs) and top.pairs and isinstance(last := top.pairs[-1][1], Scalar):
            top.pairs[-1] = (top.pairs[-1][0], last._replace(quoted=True))

    def key(self, tree: Tree) -> None:
        if not isinstance(tree, Scalar):
            self.problems.append(Problem("a key must be a word", tree.span, "braces or brackets may be unbalanced"))
            self.keys[-1] = Scalar("", True, tree.span)
            return
        if tree.text == "<<":
            self.problems.append(Problem("a merge key, `<<`", tree.span, "use `defaults` or `blocks`"))
        earlier = self.seen[-1].setdefault(tree.text, tree)
        if earlier is not tree and tree.text:
            note = f"first given in line {earlier.span.line}, column {earlier.span.column}"
            self.problems.append(Problem(f"`{tree.text}` is given twice", tree.span, "keep one of them", (note,)))
        self.keys[-1] = tree


def _joined(before: Tree, tree: Tree) -> Scalar | None:
    """Both as one scalar, where the first left a parenthesis open that the comma between them did not mean to end."""
    if not (isinstance(before, Scalar) and isinstance(tree, Scalar)) or before.quoted or tree.quoted:
        return None
    if len(before.text) > MAX_JOINED or before.text.count("(") <= before.text.count(")"):
        return None
    a, b = before.span, tree.span
    if a.line != b.line:
        return Scalar(f"{before.text}, {tree.text}", False, a)
    return Scalar(
        a.source.line(a.line)[a.column - 1 : b.end - 1].rstrip(), False, Span(a.source, a.line, a.column, b.end)
    )


HINTS = {
    "cannot start any token": "quote the text; tabs cannot indent, use spaces",
    "mapping values are not allowed": "a `:` followed by a space inside a value: quote it, or check the indentation",
    "did not find expected ',' or": "a bracket or brace is not closed, or a comma is missing",
    "did not find expected key": "check the indentation of this line",
    "did not find expected '-'": "check the indentation of this line",
    "block end": "check the indentation of this line",
    "could not find expected ':'": "a `:` is missing after the key",
    "undefined alias": "a value cannot begin with `*`: quote it",
    "unexpected end of stream": "a quote is not closed",
}


def _too_deep(span: Span) -> Problem:
    return Problem("nested too deeply", span, f"at most {MAX_DEPTH} levels of lists and mappings")


def _malformed(source: Source, error: yaml.MarkedYAMLError) -> NoReturn:
    text = str(error.problem or error.context or "malformed YAML").lower()
    found, opened = error.problem_mark or error.context_mark, error.context_mark
    hint = next((help_ for part, help_ in HINTS.items() if part in text), None)
    notes: tuple[str, ...] = ()
    # what is never closed is told where it was opened; the parser notices only later, often at the end of the file
    if found and opened and opened.line < found.line and re.search("flow|quoted|simple key", str(error.context)):
        notes = (f"noticed in line {found.line + 1}, column {found.column + 1}",)
        found = opened
    line, column = (found.line + 1, found.column + 1) if found else (1, 1)
    if "\t" in source.line(line)[:column]:
        hint = "tabs cannot indent YAML, use spaces"
    elif source.line(line)[column - 1 : column] in ("]", "}"):
        hint = "there is a closing bracket too many, or an opening one is missing"
    span = Span(source, line, column, column + 1)
    if "nesting depth" in text:  # the parser has a limit of its own since libyaml 0.2.6, and looks some way ahead
        raise SpecError(_too_deep(span)) from None
    raise SpecError(Problem(f"this is not YAML: {text}", span, hint, notes)) from None


def _unreadable(source: Source, error: yaml.YAMLError) -> Problem:
    for number, line in enumerate(source.text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if not (character.isprintable() or character in "\t\r\x85\u00a0\u2028\u2029"):
                return Problem(
                    f"character U+{ord(character):04X} is not allowed in YAML",
                    Span(source, number, column, column + 1),
                    "remove it, or write it as an escape in double quotes",
                )
    return Problem(f"this is not YAML: {error}", Span(source, 1, 1, 2))
