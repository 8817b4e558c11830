"""Where a formula holds, as words: bounds and steps of single symbols, and relations between several."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

from costcalc.explore.conditions import Where
from costcalc.number.polynomial import Polynomial
from costcalc.render.expression import LATEX, PYTHON, TEXT, Writer, symbol_text
from costcalc.units import written as decimal

COMPARED = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
SIGNS = {"text": {"==": "="}, "python": {}, "latex": {"==": "=", "!=": r"\neq", "<=": r"\leq", ">=": r"\geq"}}


def where_texts(where: Where, writer: Writer) -> list[str]:
    """Each condition as text; of a bound that steps imply, the steps alone, and of what is never so, that."""
    if writer.dialect is not PYTHON and any(_never(*relation) for relation in where.relations):
        return [r"\text{no setting}" if writer.dialect is LATEX else "no setting: at each, something is rounded"]
    signs = SIGNS[writer.dialect.name]
    steps = dict(where.steps)
    texts = [_multiple(_symbol(name, writer), limit(step, writer), writer) for name, step in where.steps]
    for name, relation, value in where.bounds:
        if not (relation in (">", ">=") and 0 <= value <= steps.get(name, -1)):
            texts.append(f"{_symbol(name, writer)} {signs.get(relation, relation)} {limit(value, writer)}")
    for left, relation, right in where.relations:
        a, b = _side(left, writer), _side(right, writer)
        texts.append(
            _multiple(a, b, writer) if relation == "multiple of" else f"{a} {signs.get(relation, relation)} {b}"
        )
    return texts


def _never(left: Polynomial, relation: str, right: Polynomial) -> bool:
    """Whether a relation of two plain numbers is false, whatever the symbols are."""
    if left.constant is None or right.constant is None or relation not in COMPARED:
        return False
    return not COMPARED[relation](left.constant, right.constant)


def _multiple(value: str, unit: str, writer: Writer) -> str:
    if writer.dialect is PYTHON:
        return f"({value}) % {unit} == 0"
    return rf"{value} \text{{ a multiple of }} {unit}" if writer.dialect is LATEX else f"{value} a multiple of {unit}"


def _symbol(name: str, writer: Writer) -> str:
    return symbol_text(writer.names.symbols.get(name, name), writer.dialect)


def _side(polynomial: Polynomial, writer: Writer) -> str:
    return writer.written(polynomial) if polynomial.constant is None else limit(polynomial.constant, writer)


def limit(value: Any, writer: Writer | None = None) -> str:
    """A number that stands alone: a short decimal, or a fraction such as 1/32."""
    value = Fraction(value)
    dialect = writer.dialect if writer else TEXT
    if value.denominator == 1 or (dialect is not PYTHON and 100 % value.denominator == 0):
        return decimal(value if value.denominator != 1 else value.numerator)
    if dialect is LATEX:
        return rf"{'-' if value < 0 else ''}\tfrac{{{abs(value.numerator)}}}{{{value.denominator}}}"
    return str(value)
