"""Polynomials as text: for reading, for Python, for LaTeX. The same walk over terms and roundings in three dialects.

What is long and stands in several places may have a name of its own: then a formula is a few short lines, and what the
names stand for is written below it once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from costcalc.number.polynomial import Monomial, Polynomial
from costcalc.render.escape import latex as latex_text
from costcalc.units import written as decimal

GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
FUNCTIONS = {"made_divisible": "make_divisible", "inside": "taps_inside"}  # the others go by their own names
MAX_DECIMALS = 6  # of a coefficient; what has more is a fraction
MAX_LENGTH = 1_000_000  # characters: what nests roundings that are used twice doubles with every level


class TooLong(Exception):  # noqa: N818 - becomes a problem where it is caught
    """A formula that cannot be written out."""


class Dialect(NamedTuple):
    """How products and powers are written."""

    times: str
    power: str
    name: Literal["text", "python", "latex"]


TEXT, PYTHON, LATEX = (
    Dialect(" ", "{}^{}", "text"),
    Dialect("*", "{}**{}", "python"),
    Dialect(r"\,", "{}^{{{}}}", "latex"),
)


class Names(NamedTuple):
    """What goes by a name: symbols that are not called in the text as in the spec, and roundings."""

    symbols: Mapping[str, str] = {}
    roundings: Mapping[int, str] = {}


def written(polynomial: Polynomial, dialect: Dialect, point: Mapping[str, Any] | None = None) -> str:
    """The polynomial on one line; with a point, its largest terms there come first, else its highest powers."""
    return Writer(dialect).written(polynomial, point)


def term(polynomial: Polynomial, monomial: Monomial, coefficient: int | Fraction, dialect: Dialect) -> str:
    """One term; negative powers, and the denominator of the coefficient, as divisions."""
    return Writer(dialect).term(polynomial, monomial, coefficient)


class Writer:
    """Writes polynomials of one graph."""

    def __init__(self, dialect: Dialect, names: Names = Names()) -> None:  # noqa: B008 - immutable
        self.dialect, self.names = dialect, names
        self._atoms: dict[int, str] = {}
        self._places: dict[int, tuple[int, str, int]] = {}

    def written(self, polynomial: Polynomial, point: Mapping[str, Any] | None = None) -> str:
        """The polynomial on one line. Raises TooLong."""
        text = joined([text for text, _ in self.terms(polynomial, point)])
        ops = [polynomial.atom(node).op for monomial in polynomial.terms for node, _ in monomial]
        alone = ops in (["div"], ["mod"]) and text[0] == "(" and text[-1] == ")"
        return text[1:-1] if alone else text

    def terms(self, polynomial: Polynomial, point: Mapping[str, Any] | None = None) -> list[tuple[str, Any]]:
        """Its terms as text, each with its value where there is a point."""
        if point is not None:
            return [(self.term(polynomial, m, c), value) for m, c, value in polynomial.sizes(point)]
        terms = [(self.term(polynomial, m, c), None) for m, c in _by_degree(polynomial)]
        first = next((i for i, (text, _) in enumerate(terms) if not text.startswith("-")), 0)
        return [*terms[first : first + 1], *terms[:first], *terms[first + 1 :]]  # a sum that can begins without a sign

    def term(self, polynomial: Polynomial, monomial: Monomial, coefficient: int | Fraction) -> str:
        """One term, `-` before it where it is negative."""
        factors = sorted(monomial, key=lambda factor: self._place(polynomial, factor[0]))
        above = [self._powered(polynomial, node, power) for node, power in factors if power > 0]
        below = [self._powered(polynomial, node, -power) for node, power in factors if power < 0]
        sign, number = ("-" if coefficient < 0 else ""), abs(Fraction(coefficient))
        text = (self._python if self.dialect is PYTHON else self._read)(number, above, below)
        if len(text) > MAX_LENGTH:
            raise TooLong(f"more than {MAX_LENGTH:,} characters")
        return sign + text

    def _place(self, polynomial: Polynomial, node: int) -> tuple[int, str, int]:
        """Symbols before roundings, by name: the order of the nodes, that of the network, tells a reader nothing."""
        if node not in self._places:
            rounding = int(polynomial.atom(node).op != "symbol")
            self._places[node] = rounding, min(polynomial.symbols_of(node), default=""), node
        return self._places[node]

    def _python(self, number: Fraction, above: list[str], below: list[str]) -> str:
        if number.numerator != 1 or not above:
            above = [str(number.numerator), *above]
        if number.denominator != 1:
            below = [str(number.denominator), *below]
        return "*".join(above) + "".join(f"/{factor}" for factor in below)

    def _read(self, number: Fraction, above: list[str], below: list[str]) -> str:
        """With the number in front: 562.5 alpha resolution^2; a half of one symbol as alpha/2."""
        times, latex = self.dialect.times, self.dialect is LATEX
        if number.numerator == 1 and number.denominator != 1 and len(above) == 1:
            below = [str(number.denominator), *below]
        elif number != 1 or not above:
            above = [_number(number, latex), *above]
        if not below:
            return times.join(above)
        if latex:
            return rf"\frac{{{times.join(above)}}}{{{times.join(below)}}}"
        return f"{times.join(above)}/{below[0] if len(below) == 1 else f'({times.join(below)})'}"

    def _powered(self, polynomial: Polynomial, node: int, power: int) -> str:
        atom = self.atom(polynomial, node)
        if power == 1:
            return atom
        if self.dialect is LATEX and "^" in atom and not atom.startswith("\\left"):
            atom = rf"\left({atom}\right)"
        return self.dialect.power.format(atom, power)

    def atom(self, polynomial: Polynomial, node: int) -> str:
        """A symbol or a rounding, by its name where it has one."""
        if node not in self._atoms:
            for index in polynomial.needed(node, self._atoms):  # what it needs first: chains may be long
                self._atoms[index] = self._atom(polynomial, index)
        return self._atoms[node]

    def _atom(self, polynomial: Polynomial, node: int) -> str:
        if node in self.names.roundings:
            return self.names.roundings[node]
        op, name, _ = polynomial.atom(node)
        if op == "symbol":
            return symbol_text(self.names.symbols.get(name, name), self.dialect)
        return self.definition(polynomial, node)

    def definition(self, polynomial: Polynomial, node: int) -> str:
        """A rounding written out, whether it has a name or not."""
        op, _, parts = polynomial.atom(node)
        texts = [self.written(part) for part in parts]
        if self.dialect is LATEX:
            return _latex_rounding(op, texts)
        if op in ("div", "mod"):
            sign = {"div": "/", "mod": " % " if self.dialect is PYTHON else " mod "}[op]
            return f"({_grouped(texts[0])}{sign}{_grouped(texts[1])})"
        return f"{FUNCTIONS.get(op, op)}({', '.join(texts)})"


def joined(terms: Sequence[str]) -> str:
    """A sum of terms, their signs as operators. Raises TooLong."""
    if not terms:
        return "0"
    text = terms[0] + "".join(f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in terms[1:])
    if len(text) > MAX_LENGTH:
        raise TooLong(f"more than {MAX_LENGTH:,} characters")
    return text


def named_roundings(polynomials: Iterable[Polynomial], symbols: Sequence[str]) -> dict[int, str]:
    """Names for the roundings that these polynomials of one graph have in several places: `a3` of alpha, `r1`.

    In the order of the symbols; of one symbol, each needs only names before it.
    """
    pending = list(polynomials)
    uses, of, names, counts = Counter[int](), dict[int, int](), dict[int, str](), Counter[str]()
    while pending:
        polynomial = pending.pop()
        for node in (node for monomial in polynomial.terms for node, _ in monomial):
            uses[node] += 1
            if node not in of and polynomial.atom(node).op != "symbol":
                of[node] = min(map(symbols.index, polynomial.symbols_of(node)))
                pending += polynomial.atom(node).parts
    for node in sorted((node for node in of if uses[node] > 1), key=lambda node: (of[node], node)):
        letter = symbols[of[node]].lstrip("_")[:1] or "c"
        counts[letter] += 1
        name = f"{letter}{counts[letter]}"
        while name in symbols:
            name += "_"
        names[node] = name
    return names


def symbol_text(name: str, dialect: Dialect) -> str:
    """A symbol; in LaTeX `alpha` as a letter, `D_K` and `a3` with their indices, `resolution` upright."""
    if dialect is not LATEX:
        return name
    head, _, index = name.partition("_")
    if head in GREEK.split() and not index:
        return f"\\{head}"
    if len(head) > 1 and head[0].isalpha() and head[1:].isdigit() and not index:
        return f"{head[0]}_{{{head[1:]}}}"
    if len(head) != 1 or not index:
        return name if len(name) == 1 else rf"\mathrm{{{latex_text(name)}}}"
    plain = len(index) == 1 or index.isdigit()
    return f"{head}_{{{index}}}" if plain else rf"{head}_{{\mathrm{{{latex_text(index)}}}}}"


def _latex_rounding(op: str, parts: list[str]) -> str:
    if op in ("floor", "ceil"):
        return rf"\left\l{op} {parts[0]} \right\r{op}"
    if op == "div":
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if op == "mod":
        return rf"\left({parts[0]} \bmod {parts[1]}\right)"
    name = rf"\{op}" if op in ("max", "min", "gcd") else rf"\operatorname{{{latex_text(FUNCTIONS[op])}}}"
    return rf"{name}\left({', '.join(parts)}\right)"


def _grouped(text: str) -> str:
    """In parentheses, unless it is one name, number or call."""
    return text if re.fullmatch(r"\w+(?:\([^()]*\))?", text) else f"({text})"


def _number(x: Fraction, latex: bool) -> str:
    """A decimal where that is short and exact, else a fraction."""
    if x.denominator == 1 or 10**MAX_DECIMALS % x.denominator == 0:
        return decimal(x if x.denominator != 1 else x.numerator)
    return rf"\tfrac{{{x.numerator}}}{{{x.denominator}}}" if latex else str(x)


def _by_degree(polynomial: Polynomial) -> list[tuple[Monomial, Any]]:
    return sorted(polynomial.terms.items(), key=lambda t: (-sum(power for _, power in t[0]), t[0]))
