"""Expressions and their values: the same tree is evaluated with ints and with traced numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Literal, Self

from costcalc import number
from costcalc.errors import suggestion
from costcalc.expression.syntax import FUNCTIONS, ExpressionError, Parser, Tree
from costcalc.units import read_number

Position = Literal["value", "comparison", "operand"]
MAX_BITS = 256


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": number.divide,
    "//": lambda a, b: a // b, "%": lambda a, b: a % b,
}  # fmt: skip


class Word(str):
    """A word that is a value; `choices`, where it came from a name that admits only those."""

    __slots__ = ("choices",)
    choices: tuple[str, ...]

    def __new__(cls, text: str, choices: tuple[str, ...] = ()) -> Self:
        word = super().__new__(cls, text)
        word.choices = choices
        return word


class Expression:
    """A parsed expression and the text it came from."""

    __slots__ = ("text", "tree")

    def __init__(self, text: str) -> None:
        """Raises ExpressionError."""
        self.text = text
        self.tree = Parser(text).parse()

    def names(self) -> Iterator[tuple[str, int, Position]]:
        """Every name, its offset, and its position: only in a `value` or a `comparison` may a word stand for itself."""
        yield from _names(self.tree, "value")

    def evaluate(self, names: Mapping[str, Any]) -> Any:
        """The value: a number, a truth value or a Word. A name that `names` lacks is a word. Raises ExpressionError."""
        return number.tidy(_evaluate(self.tree, names))


def parse(text: str) -> Any:
    """A number where the text is one, as exact as it is written; else the expression. Raises ExpressionError."""
    try:
        value = read_number(text)
    except ValueError as error:
        raise ExpressionError("number too long", 0, len(text), str(error)) from None
    return Expression(text) if value is None else value


def _names(tree: Tree, position: Position) -> Iterator[tuple[str, int, Position]]:
    if tree.op == "name":
        yield tree.parts[0], tree.offset, position
    elif tree.op == "if":
        yield from _names(tree.parts[0], position)
        yield from _names(tree.parts[1], "operand")
        yield from _names(tree.parts[2], position)
    elif tree.op != "leaf":
        for part in tree.parts:
            yield from _names(part, "comparison" if tree.op in ("==", "!=") else "operand")


def _evaluate(tree: Tree, names: Mapping[str, Any]) -> Any:
    op, parts = tree.op, tree.parts
    if op == "leaf":
        return parts[0]
    if op == "name":
        return names[parts[0]] if parts[0] in names else Word(parts[0])
    if op == "if":
        return _evaluate(parts[0] if _truth(parts[1], names) else parts[2], names)
    if op == "and":
        return _truth(parts[0], names) and _truth(parts[1], names)
    if op == "or":
        return _truth(parts[0], names) or _truth(parts[1], names)
    if op == "not1":
        return not _truth(parts[0], names)
    if op in ("==", "!="):
        return _equal(tree, names) == (op == "==")
    values = [_number(part, names) for part in parts]
    if op in COMPARE:
        return COMPARE[op](*values)
    try:
        if op == "-1":
            return -values[0]
        result = ARITHMETIC[op](*values) if op in ARITHMETIC else FUNCTIONS[op][2](*values)
    except ZeroDivisionError:
        raise ExpressionError("division by zero", tree.offset, tree.length) from None
    return _bounded(number.tidy(result), tree)


def _bounded(value: Any, tree: Tree) -> Any:
    """The value, unless it is a plain number so long that a chain of such expressions could not be computed."""
    if (
        isinstance(value, int | Fraction)
        and max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS
    ):
        raise ExpressionError("the number is too large", tree.offset, tree.length, f"at most {MAX_BITS} bits")
    return value


def _number(tree: Tree, names: Mapping[str, Any]) -> Any:
    value = _evaluate(tree, names)
    if number.is_number(value):
        return value
    shown = str(value).lower() if isinstance(value, bool) else value
    raise ExpressionError(f"`{shown}` is not a number", tree.offset, tree.length)


def _truth(tree: Tree, names: Mapping[str, Any]) -> bool:
    value = _evaluate(tree, names)
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"`{value}` is not true or false", tree.offset, tree.length, "compare it, as in `t != 1`")


def _equal(tree: Tree, names: Mapping[str, Any]) -> bool:
    a, b = (_evaluate(part, names) for part in tree.parts)
    if isinstance(a, str) != isinstance(b, str):
        raise ExpressionError("a word is compared with a number", tree.offset, tree.length)
    if isinstance(a, bool) != isinstance(b, bool):
        raise ExpressionError("a truth value is compared with a number", tree.offset, tree.length)
    for word, other, part in ((a, b, tree.parts[1]), (b, a, tree.parts[0])):
        if isinstance(word, Word) and word.choices and other not in word.choices:
            near = suggestion(other, word.choices)
            help_ = f"did you mean `{near}`?" if near else f"choices: {', '.join(word.choices)}"
            raise ExpressionError(f"`{other}` is not among the choices", part.offset, part.length, help_)
    return bool(a == b)
