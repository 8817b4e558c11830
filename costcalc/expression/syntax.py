"""The grammar of expressions: text becomes a small tree of our own.

There is no path from it to Python's `eval`, attributes or calls, so the grammar is the whitelist. Decimals are exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from costcalc import number
from costcalc.errors import suggestion
from costcalc.units import read_number

MAX_LENGTH = 400
MAX_DEPTH = 40

TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9](?:[eE][+-](?=[0-9])|[0-9A-Za-z_.])*)|(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)|(?P<op>//|<=|>=|==|!=|[-+*/%()<>,])|(?P<bad>\S))"
)
FOREIGN = {
    "^": "powers are written out: a*a",
    "*": "a value is missing before it; powers are written out: a*a",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not` or `!=`",
    "=": "write `==`",
    "[": "lists are written in YAML",
}
FUNCTIONS: dict[str, tuple[int, int, Callable[..., Any]]] = {  # name: least and most arguments, meaning
    "min": (1, 9, number.minimum),
    "max": (1, 9, number.maximum),
    "ceil": (1, 1, number.ceil),
    "floor": (1, 1, number.floor),
    "round": (1, 1, number.round_half_up),
    "make_divisible": (1, 2, number.make_divisible),
}
RESERVED = frozenset({*FUNCTIONS, "and", "or", "not", "if", "else", "true", "false", "in", "block"})
BINDING = {
    "or": 2,
    "and": 3,
    "<": 5,
    "<=": 5,
    ">": 5,
    ">=": 5,
    "==": 5,
    "!=": 5,
    "+": 6,
    "-": 6,
    "*": 7,
    "/": 7,
    "//": 7,
    "%": 7,
}


class ExpressionError(Exception):
    """What is wrong with an expression, and which characters of it."""

    def __init__(self, message: str, offset: int, length: int, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.offset, self.length, self.help = message, offset, length, help


class Tree(NamedTuple):
    """One operation: its name, its parts (trees, or the value or name of a leaf), and where it stands in the text."""

    op: str
    parts: tuple[Any, ...]
    offset: int
    length: int


class Parser:
    """Precedence climbing over the tokens of one text."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise ExpressionError("expression too long", 0, MAX_LENGTH, f"at most {MAX_LENGTH} characters")
        self.text, self.depth, self.position = text, 0, 0
        self.tokens = [(m.lastgroup, m[m.lastgroup], m.start(m.lastgroup)) for m in TOKEN.finditer(text) if m.lastgroup]

    def parse(self) -> Tree:
        tree = self.expression(0)
        kind, text, offset = self.peek()
        if kind == "end":
            return tree
        raise ExpressionError(
            f"unexpected `{text}`", offset, len(text), FOREIGN.get(text[0], "is an operator missing?")
        )

    def peek(self) -> tuple[str, str, int]:
        if self.position < len(self.tokens):
            kind, text, offset = self.tokens[self.position]
            return str(kind), text, offset
        return "end", "", len(self.text)

    def take(self, expected: str | None = None) -> tuple[str, str, int]:
        kind, text, offset = token = self.peek()
        if expected is not None and text != expected:
            raise ExpressionError(f"expected `{expected}`" + (f", found `{text}`" if text else ""), offset, len(text))
        if kind == "end":
            raise ExpressionError(
                "the expression ends too early", max(offset - 1, 0), 1, "a value is missing at its end"
            )
        self.position += 1
        return token

    def expression(self, least: int) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError("expression nested too deeply", self.peek()[2], 1, f"at most {MAX_DEPTH} levels")
        left = self.operand()
        while True:
            _, text, _ = self.peek()
            binding = 1 if text == "if" else BINDING.get(text, -1)
            if binding <= least:
                break
            left = self.conditional(left) if text == "if" else self.binary(left, text, binding)
        self.depth -= 1
        return left

    def binary(self, left: Tree, op: str, binding: int) -> Tree:
        _, _, offset = self.take()
        right = self.expression(binding)
        if binding == BINDING["=="] and BINDING.get(self.peek()[1]) == binding:
            raise ExpressionError("comparisons cannot be chained", offset, len(op), "write `a < b and b < c`")
        return self.joined(op, left, right)

    def conditional(self, value: Tree) -> Tree:
        self.take("if")
        condition = self.expression(1)
        self.take("else")
        return self.joined("if", value, condition, self.expression(0))

    def joined(self, op: str, *parts: Tree) -> Tree:
        first, last = parts[0], parts[-1]
        return Tree(op, parts, first.offset, last.offset + last.length - first.offset)

    def operand(self) -> Tree:
        kind, text, offset = self.take()
        if kind == "number":
            return self.number(text, offset)
        if text == "(":
            inner = self.expression(0)
            end = self.take(")")[2] + 1
            return inner._replace(offset=offset, length=end - offset)
        if text in ("-", "not"):
            inner = self.expression(BINDING["*"] if text == "-" else 4)
            return Tree(text + "1", (inner,), offset, inner.offset + inner.length - offset)
        if kind == "name" and text in ("true", "false"):
            return Tree("leaf", (text == "true",), offset, len(text))
        if kind == "name" and self.peek()[1] == "(":
            return self.call(text, offset)
        if kind == "name" and text not in ("and", "or", "if", "else") and text.isascii():
            return Tree("name", (text,), offset, len(text))
        raise ExpressionError(f"unexpected `{text}`", offset, len(text), FOREIGN.get(text[0]))

    def number(self, text: str, offset: int) -> Tree:
        try:
            value = read_number(text)
        except ValueError as error:
            raise ExpressionError("number too long", offset, len(text), str(error)) from None
        if value is None:
            raise ExpressionError(
                f"`{text}` is not a number",
                offset,
                len(text),
                "numbers are written 32, 0.75, 1e6 or 569M, without leading zeros",
            )
        return Tree("leaf", (value,), offset, len(text))

    def call(self, name: str, offset: int) -> Tree:
        if name not in FUNCTIONS:
            near = suggestion(name, FUNCTIONS)
            raise ExpressionError(
                f"unknown function `{name}`",
                offset,
                len(name),
                f"did you mean `{near}`?" if near else f"known: {', '.join(FUNCTIONS)}",
            )
        self.take("(")
        arguments = [self.expression(0)]
        while self.peek()[1] == ",":
            self.take()
            arguments.append(self.expression(0))
        length = self.take(")")[2] + 1 - offset
        least, most, _ = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise ExpressionError(
                f"`{name}` takes {wanted} argument{'s' * (most > 1)}, not {len(arguments)}", offset, length
            )
        return Tree(name, tuple(arguments), offset, length)
