"""Sums of layers worked out as a paper does: the formula, the numbers put in, the result. For text and for LaTeX.

Factors come in the order of reading (D_K, M, N, D_F), and a power is written as a product, `D_K * D_K`, where that is
usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from costcalc.explore.instead import Ratio
from costcalc.formulas import Formula
from costcalc.formulas.symbols import ORDER
from costcalc.number.polynomial import Monomial, Polynomial
from costcalc.render.expression import LATEX, PYTHON, TEXT, Dialect, Writer, symbol_text


class Layerwise(Writer):
    """Writes formulas of layers; `spelled` writes powers as products, `values` numbers in place of the symbols."""

    def __init__(self, dialect: Dialect, times: str, spelled: bool, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(dialect)
        self.times, self.spelled, self.values = times, spelled, values or {}

    @property
    def latex(self) -> bool:
        return self.dialect is LATEX

    def put_in(self, values: Mapping[str, Any]) -> Layerwise:
        """The same with numbers for symbols."""
        return Layerwise(self.dialect, self.times, self.spelled, values)

    def terms(self, polynomial: Polynomial, point: Mapping[str, Any] | None = None) -> list[tuple[str, Any]]:
        """A sum that can begins without a sign."""
        terms = super().terms(polynomial, point)
        first = next((i for i, (text, _) in enumerate(terms) if not text.startswith("-")), 0)
        return [*terms[first : first + 1], *terms[:first], *terms[first + 1 :]]

    def term(self, polynomial: Polynomial, monomial: Monomial, coefficient: int | Fraction) -> str:
        """One term, `-` before it where it is negative."""
        sign, number = ("-" if coefficient < 0 else ""), abs(Fraction(coefficient))
        factors = sorted(monomial, key=lambda factor: self._place(polynomial, factor[0]))
        above = [text for node, power in factors if power > 0 for text in self._factor(polynomial, node, power)]
        below = [text for node, power in factors if power < 0 for text in self._factor(polynomial, node, -power)]
        above = above if above and number.numerator == 1 else [str(number.numerator), *above]
        below = below if number.denominator == 1 else [str(number.denominator), *below]
        text = self.times.join(above)
        return sign + (self.over(text, self.times.join(below), close=True) if below else text)

    def _place(self, polynomial: Polynomial, node: int) -> tuple[int, str, int]:
        name = polynomial.atom(node).name
        return ORDER.index(name) if name in ORDER else len(ORDER), name, node

    def _factor(self, polynomial: Polynomial, node: int, power: int) -> list[str]:
        op, name, _ = polynomial.atom(node)
        text = self.atom(polynomial, node)
        if op == "symbol":
            text = str(self.values[name]) if name in self.values else symbol_text(name, self.dialect)
        return [text] * power if self.spelled or power == 1 else [self.dialect.power.format(text, power)]

    def factored(self, polynomial: Polynomial) -> str:
        """The polynomial; a difference with what its terms share before it, as in `M * (D_K * D_K - 1)`."""
        powers = [dict(monomial) for monomial in polynomial.terms]
        shared = {node: min(m.get(node, 0) for m in powers) for node in (powers[0] if powers else ())}
        shared = {node: least for node, least in shared.items() if least > 0}
        if not shared or all(c > 0 for c in polynomial.terms.values()):
            return self.written(polynomial)
        rest: dict[Monomial, Any] = {}
        for monomial, c in polynomial.terms.items():
            left = ((node, power - shared.get(node, 0)) for node, power in monomial)
            rest[tuple(factor for factor in left if factor[1])] = c
        before = self.term(polynomial, tuple(shared.items()), 1)
        return f"{before}{self.times}({self.written(Polynomial(polynomial.graph, rest))})"

    def over(self, above: str, below: str, close: bool = False) -> str:
        """A quotient of two expressions; `close` without spaces, as inside a sum."""
        if self.latex:
            return rf"\frac{{{above}}}{{{below}}}"
        if close:
            return f"{above}{' / ' if self.spelled else '/'}{_one(below)}"
        return f"{_one(above)} / {_one(below)}"


TEXT_SUM, LATEX_SUM = Layerwise(TEXT, " * ", spelled=True), Layerwise(LATEX, r" \cdot ", spelled=True)
TEXT_RATIO, LATEX_RATIO = Layerwise(TEXT, "*", spelled=False), Layerwise(LATEX, r"\,", spelled=False)
CODE = Layerwise(PYTHON, "*", spelled=False)


class _Valued(Layerwise):
    """Writes the value of each term."""

    def term(self, polynomial: Polynomial, monomial: Monomial, coefficient: int | Fraction) -> str:
        return fraction(Fraction(Polynomial(polynomial.graph, {monomial: coefficient}).at(self.values)), self)


def steps(formula: Formula, writer: Layerwise) -> list[str]:
    """The formula, the numbers in it, the result; what would be said twice once."""
    polynomial, result = formula.polynomial, thousands(formula.value, writer)
    if polynomial.constant is not None:
        return [result]
    put_in = writer.put_in(formula.point).factored(polynomial)
    return [writer.factored(polynomial), *([put_in] if put_in != str(formula.value) else []), result]


def thousands(value: int, writer: Layerwise) -> str:
    """A number with its thousands set apart."""
    return f"{value:,}".replace(",", "{,}") if writer.latex else f"{value:,}"


def unsimplified(ratio: Ratio, writer: Layerwise) -> str:
    """One cost over the other, as in `(D_K^2*M*D_F^2) / (D_K^2*M^2*D_F^2)`."""
    return writer.over(writer.written(ratio.own.polynomial), writer.written(ratio.standard.polynomial))


def simplified(ratio: Ratio, writer: Layerwise) -> str:
    """The quotient in lowest terms, as in `1/N + 1/D_K^2`."""
    above, below = map(writer.written, ratio.quotient)
    return above if below == "1" else writer.over(above, below)


def in_numbers(ratio: Ratio, writer: Layerwise) -> str:
    """The same with the value of each term, as in `1/512 + 1/9`."""
    above, below = ratio.quotient
    if below.constant != 1:
        return fraction(ratio.value, writer)
    return _Valued(writer.dialect, writer.times, writer.spelled, ratio.point).written(above)


def fraction(value: Fraction, writer: Layerwise) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    sign, above = "-" if value < 0 else "", abs(value.numerator)
    return sign + (rf"\frac{{{above}}}{{{value.denominator}}}" if writer.latex else f"{above}/{value.denominator}")


def _one(text: str) -> str:
    """In parentheses, where it is more than one symbol, number or power."""
    return text if text.replace("_", "").replace("^", "").isalnum() else f"({text})"
