"""Where something stands in a file, what is wrong there, and how that is shown.

A leaf says what is wrong (`Problem`), the border adds where; all problems of a file are raised together as one
`SpecError` and rendered late, in the style of rustc: message, place, the line, a caret, help.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

MAX_FOUND = 200  # problems after which reading stops
MAX_CANDIDATES = 500  # names among which a misspelt one is looked for
MAX_SHOWN = 20  # problems printed in full; a file with more is told how many are left
MAX_LINE = 160  # characters of a source line that are shown around the caret
COMMAND = re.compile(r"(?:\A|(?<=\s)):{2,}|##(?=\[|vso\[)")  # what a runner of CI acts on, however lines are folded
BREAK = re.compile("\r\n|[\n\r]")  # where a line ends
SEPARATOR = re.compile("[\x85\u2028\u2029]")


class Source:
    """A text and the name it goes by in messages."""

    __slots__ = ("lines", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.lines = BREAK.split(text)

    def line(self, number: int) -> str:
        """Line `number`, counted from 1, without its end; empty where there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def separator_in(source: Source) -> Problem | None:
    """The problem of a character at which YAML ends a line and nothing else does: lines would be counted otherwise."""
    found = SEPARATOR.search(source.text)
    if found is None:
        return None
    before = BREAK.split(source.text[: found.start()])
    line, column = len(before), len(before[-1]) + 1
    named = f"U+{ord(found[0]):04X}"
    return Problem(f"an invisible line separator, {named}", Span(source, line, column, column + 1), "remove it")


class Span(NamedTuple):
    """Columns `column` to `end` (exclusive) of one line of a source; both count from 1."""

    source: Source
    line: int
    column: int
    end: int

    def part(self, offset: int, length: int) -> Span:
        """The `length` characters that begin `offset` into this span."""
        return Span(self.source, self.line, self.column + offset, self.column + offset + max(length, 1))

    def __str__(self) -> str:
        return f"{visible(self.source.name)}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One thing that is wrong: lower case, names in backticks; `help` is the fix, `notes` the way there."""

    message: str
    span: Span | None = None
    help: str | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"error: {visible(self.message)}"]
        if self.span:
            parts += _excerpt(self.span)
        parts += [f"  note: {visible(note)}" for note in self.notes]
        if self.help:
            parts.append(f"  help: {visible(self.help)}")
        return "\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The record of this problem in a `costcalc/error/1` document."""
        span = self.span
        return {
            "message": self.message,
            "file": span.source.name if span else None,
            "line": span.line if span else None,
            "column": span.column if span else None,
            "end_column": span.end if span else None,
            "help": self.help,
        }


class CostcalcError(Exception):
    """Something that a user can mend; carries every problem that was found, without repeats, in reading order."""

    def __init__(self, *problems: Problem | str) -> None:
        found = [Problem(p) if isinstance(p, str) else p for p in problems]
        unique = {(p.message, str(p.span)): p for p in found}
        self.problems = sorted(unique.values(), key=lambda p: (p.span.line, p.span.column) if p.span else (0, 0))
        super().__init__(self.problems[0].message)

    def __str__(self) -> str:
        shown = [str(p) for p in self.problems[:MAX_SHOWN]]
        if len(self.problems) > MAX_SHOWN:
            left = len(self.problems) - MAX_SHOWN
            shown.append(f"... and {left} more error{'s' * (left > 1)}")
        return "\n\n".join(shown)


class SpecError(CostcalcError):
    """A file that cannot be read, or does not say what it must."""


class UsageError(CostcalcError):
    """A request that does not fit: an unknown option value, hyper-parameter, convention or output."""


class Problems(list[Problem]):
    """The problems found so far. A file with very many is given up: few are printed, and each takes its time."""

    def append(self, problem: Problem) -> None:
        super().append(problem)
        if len(self) >= MAX_FOUND:
            raise SpecError(*self)


def visible(text: str) -> str:
    r"""The text with whatever could act on a terminal (controls, escapes, direction marks) written as `\x1b`.

    Runners of CI take commands from what is printed, `::` at the start of a line, `##[` and `##vso[` anywhere in one:
    there a blank comes between.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return _idle(text)


def _idle(text: str) -> str:
    if "##" not in text and "::" not in text:
        return text
    return COMMAND.sub(lambda found: " ".join(found[0]), text)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: two for each wide character, none for a combining mark."""
    if text.isascii():
        return len(text)
    import unicodedata

    marks = sum(1 for c in text if unicodedata.combining(c))
    return len(text) - marks + sum(1 for c in text if unicodedata.east_asian_width(c) in "WF")


MIN_BEGUN = 3  # letters of a name that only one name begins with


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    names = sorted(known)[:MAX_CANDIDATES]
    folded = {name.lower().replace("-", "_"): name for name in names}
    typed = word.lower().replace("-", "_")
    begun = [name for fold, name in folded.items() if len(typed) > MIN_BEGUN and fold.startswith(typed)]
    if begun and all(name.startswith(min(begun, key=len)) for name in begun):
        return min(begun, key=len)
    close = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def unknown(what: str, word: str, known: Iterable[str], span: Span | None = None) -> Problem:
    """The problem of a name that is not among the known ones, with the nearest of them or all as help."""
    names = list(known)
    near = suggestion(word, names)
    listed = ", ".join(f"`{n}`" for n in names[:24]) + (", ..." if len(names) > 24 else "")
    help_ = f"did you mean `{near}`?" if near else f"known: {listed}" if names else None
    return Problem(f"unknown {what} `{word}`", span, help_)


def _excerpt(span: Span) -> list[str]:
    """The place, the line and a caret line under the span."""
    number, gap = str(span.line), " " * len(str(span.line))
    line = span.source.line(span.line)
    start = min(span.column - 1, len(line))
    first = max(0, start - MAX_LINE // 2) if len(line) > MAX_LINE else 0
    before = visible(line[first:start])
    marked = visible(line[start : span.end - 1][:MAX_LINE])
    after = visible(line[start + len(line[start : span.end - 1]) :][: MAX_LINE // 2])
    carets = "^" * max(columns(marked), 1)
    return [
        f"{gap} --> {span}",
        f"{gap} |",
        _idle(f"{number} | {before}{marked}{after}").rstrip(),
        f"{gap} | {' ' * columns(before)}{carets}",
    ]
