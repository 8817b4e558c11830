"""Sums of layers worked out as a paper does: the formula, the numbers put in, the result. For text and for LaTeX.

Factors come in the order of reading (D_K, M, N, D_F), and a power is written as a product, `D_K * D_K`, where that is
usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.explore.instead import Ratio
from costcalc.formulas import Formula
from costcalc.formulas.symbols import ORDER
from costcalc.number.polynomial import Monomial, Polynomial, split
from costcalc.render.expression import LATEX, PYTHON, TEXT, Dialect, Names, Writer, symbol_text


class Style(NamedTuple):
    """How formulas of layers are written; `spelled`: powers as products."""

    dialect: Dialect
    times: str
    spelled: bool = False

    @property
    def latex(self) -> bool:
        return self.dialect is LATEX

    def written(self, polynomial: Polynomial, values: Mapping[str, Any] | None = None) -> str:
        """A sum of products, with numbers in place of the symbols where there are values."""
        return _Layerwise(self, values).written(polynomial)

    def factored(self, polynomial: Polynomial, values: Mapping[str, Any] | None = None) -> str:
        """The same; a difference with what its terms share before it, as in `M * (D_K * D_K - 1)`."""
        return _Layerwise(self, values).factored(polynomial)

    def over(self, above: str, below: str) -> str:
        """A quotient of two expressions."""
        return rf"\frac{{{above}}}{{{below}}}" if self.latex else f"{_one(above)} / {_one(below)}"

    def fraction(self, value: Fraction) -> str:
        """A number, as a quotient of two whole ones."""
        if value.denominator == 1:
            return str(value.numerator)
        sign, above = "-" if value < 0 else "", abs(value.numerator)
        return sign + (self.over(str(above), str(value.denominator)) if self.latex else f"{above}/{value.denominator}")


TEXT_SUM, LATEX_SUM = Style(TEXT, " * ", spelled=True), Style(LATEX, r" \cdot ", spelled=True)
TEXT_RATIO, LATEX_RATIO, CODE = Style(TEXT, "*"), Style(LATEX, r"\,"), Style(PYTHON, "*")


class _Layerwise(Writer):
    """Writes the polynomials of one graph."""

    def __init__(self, style: Style, values: Mapping[str, Any] | None) -> None:
        super().__init__(style.dialect, Names({name: str(value) for name, value in (values or {}).items()}))
        self.style, self.values = style, values or {}

    def terms(self, polynomial: Polynomial, point: Mapping[str, Any] | None = None) -> list[tuple[str, Any]]:
        """A sum that can begins without a sign."""
        terms = super().terms(polynomial, point)
        first = next((i for i, (text, _) in enumerate(terms) if not text.startswith("-")), 0)
        return [*terms[first : first + 1], *terms[:first], *terms[first + 1 :]]

    def term(self, polynomial: Polynomial, monomial: Monomial, coefficient: int | Fraction) -> str:
        """One term, `-` before it where it is negative."""
        return self._product(polynomial, monomial, coefficient, [])

    def _product(
        self, polynomial: Polynomial, monomial: Monomial, coefficient: Any, sums: list[tuple[int, str]]
    ) -> str:
        """A number, powers of nodes, and sums with the node that each stands beside."""
        sign, number = ("-" if coefficient < 0 else ""), abs(Fraction(coefficient))
        factors = sorted(monomial, key=lambda factor: self._place(polynomial, factor[0]))
        placed = [
            (self._place(polynomial, n), i, self._factor(polynomial, n, p)) for i, (n, p) in enumerate(factors) if p > 0
        ]
        placed += [(self._place(polynomial, n), len(factors) + i, [text]) for i, (n, text) in enumerate(sums)]
        above = [text for *_, texts in sorted(placed) for text in texts]
        below = [text for node, power in factors if power < 0 for text in self._factor(polynomial, node, -power)]
        above = above if above and number.numerator == 1 else [str(number.numerator), *above]
        below = below if number.denominator == 1 else [str(number.denominator), *below]
        over, under = self.style.times.join(above), self.style.times.join(below)
        if not below or self.style.latex:
            return sign + (self.style.over(over, under) if below else over)
        return f"{sign}{over}{' / ' if self.style.spelled else '/'}{_one(under)}"

    def _place(self, polynomial: Polynomial, node: int) -> tuple[int, str, int]:
        name = polynomial.atom(node).name
        return ORDER.index(name) if name in ORDER else len(ORDER), name, node

    def _factor(self, polynomial: Polynomial, node: int, power: int) -> list[str]:
        op, name, _ = polynomial.atom(node)
        text = self.atom(polynomial, node)
        if op == "symbol":
            text = str(self.values[name]) if name in self.values else symbol_text(name, self.dialect)
        return [text] * power if self.style.spelled or power == 1 else [self.dialect.power.format(text, power)]

    def factored(self, polynomial: Polynomial) -> str:
        """The polynomial; a difference with what its terms share before it, as in `M * (D_K * D_K - 1)`.

        What is a product of sums is written as one: `M * (D_K + 1) * (D_K + 2)`.
        """
        parts = split(polynomial)
        if parts is not None:
            shared_by_all, number, node, added = parts
            (name,) = self._factor(polynomial, node, 1)
            sums = [(node, f"({name} {'-' if n < 0 else '+'} {abs(n)})") for n in added]
            return self._product(polynomial, shared_by_all, number, sums)
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
        return f"{before}{self.style.times}({self.written(Polynomial(polynomial.graph, rest))})"


class _Valued(_Layerwise):
    """Writes the value of each term."""

    def term(self, polynomial: Polynomial, monomial: Monomial, coefficient: int | Fraction) -> str:
        return self.style.fraction(Fraction(Polynomial(polynomial.graph, {monomial: coefficient}).at(self.values)))


def steps(formula: Formula, style: Style) -> list[str]:
    """The formula, the numbers in it, the result; what would be said twice once."""
    polynomial, result = formula.polynomial, f"{formula.value:,}"
    if style.latex:
        result = result.replace(",", "{,}")
    if polynomial.constant is not None:
        return [result]
    put_in = style.factored(polynomial, formula.point)
    return [style.factored(polynomial), *([put_in] if put_in != str(formula.value) else []), result]


def unsimplified(ratio: Ratio, style: Style) -> str:
    """One cost over the other, as in `(D_K^2*M*D_F^2) / (D_K^2*M^2*D_F^2)`."""
    return style.over(style.factored(ratio.own.polynomial), style.factored(ratio.standard.polynomial))


def simplified(ratio: Ratio, style: Style) -> str:
    """The quotient in lowest terms, as in `1/N + 1/D_K^2`."""
    above, below = map(style.factored if split(ratio.quotient.above) else style.written, ratio.quotient)
    return above if below == "1" else style.over(above, below)


def in_numbers(ratio: Ratio, style: Style) -> str:
    """The same with the value of each term, as in `1/512 + 1/9`."""
    above, below = ratio.quotient
    alone = below.constant == 1 and split(above) is None
    return _Valued(style, ratio.point).written(above) if alone else style.fraction(ratio.value)


def _one(text: str) -> str:
    """In parentheses, where it is more than one symbol, number or power."""
    return text if text.replace("_", "").replace("^", "").isalnum() else f"({text})"
