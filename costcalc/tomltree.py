"""TOML text as the tree of strings with places that YAML text becomes, so that one reader serves both.

The standard library decides what is valid and what a string says; it keeps no places, so a scanner, which may rely on
the text being valid, finds them. Numbers stay the text they are (`0.75` is read exactly later); only what TOML writes
in its own way (`350_000_000`, `0x10`, `+1`) is written as everywhere else.
"""

from __future__ import annotations

import bisect
import re
import tomllib

from costcalc.errors import Problem, Source, Span, SpecError
from costcalc.yamltree import Items, Pairs, Scalar, Tree

SPACE = re.compile(r"[ \t]*")
BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
LITERAL = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]+|[^\s,\]}#]+")  # a date and a time may have a blank between
STRINGS = (
    re.compile(r'"""(?:\\[\s\S]|[^\\])*?"""(?:"{1,2})?'),
    re.compile(r"'''[\s\S]*?'''(?:'{1,2})?"),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
INTEGER = re.compile(r"[+-]?(?:[0-9_]+|0x[0-9A-Fa-f_]+|0o[0-7_]+|0b[01_]+)")
FLOAT = re.compile(r"[+-]?[0-9][0-9_.eE+-]*")
PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def parse_toml(source: Source, under: tuple[str, ...] = ()) -> Pairs | None:
    """The tree of a text, or of the table of these names in it; None where that is not there. Raises SpecError."""
    try:
        tomllib.loads(source.text)
        tree: Tree | None = _Scanner(source).document()
    except tomllib.TOMLDecodeError as error:
        raise SpecError(_malformed(source, str(error))) from None
    except RecursionError:
        raise SpecError(Problem("nested too deeply", Span(source, 1, 1, 2), "a budget file needs few levels")) from None
    except ValueError as error:  # a date that no calendar has, a number of thousands of digits
        raise SpecError(Problem(f"`{source.name}` is no TOML: {error}", Span(source, 1, 1, 2))) from None
    for name in under:
        tree = tree.get(name) if isinstance(tree, Pairs) else None
    if tree is not None and not isinstance(tree, Pairs):
        name = ".".join(under)
        raise SpecError(Problem(f"`{name}` must be a table", tree.span, f"write it as `[{name}]`"))
    return tree


def _malformed(source: Source, text: str) -> Problem:
    """What the standard library says, at its place."""
    match = PLACE.search(text)
    message = PLACE.sub("", text)
    message = message[:1].lower() + message[1:]
    if match and match[1]:
        line, column = int(match[1]), int(match[2])
    else:
        line = max((n for n, text in enumerate(source.lines, 1) if text.strip()), default=1)
        column = len(source.line(line)) + 1
    quotes = "texts stand in quotes" if "value" in message or "after a statement" in message else None
    return Problem(f"this is no TOML: {message}", Span(source, line, column, column + 1), quotes)


class _Scanner:
    """Walks through a valid text once. `names` has, for each table, where its keys are."""

    def __init__(self, source: Source) -> None:
        self.source, self.text, self.at = source, source.text, 0
        self.starts = [0, *(m.end() for m in re.finditer("\n", source.text))]
        self.names: dict[int, dict[str, Tree]] = {}

    def document(self) -> Pairs:
        root = table = self.table(Span(self.source, 1, 1, 2))
        while self.skip(BLANK) < len(self.text):
            if self.text[self.at] == "[":
                table = self.header(root)
            else:
                self.entry(table)
        return root

    def header(self, root: Pairs) -> Pairs:
        """`[a.b]` or `[[a.b]]`: the table that the entries below belong to."""
        start, many = self.at, self.text.startswith("[[", self.at)
        self.at += 1 + many
        *path, last = self.keys()
        self.skip(SPACE)
        self.at += 1 + many
        parent = root
        for key in path:
            parent = self.inner(parent, key)
        span = self.span(start, self.at)
        if not many:
            return self.inner(parent, last, span)
        items = self.names[id(parent)].get(last.text)
        if not isinstance(items, Items):
            items = Items([], span)
            self.put(parent, last, items)
        items.items.append(self.table(span))
        return self.latest(items)

    def entry(self, table: Pairs) -> None:
        """`a.b = value`."""
        *path, last = self.keys()
        for key in path:
            table = self.inner(table, key)
        self.skip(SPACE)
        self.at += 1  # the equals sign
        self.skip(SPACE)
        self.put(table, last, self.value())

    def value(self) -> Tree:
        start, first = self.at, self.text[self.at]
        if first == "[":
            items = Items([], self.span(start, start + 1))
            self.at += 1
            while self.after("]"):
                items.items.append(self.value())
            return items
        if first == "{":
            table = self.table(self.span(start, start + 1))
            self.at += 1
            while self.after("}"):
                self.entry(table)
            return table
        if first in "\"'":
            return self.string()
        text = self.take(LITERAL)
        return Scalar(_plain(text), False, self.span(start, self.at))

    def after(self, end: str) -> bool:
        """Goes on to the next element of a list or inline table; at its end, past it, and there is none."""
        self.skip(BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(BLANK)
        if self.text[self.at] == end:
            self.at += 1
            return False
        return True

    def string(self) -> Scalar:
        start = self.at
        literal = next(self.take(pattern) for pattern in STRINGS if pattern.match(self.text, self.at))
        return Scalar(tomllib.loads(f"x = {literal}")["x"], True, self.span(start, self.at))

    def keys(self) -> list[Scalar]:
        """The names of a dotted key."""
        found: list[Scalar] = []
        while not found or self.text.startswith(".", self.skip(SPACE)):
            self.at += bool(found)
            start = self.skip(SPACE)
            if self.text[start] in "\"'":
                found.append(self.string())
            else:
                text = self.take(BARE_KEY)
                found.append(Scalar(text, False, self.span(start, self.at)))
        return found

    def table(self, span: Span) -> Pairs:
        table = Pairs([], span)
        self.names[id(table)] = {}
        return table

    def inner(self, table: Pairs, key: Scalar, span: Span | None = None) -> Pairs:
        """The table of a name in another, made where it is not there; of a list of tables its last."""
        found = self.names[id(table)].get(key.text)
        if isinstance(found, Items):
            return self.latest(found)
        if not isinstance(found, Pairs):
            found = self.table(span or key.span)
            self.put(table, key, found)
        return found

    def latest(self, items: Items) -> Pairs:
        table = items.items[-1]
        return table if isinstance(table, Pairs) else self.table(items.span)

    def put(self, table: Pairs, key: Scalar, value: Tree) -> None:
        table.pairs.append((key, value))
        self.names[id(table)][key.text] = value

    def skip(self, pattern: re.Pattern[str]) -> int:
        self.take(pattern)
        return self.at

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def span(self, start: int, end: int) -> Span:
        """The place of a stretch of the text, as far as its first line goes."""
        line = bisect.bisect_right(self.starts, start)
        begin = self.starts[line - 1]
        last = min(end, begin + len(self.source.line(line)))
        return Span(self.source, line, start - begin + 1, max(last, start + 1) - begin + 1)


def _plain(text: str) -> str:
    """A number without what TOML alone allows in it."""
    if INTEGER.fullmatch(text):
        return str(int(text, 0) if text.lstrip("+-")[:2] in ("0x", "0o", "0b") else int(text))
    return text.replace("_", "").removeprefix("+") if FLOAT.fullmatch(text) and "-" not in text[1:5] else text
