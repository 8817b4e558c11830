"""A value in a spec: what a scalar or list of it says, and its evaluation in the place where it is used.

Problems are collected in a `Notebook`, so that all errors of a file are told at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from costcalc.errors import Problem, Problems, Span, unknown
from costcalc.expression import RESERVED, Expression, ExpressionError, parse
from costcalc.yamltree import Items, Pairs, Scalar, Tree

SIZES = frozenset({"channels", "length", "height", "width", "depth", "tokens", "features"})
IN_NAMES = frozenset(f"in.{size}" for size in SIZES)
BLOCK_NAMES = frozenset(f"block.in.{size}" for size in SIZES)


class Notebook:
    """The problems found so far, what has been parsed already, `words` that a comparison may name, names `used`."""

    __slots__ = ("parsed", "problems", "used", "words")

    def __init__(self, words: frozenset[str] = frozenset()) -> None:
        self.problems = Problems()
        self.parsed: dict[str, Any] = {}
        self.words = words
        self.used: set[str] = set()

    @contextmanager
    def uses_of(self, what: str, names: Iterable[tuple[str, Span]], help_: str) -> Iterator[None]:
        """Notes every one of the names that nothing inside uses: a slip, such as a stride that is never passed on.

        A name that begins with `_` is there to be read only.
        """
        outer, before, self.used = self.used, len(self.problems), set()
        yield
        if len(self.problems) == before:  # else what uses it may be what could not be read
            for name, span in names:
                if name not in self.used and not name.startswith("_"):
                    self.add(f"the {what} `{name}` is never used", span, help_)
        self.used |= outer

    def add(self, message: str, span: Span, help: str | None = None, notes: tuple[str, ...] = ()) -> None:
        self.problems.append(Problem(message, span, help, notes))

    def unknown(self, what: str, word: Scalar, known: Any) -> None:
        self.problems.append(unknown(what, word.text, known, word.span))


class Value(NamedTuple):
    """A constant, an Expression, a list of values or several by name, and where it stands."""

    content: Any
    span: Span
    quote: int = 0  # characters before the text of an expression, where it is quoted; -1 where it is not on one line

    @property
    def constant(self) -> bool:
        """Whether it is the same wherever it stands."""
        if isinstance(self.content, list):
            return all(value.constant for value in self.content)
        return not isinstance(self.content, Expression)

    def evaluate(self, names: Mapping[str, Any]) -> Any:
        """The number, truth value, Word or list of them. Raises LocatedError."""
        content = self.content
        if isinstance(content, Expression):
            try:
                return content.evaluate(names)
            except ExpressionError as error:
                raise LocatedError(error.message, self.part(error.offset, error.length), error.help) from None
        if isinstance(content, list):
            return [value.evaluate(names) for value in content]
        return content

    def part(self, offset: int, length: int) -> Span:
        """These characters of its text; all of it where they cannot be told."""
        return self.span if self.quote < 0 else self.span.part(offset + self.quote, length)

    def names(self) -> list[str]:
        """The names it uses, each once."""
        if isinstance(self.content, list | dict):
            values = self.content.values() if isinstance(self.content, dict) else self.content
            return list(dict.fromkeys(name for value in values for name in value.names()))
        return (
            list(dict.fromkeys(name for name, *_ in self.content.names()))
            if isinstance(self.content, Expression)
            else []
        )


class LocatedError(Exception):
    """What is wrong with a value, and where; the expansion adds the way there."""

    def __init__(self, message: str, span: Span, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.span, self.help = message, span, help


def read_value(tree: Tree, book: Notebook) -> Value | None:
    """The value of a scalar or list; None, with a problem noted, where it is none."""
    if isinstance(tree, Items):
        values = [read_value(item, book) for item in tree.items]
        return None if None in values else Value(values, tree.span)
    if isinstance(tree, Pairs):
        book.add("a value is expected here, not a mapping", tree.span)
        return None
    text = tree.text.strip()
    quote = int(tree.quoted) if tree.span.end - tree.span.column == len(text) + 2 * tree.quoted else -1
    if text not in book.parsed:
        if not text:
            book.add("a value is missing", tree.span)
            return None
        try:
            content = parse(text)
        except ExpressionError as error:
            book.add(error.message, Value(None, tree.span, quote).part(error.offset, error.length), error.help)
            return None
        if isinstance(content, Expression) and content.tree.op == "leaf":
            content = content.tree.parts[0]
        book.parsed[text] = content
    return Value(book.parsed[text], tree.span, quote)


def check_names(value: Value, scope: frozenset[str] | set[str], words: Collection[str], book: Notebook) -> bool:
    """Notes every name that is neither declared nor a word that may stand there; returns whether all are fine."""
    if isinstance(value.content, list):
        return False not in [check_names(item, scope, words, book) for item in value.content]
    if not isinstance(value.content, Expression):
        return True
    fine = True
    for name, offset, position in value.content.names():
        book.used.add(name)
        if (
            name in scope
            or (position == "value" and name in words)
            or (position == "comparison" and name in book.words)
        ):
            continue
        fine = False
        span = value.part(offset, len(name))
        known = sorted({*scope, *(words if position == "value" else ())} - IN_NAMES - BLOCK_NAMES)
        meant = scope | book.words if position == "comparison" else {*scope, *known}
        problem = unknown("name", name, meant, span)
        if problem.help is None or not problem.help.startswith("did you mean"):
            problem = Problem(problem.message, span, _known(name, known, sized=bool(scope & IN_NAMES)))
        book.problems.append(problem)
    return fine


def _known(name: str, known: list[str], sized: bool) -> str:
    if name.lower() in ("yes", "no", "on", "off", "true", "false"):
        return "truth values are written `true` and `false`"
    if name.startswith(("in.", "block.")) and not sized:
        return "sizes are known only in layers and in the cells of `rows`"
    if name.startswith(("in.", "block.")):
        return f"after `in.` comes one of {', '.join(sorted(SIZES))}; `block.in.` is there inside a block"
    return "known here: " + ", ".join(f"`{n}`" for n in known) if known else "no names are declared here"


def identifier(tree: Tree | None, what: str, book: Notebook) -> str | None:
    """A name that may be declared: letters, digits, underscores, no word of the language; else a problem is noted."""
    if not isinstance(tree, Scalar):
        if tree is not None:
            book.add(f"{what} must be a name", tree.span)
        return None
    text = tree.text
    if text.isascii() and text.isidentifier() and text not in RESERVED and len(text) <= 60:
        return text
    why = (
        f"`{text}` is a word of the language"
        if text in RESERVED
        else "letters, digits and underscores, beginning with a letter, at most 60"
    )
    book.add(f"`{text}` cannot be the name of {what}", tree.span, why)
    return None


def plain_text(tree: Tree | None, what: str, book: Notebook) -> str:
    """The text of a scalar as it is; empty, with a problem noted, where it is none."""
    if tree is None:
        return ""
    if not isinstance(tree, Scalar):
        book.add(f"`{what}` must be text", tree.span)
        return ""
    return " ".join(tree.text.split())
